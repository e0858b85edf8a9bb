"""An API server that is away in the middle of a run."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from disturbed import EACH, QUICK, command, prepared, undisturbed
from mortal import Away, Stands
from rollway.cluster.events import Noticed
from rollway.cluster.lock import DURATION_S
from rollway.errors import Locked, Unreachable
from rollway.kube.objects import LEASE
from shop import NAMESPACE_NAME, World, in_world, promoted, release

TWO_MINUTES_S = 120


@pytest.mark.parametrize(("strategy", "verb"), EACH)
def test_two_minutes_are_waited_for(strategy: str, verb: str) -> None:
    """Whatever call they begin at, the run ends as if nothing had been, and says so; only what has not begun fails at once."""
    counted, standing, history = undisturbed(strategy, verb)
    calls, seen = counted.calls, Stands()

    async def story(world: World, at: int) -> bool:
        told: list[str] = []
        away = Away(world.cluster, at, TWO_MINUTES_S)
        emit = lambda event: told.append(event.message) if isinstance(event, Noticed) else None  # noqa: E731
        try:
            await command(world, strategy, verb, away, emit=emit)
        except Unreachable:
            assert not told
            await asyncio.sleep(TWO_MINUTES_S + DURATION_S)
            if not seen.is_new(world):
                return False
            await command(world, strategy, verb, world.cluster)
        await asyncio.sleep(60)
        stands = {name: obj for name, obj in world.standing().items() if not name.startswith("Lease")}
        assert stands == standing, f"away at call {at} of {calls}"  # a lock that cannot be given back expires
        assert [(r.number, r.version, r.phase, r.weight) for r in await world.history()] == history, f"at call {at} of {calls}"
        assert not world.emptied or strategy.startswith("recreate")
        return bool(told)

    stand = prepared(strategy, verb)
    heard = [in_world(lambda world, at=at: story(world, at), stand=stand) for at in counted.faults]
    first = heard.index(True)
    assert sum(heard[first:]) >= len(heard[first:]) - 2, "only giving back the lock may go without a word"


def test_it_is_said_once_and_noted() -> None:
    """Since when, and how long it was in the end."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped", QUICK)
        told: list[str] = []
        emit = lambda event: told.append(event.message) if isinstance(event, Noticed) else None  # noqa: E731
        away = Away(world.cluster, 11, TWO_MINUTES_S)
        result = await world.ship("apply", release("v2", options=QUICK), cluster=away, emit=emit)

        assert result.phase == "Promoted"
        assert told[0].startswith("the API server does not answer since 20")
        assert [told[1]] == list(result.noticed)
        assert told[1].startswith("the API server did not answer for 12")

    in_world(story)


def test_it_is_given_up_at_the_deadline() -> None:
    """A step's deadline is the step's, whatever keeps it: then it is told as what it is, and the release is left as it is."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped", QUICK)
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreachable):
            await world.ship("apply", release("v2", options=QUICK), cluster=Away(world.cluster, 11, 10_000))
        assert asyncio.get_running_loop().time() - began < 700

    in_world(story)


def test_a_lock_that_another_run_took_meanwhile_is_lost() -> None:
    """The run that was cut off stops before its next change: the release is somebody else's by now."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped", QUICK)
        first = asyncio.create_task(
            world.ship("apply", release("bad", options=QUICK), cluster=Away(world.cluster, 11, TWO_MINUTES_S))
        )
        await asyncio.sleep(DURATION_S + 20)
        with contextlib.suppress(Exception):
            await world.ship("apply", release("v2", options=QUICK), holder="bob@ci/2", weight=100)
        with pytest.raises(Locked, match="was lost"):
            await first
        assert list(world.sandbox.store.list(LEASE, NAMESPACE_NAME)) == []

    in_world(story)
