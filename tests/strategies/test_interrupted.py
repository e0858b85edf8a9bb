"""A run that is killed after any of its calls, and run again, ends as if nothing had happened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

import pytest
from byroute import Followed
from disturbed import EACH, command, prepared, shop, undisturbed, unnumbered
from mortal import Faulty, Killed, Mortal, Stands, Stopped
from rollway.cluster.lock import DURATION_S
from rollway.errors import ClusterError, Locked, Refused
from rollway.kube.objects import LEASE
from rollway.plan.revision import live_of
from rollway.release.model import Release
from shop import WAYS, World, in_world, promoted, release, stand_of


@pytest.mark.parametrize(("strategy", "verb"), EACH)
def test_killed_after_every_call(strategy: str, verb: str) -> None:
    """Whatever call was the last one: the same command again ends in the same state, and no Service was ever empty."""
    counted, standing, history = undisturbed(strategy, verb)
    calls = counted.calls
    assert calls > 5

    async def story(world: World, lives: int) -> None:
        followed = Followed(world)
        with pytest.raises(Killed):
            await command(world, strategy, verb, Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 1)  # a dead holder's lock expires

        await command(world, strategy, verb, world.cluster)

        await asyncio.sleep(60)
        assert world.standing() == standing, f"killed after call {lives} of {calls}"
        assert [(r.number, r.version, r.phase, r.weight) for r in await world.history()] == history
        assert not world.emptied or strategy.startswith("recreate"), f"killed after call {lives} of {calls}"
        assert not followed.astray, f"killed after call {lives} of {calls}"

    for lives in counted.deaths:
        in_world(lambda world, lives=lives: story(world, lives), stand=prepared(strategy, verb))


@pytest.mark.parametrize("fault", ["refused", "dropped", "conflict"])
@pytest.mark.parametrize(("strategy", "verb"), EACH)
def test_any_call_may_fail(strategy: str, verb: str, fault: str) -> None:
    """A call that is refused, meets a conflict (of the lock: it is lost), or is done with its answer lost, ends the run with that
    error or in its way back; the same command again ends right."""
    counted, standing, history = undisturbed(strategy, verb)
    calls, stands = counted.calls if fault == "refused" else counted.writes, Stands()
    faults = counted.faults if fault == "refused" else range(1, calls + 1)

    async def story(world: World, at: int) -> None:
        with contextlib.suppress(ClusterError, Locked):
            await command(world, strategy, verb, Faulty(world.cluster, at, fault))
        await asyncio.sleep(DURATION_S + 1)
        assert not world.emptied or strategy.startswith("recreate"), f"call {at} of {calls}"
        if not stands.is_new(world):
            return

        try:
            await command(world, strategy, verb, world.cluster)
        except Refused:
            # the promotion was taken back: it is said to be, and the version has to be released once more
            assert (verb, fault) == ("promote", "conflict"), f"call {at} of {calls}"
            await world.ship("apply", shop("v2", strategy), weight=100)

        await asyncio.sleep(60)
        assert unnumbered(world.standing()) == unnumbered(standing), f"call {at} of {calls}"
        told = [(r.number, r.version, r.phase, r.weight) for r in await world.history()]
        if fault == "conflict" and told != history:
            # an answer that no repeat helps against: the first run ended in its way back, which is told, and then came another
            *before, taken_back, again = told
            assert (taken_back[2], [*before, (again[0] - 1, *again[1:])]) == ("RolledBack", history), f"call {at} of {calls}"
        else:
            assert told == history, f"call {at} of {calls}"
        assert not world.emptied or strategy.startswith("recreate"), f"call {at} of {calls}"

    for at in faults:
        in_world(lambda world, at=at: story(world, at), stand=prepared(strategy, verb))


@pytest.mark.parametrize("strategy", WAYS)
def test_stopped_at_any_call(strategy: str) -> None:
    """A run that a signal cancels, whatever it was just doing, leaves no lock behind; the same command at once ends right."""
    counted, standing, history = undisturbed(strategy, "apply")
    calls, stands = counted.calls, Stands()

    async def story(world: World, at: int) -> None:
        async def stopped() -> None:
            await command(world, strategy, "apply", Stopped(world.cluster, at))

        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.create_task(stopped())
        assert not list(world.sandbox.store.list(LEASE)), f"call {at} of {calls}"
        assert not world.emptied or strategy.startswith("recreate"), f"call {at} of {calls}"
        if not stands.is_new(world):
            return

        await command(world, strategy, "apply", world.cluster)

        await asyncio.sleep(60)
        assert world.standing() == standing, f"call {at} of {calls}"
        assert [(r.number, r.version, r.phase, r.weight) for r in await world.history()] == history, f"call {at} of {calls}"
        assert not world.emptied or strategy.startswith("recreate"), f"call {at} of {calls}"

    for at in range(1, calls + 1):
        in_world(lambda world, at=at: story(world, at), stand=prepared(strategy, "apply"))


def test_the_lock_keeps_a_second_run_out() -> None:
    """It is refused with the holder's name, and the first is not disturbed."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        first = asyncio.create_task(world.ship("apply", release("v2", strategy="canary"), holder="alice@ci-1/1"))
        await asyncio.sleep(1)
        with pytest.raises(Locked, match="shop is locked by alice@ci-1/1 since"):
            await world.ship("apply", release("v3", strategy="canary"), holder="bob@ci-2/1")
        assert (await first).phase == "Paused"

    in_world(story)


def test_a_lost_lock_stops_the_run_before_its_next_change() -> None:
    """Somebody deleted the Lease: nothing more is changed."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "recreate")
        first = asyncio.create_task(world.ship("apply", release("bad", strategy="recreate")))
        await asyncio.sleep(1)
        world.sandbox.store.remove(LEASE, "shop", "rollway-shop")
        with pytest.raises(Locked, match="was lost"):
            await first

    in_world(story)


def test_a_switch_that_was_cut_off_is_taken_back_before_another_version_is_staged() -> None:
    """Whatever call was the last one: what is given up gets no request while the next version waits beside the live one."""
    options = {"blueGreen": {"autoPromote": False, "scaleDownDelaySeconds": 2}}

    def shop(tag: str) -> Release:
        return release(tag, strategy="blue-green", options=options)

    async def staged(world: World) -> None:
        await world.ship("apply", shop("v1"), weight=100)
        await world.ship("apply", shop("v2"), weight=0)

    async def deaths(world: World) -> Sequence[int]:
        cluster = Mortal(world.cluster)
        await world.ship("promote", shop("v2"), weight=100, cluster=cluster)
        return cluster.counted.deaths

    async def story(world: World, lives: int) -> None:
        with pytest.raises(Killed):
            await world.ship("promote", shop("v2"), weight=100, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 1)
        await world.ship("apply", shop("v3"), weight=0, replace=True)
        live = live_of(await world.history())
        assert live is not None
        assert world.routed_versions() == {live.version}, f"killed after call {lives}"
        assert not world.emptied

    stand = stand_of(staged)
    for lives in in_world(deaths, stand=stand):
        in_world(lambda world, lives=lives: story(world, lives), stand=stand)


def test_an_adoption_that_was_cut_off_is_finished_by_whatever_replaces_it() -> None:
    """Its Deployment stands paused, half labelled: nothing of it could be scaled or rolled so."""
    options = {"canary": {"progressDeadlineSeconds": 20}}
    wanted, other = release("v2", strategy="blue-green"), release("v3", strategy="canary", options=options)

    async def deaths(world: World) -> Sequence[int]:
        await world.deploy_by_hand(tag="v1")
        cluster = Mortal(world.cluster)
        await world.ship("apply", wanted, cluster=cluster)
        return cluster.counted.deaths

    async def story(world: World, lives: int) -> None:
        await world.deploy_by_hand(tag="v1")
        with pytest.raises(Killed):
            await world.ship("apply", wanted, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 1)
        result = await world.ship("apply", other, weight=50, replace=True)
        assert result.failure is None, f"killed after call {lives}"
        assert not world.emptied

    for lives in in_world(deaths):
        in_world(lambda world, lives=lives: story(world, lives))
