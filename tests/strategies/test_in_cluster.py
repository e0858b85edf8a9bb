"""A canary of a day that a runner in the cluster carries out: its pods are killed and evicted, and it ends as if not."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
from random import Random
from typing import Any, NamedTuple

import pytest
from disturbed import QUICK
from hooked import Ran, hooked
from mortal import Counted, Killed, Mortal, Stopped
from rollway.cluster import history
from rollway.errors import Refused, RollwayError
from rollway.kube.objects import LEASE
from rollway.plan.revision import Revision
from rollway.release.model import Release
from rollway.release.options import StrategyOptions
from rollway.ship import launching
from rollway.ship import run as shipping
from rollway.ship.carrying import carry, tick
from rollway.ship.errand import Errand, asked_of
from rollway.ship.run import Options
from rollway.strategies.base import Request
from shop import Stand, World, in_world, promoted, release, stand_of

DAY_S = 24 * 3600
STEPS = [{"weight": 10, "pause": "8h"}, {"weight": 25, "pause": "8h"}, {"weight": 50, "pause": "8h"}]
OPTIONS = StrategyOptions.model_validate({**QUICK, "canary": {"progressDeadlineSeconds": 300, "steps": STEPS}})
SHARES = [0, 10, 25, 50, 100]
NEXT_POD_S = 10.0
"""What a Job's controller takes to begin another one."""
EVICTIONS = 120


def shop(tag: str) -> Release:
    made = hooked(tag, "canary")
    return Release(**{**made.__dict__, "options": OPTIONS})


class Ended(NamedTuple):
    code: int
    why: str
    pods: int


async def errand_of(world: World, wanted: Release, action: str = "apply") -> Errand:
    """As the command makes it, before the runner is there."""
    asked = asked_of(wanted, request=Request(action), strategy=None, is_override=False, force=False)  # type: ignore[arg-type]
    made = await shipping.plan(world.cluster, wanted, asked.request)
    return await launching.begun(world.cluster, Errand(job="shop-apply", asked=asked, by="alice@ci"), made)


async def pod(cluster: Any, errand: Errand) -> tuple[int, str]:
    """What one pod of the runner does, to its exit code."""
    try:
        result = await carry(cluster, errand, Options())
    except RollwayError as error:
        return error.exit_code, f"{error.summary} {error.detail}"
    return int(not result.is_ok), result.failure.summary if result.failure else ""


@functools.cache
def begun() -> Stand:
    async def story(world: World) -> None:
        await promoted(world, release("v1", strategy="canary", options=QUICK))

    return stand_of(story)


async def share(world: World) -> int:
    return next((each.weight for each in await world.history() if each.number == 2), 0)


async def check(world: World, ran: Ran, ended: Ended, tag: str, told: str) -> None:
    await asyncio.sleep(60)
    history = [(each.number, each.version, each.phase) for each in await world.history()]
    if tag == "v2":
        assert ended.code == 0, (told, ended)
        assert history == [(1, "v1", "Promoted"), (2, "v2", "Promoted")], told
        assert ran.pods == {"migrate v2": 1, "tidy v2": 1}, told
    else:
        assert ended.code == 1, (told, ended)
        assert "0 of 1 pods ready" in ended.why, told
        assert history == [(1, "v1", "Promoted"), (2, "bad", "RolledBack")], told
        assert ran.pods == {"migrate bad": 1, "drain bad": 1}, told
    assert not world.emptied, told
    assert not list(world.sandbox.store.list(LEASE)), told


@functools.cache
def counted(tag: str) -> Counted:
    async def story(world: World) -> Counted:
        cluster = Mortal(world.cluster)
        await pod(cluster, await errand_of(world, shop(tag)))
        return cluster.counted

    return in_world(story, stand=begun())  # type: ignore[no-any-return]


@pytest.mark.parametrize("tag", ["v2", "bad"])
def test_killed_after_every_request(tag: str) -> None:
    """Whatever request was the last one of its pod, the next one ends right: each hook ran once, no Service was ever empty; what
    failed is taken back once, and is not begun again."""
    calls = counted(tag).calls
    assert calls > 40

    async def story(world: World, lives: int) -> None:
        ran, errand = Ran(world), await errand_of(world, shop(tag))
        with pytest.raises(Killed):
            await pod(Mortal(world.cluster, lives), errand)
        await asyncio.sleep(NEXT_POD_S)
        ended = Ended(*await pod(world.cluster, errand), 2)
        await check(world, ran, ended, tag, f"killed after call {lives} of {calls}")

    for lives in counted(tag).deaths:
        in_world(lambda world, lives=lives: story(world, lives), stand=begun())


@pytest.mark.parametrize("tag", ["v2", "bad"])
def test_evicted_at_any_moment(tag: str) -> None:
    """Whatever its pods wait for when they are told to go, however often, in many moments of many days."""
    count = 0

    async def story(world: World, random: Random) -> int:
        ran, errand = Ran(world), await errand_of(world, shop(tag))
        pods, ended = 0, None
        while ended is None:
            pods += 1
            running = asyncio.create_task(pod(world.cluster, errand))
            # half of them early, where most is done
            left_s = random.uniform(5, 120) if random.random() < 0.5 else random.uniform(60, DAY_S / 4)
            done, _ = await asyncio.wait({running}, timeout=left_s)
            if done:
                ended = Ended(*running.result(), pods)
                break
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await asyncio.sleep(random.uniform(0, NEXT_POD_S))
        await check(world, ran, ended, tag, f"{pods} pods")
        return pods - 1

    seed = 0
    while count < EVICTIONS // 2:
        count += in_world(lambda world, seed=seed: story(world, Random(seed)), stand=begun()) or 1
        seed += 1


def test_a_rollback_from_elsewhere_ends_it() -> None:
    """In its pause it holds no lock; who takes it back has the say, and no later pod begins it again."""

    async def story(world: World) -> None:
        errand = await errand_of(world, shop("v2"))
        running = asyncio.create_task(pod(world.cluster, errand))
        await asyncio.sleep(3600)
        assert not list(world.sandbox.store.list(LEASE))
        assert (await world.ship("rollback", shop("v2"), by="bob@laptop")).is_ok

        code, why = await running
        assert (code, "another run has acted on the release" in why) == (3, True)
        assert await pod(world.cluster, errand) == (3, "shop v2 was taken back meanwhile, by bob@laptop ")

    in_world(story, stand=begun())


def test_a_pause_asks_nothing() -> None:
    """While it waits, for eight hours each time, nothing is asked of the API server."""

    async def story(world: World) -> None:
        errand, cluster = await errand_of(world, shop("v2")), Mortal(world.cluster)
        running = asyncio.create_task(pod(cluster, errand))
        for _ in range(3):
            await asyncio.sleep(1800)
            asked = cluster.calls
            await asyncio.sleep(7 * 3600)
            assert cluster.calls == asked
            await asyncio.sleep(1800)
        assert (await running)[0] == 0
        assert cluster.calls < 0.05 * DAY_S

    in_world(story, stand=begun())


@pytest.mark.parametrize("tag", ["v2", "bad"])
@pytest.mark.parametrize("seed", range(3))
def test_by_ticks(tag: str, seed: int) -> None:
    """Each look takes it one pause further or does nothing, also where some are cut off; it ends as one that runs all along."""

    async def story(world: World) -> None:
        random, ran = Random(seed), Ran(world)
        errand = (await errand_of(world, shop(tag))).model_copy(update={"ticks": True})
        began = asyncio.get_running_loop().time()
        looks, done, ended = 0, 0, None
        while ended is None:
            looks += 1
            lives = random.randrange(4, 60) if random.random() < 0.2 else None
            before = await share(world)
            try:
                result, is_over = await tick(Mortal(world.cluster, lives), errand, Options())
            except Killed:
                pass
            except RollwayError as error:
                ended = Ended(error.exit_code, f"{error.summary} {error.detail}", looks)
            else:
                done += result is not None
                if is_over:
                    assert result is not None
                    ended = Ended(int(not result.is_ok), result.failure.summary if result.failure else "", looks)
            if tag == "v2":
                assert SHARES.index(await share(world)) - SHARES.index(before) in (0, 1)
            await asyncio.sleep(300)
        took_s = asyncio.get_running_loop().time() - began
        await check(world, ran, ended, tag, f"{looks} looks")
        if tag == "v2":
            assert DAY_S < took_s < DAY_S + 3 * 3600
            assert looks > 200
            assert done <= 8

    in_world(story, stand=begun())


def test_a_tick_leaves_what_was_released_since() -> None:
    """Somebody has promoted its release between two looks, and released another one: it ends, and the newer version stays."""

    async def story(world: World) -> None:
        wanted = dataclasses.replace(release("v2", strategy="canary"), options=OPTIONS)
        errand = (await errand_of(world, wanted)).model_copy(update={"ticks": True})
        assert (await tick(world.cluster, errand, Options()))[1] is False
        await world.ship("promote", wanted, weight=100)
        await world.ship("apply", release("v3", strategy="canary", options=QUICK), weight=100)
        with pytest.raises(Refused, match="shop v3 was released meanwhile, by"):
            await tick(world.cluster, errand, Options())
        assert [(each.version, each.phase) for each in await world.history()][1:] == [("v2", "Promoted"), ("v3", "Promoted")]

    in_world(story, stand=begun())


def test_what_failed_in_a_pause_is_taken_back_at_the_next_look() -> None:
    """A pod that was killed as it had begun to take it back has written why: the next one does not wait for the pause's end."""

    async def story(world: World) -> None:
        wanted = dataclasses.replace(release("v2", strategy="canary"), options=OPTIONS)
        errand = (await errand_of(world, wanted)).model_copy(update={"ticks": True})
        await tick(world.cluster, errand, Options())
        paused = (await world.history())[-1]
        assert paused.phase == "Paused"
        await history.write(world.cluster, paused.model_copy(update={"message": "gate errors: too many"}))
        with pytest.raises(RollwayError, match="v2 failed and was taken back"):
            await tick(world.cluster, errand, Options())
        assert (await world.history())[-1].phase == "RolledBack"

    in_world(story, stand=begun())


def test_who_it_is() -> None:
    """The lock and the history say whose doing it is."""

    async def story(world: World) -> None:
        errand = await errand_of(world, shop("v2"))
        running = asyncio.create_task(pod(world.cluster, errand))
        await asyncio.sleep(2)
        (lease,) = world.sandbox.store.list(LEASE)
        assert lease["spec"]["holderIdentity"] == "job shop-apply (started by alice@ci)"
        assert (await running)[0] == 0
        last: Revision = (await world.history())[-1]
        assert {entry.by for entry in last.entries} == {"job shop-apply (started by alice@ci)"}

    in_world(story, stand=begun())


def test_its_own_lock_is_waited_for_and_somebody_elses_is_not() -> None:
    """A pod that was killed has left its lock, which goes by its silence; a colleague's is told of at once."""

    async def story(world: World) -> None:
        errand = await errand_of(world, shop("v2"))
        with pytest.raises(Killed):
            await pod(Mortal(world.cluster, 12), errand)
        with pytest.raises(Refused, match="is locked by job shop-apply"):
            await world.ship("apply", shop("v2"))
        assert (await pod(world.cluster, errand))[0] == 0

    in_world(story, stand=begun())


def test_a_signal_leaves_no_lock() -> None:
    """An eviction tells a pod first: the next one need not wait."""

    async def story(world: World) -> None:
        errand = await errand_of(world, shop("v2"))

        async def stopped() -> None:
            await pod(Stopped(world.cluster, 14), errand)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(stopped())
        assert not list(world.sandbox.store.list(LEASE))

    in_world(story, stand=begun())
