"""`deploy init --from-live` of what another tool releases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from rollway.kube.objects import DAEMON_SET, DEPLOYMENT, DESTINATION_RULE, SERVICE, STATEFUL_SET, VIRTUAL_SERVICE, Kind, Obj
from rollway.release.load import load
from rollway.ship import described

from tests.support.shell import Shell, shell

OPEN = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
PODS = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
SELECTOR = {"matchLabels": {"app": "web"}}


def definition(kind: Kind) -> Obj:
    group, _, version = kind.api_version.partition("/")
    names = {"kind": kind.name, "plural": kind.plural, "singular": kind.name.lower()}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": OPEN}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{group}"},
        "spec": {"group": group, "scope": "Namespaced" if kind.namespaced else "Cluster", "names": names, "versions": [served]},
    }


def put(deploy: Shell, *objects: Obj) -> None:
    """As somebody else would have applied them, with the kinds that they need."""

    async def apply() -> None:
        cluster = deploy.sandbox.client()
        for obj in objects:
            await cluster.apply(obj)
        await asyncio.sleep(5)

    deploy.runs(apply())


def made(kind: Kind, name: str, spec: dict[str, Any]) -> Obj:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_live_rollout(folder: Path) -> None:
    """Its pods as a Deployment, its Services without the hash that tells versions apart, its templates as gates."""
    metric = {"name": "up", "interval": "10s", "successCondition": "result[0] > 0", "provider": {"prometheus": {
        "address": "http://prometheus:9090", "query": "up"}}}  # fmt: skip
    canary = {"canaryService": "web-canary", "steps": [{"setWeight": 20}, {"pause": {"duration": "1m"}}],
              "analysis": {"templates": [{"templateName": "outer"}]}}  # fmt: skip
    spec = {"replicas": 3, "selector": SELECTOR, "template": PODS, "strategy": {"canary": canary}}
    selector = {"app": "web", "rollouts-pod-template-hash": "abc"}
    with shell() as deploy:
        put(
            deploy, *(definition(kind) for kind in (described.ROLLOUT, described.TEMPLATE)),
            made(described.ROLLOUT, "web", spec),
            made(described.TEMPLATE, "outer", {"templates": [{"templateName": "inner"}]}),
            made(described.TEMPLATE, "inner", {"metrics": [metric]}),
            made(described.TEMPLATE, "nobodys", {"metrics": [{**metric, "name": "other"}]}),
            made(SERVICE, "web-canary", {"selector": selector, "ports": [{"port": 80}]}),
        )  # fmt: skip
        outcome = deploy("init", "--from-live", "web", "-n", "shop")

    release = load("deploy.yaml")
    assert outcome.code == 0, outcome.err
    assert (release.strategy, release.replicas, release.namespace) == ("canary", 3, "shop")
    assert [gate.name for gate in release.gates] == ["up"]
    assert [service["spec"]["selector"] for service in release.services] == [{"app": "web"}]
    assert "nobodys" not in Path("deploy.yaml").read_text()


@pytest.mark.parametrize("name", ["web", "web-canary-of-flagger"])
def test_a_live_canary(name: str, folder: Path) -> None:
    """By its own name or the Deployment's. Flagger keeps that at no pods: how many there are says the one that it has made."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"targetRef": target, "service": {"port": 80}, "analysis": {"interval": "30s", "stepWeight": 20, "maxWeight": 40}}
    labels = {"app": "web-primary"}
    primary = {
        "replicas": 4,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": PODS["spec"]},
    }
    with shell() as deploy:
        put(
            deploy, definition(described.CANARY), made(described.CANARY, "web-canary-of-flagger", spec),
            made(DEPLOYMENT, "web", {"replicas": 0, "selector": SELECTOR, "template": PODS}),
            made(DEPLOYMENT, "web-primary", primary),
        )  # fmt: skip
        outcome = deploy("init", "--from-live", name, "-n", "shop")

    assert outcome.code == 0, outcome.err
    release = load("deploy.yaml")
    assert (release.workload["metadata"]["name"], release.replicas) == ("web", 4)
    assert [step.weight for step in release.options.canary.steps] == [20, 40]
    assert [doc["kind"] for doc in yaml.safe_load_all(Path("k8s/app.yaml").read_text())] == ["Deployment", "Service"]


@pytest.mark.parametrize("apex", [None, "front"])
def test_a_live_canarys_services(apex: str | None, folder: Path) -> None:
    """The one that users ask leads to what goes with Flagger, and those of its versions go, too: it is written anew."""
    target, called = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, {"name": apex} if apex else {}
    spec = {"targetRef": target, "service": {"port": 80, **called}, "analysis": {"stepWeight": 20, "maxWeight": 40}}
    name, ports = apex or "web", [{"port": 80}]
    with shell() as deploy:
        put(
            deploy, definition(described.CANARY), made(described.CANARY, "web", spec),
            made(DEPLOYMENT, "web", {"replicas": 0, "selector": SELECTOR, "template": PODS}),
            made(SERVICE, name, {"selector": {"app": "web-primary"}, "ports": ports}),
            made(SERVICE, f"{name}-primary", {"selector": {"app": "web-primary"}, "ports": ports}),
            made(SERVICE, f"{name}-canary", {"selector": {"app": "web"}, "ports": ports}),
        )  # fmt: skip
        outcome = deploy("init", "--from-live", "web", "-n", "shop")

    assert outcome.code == 0, outcome.err
    (service,) = load("deploy.yaml").services
    assert (service["metadata"]["name"], service["spec"]["selector"]) == (name, {"app": "web"})


def test_where_no_such_kind_is_known(folder: Path) -> None:
    """A cluster without those tools is asked in vain, and without a word."""
    with shell() as deploy:
        put(deploy, made(DEPLOYMENT, "web", {"replicas": 2, "selector": SELECTOR, "template": PODS}))
        outcome = deploy("init", "--from-live", "web", "-n", "shop")
        missing = deploy("init", "--from-live", "nobody", "-n", "shop")

    assert (outcome.code, load("deploy.yaml").strategy) == (0, "ramped")
    assert "there is no Deployment nobody in namespace shop" in missing.err


@pytest.mark.parametrize("kind", [STATEFUL_SET, DAEMON_SET])
def test_a_live_set(kind: Kind, folder: Path) -> None:
    """With its Services, as of a Deployment."""
    with shell() as deploy:
        put(
            deploy, made(kind, "web", {"selector": SELECTOR, "template": PODS}),
            made(SERVICE, "web", {"selector": {"app": "web"}, "ports": [{"port": 80}]}),
        )  # fmt: skip
        outcome = deploy("init", "--from-live", "web", "-n", "shop")

    assert outcome.code == 0, outcome.err
    release = load("deploy.yaml")
    assert (release.workload["kind"], [each["metadata"]["name"] for each in release.services]) == (kind.name, ["web"])


def test_a_live_rollouts_routes(folder: Path) -> None:
    """They come along, without what its controller tells versions apart by, and split what comes next."""
    routing = {"istio": {"virtualService": {"name": "web"}, "destinationRule": {
        "name": "web", "canarySubsetName": "canary", "stableSubsetName": "stable"}}}  # fmt: skip
    canary = {"trafficRouting": routing, "steps": [{"setWeight": 20}, {"pause": {"duration": "1m"}}]}
    spec = {"replicas": 3, "selector": SELECTOR, "template": PODS, "strategy": {"canary": canary}}
    targets = [
        {"destination": {"host": "web", "subset": name}, "weight": share} for name, share in (("canary", 0), ("stable", 100))
    ]
    subsets = [{"name": name, "labels": {"app": "web", "rollouts-pod-template-hash": "abc"}} for name in ("canary", "stable")]
    with shell() as deploy:
        put(
            deploy, definition(described.ROLLOUT), made(described.ROLLOUT, "web", spec),
            made(SERVICE, "web", {"selector": {"app": "web"}, "ports": [{"port": 80}]}),
            made(VIRTUAL_SERVICE, "web", {"hosts": ["web"], "http": [{"name": "primary", "route": targets}]}),
            made(VIRTUAL_SERVICE, "other", {"hosts": ["other"], "http": [{"route": [{"destination": {"host": "other"}}]}]}),
            made(DESTINATION_RULE, "web", {"host": "web", "subsets": subsets}),
        )  # fmt: skip
        outcome = deploy("init", "--from-live", "web", "-n", "shop")

    assert outcome.code == 0, outcome.err
    release = load("deploy.yaml")
    assert release.router == "istio"
    held = {(obj["kind"], obj["metadata"]["name"]): obj for obj in release.others}
    assert set(held) == {("VirtualService", "web"), ("DestinationRule", "web")}
    assert [each["labels"] for each in held["DestinationRule", "web"]["spec"]["subsets"]] == [{"app": "web"}] * 2
