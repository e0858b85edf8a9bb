"""A ramped release that was asked for a share never gives more, whatever ends the client and however long the cluster runs on."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from mortal import Counted, Killed, Mortal, Stopped
from rollway.cluster.lock import DURATION_S
from rollway.errors import TimedOut
from rollway.kube.objects import DEPLOYMENT, POD
from rollway.release.model import Release
from shop import NAMESPACE_NAME, Stand, World, in_world, release, stand_of

LONG_S = 900
SURGES: dict[str, dict[str, Any]] = {
    "by one": {"maxSurge": 1},
    "by half": {"maxSurge": "50%"},
    "all at once": {"maxSurge": "100%"},
    "no surge": {"maxSurge": 0, "maxUnavailable": 1},
    "no surge, by half": {"maxSurge": 0, "maxUnavailable": "50%"},
    "both": {"maxSurge": "25%", "maxUnavailable": "25%"},
}
ROWS = [
    *((4, 50, how) for how in SURGES),
    *((8, 25, how) for how in ("by half", "no surge, by half")),
    *((5, 80, how) for how in ("by one", "both")),
    *((replicas, weight, "by one") for replicas, weight in ((1, 50), (3, 70))),
]


def shop(tag: str, replicas: int, how: str) -> Release:
    return release(tag, replicas=replicas, options={"ramped": SURGES[how]})


class Shares:
    """The most of the ready pods that the new version has been at any moment, in percent."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.most = 0.0
        world.sandbox.store.subscribe(lambda change: self._look() if change.kind == POD else None)

    def _look(self) -> None:
        versions = self._world.versions()
        if total := sum(versions.values()):
            self.most = max(self.most, round(100 * versions.get("v2", 0) / total, 1))


@functools.cache
def begun(replicas: int, how: str) -> Stand:
    """v1, everywhere: where all stories begin."""
    return stand_of(lambda world: world.ship("apply", shop("v1", replicas, how)))


def undisturbed(replicas: int, weight: int, how: str) -> tuple[Counted, float, dict[str, int]]:
    """The calls that the run makes, the share it reaches, and the pods it leaves."""

    async def story(world: World) -> tuple[Counted, float, dict[str, int]]:
        shares = Shares(world)
        cluster = Mortal(world.cluster)
        result = await world.ship("apply", shop("v2", replicas, how), weight=weight, cluster=cluster)
        assert shares.most == result.plan.split.percent, "more on the way than at its end"
        await asyncio.sleep(LONG_S)
        assert shares.most == result.plan.split.percent, "more in the long run than at its end"
        return cluster.counted, shares.most, world.versions()

    return in_world(story, stand=begun(replicas, how))


@pytest.mark.parametrize(("replicas", "weight", "how"), ROWS)
def test_the_share_is_never_passed_wherever_the_client_is_killed(replicas: int, weight: int, how: str) -> None:
    """Killed after any call, nobody there past any deadline: never more than the share; the same command again ends there."""
    counted, share, versions = undisturbed(replicas, weight, how)

    async def story(world: World, lives: int) -> None:
        shares = Shares(world)
        with pytest.raises(Killed):
            await world.ship("apply", shop("v2", replicas, how), weight=weight, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(LONG_S)
        assert shares.most <= share, f"killed after call {lives} of {counted.calls}"

        again = await world.ship("apply", shop("v2", replicas, how), weight=weight)
        assert again.phase == "Paused", again.failure
        await asyncio.sleep(DURATION_S)
        assert (shares.most, world.versions()) == (share, versions), f"killed after call {lives} of {counted.calls}"

    for lives in counted.deaths:
        in_world(lambda world, lives=lives: story(world, lives), stand=begun(replicas, how))


@pytest.mark.parametrize("how", ["by half", "no surge"])
def test_more_can_be_asked_for_wherever_the_client_was_killed(how: str) -> None:
    """Killed on the way to a quarter, the next command asks for three quarters, and gets there without passing them."""
    counted, *_ = undisturbed(8, 25, how)
    _, share, versions = undisturbed(8, 75, how)

    async def story(world: World, lives: int) -> None:
        shares = Shares(world)
        with pytest.raises(Killed):
            await world.ship("apply", shop("v2", 8, how), weight=25, cluster=Mortal(world.cluster, lives))
        await asyncio.sleep(DURATION_S + 1)
        await world.ship("apply", shop("v2", 8, how), weight=75)
        await asyncio.sleep(LONG_S)
        assert (shares.most, world.versions()) == (share, versions), f"killed after call {lives} of {counted.calls}"
        await world.ship("promote", shop("v2", 8, how), weight=100)
        assert world.versions() == {"v2": 8}

    for lives in counted.deaths:
        in_world(lambda world, lives=lives: story(world, lives), stand=begun(8, how))


def test_a_signal_or_a_time_limit_leaves_it_bounded_too() -> None:
    """Ctrl-C at any call, and --timeout: at most the share, and the same command goes on."""
    (calls, *_), share, versions = undisturbed(4, 50, "by one")

    async def story(world: World, at: int) -> None:
        shares = Shares(world)

        async def stopped() -> None:
            await world.ship("apply", shop("v2", 4, "by one"), weight=50, cluster=Stopped(world.cluster, at))

        await asyncio.gather(asyncio.create_task(stopped()), return_exceptions=True)
        await asyncio.sleep(LONG_S)
        await world.ship("apply", shop("v2", 4, "by one"), weight=50)
        assert (shares.most, world.versions()) == (share, versions), f"stopped at call {at} of {calls}"

    for at in range(1, calls + 1):
        in_world(lambda world, at=at: story(world, at), stand=begun(4, "by one"))

    async def limited(world: World) -> None:
        shares = Shares(world)
        with pytest.raises(TimedOut):
            await world.ship("apply", shop("v2", 4, "by one"), weight=50, timeout_s=2)
        await asyncio.sleep(LONG_S)
        await world.ship("apply", shop("v2", 4, "by one"), weight=50)
        assert (shares.most, world.versions()) == (share, versions)

    in_world(limited, stand=begun(4, "by one"))


def test_a_version_with_more_pods_grows_before_it_shares() -> None:
    """From 4 to 8 pods: the old version has 8 before the new one has any, so that a quarter is a quarter all the way."""

    async def story(world: World) -> None:
        shares = Shares(world)
        result = await world.ship("apply", shop("v2", 8, "by one"), weight=25)
        assert (result.plan.split.percent, shares.most, world.versions()) == (25.0, 25.0, {"v1": 6, "v2": 2})

    in_world(story, stand=begun(4, "by one"))


def test_what_was_resumed_by_hand_stays_bounded() -> None:
    """Somebody resumes the Deployment of a held share: it stays what it is, and the same command has nothing to complain of."""

    async def story(world: World) -> None:
        shares = Shares(world)
        await world.ship("apply", shop("v2", 4, "by one"), weight=50)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"paused": None}}, manager="kubectl-rollout")
        await asyncio.sleep(LONG_S)
        assert (shares.most, world.versions()) == (50.0, {"v1": 2, "v2": 2})

    in_world(story, stand=begun(4, "by one"))


def test_a_rollout_that_got_further_is_no_bad_input() -> None:
    """More pods than the share are new already (another hand let them roll): they stay, and it is said."""

    async def story(world: World) -> None:
        await world.ship("apply", shop("v2", 4, "by one"), weight=50)

        limits = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
        loose = {"spec": {"paused": None, "minReadySeconds": 0, **limits}}
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", loose, manager="rollway")
        await asyncio.sleep(1.5)
        result = await world.ship("apply", shop("v2", 4, "by one"), weight=50)
        await asyncio.sleep(LONG_S)

        assert (result.phase, sum(world.versions().values())) == ("Paused", 4)
        assert any("already, more than 50%: they stay" in note for note in result.plan.notes)

    in_world(story, stand=begun(4, "by one"))


def test_min_ready_seconds_are_heeded_on_the_way_to_a_share() -> None:
    """A pod counts only after as long as the user says: no old pod goes before, though the controller is told otherwise."""

    async def story(world: World, seconds: int) -> float:
        before = release("v1", options={"ramped": {"minReadySeconds": seconds}})
        await world.ship("apply", before)
        began = asyncio.get_running_loop().time()
        await world.ship("apply", release("v2", options={"ramped": {"minReadySeconds": seconds}}), weight=50)
        assert world.versions() == {"v1": 2, "v2": 2}
        return asyncio.get_running_loop().time() - began

    plain_s, careful_s = (in_world(lambda world, seconds=seconds: story(world, seconds)) for seconds in (0, 8))
    assert careful_s - plain_s == pytest.approx(16, abs=1)
