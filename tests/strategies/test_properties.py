"""What holds for every plan of every strategy."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from byroute import ROUTED_WAYS, by_way
from cutoff import carried_out
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rollway.plan.plan import Plan
from rollway.plan.steps import Record
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import WAYS, Stand, World, in_world, promoted, stand_of

EACH = pytest.mark.parametrize("strategy", [*WAYS, *ROUTED_WAYS])
SLOW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@functools.cache
def live(strategy: str, replicas: int = 4) -> Stand:
    """v1, released to so many pods. The way there is gone once."""
    return stand_of(lambda world: promoted(world, by_way("v1", strategy, replicas=replicas)))


async def planned(world: World, wanted: Any, strategy: str, weight: int | None) -> Plan:
    request = Request("apply", weight)
    return await shipping.plan(world.cluster, wanted, request, strategy=strategy.partition(" ")[0])


def weights_of(strategy: str) -> st.SearchStrategy[int | None]:
    if strategy.partition(" ")[0] in ("recreate", "blue-green"):
        return st.sampled_from([0, 100] if strategy.startswith("blue-green") else [100])
    return st.one_of(st.none(), st.integers(1, 100))


@EACH
@SLOW
@given(data=st.data())
def test_every_prefix_and_the_way_back_leave_the_cluster_as_it_was(strategy: str, data: st.DataObject) -> None:
    """Wherever a plan is cut off, the rollback leads to what was live before, with no Service empty on the way."""
    weight, replicas = data.draw(weights_of(strategy)), data.draw(st.integers(1 + strategy.startswith("ramped"), 6))
    cut = data.draw(st.integers(1, 12))

    async def story(world: World) -> None:
        before = world.standing()
        wanted = by_way("v2", strategy, replicas=replicas)
        plan = await planned(world, wanted, strategy, weight)

        await carried_out(world, plan, wanted, steps=cut)
        await world.ship("rollback", wanted, strategy=strategy, to_revision=1)

        await asyncio.sleep(60)
        after = world.standing()
        after.pop("Deployment shop-green", None)  # the idle side stays, without pods
        assert after == before
        assert world.versions() == {"v1": replicas}
        assert not world.emptied or strategy.startswith("recreate")

    in_world(story, stand=live(strategy, replicas))


@EACH
@SLOW
@given(data=st.data())
def test_every_step_twice_is_the_step_once(strategy: str, data: st.DataObject) -> None:
    """Steps are absolute: done again, they change nothing more."""
    weight = data.draw(weights_of(strategy))

    async def story(world: World, twice: bool) -> dict[str, Any]:
        wanted = by_way("v2", strategy)
        plan = await planned(world, wanted, strategy, weight)
        await carried_out(world, plan, wanted, twice=twice)
        await asyncio.sleep(60)
        return world.standing()

    once, twice = (in_world(lambda world, twice=twice: story(world, twice), stand=live(strategy)) for twice in (False, True))
    assert twice == once


@EACH
@SLOW
@given(data=st.data())
def test_a_plan_tells_the_truth(strategy: str, data: st.DataObject) -> None:
    """Its split and its peak are those that come, and where it ends planning again finds nothing to do."""
    weight, replicas = data.draw(weights_of(strategy)), data.draw(st.integers(1 + strategy.startswith("ramped"), 9))

    async def story(world: World) -> None:
        wanted = by_way("v2", strategy, replicas=replicas)
        plan = await planned(world, wanted, strategy, weight)

        await carried_out(world, plan, wanted)

        await asyncio.sleep(60)
        ready = world.versions()
        assert (ready.get("v1", 0), ready.get("v2", 0)) == (plan.split.stable, plan.split.canary)
        assert world.peak_pods == plan.peak_pods
        again = await planned(world, wanted, strategy, plan.weight)
        assert again.is_empty, [step.type for step in again.steps]

    in_world(story, stand=live(strategy, replicas))


@EACH
def test_planning_changes_nothing(strategy: str) -> None:
    """A plan reads only, and the same state gives the same plan."""

    async def story(world: World) -> None:
        version = world.sandbox.store.version
        first = await planned(world, by_way("v2", strategy), strategy, None)
        second = await planned(world, by_way("v2", strategy), strategy, None)

        assert first == second
        assert world.sandbox.store.version == version
        assert Plan.model_validate_json(first.model_dump_json()) == first
        assert any(isinstance(step, Record) for step in first.steps)

    in_world(story, stand=live(strategy))
