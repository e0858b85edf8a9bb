"""Rollouts and Canaries whose routes are there: by which router they are released, who is asked first, what is copied."""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.compare.comparing import rehearse
from rollway.compare.scenario import Scenario
from rollway.release.load import load
from rollway.release.model import Release

from tests.support import foreign_steps
from tests.support.imported import GATE_S, initialised, loaded, stays
from tests.support.shell import run

from .test_imports import DEPLOYMENT, rollout
from .test_imports import canary as flagger

ISTIO, GATEWAY_API = "networking.istio.io/v1", "gateway.networking.k8s.io/v1"
STEPS = [{"setWeight": 20}, {"pause": {"duration": 20}}, {"setWeight": 60}, {"pause": {"duration": 30}}]
HEADER = {"name": "testers", "match": [{"headerName": "X-Test", "headerValue": {"exact": "yes"}}]}
COPIES = {"name": "copies", "percentage": 35, "match": [{"path": {"prefix": "/"}}]}


def service(name: str) -> dict[str, Any]:
    spec = {"selector": {"app": "shop"}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def virtual(*targets: dict[str, Any]) -> dict[str, Any]:
    spec = {"hosts": ["shop.example.com"], "gateways": ["public"], "http": [{"name": "primary", "route": list(targets)}]}
    return {"apiVersion": ISTIO, "kind": "VirtualService", "metadata": {"name": "shop"}, "spec": spec}


def route(*refs: dict[str, Any]) -> dict[str, Any]:
    spec = {"parentRefs": [{"name": "public"}], "rules": [{"backendRefs": list(refs)}]}
    return {"apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": {"name": "shop"}, "spec": spec}


SUBSETS = {
    "apiVersion": ISTIO, "kind": "DestinationRule", "metadata": {"name": "shop"},
    "spec": {"host": "shop", "subsets": [{"name": name, "labels": {"app": "shop"}} for name in ("canary", "stable")]},
}  # fmt: skip
INGRESS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "shop"},
    "spec": {"ingressClassName": "nginx", "rules": [{"host": "shop.example.com", "http": {"paths": [
        {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop-stable", "port": {"number": 80}}}}]}}]},
}  # fmt: skip
BY_HOST = [
    service("shop-canary"), service("shop-stable"),
    virtual({"destination": {"host": "shop-canary"}, "weight": 0}, {"destination": {"host": "shop-stable"}, "weight": 100}),
]  # fmt: skip
BY_SUBSET = [
    service("shop"), SUBSETS,
    virtual(*({"destination": {"host": "shop", "subset": of}, "weight": part} for of, part in (("canary", 0), ("stable", 100)))),
]  # fmt: skip
BY_GATEWAY = [
    service("shop-canary"), service("shop-stable"),
    route({"name": "shop-stable", "port": 80}, {"name": "shop-canary", "port": 80, "weight": 0}),
]  # fmt: skip
BY_INGRESS = [service("shop-canary"), service("shop-stable"), INGRESS]

NAMED: dict[str, dict[str, Any]] = {
    "istio": {"istio": {"virtualService": {"name": "shop", "routes": ["primary"]}}},
    "subsets": {
        "istio": {
            "virtualServices": [{"name": "shop"}],
            "destinationRule": {"name": "shop", "canarySubsetName": "canary", "stableSubsetName": "stable"},
        }
    },
    "gateway": {"plugins": {"argoproj-labs/gatewayAPI": {"httpRoute": "shop", "namespace": "prod"}}},
    "nginx": {"nginx": {"stableIngress": "shop"}},
}
BESIDE = {"istio": BY_HOST, "subsets": BY_SUBSET, "gateway": BY_GATEWAY, "nginx": BY_INGRESS}
ROUTER = {"istio": "istio", "subsets": "istio", "gateway": "gateway", "nginx": "nginx"}


def canary(way: str, steps: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    services = {} if way == "subsets" else {"canaryService": "shop-canary", "stableService": "shop-stable"}
    return rollout({"canary": {**services, "trafficRouting": {**NAMED[way], **more}, "steps": steps}})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("way", NAMED)
def test_the_routes_that_a_rollout_names_split_its_requests(way: str, folder: Path) -> None:
    """For the same shares, as long as the original does, and of the requests that come by them."""
    files, text = initialised(folder, [canary(way, STEPS), *copy.deepcopy(BESIDE[way])])
    release = loaded(files[0])

    assert release.router == ROUTER[way]
    assert f"trafficRouting: router: {ROUTER[way]} splits requests by the same routes" in " ".join(text.replace("#", " ").split())
    found, wanted = stays(release), foreign_steps.argo(STEPS)
    assert [share for share, _ in found] == [share for share, _ in wanted]
    assert [lasts for _, lasts in found] == pytest.approx([lasts for _, lasts in wanted], abs=0.5)
    assert shares(release) == pytest.approx([0.2, 0.6], abs=0.08)


def shares(release: Release) -> list[float]:
    """The share of the requests that the new version has answered while each pause lasts."""
    scenario = Scenario(rate=40, gate_s=GATE_S, settle_s=1, bound_s=3600.0)
    (run,) = asyncio.run(rehearse(replace(release, gates=()), release.strategy, scenario)).runs[:1]
    bands, held = run.bands, [mark for mark in run.marks if mark.text.startswith("holds")]
    found = []
    for mark in held:
        places = [at for at in range(len(bands.new)) if 4 <= bands.start_s + at * bands.step_s - mark.at_s <= 16]
        new, old = sum(bands.new[at] for at in places), sum(bands.old[at] for at in places)
        found.append(new / (new + old))
    return found


@pytest.mark.parametrize("way", ["istio", "gateway"])
def test_testers_first_then_copies_then_shares(way: str, folder: Path) -> None:
    """What a Rollout sets beside shares holds from the step on that waits behind it."""
    steps = [
        {"setCanaryScale": {"replicas": 1}}, {"setMirrorRoute": COPIES}, {"pause": {"duration": "1m"}},
        {"setMirrorRoute": {"name": "copies"}}, {"setWeight": 10},
        {"pause": {"duration": "2m"}}, {"setHeaderRoute": HEADER}, {"setWeight": 30}, {"pause": {}},
    ]  # fmt: skip
    files, text = initialised(folder, [canary(way, steps, managedRoutes=[{"name": "testers"}]), *copy.deepcopy(BESIDE[way])])

    first, second, third = load(files[0]).options.canary.steps

    assert (first.weight, first.mirror, first.pause) == (0, 35, 60)
    assert (second.weight, second.match, second.pause) == (10, (), 120)
    assert (third.weight, third.match, third.pause) == (30, ({"headers": {"x-test": {"exact": "yes"}}},), None)
    assert "managedRoutes" in text


def test_a_header_before_any_share_is_a_step_of_its_own(folder: Path) -> None:
    """And where nothing waits behind it, it meets nobody, which is told."""
    steps = [{"setHeaderRoute": HEADER}, {"pause": {}}, {"setWeight": 100}, {"setHeaderRoute": {**HEADER, "name": "late"}}]
    files, text = initialised(folder, [canary("istio", steps), *copy.deepcopy(BY_HOST)])

    (step,) = load(files[0]).options.canary.steps

    assert (step.weight, len(step.match), step.pause) == (0, 1, None)
    assert "steps[3].setHeaderRoute: {match" in text


def test_weights_of_another_whole(folder: Path) -> None:
    """maxTrafficWeight is what a weight is a part of; what is no whole percent is rounded up, and told."""
    steps = [{"setWeight": 200}, {"pause": {"duration": 10}}, {"setWeight": 505}, {"pause": {"duration": 10}}]
    files, text = initialised(folder, [canary("istio", steps, maxTrafficWeight=1000), *copy.deepcopy(BY_HOST)])

    assert [step.weight for step in load(files[0]).options.canary.steps] == [20, 51]
    assert "of 1000, rounded up to 51%" in text


@pytest.mark.parametrize(
    ("way", "beside", "told"),
    [
        ("istio", [service("shop-canary"), service("shop-stable")], "VirtualService shop is in none of these files"),
        ("istio", BY_HOST[2:], "Service shop-stable is in none of these files"),
        ("istio", [*BY_HOST[:2], virtual({"destination": {"host": "other"}})], "has no rule that leads to Service shop-stable"),
        ("gateway", [*BY_HOST[:2], route({"name": "shop-stable"}, {"name": "shop-canary"})], "gives Service shop-canary a share"),
        ("gateway", [*BY_GATEWAY, service("shop-stable-canary")], "Service shop-stable-canary is yours"),
        ("nginx", [*BY_INGRESS, service("shop-stable-canary")], "Service shop-stable-canary is yours"),
    ],
)  # fmt: skip
def test_routes_that_cannot_be_split_as_they_are_are_told(way: str, beside: list[Any], told: str, folder: Path) -> None:
    """Then shares are those of pods, and what would help is said."""
    files, text = initialised(folder, [canary(way, STEPS), *copy.deepcopy(beside)])

    assert load(files[0]).router == "replicas"
    assert told in " ".join(text.replace("#", " ").split())


@pytest.mark.parametrize("step", [{"setHeaderRoute": HEADER}, {"setMirrorRoute": COPIES}])
def test_without_routes_what_they_tell_apart_is_told(step: dict[str, Any], folder: Path) -> None:
    """By pods alone nobody is asked for a header."""
    given = rollout({"canary": {"trafficRouting": {"smi": {}}, "steps": [step, {"setWeight": 20}, {"pause": {}}]}})
    files, text = initialised(folder, [given, service("shop")])

    assert [each.match for each in load(files[0]).options.canary.steps] == [()]
    assert f"steps[0].{next(iter(step))}" in text


# Flagger


WEIGHTS = {"interval": "20s", "stepWeight": 20, "maxWeight": 40}
OF_ISTIO = {
    "port": 80, "targetPort": 8080, "hosts": ["shop.example.com"], "gateways": ["istio-system/public"], "timeout": "5s",
    "match": [{"uri": {"prefix": "/"}}], "rewrite": {"uri": "/v2/", "type": "ReplaceFullPath"}, "retries": {"attempts": 2},
    "headers": {"request": {"add": {"x-from": "edge"}}}, "trafficPolicy": {"tls": {"mode": "DISABLE"}},
}  # fmt: skip
OF_GATEWAY = {**OF_ISTIO, "gatewayRefs": [{"name": "public", "namespace": "edge"}]}


def made(kind: str) -> dict[str, Any]:
    """The spec of what was written anew."""
    return yaml.safe_load(Path(f"k8s/shop-{kind}.yaml").read_text())["spec"]


@pytest.mark.parametrize(("provider", "service"), [("istio", OF_ISTIO), ("gatewayapi:v1", OF_GATEWAY)])
def test_the_routes_that_flagger_makes_are_manifests(provider: str, service: dict[str, Any], folder: Path) -> None:
    """They lead to the application's Service, not to a second one's, and carry the shares; what they did beside stays."""
    files, text = initialised(folder, [flagger(WEIGHTS, service=copy.deepcopy(service), provider=provider), DEPLOYMENT])
    release = loaded(files[0])

    assert release.router == ("istio" if provider == "istio" else "gateway")
    assert "leads to shop-primary, which goes" in text
    assert stays(release) == [(20, pytest.approx(20, abs=0.5)), (40, pytest.approx(20, abs=0.5))]
    assert shares(release) == pytest.approx([0.2, 0.4], abs=0.08)
    if provider == "istio":
        (rule,) = made("virtualservice")["http"]
        assert (rule["timeout"], rule["retries"], rule["rewrite"]) == ("5s", {"attempts": 2}, {"uri": "/v2/"})
        assert rule["route"] == [{"destination": {"host": "shop", "port": {"number": 80}}}]
        assert made("destinationrule") == {"host": "shop", "trafficPolicy": {"tls": {"mode": "DISABLE"}}}
    else:
        route = made("httproute")
        assert (route["parentRefs"], route["hostnames"]) == ([{"name": "public", "namespace": "edge"}], ["shop.example.com"])
        (rule,) = route["rules"]
        assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/"}}]
        assert [each["type"] for each in rule["filters"]] == ["RequestHeaderModifier", "URLRewrite"]
        assert rule["timeouts"] == {"request": "5s"}
        assert "write it into the manifests' own" in " ".join(text.replace("#", " ").split())
    assert "rollway makes none" not in text


def test_copies_come_before_flaggers_weights(folder: Path) -> None:
    """For one interval; and users keep their version where they did."""
    analysis = {**WEIGHTS, "mirror": True, "mirrorWeight": 30, "sessionAffinity": {"cookieName": "flagger", "maxAge": 60}}
    files, text = initialised(folder, [flagger(analysis, service=dict(OF_ISTIO), provider="istio"), DEPLOYMENT])
    options = load(files[0]).options.canary

    assert [(step.weight, step.mirror, step.pause) for step in options.steps] == [(0, 30, 20), (20, None, 20), (40, None, 20)]
    assert options.sticky
    assert "cookieName: flagger" in text


def test_copies_alone(folder: Path) -> None:
    """What is only copied to, for so many intervals, is then promoted."""
    analysis = {"interval": "1m", "iterations": 10, "mirror": True}
    files, _ = initialised(folder, [flagger(analysis, service=dict(OF_ISTIO), provider="istio"), DEPLOYMENT])

    release = load(files[0])
    assert release.strategy == "canary"
    assert [(step.weight, step.mirror, step.pause) for step in release.options.canary.steps] == [(0, 100, 600)]


def test_an_ingress_of_the_users_own(folder: Path) -> None:
    """Is what ingress-nginx splits by, as it leads to the Service already."""
    ingress = copy.deepcopy(INGRESS)
    ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "shop"
    given = flagger(
        WEIGHTS, provider="nginx", ingressRef={"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "shop"}
    )
    files, _ = initialised(folder, [given, DEPLOYMENT, ingress])

    release = loaded(files[0])
    assert release.router == "nginx"
    assert shares(release) == pytest.approx([0.2, 0.4], abs=0.08)


@pytest.mark.parametrize(
    ("service", "provider", "told"),
    [
        ({"port": 80, "timeout": "5s"}, "traefik", "rollway makes none for this provider"),
        ({"port": 80, "timeout": "5s"}, "", "rollway makes none for this provider"),
        ({"port": 80, "match": [{"uri": {"prefix": "/", "exact": "/"}}]}, "istio", "so no route is made"),
        ({**OF_GATEWAY, "match": [{"headers": {"a": {"prefix": "b"}}}]}, "gatewayapi:v1", "the Gateway API cannot ask for that"),
    ],
)
def test_where_no_route_can_be_made_it_is_told(service: dict[str, Any], provider: str, told: str, folder: Path) -> None:
    """Half of one would lead requests where they never went."""
    given = flagger(WEIGHTS, service=copy.deepcopy(service), **({"provider": provider} if provider else {}))
    files, text = initialised(folder, [given, DEPLOYMENT])

    assert load(files[0]).router == "replicas"
    assert told in " ".join(text.replace("#", " ").split())


ODD_HEADERS = {"request": {"add": ["x"], "set": {"x-from": {}}, "remove": 5}, "response": {"remove": ["x-gone", 7]}}


def test_headers_of_another_shape_are_told(folder: Path) -> None:
    """And what is of the right one is kept."""
    given = flagger(WEIGHTS, service={**copy.deepcopy(OF_GATEWAY), "headers": ODD_HEADERS}, provider="gatewayapi:v1")
    _, text = initialised(folder, [given, DEPLOYMENT])

    (rule,) = made("httproute")["rules"]
    assert {"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["x-gone"]}} in rule["filters"]
    assert not any(each["type"] == "RequestHeaderModifier" for each in rule["filters"])
    for place in ("request.add", "request.set.x-from", "request.remove", "response.remove[1]"):
        assert f"headers.{place}" in text


def test_a_header_whose_name_is_none_is_told(folder: Path) -> None:
    step = {"setHeaderRoute": {"name": "testers", "match": [{"headerName": ["x"], "headerValue": {"exact": "yes"}}]}}
    _, text = initialised(folder, [canary("istio", [step, *STEPS]), *copy.deepcopy(BY_HOST)])

    assert "setHeaderRoute.match[0]" in text


@pytest.mark.parametrize(("place", "odd"), [("Service", "spec.selector"), ("Deployment", "spec.selector.matchLabels")])
def test_labels_of_another_shape_are_left_to_the_check(place: str, odd: str, folder: Path) -> None:
    docs = [flagger(WEIGHTS, service={"port": 80}), copy.deepcopy(DEPLOYMENT), service("shop")]
    (doc,) = (doc for doc in docs if doc["kind"] == place)
    *above, last = odd.split(".")
    holder = doc
    for key in above:
        holder = holder[key]
    holder[last] = "x"
    (folder / "all.yaml").write_text(yaml.safe_dump_all(docs))

    made = run("init", "all.yaml")
    checked = run("check", "-f", "deploy.yaml")

    assert made.code == 0, made.err
    assert f"{odd} is 'x'; it takes a mapping" in checked.out + checked.err


def places(folder: Path, **docs: list[dict[str, Any]]) -> None:
    for place, held in docs.items():
        (folder / place).mkdir()
        (folder / place / "all.yaml").write_text(yaml.safe_dump_all(copy.deepcopy(held)))


@pytest.mark.parametrize("namespaces", [("prod", "staging"), ("", "")])
def test_environments_with_the_same_names_have_their_own_routes(namespaces: tuple[str, str], folder: Path) -> None:
    """A folder each, whether a namespace is written there or not."""
    good = [canary("istio", STEPS), *BY_HOST]
    bad = [canary("istio", STEPS), *BY_HOST[:2], virtual({"destination": {"host": "other"}})]
    of = [
        [{**doc, "metadata": {**doc["metadata"], "namespace": namespace}} for doc in docs]
        for namespace, docs in zip(namespaces, (good, bad), strict=True)
    ]
    places(folder, prod=of[0], staging=of[1])

    outcome = run("init", ".")

    assert outcome.code == 0, outcome.err
    assert [load(f"{place}/deploy.yaml").router for place in ("prod", "staging")] == ["istio", "replicas"]
    assert "has no rule that leads to Service shop-stable" in " ".join(
        Path("staging/deploy.yaml").read_text().replace("#", " ").split()
    )


def test_environments_with_the_same_names_have_their_own_deployments(folder: Path) -> None:
    one, two = ({**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": count}} for count in (1, 7))
    places(folder, a=[flagger(WEIGHTS, service={"port": 80}), one], b=[flagger(WEIGHTS, service={"port": 80}), two])

    outcome = run("init", ".", "-o", "json")

    assert sorted(outcome.document["written"]) == [
        "./a/deploy.yaml", "./a/shop-service.yaml", "./b/deploy.yaml", "./b/shop-service.yaml",
    ]  # fmt: skip
    assert [load(f"{place}/deploy.yaml").replicas for place in "ab"] == [1, 7]


def test_a_route_that_leads_to_two_applications_is_the_first_one_s(folder: Path) -> None:
    """The other's file says so: two releases would each write it as they have it."""
    both = virtual({"destination": {"host": "cart-stable"}})
    both["spec"]["http"].append(copy.deepcopy(BY_HOST[2]["spec"]["http"][0]))
    docs = [canary("istio", STEPS), *BY_HOST[:2]]
    others = yaml.safe_load(yaml.safe_dump(docs).replace("shop", "cart"))
    others[0]["spec"]["strategy"]["canary"]["trafficRouting"]["istio"]["virtualService"]["name"] = "shop"

    initialised(folder, [*copy.deepcopy(docs), *others, both])

    cart, shop = (" ".join(Path(f"k8s/{name}.deploy.yaml").read_text().replace("#", " ").split()) for name in ("cart", "shop"))
    told = "VirtualService shop leads to another application, too, whose release has it: give shop a route of its own"
    assert told in shop
    assert "leads to another application" not in cart
