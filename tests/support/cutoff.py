"""A run that ends in the middle of its plan."""

from __future__ import annotations

import asyncio

from rollway.cluster.execute import Executor
from rollway.cluster.journal import Journal
from rollway.cluster.lock import Lock
from rollway.plan.plan import Plan
from rollway.plan.steps import Hold
from rollway.release.model import Release
from rollway.ship import run as shipping
from shop import World


async def carried_out(world: World, plan: Plan, wanted: Release, steps: int | None = None, *, twice: bool = False) -> None:
    """The first `steps` steps of a plan, or all, each of them `twice` in a row; without the waiting time of the warm side."""
    kept = [step for step in plan.steps[:steps] if not isinstance(step, Hold)]
    kept = [again for step in kept for again in (step, step)] if twice else kept
    observed = await shipping.look(world.cluster, wanted, plan.strategy)
    async with Lock(world.cluster, plan.app, plan.namespace, "test@nowhere/0") as lock:
        executor = Executor(world.cluster, lock, Journal.of(observed.history, plan), lambda event: None)
        assert await executor.run(plan.model_copy(update={"steps": tuple(kept)})) is None


async def gone_on(world: World, wanted: Release, strategy: str, *, to_the_end: bool) -> None:
    """The same command again, to everybody, or the way back to the first version, and a minute of rest: it arrives."""
    if to_the_end:
        result = await world.ship("apply", wanted, strategy=strategy, weight=100)
    else:
        result = await world.ship("rollback", wanted, strategy=strategy, to_revision=1)
    assert result.is_ok, result.failure
    await asyncio.sleep(60)
