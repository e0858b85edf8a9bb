"""The first release of an application that somebody else deployed, at the version that it runs: nothing is replaced by it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from mortal import Killed, Mortal
from rollway.cluster.lock import DURATION_S
from rollway.kube.objects import CONFIG_MAP, POD, labels_of
from rollway.plan.observed import TRACK_LABEL
from rollway.plan.steps import Hold, Label, Pause
from rollway.release.config import pinned
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

STAGED = {"blueGreen": {"autoPromote": False}}


def pods(world: World) -> set[str]:
    return {pod["metadata"]["uid"] for pod in world.sandbox.store.list(POD, NAMESPACE_NAME)}


@pytest.mark.parametrize("options", [{}, STAGED], ids=["at once", "staged"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_pod_restarts_for_a_mark_of_ours(strategy: str, options: dict) -> None:
    """The running pods get the label that later releases route by; the plan says so, and speaks of no downtime, no share and no
    second side. It is live then, and another command does nothing."""

    async def story(world: World) -> None:
        await world.deploy_by_hand(tag="v1")
        before = pods(world)
        wanted = release("v1", strategy=strategy, options=options)
        plan = await shipping.plan(world.cluster, wanted, Request("apply"))
        result = await world.ship("apply", wanted)
        await asyncio.sleep(60)

        assert (result.phase, pods(world), world.peak_pods) == ("Promoted", before, 4)
        assert [step.why for step in plan.steps if isinstance(step, Label)] == [
            "once: routing tells the versions apart by it; no pod restarts"
        ]
        assert not [step for step in plan.steps if isinstance(step, Pause | Hold)]
        assert not any("downtime" in note for note in plan.notes)
        assert plan.peak_pods == 4
        assert {labels_of(pod)[TRACK_LABEL] for pod in world.sandbox.store.list(POD, NAMESPACE_NAME)} == {"stable"}
        assert not world.emptied
        again = await world.ship("apply", wanted)
        assert again.plan.steps == ()

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_next_release_and_the_way_back_begin_from_there(strategy: str) -> None:
    """What was taken up without a restart is a version like any other; and back to it none of its pods' kind is missing."""

    async def story(world: World) -> None:
        await world.deploy_by_hand(tag="v1")
        await world.ship("apply", release("v1", strategy=strategy))
        await world.ship("apply", release("v2", strategy=strategy), weight=100)
        assert world.versions() == {"v2": 4}
        back = await world.ship("rollback", release("v2", strategy=strategy))
        await asyncio.sleep(60)
        assert (back.phase, world.versions()) == ("RolledBack", {"v1": 4})
        assert not world.emptied or strategy == "recreate"

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_way_back_of_it_replaces_nothing_either(strategy: str) -> None:
    async def story(world: World) -> None:
        await world.deploy_by_hand(tag="v1")
        before = pods(world)
        await world.ship("apply", release("v1", strategy=strategy))
        back = await world.ship("rollback", release("v1", strategy=strategy))
        await asyncio.sleep(60)
        assert (back.phase, pods(world)) == ("RolledBack", before)

    in_world(story)


def configured(tag: str, *, strategy: str = "ramped", currency: str = "EUR", is_pinned: bool = True) -> Release:
    """The shop whose pods read a ConfigMap, which a release names by its content."""
    made = release(tag, strategy=strategy)
    made.workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "shop-settings"}}]
    made.others[0]["data"]["currency"] = currency
    if not is_pinned:
        return made
    workload, others = pinned(made.workload, made.services, made.others)
    return replace(made, workload=workload, others=others)


def read_by(world: World) -> set[str]:
    """The ConfigMaps that the pods read."""
    found = (pod["spec"]["containers"][0]["envFrom"] for pod in world.sandbox.store.list(POD, NAMESPACE_NAME))
    return {source["configMapRef"]["name"] for sources in found for source in sources}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_configuration_keeps_the_names_it_was_found_under(strategy: str) -> None:
    """For as long as that version is live; the next one has its own beside it, and the way back leads to the first again."""

    async def story(world: World) -> None:
        await world.deploy_by_hand(wanted=configured("v1", is_pinned=False))
        before, wanted = pods(world), configured("v1", strategy=strategy)
        first = await world.ship("apply", wanted)
        assert (first.phase, pods(world), world.peak_pods) == ("Promoted", before, 4)
        again = await world.ship("apply", wanted)
        assert (again.plan.steps, read_by(world)) == ((), {"shop-settings"})

        await world.ship("apply", configured("v2", strategy=strategy, currency="CHF"), weight=100)
        await asyncio.sleep(60)
        [fresh] = read_by(world)
        assert fresh.startswith("shop-settings-")
        found = world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, "shop-settings")
        assert found is not None
        assert found["data"] == {"currency": "EUR"}

        await world.ship("rollback", configured("v2", strategy=strategy, currency="CHF"))
        await asyncio.sleep(60)
        assert (world.versions(), read_by(world)) == ({"v1": 4}, {"shop-settings"})
        once_more = await world.ship("apply", wanted)
        assert (once_more.plan.steps, read_by(world)) == ((), {"shop-settings"})

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary"])
def test_killed_while_it_takes_them_up(strategy: str) -> None:
    """After whatever call: the same command again keeps the pods and the names."""
    wanted = configured("v1", strategy=strategy)

    async def deaths(world: World) -> Sequence[int]:
        await world.deploy_by_hand(wanted=configured("v1", is_pinned=False))
        cluster = Mortal(world.cluster)
        await world.ship("apply", wanted, cluster=cluster)
        return cluster.counted.deaths

    async def story(world: World, lives: int) -> None:
        await world.deploy_by_hand(wanted=configured("v1", is_pinned=False))
        before = pods(world)
        with pytest.raises(Killed):
            await world.ship("apply", wanted, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 30)
        result = await world.ship("apply", wanted)
        await asyncio.sleep(60)
        told = f"killed after call {lives}"
        assert (result.phase, pods(world), read_by(world)) == ("Promoted", before, {"shop-settings"}), told

    for lives in in_world(deaths):
        in_world(lambda world, lives=lives: story(world, lives))


@pytest.mark.parametrize("differs", ["in the cluster", "in the manifests"])
def test_other_configuration_is_another_version(differs: str) -> None:
    """It has its own name, and its own pods: those that run have read what was there when they began."""
    live, wanted = ("CHF", "EUR") if differs == "in the cluster" else ("EUR", "CHF")

    async def story(world: World) -> None:
        await world.deploy_by_hand(wanted=configured("v1", currency=live, is_pinned=False))
        before = pods(world)
        await world.ship("apply", configured("v1", currency=wanted))
        await asyncio.sleep(60)
        assert not before & pods(world)
        [fresh] = read_by(world)
        config = world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, fresh)
        assert config is not None
        assert config["data"] == {"currency": wanted}
        found = world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, "shop-settings")
        assert found is not None
        assert found["data"] == {"currency": live}

    in_world(story)
