"""The verbs as they go undisturbed: what a run that was cut off, or cut short, is measured by."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

from mortal import Mortal
from shop import STRATEGIES, Stand, World, in_world, promoted, release, stand_of

QUICK: dict[str, Any] = {name: {"progressDeadlineSeconds": 300} for name in ("recreate", "ramped", "blueGreen", "canary", "ab")}
QUICK["blueGreen"]["scaleDownDelaySeconds"] = 2
EACH = [
    (strategy, verb)
    for strategy in STRATEGIES
    for verb in ("apply", "promote", "rollback")
    if (strategy, verb) != ("recreate", "promote")  # which holds no share that could be promoted
]


async def prepare(world: World, strategy: str, verb: str) -> None:
    await promoted(world, "v1", strategy, QUICK)
    if verb == "rollback":
        await promoted(world, "v2", strategy, QUICK)
    if verb == "promote":
        weight = 0 if strategy == "blue-green" else 25
        await world.ship("apply", release("v2", strategy=strategy, options=QUICK), weight=weight)
    world.emptied.clear()


@functools.cache
def prepared(strategy: str, verb: str) -> Stand:
    """Where every run of the verb begins. The way there is gone once."""
    return stand_of(lambda world: prepare(world, strategy, verb))


async def command(world: World, strategy: str, verb: str, cluster: Any, **options: Any) -> Any:
    """The verb, said in a way that means the same when it is said twice."""
    more: dict[str, Any] = {"to_revision": 1} if verb == "rollback" else {"weight": 100 if verb == "promote" else None}
    return await world.ship(
        verb, release("v2", strategy=strategy, options=QUICK), strategy=strategy, cluster=cluster, **more, **options
    )


def undisturbed(strategy: str, verb: str) -> tuple[int, dict[str, Any], list[Any]]:
    """The calls that the run makes, and how it ends."""

    async def story(world: World) -> tuple[int, dict[str, Any], list[Any]]:
        cluster = Mortal(world.cluster)
        await command(world, strategy, verb, cluster)
        await asyncio.sleep(60)
        return cluster.calls, world.standing(), [(r.number, r.version, r.phase, r.weight) for r in await world.history()]

    return in_world(story, stand=prepared(strategy, verb))
