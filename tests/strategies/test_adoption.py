"""Applications that somebody else deployed: taken up, and given back, without a restart of a pod that is well."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from mortal import Killed, Mortal
from rollway.cluster.lock import DURATION_S
from rollway.kube.objects import DEPLOYMENT, POD, SERVICE, Obj, get, labels_of
from rollway.plan.steps import Label
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

TRACKED = ("blue-green", "ab")
QUICK: dict[str, Any] = {"blueGreen": {"scaleDownDelaySeconds": 2}}


def running(world: World, tag: str = "v0") -> set[str]:
    """The uids of a version's pods, without those that leave."""
    pods = [pod for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if "deletionTimestamp" not in pod["metadata"]]
    return {pod["metadata"]["uid"] for pod in pods if pod["spec"]["containers"][0]["image"].endswith(f":{tag}")}


def own(world: World) -> Obj:
    return world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")


async def found(world: World) -> set[str]:
    """Deployed by hand; the pods' uids."""
    await world.deploy_by_hand()
    return running(world)


@pytest.mark.parametrize("strategy", TRACKED)
def test_pods_get_their_label_as_they_run(strategy: str) -> None:
    """Routing tells versions apart by a label that the pods lack: they get it and stay, and so does whatever pod comes later."""

    async def story(world: World) -> None:
        before = await found(world)
        result = await world.ship("apply", release("v1", strategy=strategy), weight=0)

        assert any(isinstance(step, Label) for step in result.plan.steps)
        assert result.plan.peak_pods == world.peak_pods
        assert (running(world), world.emptied) == (before, [])
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 5}}, manager="kubectl")
        await asyncio.sleep(20)
        assert before < running(world)
        pods = [pod for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if pod["metadata"]["uid"] in running(world)]
        assert {labels_of(pod).get("rollway.dev/track") for pod in pods} == {"stable"}
        assert not get(own(world), "spec", "paused")

    in_world(story)


@pytest.mark.parametrize("how", ["rolled back", "failed"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_way_back_of_the_first_release_touches_no_pod_that_is_well(strategy: str, how: str) -> None:
    """What was found is what is there again: the pods that were left are the pods that were found."""

    async def story(world: World) -> None:
        before = await found(world)
        as_found = own(world)["spec"]
        kept: set[str] = set()
        if how == "failed":
            result = await world.ship("apply", release("bad", strategy=strategy), weight=None)
            assert result.phase == "RolledBack"
        elif strategy == "recreate":
            return
        else:
            await world.ship("apply", release("v1", strategy=strategy), weight=0 if strategy == "blue-green" else 25)
            kept = running(world)
            await world.ship("rollback", release("v1", strategy=strategy))
        await asyncio.sleep(60)

        kept = kept or (before if strategy != "recreate" else set())
        assert kept <= running(world)
        assert (world.versions(), bool(world.emptied)) == ({"v0": 4}, strategy == "recreate")
        if strategy not in TRACKED:
            assert own(world)["spec"] == as_found
        assert world.routed_versions() == {"v0"}
        result = await world.ship("rollback", release("v1", strategy=strategy), to_revision=1)
        assert result.plan.is_empty or strategy == "ab", [step.type for step in result.plan.steps]

    in_world(story)


@pytest.mark.parametrize("then", ["apply", "rollback"])
@pytest.mark.parametrize("strategy", TRACKED)
def test_killed_while_it_adopts(strategy: str, then: str) -> None:
    """After whatever call, with the cluster running on: no pod restarts, the same command goes on, and so does the way back."""

    async def deaths(world: World) -> Sequence[int]:
        await found(world)
        cluster = Mortal(world.cluster)
        await world.ship("apply", release("v1", strategy=strategy), weight=0, cluster=cluster)
        return cluster.counted.deaths

    async def story(world: World, lives: int) -> None:
        before = await found(world)
        with pytest.raises(Killed):
            await world.ship("apply", release("v1", strategy=strategy), weight=0, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 30)
        assert running(world) == before, f"killed after call {lives}"
        if then == "apply":
            await world.ship("apply", release("v1", strategy=strategy), weight=0)
        elif await world.history():
            await world.ship("rollback", release("v1", strategy=strategy), to_revision=1)
            assert world.versions() == {"v0": 4}
        await asyncio.sleep(60)
        assert (running(world), world.emptied) == (before, []), f"killed after call {lives}"
        assert not get(own(world), "spec", "paused"), f"killed after call {lives}"

    for lives in in_world(deaths):
        in_world(lambda world, lives=lives: story(world, lives))


def test_after_the_switch_and_back_the_warm_side_is_what_was_found() -> None:
    """blue-green knows the version that was found by its template: it is switched back to, and not built a second time."""

    async def story(world: World) -> None:
        before = await found(world)
        run = asyncio.create_task(world.ship("apply", release("v1", strategy="blue-green"), weight=100))
        await asyncio.sleep(15)
        assert world.routed_versions() == {"v1"}
        await world.ship("rollback", release("v1", strategy="blue-green"))
        await asyncio.gather(run, return_exceptions=True)
        assert (world.routed_versions(), running(world)) == ({"v0"}, before)

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_there_is_a_way_back_where_the_service_that_was_found_has_been_made_anew(strategy: str) -> None:
    """Somebody deleted it, and what comes after has an address of its own for life, whatever was found has had."""

    async def story(world: World) -> None:
        await found(world)
        world.sandbox.api.delete(SERVICE, NAMESPACE_NAME, "shop")
        result = await world.ship("apply", release("v1", strategy=strategy, options=QUICK), weight=100)
        assert result.phase == "Promoted", result.failure
        address = world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")["spec"]["clusterIP"]
        back = await world.ship("rollback", release("v1", strategy=strategy, options=QUICK))

        assert (back.phase, back.failure, world.routed_versions()) == ("RolledBack", None, {"v0"})
        assert world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")["spec"]["clusterIP"] == address

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_was_found_comes_back_with_as_many_pods(strategy: str) -> None:
    """The number of the version that goes is its own; one that somebody has scaled to since is their decision."""

    async def story(world: World) -> None:
        await found(world)
        fewer = release("v1", strategy=strategy, replicas=2, options=QUICK)
        await world.ship("apply", fewer, weight=100)
        assert world.versions() == {"v1": 2}
        await world.ship("rollback", fewer)
        await asyncio.sleep(30)
        assert world.versions() == {"v0": 4}

        await world.ship("apply", fewer, weight=100)
        live = next(d for d in world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME) if d["spec"]["replicas"])
        patch = {"spec": {"replicas": 3}}
        world.sandbox.api.patch(
            DEPLOYMENT, NAMESPACE_NAME, live["metadata"]["name"], patch, subresource="scale", manager="kubectl"
        )
        await asyncio.sleep(30)
        await world.ship("rollback", fewer)
        await asyncio.sleep(30)
        assert world.versions() == {"v0": 3}

    in_world(story)
