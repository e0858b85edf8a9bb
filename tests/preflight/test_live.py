"""What is found with a cluster that was asked: what only it can tell, and what it settles."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
import yaml
from checked import Spoil, Written, findings, found
from rollway.kube.objects import Ref, ref_of
from rollway.plan.observed import Observed
from spoils import (
    CONFIG,
    HTTP_ROUTE,
    KEY,
    TO_OTHER,
    adds,
    alb,
    apart,
    both,
    claim,
    configured,
    copied,
    kept,
    routes,
    sets,
    with_file,
)


def live(*texts: str) -> Observed:
    """A cluster that was asked, and that has these objects."""
    objects = [yaml.safe_load(text) for text in texts]
    for obj in objects:
        if obj["kind"] not in ("Node", "Namespace"):
            obj["metadata"]["namespace"] = "shop"
    return Observed({ref_of(obj): obj for obj in objects})


QUOTA = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {pods: '9'}}, status: {used: {pods: '%s'}}}"
DEPLOYED = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 4}}"
NODES = [f"{{apiVersion: v1, kind: Node, metadata: {{name: node-{number}}}}}" for number in range(5)]
IN_SHOP = with_file(namespace="shop")


def test_a_live_quota_counts_what_is_left() -> None:
    """What runs is in `used` already: only what is added must fit."""
    assert found("RW014", IN_SHOP, "ramped", live(QUOTA % 8, DEPLOYED)) == []
    assert [each.severity for each in found("RW014", IN_SHOP, "ramped", live(QUOTA % 9, DEPLOYED))] == ["error"]
    assert [each.severity for each in found("RW014", IN_SHOP, "blue-green", live(QUOTA % 6, DEPLOYED))] == ["error"]


KEPT = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop, %s: {%s}}, spec: {replicas: 4}}"


@pytest.mark.parametrize(
    ("marks", "who", "hint"),
    [
        (
            ("annotations", "argocd.argoproj.io/tracking-id: 'web:apps/Deployment:shop/shop'"),
            "Argo CD application web",
            "Respect",
        ),
        (
            ("labels", "kustomize.toolkit.fluxcd.io/name: web, kustomize.toolkit.fluxcd.io/namespace: flux-system"),
            "Flux Kustomization flux-system/web",
            "kustomize.toolkit.fluxcd.io/ssa: IfNotPresent",
        ),
        (
            ("labels", "helm.toolkit.fluxcd.io/name: web, helm.toolkit.fluxcd.io/namespace: apps"),
            "Flux HelmRelease apps/web",
            "driftDetection: disabled",
        ),
        (("annotations", "meta.helm.sh/release-name: web"), "Helm release web", "helm: chart/"),
    ],
)
def test_who_else_keeps_a_live_object(marks: tuple[str, str], who: str, hint: str) -> None:
    """Once for each who does, and only where a cluster was asked."""
    (one,) = found("RW052", IN_SHOP, "ramped", live(KEPT % marks))
    assert f"Deployment shop is {who}'s as well" in one.message
    assert hint in one.hint
    assert one.severity == ("info" if "Helm release" in who else "warning")
    assert found("RW052", IN_SHOP, "ramped") == []


@pytest.mark.parametrize(
    "marks",
    [
        ("annotations", "app.kubernetes.io/name: web"),
        ("labels", "kustomize.toolkit.fluxcd.io/name: web, kustomize.toolkit.fluxcd.io/ssa: IfNotPresent"),
        ("labels", "helm.toolkit.fluxcd.io/name: web, helm.toolkit.fluxcd.io/driftDetection: disabled"),
    ],
)
def test_nobody_else_keeps_what_is_left_alone(marks: tuple[str, str]) -> None:
    assert found("RW052", IN_SHOP, "ramped", live(KEPT % marks)) == []


PROGRAMMED = (
    "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge}, spec: {gatewayClassName: any}, "
    "status: {conditions: [{type: Programmed, status: 'True', reason: Programmed, message: ''}]}}"
)
SERVING = "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: edge}, spec: {gatewayClassName: any}}"


def gateway_class(*features: object) -> Observed:
    """A live Gateway whose class says that it can these."""
    found = live(SERVING)
    status = {"supportedFeatures": list(features)}
    named = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": "any"}, "status": status}
    return Observed({**found.objects, ref_of(named): named})


def named(*features: str) -> list[dict[str, str]]:
    return [{"name": each} for each in features]


@pytest.mark.parametrize(
    ("spoil", "features", "said"),
    [
        (copied, named("HTTPRouteRequestMirror"), "copy a share of the requests (HTTPRouteRequestPercentageMirror)"),
        (copied, named("GatewayPort8080"), "copy requests (HTTPRouteRequestMirror) and copy a share of the requests"),
        (copied, ["HTTPRouteRequestMirror"], "can copy a share of the requests (HTTPRouteRequestPercentageMirror)"),
        (kept, named("HTTPRouteRequestMirror"), "set a header or a cookie by backend"),
    ],
)
def test_what_a_class_does_not_say_that_it_can(spoil: Spoil, features: list[Any], said: str) -> None:
    """In either form of the list: of names alone, before 1.2."""
    (one,) = found("RW053", both(IN_SHOP, spoil, adds(HTTP_ROUTE)), "canary", gateway_class(*features))
    assert "HTTPRoute shop is served by GatewayClass any, which does not say that it can" in one.message
    assert said in one.message


@pytest.mark.parametrize(
    ("spoil", "observed"),
    [
        (copied, gateway_class()),
        (copied, live(SERVING)),
        (copied, live()),
        (copied, gateway_class(*named("HTTPRouteRequestMirror", "HTTPRouteRequestPercentageMirror"))),
        (with_file(router="gateway"), gateway_class(*named("GatewayPort8080"))),
    ],
)
def test_what_is_not_asked_of_a_class(spoil: Spoil, observed: Observed) -> None:
    """What it says it can; weights, which are core; anything where it says nothing, or is not there."""
    assert found("RW053", both(IN_SHOP, spoil, adds(HTTP_ROUTE)), "canary", observed) == []


def test_what_the_users_own_route_asks_is_no_news() -> None:
    own = HTTP_ROUTE.replace(
        "- backend", "- filters: [{type: RequestMirror, requestMirror: {backendRef: {name: b}}}]\n    backend"
    )
    observed = gateway_class(*named("HTTPRouteRequestPercentageMirror"))
    (one,) = found("RW053", both(IN_SHOP, copied, adds(own)), "canary", observed)
    assert "can copy requests to several backends (HTTPRouteRequestMultipleMirrors)" in one.message


def roomy(name: str, cpu: str, memory: str = "8Gi") -> str:
    return (
        f"{{apiVersion: v1, kind: Node, metadata: {{name: {name}, labels: {{disk: ssd}}}}, "
        f"status: {{allocatable: {{cpu: '{cpu}', memory: {memory}}}}}}}"
    )


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (sets("container.resources", {"requests": {"cpu": "500"}}), "each pod asks for 500 CPUs, and no node has more than 8"),
        (sets("container.resources", {"limits": {"memory": "9Gi"}}), "bytes of memory"),
        (sets("pod.nodeSelector", {"disk": "none"}), "no node has the labels disk=none"),
    ],
)
def test_a_pod_that_fits_no_live_node(spoil: Spoil, said: str) -> None:
    """Without the cluster nothing is known of nodes."""
    nodes = live(roomy("small", "4"), roomy("large", "8"))
    assert [said in each.message for each in found("RW040", both(IN_SHOP, spoil), "ramped", nodes)] == [True]
    assert found("RW040", spoil, "ramped") == []


def test_a_pod_that_fits_a_live_node() -> None:
    fits = both(IN_SHOP, sets("container.resources", {"requests": {"cpu": "7500m"}}), sets("pod.nodeSelector", {"disk": "ssd"}))
    assert found("RW040", fits, "ramped", live(roomy("small", "4"), roomy("large", "8"))) == []


def test_live_nodes_settle_it() -> None:
    """Five nodes have room for one more than four pods; one node shares a volume with itself."""
    assert len(found("RW013", both(IN_SHOP, apart()), "ramped", live(*NODES[:4]))) == 1
    assert found("RW013", both(IN_SHOP, apart()), "ramped", live(*NODES)) == []
    assert found("RW011", both(IN_SHOP, claim("ReadWriteOnce")), "ramped", live(NODES[0])) == []


def test_what_the_cluster_has_is_there() -> None:
    """A Service, a rule or a label of the namespace that the manifests lack may be live; what is not live either is an error."""
    to_cart = both(IN_SHOP, routes("{route: [{destination: {host: cart, subset: v2}}]}"))
    cart = "{apiVersion: v1, kind: Service, metadata: {name: cart}, spec: {}}"
    rule = (
        "{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {name: cart}, "
        "spec: {host: cart, subsets: [{name: v2}]}}"
    )
    gate = "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {elbv2.k8s.aws/pod-readiness-gate-inject: enabled}}}"

    assert {each.id: each.severity for each in findings(to_cart, "ramped", live())} == {"RW026": "error", "RW027": "error"}
    assert findings(to_cart, "ramped", live(cart, rule)) == ()
    assert found("RW021", both(IN_SHOP, alb()), "ramped", live(gate)) == []


def test_who_else_routes_the_host_is_told_for_ab() -> None:
    """Of what is live and not in the manifests; by other strategies nothing is split."""
    theirs = yaml.safe_load(
        "{apiVersion: networking.istio.io/v1beta1, kind: VirtualService, metadata: {name: theirs, namespace: edge}, "
        "spec: {hosts: [shop.shop.svc.cluster.local], http: [{route: [{destination: {host: shop.shop.svc.cluster.local}}]}]}}"
    )
    asked = dataclasses.replace(live(), elsewhere=(theirs,))

    (told,) = found("RW032", IN_SHOP, "ab", asked)
    assert (told.severity, told.object) == ("error", "Service shop")
    assert "VirtualService theirs of namespace edge routes host shop" in told.message
    assert found("RW032", IN_SHOP, "canary", asked) == []


def test_a_live_route_that_auto_goes_past_is_told() -> None:
    """Of what is live, leads to the Service and is not in the manifests; not where a router is named, nor by other strategies."""
    route = dict(yaml.safe_load(HTTP_ROUTE), metadata={"name": "theirs", "namespace": "shop"})
    asked = dataclasses.replace(live(), elsewhere=(route, yaml.safe_load(INGRESS_OF_NOBODY)))

    (told,) = found("RW056", IN_SHOP, "canary", asked)
    assert (told.severity, told.object) == ("info", "Service shop")
    assert told.message.startswith("HTTPRoute theirs leads to Service shop and is not in the manifests")
    assert told.message.endswith("pods share its requests")
    assert found("RW056", both(IN_SHOP, with_file(router="replicas")), "canary", asked) == []
    assert found("RW056", IN_SHOP, "ramped", asked) == []
    assert found("RW056", both(IN_SHOP, adds(HTTP_ROUTE.replace("{name: shop}", "{name: theirs}"))), "canary", asked) == []


def served(*conditions: tuple[str, str, str], generation: int = 1) -> str:
    """The HTTPRoute as it is live, of whose Gateway a controller says so."""
    said = [
        {"type": type_, "status": status, "reason": reason, "message": "", "observedGeneration": generation}
        for type_, status, reason in conditions
    ]
    parents = [{"parentRef": {"name": "edge"}, "controllerName": "example.com/c", "conditions": said}] if said else []
    return json.dumps({**yaml.safe_load(HTTP_ROUTE), "status": {"parents": parents}})


GOOD = ("Accepted", "True", "Accepted"), ("ResolvedRefs", "True", "ResolvedRefs")


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ((DEPLOYED, served(*GOOD), PROGRAMMED), ""),
        ((served(*GOOD), DEPLOYED), "Gateway shop/edge is not there"),
        ((DEPLOYED, served(), PROGRAMMED), "no controller has taken up the route"),
        ((DEPLOYED, served(*GOOD), SERVING), "Gateway shop/edge is not programmed yet"),
        (
            (DEPLOYED, served(("Accepted", "False", "NotAllowedByListeners")), PROGRAMMED),
            "Accepted is False, NotAllowedByListeners",
        ),
        ((DEPLOYED, served(GOOD[0], ("ResolvedRefs", "False", "RefNotPermitted")), PROGRAMMED), "RefNotPermitted"),
        ((served(GOOD[0], ("ResolvedRefs", "False", "BackendNotFound")), PROGRAMMED), ""),  # its Service comes with the release
        ((PROGRAMMED,), ""),
    ],
)
@pytest.mark.parametrize("strategy", ["ramped", "canary"])
def test_a_route_that_its_gateway_does_not_serve_is_told_in_its_own_words(
    strategy: str, there: tuple[str, ...], said: str
) -> None:
    seen = live(*there)
    edge = Ref("gateway.networking.k8s.io/v1", "Gateway", "shop", "edge")
    told = found("RW057", both(IN_SHOP, adds(HTTP_ROUTE)), strategy, Observed({edge: None, **seen.objects}))
    assert [said in each.message for each in told] == ([True] if said else [])
    assert not [each for each in told if each.path != "spec.parentRefs"]


def test_a_gateway_that_comes_with_the_release_is_no_news() -> None:
    edge = Ref("gateway.networking.k8s.io/v1", "Gateway", "shop", "edge")
    assert found("RW057", both(IN_SHOP, adds(HTTP_ROUTE), adds(SERVING)), "ramped", Observed({edge: None})) == []


def test_a_live_route_of_others_for_the_same_requests_is_told() -> None:
    theirs = dict(yaml.safe_load(TO_OTHER), metadata={"name": "b", "namespace": "team"})
    theirs["spec"]["parentRefs"] = [{"name": "edge", "namespace": "shop"}]
    (told,) = found("RW058", both(IN_SHOP, adds(HTTP_ROUTE)), "canary", dataclasses.replace(live(), elsewhere=(theirs,)))
    assert "HTTPRoute shop and HTTPRoute b of namespace team are both for any host / at Gateway shop/edge" in told.message


INGRESS_OF_NOBODY = (
    "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: alb, namespace: shop}, spec: {rules: [{http: {paths: "
    "[{path: /, pathType: Prefix, backend: {service: {name: shop, port: {number: 80}}}}]}}]}}"
)


RUNNING = (
    "{apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, spec: {replicas: 4, selector: {matchLabels: {app: shop}}, "
    "template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: shop, image: 'shop:old', ports: [%s]}]}}}}"
)
SERVED = (
    "{apiVersion: v1, kind: Service, metadata: {name: shop}, spec: {selector: {app: shop}, ports: [{port: 80, targetPort: %s}]}}"
)


def test_a_service_that_cannot_serve_two_versions_is_told_beforehand() -> None:
    """Of what is live and what comes, by the strategies that let both run behind it; a name that both have serves both."""
    numbered = both(IN_SHOP, sets("service.spec.ports.0.targetPort", 9090), sets("container.ports", [{"containerPort": 9090}]))
    fixed = both(
        IN_SHOP, sets("service.spec.ports.0.targetPort", 9090), sets("container.ports", [{"name": "http", "containerPort": 9090}])
    )
    before = live(RUNNING % "{containerPort: 8080}", SERVED % 8080)
    named = live(RUNNING % "{name: http, containerPort: 8080}", SERVED % 8080)

    for strategy in ("ramped", "canary", "ab"):
        assert [each.object for each in found("RW035", numbered, strategy, before)] == ["Service shop"]
        assert found("RW035", fixed, strategy, named) == []
    for strategy in ("recreate", "blue-green"):
        assert found("RW035", numbered, strategy, before) == []
    assert found("RW035", both(numbered, sets("container.image", "shop:old")), "canary", before), "another port, the same image"


def test_a_selector_that_cannot_change_is_told_beforehand() -> None:
    """By the strategies that roll the application's own Deployment in place, while that has pods; others make it anew."""
    labels = {"app": "shop", "version": "2"}
    changed = both(IN_SHOP, sets("spec.selector", {"matchLabels": labels}), sets("spec.template.metadata.labels", labels))
    before = RUNNING % "{containerPort: 8080}"

    for strategy in ("ramped", "recreate"):
        assert [each.object for each in found("RW036", changed, strategy, live(before))] == ["Deployment shop"]
    for strategy in ("blue-green", "canary", "ab"):
        assert found("RW036", changed, strategy, live(before)) == []
    assert found("RW036", changed, "canary", live(before.replace("replicas: 4", "replicas: 0"))) == []
    assert found("RW036", IN_SHOP, "canary", live(before)) == []


def test_configuration_that_the_cluster_has_or_not() -> None:
    """Only a cluster that was asked for the object makes it certain; a name that was not asked for is still open."""
    spoil = both(IN_SHOP, configured(KEY))
    absent = Observed({Ref("v1", "ConfigMap", "shop", "c"): None})

    assert [each.severity for each in found("RW038", spoil, "ramped", absent)] == ["error"]
    assert [each.severity for each in found("RW038", spoil, "ramped", live())] == ["info"]
    assert found("RW038", spoil, "ramped", live(CONFIG)) == []
    [key] = found("RW038", both(IN_SHOP, configured(KEY.replace("mode", "mood"))), "ramped", live(CONFIG))
    assert (key.severity, key.message) == ("error", "ConfigMap c has no key mood: the pods cannot start")


def test_a_live_service_makes_a_server_of_it() -> None:
    """`kubectl expose` leaves nothing in the manifests."""
    service = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: shop}, ports: [{port: 80}]}}"

    def bare(app: Written) -> None:
        app.without("Service")
        app.file["namespace"] = "shop"
        del app.container["readinessProbe"]

    assert findings(bare) == ()
    assert [each.id for each in findings(bare, "ramped", live(service))] == ["RW001"]


def test_a_service_that_selects_the_pods_live_is_their_own() -> None:
    """Though its name and what it selects in the files speak of something else."""

    def moved(app: Written) -> None:
        app.file["namespace"] = "shop"
        app.service["metadata"]["name"] = "front"
        app.service["spec"]["selector"] = {"app": "front"}

    front = "{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {app: shop}, ports: [{port: 80}]}}"

    assert [each.severity for each in found("RW015", moved)] == ["info"]
    assert [each.severity for each in found("RW015", moved, "ramped", live(front))] == ["error"]
