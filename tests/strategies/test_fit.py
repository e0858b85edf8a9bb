"""A Service, what routes to it, and the pods of both versions fit together at every moment of a release and of its way back."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rollway.cluster.execute import Executor, Journal
from rollway.cluster.lock import Lock
from rollway.health.pods import is_ready
from rollway.kube.objects import INGRESS, POD, SERVICE, Obj, get, kind_of, labels_of, selects
from rollway.plan.plan import Plan
from rollway.plan.steps import Hold
from rollway.release.model import Release
from rollway.routing import fit
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

PODS = 4


@dataclass(frozen=True)
class Look:
    """One version's manifests, where they differ: the pods' labels beside `app`, the Service's selector, its port and targetPort,
    what the container declares, what it listens on, and by which port the Ingress asks."""

    labels: Mapping[str, str] = field(default_factory=dict)
    selector: Mapping[str, str] = field(default_factory=lambda: {"app": "shop"})
    name: str = "http"
    port: int = 80
    target: str | int = "http"
    declared: str = "http"
    listens: int = 8080
    backend: str | int = "http"


FITTING: dict[str, tuple[Look, Look]] = {
    "label": (
        Look(labels={"tier": "web"}, selector={"app": "shop", "tier": "web"}),
        Look(labels={"tier": "front"}, selector={"app": "shop", "tier": "front"}),
    ),
    "narrower": (Look(labels={"tier": "web"}), Look(labels={"tier": "web"}, selector={"tier": "web"})),
    "new label": (Look(), Look(labels={"tier": "web"}, selector={"app": "shop", "tier": "web"})),
    "named target": (Look(), Look(listens=9090)),
    "numeric target, named ports": (Look(target=8080), Look(target=9090, listens=9090)),
    "target's name": (Look(), Look(target="web", declared="web")),
    "port's name": (Look(), Look(name="web", backend="web")),
    "port's number": (Look(backend=80), Look(port=8080, backend=8080)),
    "port's number, by name": (Look(), Look(port=8080)),
    "name and number": (Look(), Look(name="web", port=8080, backend="web")),
    "number and target": (Look(target=8080, backend=80), Look(port=8080, target=9090, listens=9090, backend=8080)),
    "all of it": (
        Look(labels={"tier": "web"}, selector={"app": "shop", "tier": "web"}, target=8080),
        Look({"tier": "front"}, {"app": "shop", "tier": "front"}, "web", 8080, 9090, "http", 9090, "web"),
    ),
}
"""What one Service can serve in a form of its own, with its Ingress."""

PARTED: dict[str, tuple[Look, Look]] = {
    "numeric target": (Look(target=8080, declared=""), Look(target=9090, declared="", listens=9090)),
    "another name at another number": (Look(), Look(target="web", declared="web", listens=9090)),
}
"""What no one Service can serve."""

CHANGES = FITTING | PARTED


def version(tag: str, look: Look, strategy: str) -> Release:
    """The shop at a version, with those manifests."""
    made = release(tag, strategy=strategy, replicas=PODS)
    workload, service = copy.deepcopy(made.workload), copy.deepcopy(made.services[0])
    template = workload["spec"]["template"]
    template["metadata"]["labels"] = {"app": "shop", **look.labels}
    container = template["spec"]["containers"][0]
    container["ports"] = [{"name": look.declared, "containerPort": look.listens}] if look.declared else []
    container["readinessProbe"]["httpGet"]["port"] = look.listens
    service["spec"] = {
        "selector": dict(look.selector),
        "ports": [{"name": look.name, "port": look.port, "targetPort": look.target}],
    }
    asked = {"number": look.backend} if isinstance(look.backend, int) else {"name": look.backend}
    paths = [{"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": asked}}}]
    ingress: Obj = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
        "spec": {"rules": [{"host": "shop.example", "http": {"paths": paths}}]},
    }
    return Release(
        app=made.app,
        namespace=made.namespace,
        workload=workload,
        services=(service,),
        others=(*made.others, ingress),
        strategy=made.strategy,
        options=made.options,
    )


class Witness:
    """Looks at the cluster after each change: how few pods the Service reached, and what was ever amiss."""

    def __init__(self, world: World, listens: Mapping[str, int]) -> None:
        self._store, self._listens = world.sandbox.store, listens
        self.fewest = PODS
        self.amiss: list[str] = []
        self.stop = self._store.subscribe(lambda change: self._look() if change.kind in (POD, SERVICE, INGRESS) else None)

    def _look(self) -> None:
        service = self._store.find(SERVICE, NAMESPACE_NAME, "shop")
        if service is None:
            return
        pods = [
            pod for pod in self._store.list(POD, NAMESPACE_NAME) if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]
        chosen = [pod for pod in pods if selects(get(service, "spec", "selector"), labels_of(pod))]
        ports = fit.ports_of(service)
        well = [pod for pod in chosen if all(self._listens[tag_of(pod)] == number_on(pod, port) for port in ports)]
        self.fewest = min(self.fewest, len(well))
        if len(well) < len(chosen):
            self.amiss.append(f"{len(chosen) - len(well)} pods asked at a port that they do not have")
        for ingress in self._store.list(INGRESS, NAMESPACE_NAME):
            self.amiss += [f"the Ingress asks for port {lost.port}" for lost in fit.lacks(ingress, {"shop": service})]


def tag_of(pod: Obj) -> str:
    return str(pod["spec"]["containers"][0]["image"]).rpartition(":")[2]


def number_on(pod: Obj, port: Obj) -> int | None:
    target = port.get("targetPort", port["port"])
    declared = pod["spec"]["containers"][0].get("ports") or ()
    return (
        target
        if isinstance(target, int)
        else next((each["containerPort"] for each in declared if each.get("name") == target), None)
    )


async def carried_out(world: World, plan: Plan, wanted: Release, steps: int) -> None:
    """The first steps of a plan; without the waiting time of the warm side."""
    observed = await shipping.look(world.cluster, wanted, plan.strategy)
    kept = tuple(step for step in plan.steps[:steps] if not isinstance(step, Hold))
    async with Lock(world.cluster, plan.app, plan.namespace, "test@nowhere/0") as lock:
        executor = Executor(world.cluster, lock, Journal.of(observed.history, plan), lambda event: None)
        assert await executor.run(plan.model_copy(update={"steps": kept})) is None


async def live(world: World, first: Release, strategy: str, *, is_adopted: bool) -> None:
    """The first version, released by the strategy or by somebody who never heard of rollway."""
    if not is_adopted:
        assert (await world.ship("apply", first, strategy=strategy)).is_ok
        return
    for manifest in first.manifests:
        kind = kind_of(manifest["apiVersion"], manifest["kind"])
        assert kind is not None
        world.sandbox.api.create(kind, NAMESPACE_NAME, copy.deepcopy(manifest), manager="kubectl-client-side-apply")
    await asyncio.sleep(20)


PAIRS = [*product(STRATEGIES, FITTING), *product(("recreate", "blue-green"), PARTED)]
"""Every strategy with every change that it can make."""
RELEASED = [(strategy, change, False) for strategy, change in PAIRS]
FOUND = [(strategy, change, True) for strategy, change in PAIRS if change in ("label", "named target", "all of it")]


@pytest.mark.parametrize(("strategy", "change", "is_adopted"), RELEASED + FOUND)
def test_a_release_and_its_rollback_lose_nobody(strategy: str, change: str, is_adopted: bool) -> None:
    """From the first step to the last one, and all the way back, no fewer pods are reached than the application allows (one that
    was found has Kubernetes's own limits), none at a port that it does not have, and the Ingress always finds its port; at both
    ends all is as in the manifests."""
    before, after = CHANGES[change]
    first, second = version("v1", before, strategy), version("v2", after, strategy)

    async def story(world: World) -> None:
        await live(world, first, strategy, is_adopted=is_adopted)
        seen = Witness(world, {"v1": before.listens, "v2": after.listens})
        result = await world.ship("apply", second, strategy=strategy)
        while result.is_ok and result.phase == "Paused":
            result = await world.ship("promote", second, strategy=strategy)
        assert result.phase == "Promoted", result.failure
        await asyncio.sleep(60)
        assert_as_written(world, second)
        back = await world.ship("rollback", second)
        assert back.is_ok, back.failure
        await asyncio.sleep(60)

        assert_as_written(world, first)
        assert seen.amiss == [] if strategy != "recreate" else not any("Ingress" in each for each in seen.amiss)
        assert seen.fewest >= PODS - is_adopted or strategy == "recreate"

    in_world(story)


def assert_as_written(world: World, wanted: Release) -> None:
    """The Service without its track, and the Ingress."""
    service = world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")
    ingress = world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop")
    assert fit.plain(service) == wanted.services[0]["spec"]["selector"]
    ports = [(each.get("name"), each["port"], fit.target_of(each)) for each in fit.ports_of(service)]
    assert ports == [(each["name"], each["port"], fit.target_of(each)) for each in fit.ports_of(wanted.services[0])]
    assert ingress["spec"] == wanted.others[-1]["spec"]


@pytest.mark.parametrize("strategy", STRATEGIES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_wherever_a_plan_is_cut_off_the_way_back_loses_nobody(strategy: str, data: st.DataObject) -> None:
    """Every prefix of a plan to any share, then the rollback, or the same command again."""
    change = data.draw(st.sampled_from([name for which, name in PAIRS if which == strategy]))
    weight = 100 if strategy in ("recreate", "blue-green") else data.draw(st.sampled_from([None, 25, 50, 75, 100]))
    cut, goes_on = data.draw(st.integers(1, 14)), data.draw(st.booleans())
    is_adopted = strategy != "blue-green" and data.draw(st.booleans())
    before, after = CHANGES[change]
    first, second = version("v1", before, strategy), version("v2", after, strategy)

    async def story(world: World) -> None:
        await live(world, first, strategy, is_adopted=is_adopted)
        seen = Witness(world, {"v1": before.listens, "v2": after.listens})
        request = Request("promote" if weight is not None else "apply", weight)
        plan = await shipping.plan(world.cluster, second, request, strategy=strategy, is_override=True)
        await carried_out(world, plan, second, cut)

        if goes_on:
            result = await world.ship("promote", second, strategy=strategy, weight=100)
        else:
            result = await world.ship("rollback", second, strategy=strategy, to_revision=1)

        assert result.is_ok, result.failure
        await asyncio.sleep(60)
        assert_as_written(world, second if goes_on else first)
        assert seen.amiss == [] if strategy != "recreate" else not any("Ingress" in each for each in seen.amiss)
        assert seen.fewest >= PODS - is_adopted or strategy == "recreate"

    in_world(story)
