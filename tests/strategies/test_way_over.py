"""The way over from Argo Rollouts and Flagger: their pods go on serving until those of a plain Deployment do."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Awaitable, Callable

import pytest
from mortal import Killed, Mortal
from rollway.health.pods import is_ready
from rollway.kube.objects import DEPLOYMENT, POD, REPLICA_SET, SERVICE, Kind, Obj, Ref, get, kind_of, labels_of, selects
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, release

HASH = "rollouts-pod-template-hash"
PODS = 4


async def left_by_argo(world: World) -> None:
    """What `kubectl delete rollout shop --cascade=orphan` leaves: a ReplicaSet that nobody owns, and the Service narrowed down
    to its pods by the controller."""
    wanted = release("v1", replicas=PODS)
    template = copy.deepcopy(wanted.workload["spec"]["template"])
    template["metadata"]["labels"][HASH] = "abc"
    labels = {"app": "shop", HASH: "abc"}
    spec = {"replicas": PODS, "selector": {"matchLabels": labels}, "template": template}
    owned: Obj = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "shop-abc", "labels": labels}, "spec": spec}
    create = world.sandbox.api.create
    for other in wanted.others:
        create(_kind(other), NAMESPACE_NAME, copy.deepcopy(other), manager="kubectl-client-side-apply")
    create(REPLICA_SET, NAMESPACE_NAME, owned, manager="rollouts-controller")
    service = copy.deepcopy(wanted.services[0])
    service["spec"]["selector"] = labels
    create(SERVICE, NAMESPACE_NAME, service, manager="rollouts-controller")
    await asyncio.sleep(20)


async def left_by_flagger(world: World) -> None:
    """What `kubectl delete canary shop --cascade=orphan` leaves: the user's Deployment without pods, one called -primary that
    serves, and the Service that reaches its pods."""
    wanted = release("v1", replicas=PODS)
    create = world.sandbox.api.create
    for other in wanted.others:
        create(_kind(other), NAMESPACE_NAME, copy.deepcopy(other), manager="kubectl-client-side-apply")
    for name, count in (("shop", 0), ("shop-primary", PODS)):
        made = copy.deepcopy(wanted.workload)
        made["metadata"] = {"name": name}
        made["spec"] |= {"replicas": count, "selector": {"matchLabels": {"app": name}}}
        made["spec"]["template"]["metadata"]["labels"] = {"app": name}
        create(DEPLOYMENT, NAMESPACE_NAME, made, manager="flagger")
    service = copy.deepcopy(wanted.services[0])
    service["spec"]["selector"] = {"app": "shop-primary"}
    create(SERVICE, NAMESPACE_NAME, service, manager="flagger")
    await asyncio.sleep(20)


def _kind(obj: Obj) -> Kind:
    kind = kind_of(obj["apiVersion"], obj["kind"])
    assert kind is not None
    return kind


class Witness:
    """The fewest ready pods that the Service reached."""

    def __init__(self, world: World) -> None:
        self._store, self.fewest = world.sandbox.store, PODS
        self._store.subscribe(lambda change: self._look() if change.kind in (POD, SERVICE) else None)

    def _look(self) -> None:
        service = self._store.find(SERVICE, NAMESPACE_NAME, "shop")
        pods = [
            pod for pod in self._store.list(POD, NAMESPACE_NAME) if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        ]
        reached = [pod for pod in pods if selects(get(service, "spec", "selector"), labels_of(pod))]
        self.fewest = min(self.fewest, len(reached))


@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary"])
def test_pods_of_a_rollout_serve_until_ours_do(strategy: str) -> None:
    """The Service is widened before anything else; at the end it is that of the manifests, and only our pods are left."""

    async def scenario(world: World) -> None:
        await left_by_argo(world)
        witness = Witness(world)

        result = await shipping.run(
            world.cluster, release("v1", replicas=PODS), Request("apply"), strategy=strategy,
            options=shipping.Options(holder="test@nowhere/0"),
        )  # fmt: skip
        await asyncio.sleep(30)

        assert (result.phase, result.failure) == ("Promoted", None)
        assert witness.fewest >= PODS
        service = await world.cluster.get(Ref(SERVICE.api_version, SERVICE.name, NAMESPACE_NAME, "shop"))
        assert HASH not in get(service, "spec", "selector")
        pods = await world.cluster.list(POD, NAMESPACE_NAME)
        assert [labels_of(pod).get(HASH) for pod in pods] == [None] * PODS
        assert await world.cluster.get(Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, NAMESPACE_NAME, "shop"))

    in_world(scenario)


@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary"])
def test_pods_of_a_canary_serve_until_ours_do(strategy: str) -> None:
    """No label tells both of them from all others: the Service moves when ours are ready. Flagger's own Deployment is left to
    whoever made it."""

    async def scenario(world: World) -> None:
        await left_by_flagger(world)
        witness = Witness(world)

        result = await shipping.run(
            world.cluster, release("v2", replicas=PODS), Request("apply"), strategy=strategy,
            options=shipping.Options(holder="test@nowhere/0"),
        )  # fmt: skip
        await asyncio.sleep(60)

        assert (result.phase, result.failure) in (("Promoted", None), ("Paused", None))
        assert witness.fewest >= PODS
        service = await world.cluster.get(Ref(SERVICE.api_version, SERVICE.name, NAMESPACE_NAME, "shop"))
        assert result.phase == "Paused" or get(service, "spec", "selector", "app") == "shop"

    in_world(scenario)


LEFT: dict[str, Callable[[World], Awaitable[None]]] = {"Argo Rollouts": left_by_argo, "Flagger": left_by_flagger}


@pytest.mark.parametrize("calls", range(3, 60, 8))
@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary"])
@pytest.mark.parametrize("tool", LEFT)
def test_killed_on_the_way_it_goes_on(tool: str, strategy: str, calls: int) -> None:
    """Whatever it had done, the Service reaches as many pods as before, and the same command ends where it would have."""

    async def scenario(world: World) -> None:
        await LEFT[tool](world)
        witness = Witness(world)
        wanted = release("v1", replicas=PODS)
        with contextlib.suppress(Killed):
            await world.ship("apply", wanted, strategy=strategy, cluster=Mortal(world.cluster, calls))
        await asyncio.sleep(45)

        again = await world.ship("apply", wanted, strategy=strategy, holder="test@nowhere/1")
        while again.phase == "Paused":
            again = await world.ship("promote", wanted, strategy=strategy, holder="test@nowhere/1")
        await asyncio.sleep(60)

        assert again.failure is None
        assert witness.fewest >= PODS
        service = await world.cluster.get(Ref(SERVICE.api_version, SERVICE.name, NAMESPACE_NAME, "shop"))
        assert get(service, "spec", "selector", "app") == "shop"
        assert HASH not in get(service, "spec", "selector")

    in_world(scenario)
