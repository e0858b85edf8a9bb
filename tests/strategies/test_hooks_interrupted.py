"""Jobs around a release run once, whenever whoever runs them dies, and whichever of its calls fails."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import Any

import pytest
from disturbed import prepare
from hooked import ALL_OF, Ran, hooked, told
from mortal import Away, Counted, Faulty, Killed, Mortal, Stands
from rollway.cluster.lock import DURATION_S
from rollway.errors import ClusterError
from shop import STRATEGIES, Stand, World, in_world, stand_of

VERBS = [
    (strategy, verb)
    for strategy in STRATEGIES
    for verb in ("apply", "promote", "rollback")
    if (strategy, verb) != ("recreate", "promote")
]


@functools.cache
def prepared(strategy: str, verb: str) -> Stand:
    return stand_of(lambda world: prepare(world, strategy, verb, hooked))


async def command(world: World, strategy: str, verb: str, cluster: Any) -> Any:
    more: dict[str, Any] = {"to_revision": 1} if verb == "rollback" else {"weight": 100}
    return await world.ship(verb, hooked("v2", strategy), strategy=strategy, cluster=cluster, **more)


def expected(verb: str) -> dict[str, int]:
    """The pods that Jobs make from there."""
    if verb == "rollback":
        return {"drain v2": 1}
    return {"migrate v2": 1, "tidy v2": 1} if verb == "apply" else {"tidy v2": 1}


def undisturbed(strategy: str, verb: str) -> Counted:
    """The calls that the verb makes."""

    async def story(world: World) -> Counted:
        ran, cluster = Ran(world), Mortal(world.cluster)
        await command(world, strategy, verb, cluster)
        assert ran.pods == expected(verb)
        return cluster.counted

    counted: Counted = in_world(story, stand=prepared(strategy, verb))
    return counted


@pytest.mark.parametrize(("strategy", "verb"), VERBS)
def test_killed_after_every_call(strategy: str, verb: str) -> None:
    """Whatever call was the last one: the same command again ends right, and every hook has run exactly once."""
    counted = undisturbed(strategy, verb)

    async def story(world: World, lives: int) -> None:
        ran = Ran(world)
        with pytest.raises(Killed):
            await command(world, strategy, verb, Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 1)
        await command(world, strategy, verb, world.cluster)
        await asyncio.sleep(60)
        second = (await world.history())[1]
        assert ran.pods == expected(verb), f"killed after call {lives} of {counted.calls}"
        assert not world.emptied or strategy == "recreate"
        if verb == "rollback":
            assert (second.phase, told(second)) == ("RolledBack", [*ALL_OF, ("beforeRollback", "drain", "Complete")])
        else:
            assert (second.phase, told(second)) == ("Promoted", ALL_OF)

    for lives in counted.deaths:
        in_world(lambda world, lives=lives: story(world, lives), stand=prepared(strategy, verb))


@pytest.mark.parametrize("fault", ["refused", "dropped"])
@pytest.mark.parametrize("strategy", ["ramped", "blue-green"])
def test_any_call_may_fail(strategy: str, fault: str) -> None:
    """A call that is refused, or done with its answer lost: the same command again, and every hook has run exactly once."""
    counted = undisturbed(strategy, "apply")
    calls, stands = counted.calls if fault == "refused" else counted.writes, Stands()

    async def story(world: World, at: int) -> None:
        ran = Ran(world)
        with contextlib.suppress(ClusterError):
            await command(world, strategy, "apply", Faulty(world.cluster, at, fault))
        await asyncio.sleep(DURATION_S + 1)
        if not stands.is_new(world):
            return
        await command(world, strategy, "apply", world.cluster)
        assert ran.pods == expected("apply"), f"call {at} of {calls}"

    for at in range(1, calls + 1):
        in_world(lambda world, at=at: story(world, at), stand=prepared(strategy, "apply"))


def test_an_api_server_that_is_away_is_waited_for() -> None:
    """From any call on, for a minute: each hook has run exactly once all the same."""
    calls, stands = undisturbed("canary", "apply").calls, Stands()

    async def story(world: World, at: int) -> None:
        ran = Ran(world)
        with contextlib.suppress(ClusterError):
            await command(world, "canary", "apply", Away(world.cluster, at, 60.0))
        await asyncio.sleep(DURATION_S + 61)
        if not stands.is_new(world):
            return
        await command(world, "canary", "apply", world.cluster)
        assert ran.pods == expected("apply"), f"call {at} of {calls}"

    for at in range(1, calls + 1):
        in_world(lambda world, at=at: story(world, at), stand=prepared("canary", "apply"))
