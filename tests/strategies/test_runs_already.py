"""The first release of an application that somebody else deployed, at the version that it runs: nothing is replaced by it."""

from __future__ import annotations

import asyncio

import pytest
from rollway.kube.objects import POD, labels_of
from rollway.plan.observed import TRACK_LABEL
from rollway.plan.steps import Hold, Label, Pause
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
