"""Every other rule: what it must find, once and at its place, and what looks alike and is right."""

from __future__ import annotations

import copy
import dataclasses
import re
from typing import Any, NamedTuple

import pytest
import yaml
from checked import Spoil, Told, Written, findings, found
from rollway import preflight
from rollway.kube.objects import Obj, Ref, get, ref_of
from rollway.plan.observed import Observed
from rollway.preflight.rules import BY_ID, RULES, UNREASONED, UNUSED


def limits(surge: object, unavailable: object) -> Spoil:
    def spoil(app: Written) -> None:
        app.spec["strategy"] = {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}

    return spoil


def with_file(**keys: Any) -> Spoil:
    return lambda app: app.file.update(keys)


def pods(count: int | None) -> Spoil:
    def spoil(app: Written) -> None:
        app.spec.pop("replicas")
        if count is not None:
            app.spec["replicas"] = count

    return spoil


def both(*spoils: Spoil) -> Spoil:
    def spoil(app: Written) -> None:
        for each in spoils:
            each(app)

    return spoil


def adds(text: str) -> Spoil:
    return lambda app: app.add(text)


POLICY = """
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {name: shop}
spec:
  targetRefs: [{group: "", kind: Service, name: shop}]
  sessionPersistence: {sessionName: s}
"""
HTTP_ROUTE = """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: edge}]
  rules:
  - backendRefs: [{name: shop, port: 80}]
"""
NGINX = """
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: shop, annotations: {nginx.ingress.kubernetes.io/proxy-body-size: 8m}}
spec:
  rules:
  - {host: shop.example.com, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: shop, port: {name: http}}}}]}}
"""


def beta_of(headers: str) -> Spoil:
    """A canary whose first step is for those who send the headers."""
    match = {"headers": yaml.load(headers, yaml.BaseLoader)}
    return with_file(strategies={"canary": {"steps": [{"weight": 0, "match": [match]}, {"weight": 50}]}})


def copied(app: Written) -> None:
    app.file["strategies"] = {"canary": {"steps": [{"mirror": 10}, {"weight": 50}]}}


def kept(app: Written) -> None:
    app.file["strategies"] = {
        "canary": {"steps": [{"weight": 1}, {"weight": 50}], "sticky": True},
        "ab": {"weight": 5, "sticky": True},
    }


def named_so(name: str) -> Spoil:
    """The Deployment and its Service."""

    def spoil(app: Written) -> None:
        for obj in (app.deployment, app.service):
            obj["metadata"]["name"] = name
        app.file |= {"app": "shop", "workload": name}

    return spoil


def sets(at: str, value: Any) -> Spoil:
    """`pod.volumes`, `service.spec.selector`: of what `Written` names, the key at a dotted path."""

    def spoil(app: Written) -> None:
        name, *path, last = at.split(".")
        holder = getattr(app, name)
        for key in path:
            holder = holder[int(key)] if isinstance(holder, list) else holder.setdefault(key, {})
        holder[int(last) if isinstance(holder, list) else last] = value

    return spoil


def claim(mode: str) -> Spoil:
    pvc = f"{{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {{name: data}}, spec: {{accessModes: [{mode}]}}}}"
    return both(adds(pvc), sets("pod.volumes", [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]))


def apart(required: bool = True, labels: dict[str, str] | None = None, **more: Any) -> Spoil:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels or {"app": "shop"}}, **more}
    if required:
        rules: Obj = {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    else:
        rules = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": term}]}
    return sets("pod.affinity", {"podAntiAffinity": rules})


def quota(**hard: str) -> Spoil:
    listed = ", ".join(f"{key.replace('_', '.')}: '{value}'" for key, value in hard.items())
    return adds(f"{{apiVersion: v1, kind: ResourceQuota, metadata: {{name: q}}, spec: {{hard: {{{listed}}}}}}}")


def budget(labels: str = "app: shop", **spec: object) -> Spoil:
    listed = "".join(f", {key}: {value}" for key, value in spec.items())
    return adds(
        f"{{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {{name: b}}, "
        f"spec: {{selector: {{matchLabels: {{{labels}}}}}{listed}}}}}"
    )


def scaled(name: str = "shop", least: int = 2) -> Spoil:
    return adds(
        f"{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: h}}, spec: {{minReplicas: {least}, "
        f"maxReplicas: 9, scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: {name}}}}}}}"
    )


def makes_pods(kind: str, labels: str) -> Spoil:
    pod = "spec: {restartPolicy: Never, containers: [{name: other, image: 'ghcr.io/acme/other:1.0'}]}"
    version = "batch/v1" if kind == "Job" else "apps/v1"
    selector = "" if kind == "Job" else f"selector: {{matchLabels: {{{labels}}}}}, "
    return adds(
        f"{{apiVersion: {version}, kind: {kind}, metadata: {{name: other}}, "
        f"spec: {{{selector}template: {{metadata: {{labels: {{{labels}}}}}, {pod}}}}}}}"
    )


def alb(target: str = "ip", ingress_class: str = "alb") -> Spoil:
    return adds(
        f"{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i, annotations: "
        f"{{alb.ingress.kubernetes.io/target-type: {target}}}}}, spec: {{ingressClassName: {ingress_class}}}}}"
    )


def namespace(label: str) -> Spoil:
    text = f"{{apiVersion: v1, kind: Namespace, metadata: {{name: shop, labels: {{{label}}}}}}}"
    return both(adds(text), with_file(namespace="shop"))


def routes(*rules: str) -> Spoil:
    return adds(
        f"{{apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {{name: v}}, "
        f"spec: {{hosts: [shop], http: [{', '.join(rules)}]}}}}"
    )


def subsets(*names: str, name: str = "d") -> Spoil:
    listed = ", ".join(f"{{name: {name}, labels: {{version: {name}}}}}" for name in names)
    return adds(
        f"{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: {name}}}, "
        f"spec: {{host: shop, subsets: [{listed}]}}}}"
    )


def steps(*weights: int, **options: Any) -> Spoil:
    return with_file(strategies={"canary": {"steps": [{"weight": weight} for weight in weights], **options}})


def old_ingress(app: Written) -> None:
    app.add(
        "{apiVersion: extensions/v1beta1, kind: Ingress, metadata: {name: i}, spec: {backend: {serviceName: shop, "
        "servicePort: http}, rules: [{http: {paths: [{path: /, backend: {serviceName: shop, servicePort: 80}}]}}]}}"
    )


def new_ingress(port: str) -> Spoil:
    return adds(
        f"{{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {{name: i}}, spec: {{rules: [{{http: {{paths: "
        f"[{{path: /, pathType: Prefix, backend: {{service: {{name: shop, port: {port}}}}}}}]}}}}]}}}}"
    )


def misspelt(app: Written) -> None:
    app.container["readynessProbe"] = app.container.pop("readinessProbe")


TO_SHOP = "{route: [{destination: {host: shop}}]}"
MATCHED = "{match: [{headers: {x-api-version: {exact: v2}}}], route: [{destination: {host: shop}}]}"


def configured(source: str, *objects: str) -> Spoil:
    """A variable from that source, beside those objects."""
    return both(sets("container.env", [{"name": "MODE", "valueFrom": yaml.safe_load(source)}]), *map(adds, objects))


CONFIG = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, data: {mode: fast}}"
KEY = "{configMapKeyRef: {name: c, key: mode}}"
ITEMS = {"name": "c", "items": [{"key": "a", "path": "a"}]}
SECRET_KEY = "{secretKeyRef: {name: s, key: token}}"


COUNTED = {
    "requests": 'sum(increase(r{pod=~"{{ pods }}"}[{{ interval }}]))',
    "errors": 'sum(increase(e{pod=~"{{ pods }}"}[{{ interval }}]))',
}


EXPERIMENT = {
    "experiment": {
        "prometheus": "http://prometheus.example:9090",
        "callerAssigns": 50,
        "metrics": {"orders": {"count": COUNTED["requests"], "total": 'sum(increase(o{pod=~"{{ pods }}"}[1h]))'}},
    }
}


def gated(*pauses: str | None, rate: int | None = None, **keys: Any) -> Spoil:
    """One gate, and a canary that stops at 25% and at 50%."""
    stops = [{"weight": weight, "pause": pause} for weight, pause in zip((25, 50), pauses, strict=False)]
    gate = {"name": "g", "prometheus": "http://prometheus.example:9090", **(keys or COUNTED)}
    traffic = {"traffic": {"rate": rate}} if rate else {}
    return with_file(gates=[gate], strategies={"canary": {"steps": stops}} if stops else {}, **traffic)


class Case(NamedTuple):
    """`by` is the strategy; `severity` of the finding; `place` a part of where it is."""

    rule: str
    spoil: Spoil
    by: str = "ramped"
    severity: str = "warning"
    place: str = ""


POLICED = """
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  podReplacementPolicy: Failed
  template: {spec: {restartPolicy: Never, containers: [{name: j, image: "j:1"}]}}
"""
DATABASE = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  updateStrategy: {rollingUpdate: {%s: 2}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: db, image: "db:1"}]}}
"""


def policy(value: str) -> Spoil:
    return lambda app: app.spec.update(podReplacementPolicy=value)


MUST = {
    "a field that few clusters know": Case("RW055", policy("TerminationComplete"), place="spec.podReplacementPolicy"),
    "a policy that there is not": Case("RW055", policy("TerminationDone"), severity="error", place="spec.podReplacementPolicy"),
    "a pace that a StatefulSet has not": Case(
        "RW054", adds(DATABASE % "maxUnavailable"), place="spec.updateStrategy.rollingUpdate.maxUnavailable"
    ),
    "a key that its ConfigMap lacks": Case(
        "RW038", configured(KEY.replace("mode", "mood"), CONFIG), severity="error", place="env[0].valueFrom.configMapKeyRef"
    ),
    "a key that its Secret lacks": Case(
        "RW038", configured(SECRET_KEY, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {tokem: x}}"),
        severity="error",
    ),
    "a key of a volume's": Case(
        "RW038",
        both(adds(CONFIG), sets("pod.volumes", [{"name": "v", "configMap": ITEMS}])),
        severity="error",
        place="volumes[0].configMap",
    ),
    "a ConfigMap that may be in the cluster": Case("RW038", configured(KEY), severity="info"),
    "somebody's own kind of Secret": Case(
        "RW038", configured(SECRET_KEY, "{apiVersion: v1, kind: ConfigMap, metadata: {name: s}, data: {token: x}}"),
        severity="info",
    ),
    "one pod that may be missing": Case("RW009", both(pods(1), limits(1, 1)), place="rollingUpdate.maxUnavailable"),
    "all pods, in percent": Case("RW009", limits("25%", "100%")),
    "no surge for one pod": Case("RW009", both(pods(1), limits(0, "25%"))),
    "the release file's own limits": Case(
        "RW009", both(pods(1), with_file(strategies={"ramped": {"maxUnavailable": 1}})), place="strategies.ramped"
    ),
    "a canary of one pod without surge": Case(
        "RW009", both(pods(1), with_file(strategies={"canary": {"maxSurge": 0}})), "canary", place="strategies.canary"
    ),
    "both 0": Case("RW010", limits(0, "0%"), severity="error"),
    "both 0, adopted by blue-green": Case("RW010", limits(0, 0), "blue-green", "error"),
    "a volume for one node": Case("RW011", claim("ReadWriteOnce"), place="volumes[0]"),
    "a volume for one pod": Case("RW011", claim("ReadWriteOncePod"), "canary", "error"),
    "a host port": Case(
        "RW012", sets("container.ports", [{"name": "http", "containerPort": 8080, "hostPort": 80}]), place="hostPort",
    ),
    "the host's network": Case("RW012", sets("pod.hostNetwork", True), "blue-green"),
    "one pod a node": Case("RW013", apart()),
    "a quota of four pods": Case("RW014", quota(pods="4"), severity="error", place="hard.pods"),
    "a quota that is too small for twice as many": Case("RW014", quota(pods="6"), "blue-green", "error"),
    "a quota of memory": Case(
        "RW014", both(quota(requests_memory="1Gi"), sets("container.resources", {"requests": {"memory": "200Mi"}})),
        "blue-green", "error",
    ),
    "a quota without room for a surge that is not needed": Case("RW014", both(quota(pods="4"), limits(1, 1))),
    "another app's label": Case(
        "RW015", sets("service.spec.selector", {"app": "shopp"}), severity="error", place="spec.selector",
    ),
    "a Service whose pods somebody else makes": Case(
        "RW015", adds("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 1}]}}"),
        severity="info",
    ),
    "a namesake of another application": Case(
        "RW015", adds("{apiVersion: v1, kind: Service, metadata: {name: shop-db}, spec: {selector: {app: shop-db}}}"),
        severity="info",
    ),
    "a label of another key": Case("RW015", sets("service.spec.selector", {"run": "shop"}), severity="error"),
    "a Service for the worker, too": Case("RW016", makes_pods("Deployment", "app: shop, component: worker")),
    "a Service for a job": Case("RW016", makes_pods("Job", "app: shop")),
    "a port by a name that is not there": Case(
        "RW017", sets("service.spec.ports", [{"port": 80, "targetPort": "web"}]), severity="error", place="targetPort"
    ),
    "a number that is not declared": Case("RW017", sets("service.spec.ports", [{"port": 80}])),
    "an Ingress to the container's port": Case("RW017", new_ingress("{number: 8080}"), severity="error", place="service.port"),
    "a budget of no pod": Case("RW018", budget(maxUnavailable=0), severity="error"),
    "a budget of 0%": Case("RW018", both(pods(None), budget(maxUnavailable="0%")), severity="error"),
    "a budget that wants all": Case("RW018", budget(minAvailable=4), severity="error", place="minAvailable"),
    "a budget that wants 100%": Case("RW018", budget(minAvailable="100%"), severity="error"),
    "a budget for a single pod": Case("RW018", both(pods(1), budget(minAvailable=1)), severity="error"),
    "a budget that an autoscaler's minimum cannot meet": Case(
        "RW018", both(scaled(least=1), budget(minAvailable=1)), severity="error",
    ),
    "replicas and an autoscaler": Case("RW019", scaled(), place="spec.replicas"),
    "latest": Case("RW020", sets("container.image", "ghcr.io/acme/shop:latest"), place="image"),
    "no tag, at a registry with a port": Case("RW020", sets("container.image", "localhost:5000/shop")),
    "the release file's image": Case("RW020", with_file(image="ghcr.io/acme/shop:latest"), place="image"),
    "a sidecar's image": Case(
        "RW020", sets("pod.initContainers", [{"name": "i", "image": "busybox"}]), place="initContainers[0]",
    ),
    "an ALB": Case("RW021", alb(), place="target-type"),
    "an ALB in a namespace without the label": Case("RW021", both(alb(), namespace("team: shop"))),
    "a NEG": Case(
        "RW021", sets("service.metadata.annotations", {"cloud.google.com/neg": '{"ingress": true}'}), severity="info"
    ),
    "an Ingress of old": Case("RW022", old_ingress, severity="error", place="apiVersion"),
    "a role of old, for the whole cluster": Case(
        "RW022", adds("{apiVersion: rbac.authorization.k8s.io/v1beta1, kind: ClusterRole, metadata: {name: r}}"), severity="error"
    ),
    "a policy that nothing replaced": Case(
        "RW022", adds("{apiVersion: policy/v1beta1, kind: PodSecurityPolicy, metadata: {name: p}}"), severity="error"
    ),
    "a kind in a version that never had it": Case(
        "RW022", adds("{apiVersion: networking.k8s.io/v1, kind: PodDisruptionBudget, metadata: {name: b}}"), severity="error"
    ),
    "a kind that nobody knows": Case("RW022", adds("{apiVersion: apps/v1, kind: Fleet, metadata: {name: f}}")),
    "a Deployment of old": Case("RW022", sets("deployment.apiVersion", "extensions/v1beta1"), severity="error"),
    "an autoscaler of old": Case(
        "RW022",
        both(pods(None), scaled(), lambda app: app.objects[-1].update(apiVersion="autoscaling/v2beta2")),
        severity="error",
    ),
    "matches only": Case("RW023", routes(MATCHED), place="spec.http"),
    "X-Api-Version": Case("RW024", routes(MATCHED.replace("x-api-v", "X-Api-V"), TO_SHOP), place="headers.X-Api-Version"),
    "90 and 20": Case(
        "RW025", routes("{route: [{destination: {host: shop}, weight: 90}, {destination: {host: shop}, weight: 20}]}"),
    ),
    "0 and nothing": Case(
        "RW025", routes("{route: [{destination: {host: shop}, weight: 0}, {destination: {host: shop}}]}"), severity="error"
    ),
    "another host": Case("RW026", routes(TO_SHOP.replace("shop", "shopp")), place="destination.host"),
    "a mirror that is not there": Case(
        "RW026", routes(TO_SHOP.replace("{route", "{mirror: {host: lost}, route")), place="mirror",
    ),
    "a subset that the rule lacks": Case(
        "RW027", both(routes("{route: [{destination: {host: shop, subset: v3}}]}"), subsets("v1", "v2")), severity="error"
    ),
    "a subset that ab cannot split": Case(
        "RW027", routes("{route: [{destination: {host: shop, subset: stable}}]}"), "ab", severity="error"
    ),
    "a share by routes without a route": Case("RW049", with_file(router="gateway"), "canary", "error", "router"),
    "testers of a canary by pods": Case("RW049", beta_of("{x-beta: yes}"), "canary", "error", "strategies.canary"),
    "copies by ingress-nginx": Case(
        "RW049", both(copied, with_file(router="nginx"), new_ingress("{name: http}")), "canary", "error",
        "strategies.canary.steps[0].mirror",
    ),
    "copies by pods": Case("RW049", copied, "canary", "error", "strategies.canary.steps[0].mirror"),
    "users kept by pods": Case("RW049", kept, "canary", "error", "strategies.canary.sticky"),
    "users kept by how many pods there are under ab": Case(
        "RW049", both(kept, with_file(router="nginx"), new_ingress("{name: http}")), "ab", "error", "strategies.ab.sticky"
    ),
    "two headers for ingress-nginx": Case(
        "RW049", both(beta_of("{x-beta: yes, x-team: a}"), with_file(router="nginx"), new_ingress("{name: http}")), "canary",
        "error", "router",
    ),
    "a policy of the Service by which sessions outlive a way back": Case("RW050", adds(POLICY), place="spec.sessionPersistence"),
    "a session that outlives a way back": Case(
        "RW050", adds(HTTP_ROUTE.replace("- backend", "- sessionPersistence: {sessionName: x}\n    backend")),
        place="spec.rules[0].sessionPersistence",
    ),
    "an Ingress of a retired controller": Case("RW051", adds(NGINX), severity="info", place="metadata.annotations"),
    "two rules for a host": Case("RW033", both(subsets("v1"), subsets("v2", name="e"))),
    "two rules for ab": Case("RW033", both(subsets("v1"), subsets("v2", name="e")), "ab", severity="error", place="spec.host"),
    "a subset called as ab's": Case("RW033", subsets("v1", "v2-rollway-b"), "ab", severity="error", place="spec.subsets[1].name"),
    "two regular expressions": Case(
        "RW033",
        both(
            routes("{match: [{headers: {cookie: {regex: '.*a=1.*'}}}], route: [{destination: {host: shop}}]}", TO_SHOP),
            with_file(strategies={"ab": {"match": [{"cookie": {"group": "b"}}]}}),
        ),
        "ab",
        severity="error",
        place="spec.http",
    ),
    "a subset without a rule": Case("RW027", routes("{route: [{destination: {host: shop, subset: v2}}]}")),
    "counts of a range of their own": Case(
        "RW042",
        gated(**(COUNTED | {"errors": 'sum(increase(e{pod=~"{{ pods }}"}[5m]))'})),
        severity="error",
        place="gates[0].errors",
    ),
    "an experiment's visits of a range of their own": Case(
        "RW042",
        with_file(strategies={"ab": EXPERIMENT}),
        "ab",
        "error",
        "strategies.ab.experiment.metrics.orders.total",
    ),
    "visits of a range of their own": Case(
        "RW042",
        gated(effect={"count": COUNTED["requests"], "total": 'sum(increase(o{pod=~"{{ pods }}"}[1h]))'}),
        severity="error",
        place="gates[0].effect.total",
    ),
    "no traffic for what a gate has to find": Case("RW043", gated("60s", "60s", rate=1), "canary", place="gates[0]"),
    "a quarter of the traffic, by a route": Case(
        "RW043", both(gated("2m", "2m", rate=2), pods(1), routes(TO_SHOP)), "canary", place="gates[0]"
    ),
    "more measurements than there is time for": Case(
        "RW043", gated("60s", "60s", compare='cpu{pod=~"{{ pods }}"}', count=200, interval="30s"), "canary"
    ),
    "versions that never get requests at once": Case("RW043", gated(), "blue-green"),
    "a preview Service's name": Case("RW039", named_so("a" * 56), "blue-green", severity="error", place="metadata.name"),
    "10% of four pods": Case("RW028", steps(10, 50), "canary", place="steps[0].weight"),
    "two steps that are one": Case("RW028", steps(48, 50), "canary", place="steps[1].weight"),
    "the default steps": Case("RW028", lambda app: None, "canary", "info"),
    "readynessProbe": Case("RW029", misspelt, severity="error", place="containers[0].readynessProbe"),
    "replica": Case("RW029", both(pods(None), sets("spec.replica", 3)), severity="error", place="spec.replica"),
    "a field that is like nothing": Case("RW029", sets("spec.zzz", 3)),
    "a match that Istio does not know": Case(
        "RW029", routes(TO_SHOP, MATCHED.replace("{match", "{retrys: {attempts: 3}, match")), severity="error", place="retrys"
    ),
    "a variable that is a number": Case(
        "RW034", sets("container.env", [{"name": "PORT", "value": 8080}]), severity="error", place="env[0].value"
    ),
    "a port that is a text": Case(
        "RW034", sets("container.ports.0.containerPort", "8080"), severity="error", place="ports[0].containerPort"
    ),
    "a probe that is a text in one place": Case(
        "RW034", sets("container.readinessProbe.periodSeconds", "5s"), severity="error", place="periodSeconds"
    ),
    "a quantity of another world": Case(
        "RW034", sets("container.resources", {"limits": {"memory": "512mb"}}), severity="error", place="limits.memory"
    ),
    "a variable that is there twice": Case(
        "RW034", sets("container.env", [{"name": "A", "value": "1"}, {"name": "A"}]), severity="error", place="env[1]"
    ),
    "a mount of no volume": Case(
        "RW034", sets("container.volumeMounts", [{"name": "nope", "mountPath": "/x"}]), severity="error", place="volumeMounts[0]"
    ),
    "a pull policy in lower case": Case(
        "RW034", sets("container.imagePullPolicy", "always"), severity="error", place="imagePullPolicy"
    ),
    "a probe that asks in two ways": Case(
        "RW034", sets("container.readinessProbe.tcpSocket", {"port": 8080}), severity="error", place="readinessProbe"
    ),
    "a mode without the zero that makes it octal": Case(
        "RW034",
        sets("pod.volumes", [{"name": "v", "configMap": {"name": "shop", "optional": True, "defaultMode": 644}}]),
        severity="error",
        place="defaultMode",
    ),
    "a schedule of three fields": Case(
        "RW034",
        adds(
            "{apiVersion: batch/v1, kind: CronJob, metadata: {name: j}, spec: {schedule: '* * *', jobTemplate: {spec: {template: "
            "{spec: {restartPolicy: Never, containers: [{name: j, image: 'j:1'}]}}}}}}"
        ),
        severity="error",
        place="spec.schedule",
    ),
    "a path that does not say how it is matched": Case(
        "RW034",
        adds(
            "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{http: {paths: "
            "[{path: /, backend: {service: {name: shop, port: {name: http}}}}]}}]}}"
        ),
        severity="error",
        place="pathType",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUST)
def test_found_and_mended(name: str, told: Told) -> None:
    """Once, as bad as it is, at its place; and where there is a fix, not again after it, nor anything worse."""
    case = MUST[name]
    written = Written()
    case.spoil(written)
    release = written.release()
    before = copy.deepcopy(release.manifests)

    all_found = preflight.findings(release, case.by)
    [finding] = [each for each in all_found if each.id == case.rule]
    again = preflight.findings(preflight.fixed(release, finding), case.by)

    told(name, all_found)
    assert finding.severity == case.severity
    assert case.place in finding.path
    assert finding.where
    assert finding.fix or finding.hint
    assert not finding.fix or case.rule not in {each.id for each in again}
    assert not finding.fix or {each.id for each in again} <= {each.id for each in all_found} - {case.rule} | {"RW001", "RW004"}
    assert release.manifests == before


NEAR_MISSES = {
    "a Job's policy": Case("RW055", adds(POLICED)),
    "a StatefulSet's partition": Case("RW054", adds(DATABASE % "partition")),
    "a key that is there": Case("RW038", configured(KEY, CONFIG)),
    "a key in stringData": Case(
        "RW038", configured(SECRET_KEY, "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {token: x}}")
    ),
    "an optional ConfigMap": Case("RW038", configured("{configMapKeyRef: {name: c, key: mode, optional: true}}")),
    "an optional key": Case("RW038", configured("{configMapKeyRef: {name: c, key: mood, optional: true}}", CONFIG)),
    "what every namespace has": Case("RW038", configured("{configMapKeyRef: {name: kube-root-ca.crt, key: ca.crt}}")),
    "a Secret that an operator makes": Case(
        "RW038",
        configured(SECRET_KEY, "{apiVersion: external-secrets.io/v1, kind: ExternalSecret, metadata: {name: e}, "
                               "spec: {target: {name: s}}}"),
    ),
    "one pod with a surge": Case("RW009", both(pods(1), limits(1, 0))),
    "a part may be missing": Case("RW009", limits(0, 1)),
    "rounded down to none": Case("RW009", both(pods(1), limits("25%", "25%"))),
    "limits that recreate does not use": Case("RW009", both(pods(1), limits(1, 1)), "recreate"),
    "limits that the release file overrules": Case(
        "RW010", both(limits(0, 0), with_file(strategies={"ramped": {"maxSurge": 1}})),
    ),
    "limits that a canary does not use": Case("RW010", limits(0, 0), "canary"),
    "a volume for many nodes": Case("RW011", claim("ReadWriteMany")),
    "a volume that recreate hands over": Case("RW011", claim("ReadWriteOncePod"), "recreate"),
    "a volume that goes before it comes": Case("RW011", both(claim("ReadWriteOnce"), limits(0, 1))),
    "a variable in quotes": Case("RW034", sets("container.env", [{"name": "PORT", "value": "8080"}])),
    "a probe's port by name and a request at its limit": Case(
        "RW034", sets("container.resources", {"requests": {"cpu": "500m"}, "limits": {"cpu": 0.5}})
    ),
    "a port number for two protocols": Case(
        "RW034", sets("container.ports", [{"containerPort": 53}, {"containerPort": 53, "protocol": "UDP"}])
    ),
    "a claim of somebody else": Case("RW011", sets("pod.volumes", [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}])),
    "a host port without surge": Case(
        "RW012", both(sets("container.ports", [{"containerPort": 8080, "hostPort": 80}]), limits(0, 1)),
    ),
    "preferred anti-affinity": Case("RW013", apart(required=False)),
    "anti-affinity to somebody else": Case("RW013", apart(labels={"app": "db"})),
    "anti-affinity within a version": Case("RW013", apart(matchLabelKeys=["pod-template-hash"])),
    "a quota with room": Case("RW014", quota(pods="5")),
    "a quota of other things": Case("RW014", quota(services="1", persistentvolumeclaims="1")),
    "a quota for recreate": Case("RW014", quota(pods="4"), "recreate"),
    "a Service for a job of the manifests": Case(
        "RW015", both(adds("{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: other}}}"),
                      makes_pods("Deployment", "app: other")),
    ),
    "a Service by the name of a StatefulSet's pod": Case(
        "RW015",
        both(adds("{apiVersion: v1, kind: Service, metadata: {name: other-0}, "
                  "spec: {selector: {app: other, statefulset.kubernetes.io/pod-name: other-0}}}"),
             makes_pods("StatefulSet", "app: other")),
    ),
    "pods of a kind that is not Kubernetes' own": Case(
        "RW015",
        adds("{apiVersion: apps.kruise.io/v1, kind: CloneSet, metadata: {name: other}, spec: {template: {metadata: {labels: "
             "{app: other}}}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: other}}}"),
    ),
    "pods of a ReplicationController": Case(
        "RW015",
        adds("{apiVersion: v1, kind: ReplicationController, metadata: {name: other}, spec: {template: {metadata: {labels: "
             "{app: other}}}}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {selector: {app: other}}}"),
    ),
    "pods that an operator makes": Case(
        "RW015",
        adds("{apiVersion: db.example.com/v1, kind: Cluster, metadata: {name: db}}\n---\n"
             "{apiVersion: v1, kind: Service, metadata: {name: db-rw}, spec: {selector: {db.example.com/cluster: db}}}"),
    ),
    "an external name": Case(
        "RW015",
        adds("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {type: ExternalName, externalName: db.example.com}}"),
    ),
    "a Service without a selector": Case(
        "RW015", adds("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {ports: [{port: 5432}]}}"),
    ),
    "another application": Case("RW016", makes_pods("Deployment", "app: blog")),
    "the next version": Case("RW016", makes_pods("Deployment", "app: shop, version: v2")),
    "a port by its number": Case("RW017", sets("service.spec.ports", [{"port": 80, "targetPort": 8080}])),
    "a container that declares nothing": Case(
        "RW017", both(sets("container.ports", []), sets("service.spec.ports", [{"port": 80}])),
    ),
    "an Ingress to the Service's port": Case("RW017", new_ingress("{name: http}")),
    "a budget of one pod": Case("RW018", budget(maxUnavailable=1)),
    "a budget of most": Case("RW018", budget(minAvailable="50%")),
    "somebody else's budget": Case("RW018", budget("app: db", maxUnavailable=0)),
    "a budget where an autoscaler has more": Case("RW018", both(pods(None), scaled(least=3), budget(minAvailable=2))),
    "an autoscaler alone": Case("RW019", both(pods(None), scaled())),
    "another one's autoscaler": Case("RW019", scaled("blog")),
    "a digest": Case("RW020", sets("container.image", f"ghcr.io/acme/shop@sha256:{'0' * 64}")),
    "a version": Case("RW020", sets("container.image", "localhost:5000/shop:1.0")),
    "an ALB of instances": Case("RW021", alb("instance")),
    "another class": Case("RW021", alb(ingress_class="nginx")),
    "an ALB in a namespace with the label": Case(
        "RW021", both(alb(), namespace("elbv2.k8s.aws/pod-readiness-gate-inject: enabled"))
    ),
    "a key in two mappings": Case("RW037", sets("container.env", [{"name": "A", "value": "1"}, {"name": "B", "value": "1"}])),
    "a beta of today": Case("RW022", adds("{apiVersion: resource.k8s.io/v1beta2, kind: ResourceClaim, metadata: {name: c}}")),
    "today's Ingress": Case("RW022", new_ingress("{number: 80}")),
    "a share by a route": Case("RW049", both(with_file(router="gateway"), adds(HTTP_ROUTE)), "canary"),
    "a share by pods": Case("RW049", pods(4), "canary"),
    "copies by a route": Case("RW049", both(copied, adds(HTTP_ROUTE)), "canary"),
    "users kept by a route": Case("RW049", both(kept, adds(HTTP_ROUTE)), "canary"),
    "a router that no strategy asks": Case("RW049", with_file(router="gateway"), "ramped"),
    "a route without a session": Case("RW050", adds(HTTP_ROUTE)),
    "a session of another Service": Case("RW050", adds(POLICY.replace("Service, name: shop", "Service, name: other"))),
    "an Ingress of the class alone": Case("RW051", new_ingress("{name: http}")),
    "a default behind the matches": Case("RW023", routes(MATCHED, TO_SHOP)),
    "everything below /": Case("RW023", routes(TO_SHOP.replace("{route", "{match: [{uri: {prefix: /}}], route"))),
    "x-api-version": Case("RW024", routes(MATCHED, TO_SHOP)),
    "90 and 10": Case(
        "RW025", routes("{route: [{destination: {host: shop}, weight: 90}, {destination: {host: shop}, weight: 10}]}")
    ),
    "one target": Case("RW025", routes("{route: [{destination: {host: shop}, weight: 1}]}")),
    "the long name": Case(
        "RW026", both(routes(TO_SHOP.replace("shop", "shop.shop.svc.cluster.local")), with_file(namespace="shop")),
    ),
    "another namespace": Case("RW026", routes(TO_SHOP.replace("host: shop", "host: cart.cart.svc.cluster.local"))),
    "a host outside": Case("RW026", routes(TO_SHOP.replace("host: shop", "host: api.example.com"))),
    "own subsets and routes, for ab": Case(
        "RW033", both(subsets("stable", "b"), routes("{route: [{destination: {host: shop, subset: b}}]}")), "ab"
    ),
    "a subset called as ab's, by another strategy": Case("RW033", subsets("v2-rollway-b")),
    "a subset that the rule has": Case(
        "RW027", both(routes("{route: [{destination: {host: shop, subset: v2}}]}"), subsets("v1", "v2"))
    ),
    "counts since the last look": Case("RW042", gated()),
    "a share of errors in a range of its own": Case(
        "RW042", gated(**{key: text.replace("{{ interval }}", "5m") for key, text in COUNTED.items()}, max=0.05)
    ),
    "ready-made counts": Case("RW042", gated(use="istio")),
    "enough traffic": Case("RW043", gated("60s", "5m", rate=20), "canary"),
    "little traffic, and somebody who promotes": Case("RW043", gated("60s", None, rate=1), "canary"),
    "half of the traffic, by pods": Case("RW043", both(gated("2m", "2m", rate=2), pods(1)), "canary"),
    "traffic that nobody knows": Case("RW043", gated("60s", "60s"), "canary"),
    "as many measurements as there is time for": Case(
        "RW043", gated("60s", "60s", compare='cpu{pod=~"{{ pods }}"}', count=30, interval="30s"), "canary"
    ),
    "values of both versions, before the switch": Case("RW043", gated(compare='cpu{pod=~"{{ pods }}"}'), "blue-green"),
    "a name of 55 characters": Case("RW039", named_so("a" * 55), "blue-green"),
    "a long name by another strategy": Case("RW039", named_so("a" * 60), "canary"),
    "steps of a quarter": Case("RW028", steps(25, 50, 75, 100), "canary"),
    "steps of another strategy": Case("RW028", steps(1, 2)),
    "a fine step of many pods": Case("RW028", both(pods(20), steps(10, 50)), "canary"),
    "a label, an annotation, a node's selector": Case(
        "RW029", both(sets("deployment.metadata.labels", {"replica": "x"}), sets("pod.nodeSelector", {"disk": "ssd"})),
    ),
    "a custom resource": Case(
        "RW029", adds("{apiVersion: example.com/v1, kind: Thing, metadata: {name: t}, spec: {replica: 1}}"),
    ),
    "what kubectl writes": Case("RW029", sets("deployment.metadata.creationTimestamp", None)),
}  # fmt: skip


@pytest.mark.parametrize("name", NEAR_MISSES)
def test_not_found(name: str, told: Told) -> None:
    """What looks like it and is right; what else is found in it stands in found/rules.txt."""
    case = NEAR_MISSES[name]
    all_found = findings(case.spoil, case.by)

    told(name, all_found)
    assert case.rule not in {each.id for each in all_found}


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


def test_a_selector_that_cannot_change_is_told_beforehand() -> None:
    """By every strategy that ends in the application's own Deployment, while that has pods."""
    labels = {"app": "shop", "version": "2"}
    changed = both(IN_SHOP, sets("spec.selector", {"matchLabels": labels}), sets("spec.template.metadata.labels", labels))
    before = RUNNING % "{containerPort: 8080}"

    assert [each.object for each in found("RW036", changed, "canary", live(before))] == ["Deployment shop"]
    assert found("RW036", changed, "blue-green", live(before)) == []
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


def test_the_sentences() -> None:
    """Seen against wanted, in the words of the manifests."""
    [nothing] = found("RW015", sets("service.spec.selector", {"app": "shop-server"}))
    [gone] = found("RW022", old_ingress)

    assert nothing.message == (
        "Service shop selects no pods: its selector is app=shop-server, the pods of Deployment shop are app=shop"
    )
    assert nothing.patch == "spec:\n  selector:\n    app: shop"
    assert (
        gone.message
        == "Ingress i: extensions/v1beta1 is no longer served by Kubernetes since 1.22; it is networking.k8s.io/v1 now"
    )
    assert yaml.safe_load(gone.patch)["spec"]["rules"][0]["http"]["paths"][0] == {
        "backend": {"service": {"name": "shop", "port": {"number": 80}}},
        "pathType": "ImplementationSpecific",
    }


def test_an_old_ingress_becomes_a_new_one() -> None:
    """Its default backend, too, and by its name the port that has one."""
    written = Written()
    old_ingress(written)
    release = written.release()

    [ingress] = preflight.fixed(release, *preflight.findings(release)).others

    assert ingress["apiVersion"] == "networking.k8s.io/v1"
    assert get(ingress, "spec", "defaultBackend") == {"service": {"name": "shop", "port": {"name": "http"}}}
    assert "backend" not in ingress["spec"]


def test_the_table() -> None:
    """Numbers without a gap, each rule once, each with all that it is explained by."""
    ids = sorted(rule.id for rule in (*RULES, UNREASONED, UNUSED))

    assert ids == [f"RW{number:03}" for number in range(1, len(ids) + 1)]
    assert list(BY_ID) == ids
    for rule in BY_ID.values():
        assert rule.title[:1].islower()
        assert rule.why.endswith(".")
        assert rule.more.endswith((".", ")"))
        assert list(yaml.safe_load_all(rule.example))


def test_every_rule_has_been_tried() -> None:
    """Each is in these tables with what it must find and with a near miss; the first eight are in a file of their own, what only
    a cluster can tell is above, hooks have a file too, and what only a text can show (RW037) is where texts are written."""
    hooks = {f"RW{number:03}" for number in range(44, 49)}
    wanted = {rule.id for rule in RULES[8:]} - {"RW032", "RW035", "RW036", "RW040", "RW041", "RW052", "RW053"} - hooks

    assert {case.rule for case in MUST.values()} | {"RW037"} == wanted
    assert {case.rule for case in NEAR_MISSES.values()} == wanted


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("sum(rate(x[5m])", "unclosed left parenthesis"),
        ("rate(x)", "expected type matrix"),
        ("summ(x)", "unknown function"),
        ('x{pod=~"("}', "regex"),
        ("x{", "inside braces"),
        ('max(queue{pod=~"{{ pods }}"})', ""),
        ("sum(increase(x[{{ interval }}])) / {{ weight }}", ""),
        ("vector(scalar(x)) > bool 3 or vector(1)", ""),
    ],
)
def test_a_query_that_is_no_promql_is_told_in_the_parsers_words(query: str, said: str) -> None:
    pytest.importorskip("promql_parser", reason="there is no wheel of it for this machine")
    told = found("RW041", gated(query=query, max=1))
    assert [(each.path, said in each.message) for each in told] == ([("gates[0].query", True)] if said else [])
    compared = {"compare": {"one": {"query": query + " and on() y{pod='{{ pods }}'}"}}}
    assert [each.path for each in found("RW041", gated(**compared))] == (["gates[0].compare.one.query"] if said else [])


def test_a_rate_is_no_count() -> None:
    pytest.importorskip("promql_parser", reason="there is no wheel of it for this machine")
    rates = {key: text.replace("increase", "rate") for key, text in COUNTED.items()}
    assert [each.path for each in found("RW042", gated(**rates))] == ["gates[0].requests", "gates[0].errors"]


@pytest.mark.parametrize("rate", [1, 2, 3])
def test_the_time_that_a_gate_would_need_is_told_and_is_right(rate: int) -> None:
    """With that much, and no more than a twentieth of it beyond, nothing is told any more."""
    [told] = found("RW043", gated("30s", "30s", rate=rate), "canary")
    needed = re.search(rf"at {rate} requests/s it would need ([0-9]+) (min|s)", told.message)
    assert needed is not None
    seconds = int(needed[1]) * (60 if needed[2] == "min" else 1)
    assert found("RW043", gated("30s", f"{round(seconds * 1.1)}s", rate=rate), "canary") == []
    assert found("RW043", gated("30s", f"{round(seconds * 0.5)}s", rate=rate), "canary") != []


def test_what_a_secret_holds_is_not_quoted() -> None:
    """A value of another type is told by its place alone."""
    secret = "{apiVersion: v1, kind: Secret, metadata: {name: s}, stringData: {PIN: 4711}}"

    [told] = found("RW034", adds(secret))

    assert told.message == "Secret s: stringData.PIN is a number; it takes a text"


def test_another_ones_service_is_never_edited() -> None:
    """Whatever its ports and its selector are: whoever asks for the database is not to be sent to the shop."""

    def database(app: Written) -> None:
        app.add("{apiVersion: v1, kind: Service, metadata: {name: db}, spec: {selector: {app: db}, ports: [{port: 5432}]}}")

    def worker(app: Written) -> None:
        app.without("Service")
        database(app)

    for spoil in (database, worker):
        assert [each.object for each in findings(spoil) if each.fix or each.severity == "error"] == []


def test_a_service_that_selects_the_pods_live_is_their_own() -> None:
    """Though its name and what it selects in the files speak of something else."""

    def moved(app: Written) -> None:
        app.file["namespace"] = "shop"
        app.service["metadata"]["name"] = "front"
        app.service["spec"]["selector"] = {"app": "front"}

    front = "{apiVersion: v1, kind: Service, metadata: {name: front}, spec: {selector: {app: shop}, ports: [{port: 80}]}}"

    assert [each.severity for each in found("RW015", moved)] == ["info"]
    assert [each.severity for each in found("RW015", moved, "ramped", live(front))] == ["error"]


@pytest.mark.parametrize(
    ("annotations", "left"),
    [
        ("proxy-body-size: 8m", "proxy-body-size"),
        ("auth-url: http://a, canary-weight: '5', limit-rps: '5', rewrite-target: /", "auth-url, limit-rps"),
        ("rewrite-target: /, enable-cors: 'true'", ""),
    ],
)
def test_what_of_an_ingress_has_no_counterpart(annotations: str, left: str) -> None:
    own = ", ".join(f"nginx.ingress.kubernetes.io/{each}" for each in annotations.split(", "))
    text = NGINX.replace("nginx.ingress.kubernetes.io/proxy-body-size: 8m", own)
    (one,) = found("RW051", adds(text))
    assert one.hint.partition("it has no counterpart of ")[2].partition(":")[0] == left
