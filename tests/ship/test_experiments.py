"""An experiment around an ab release, on the embedded cluster in virtual time. What is counted the test says."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rollway.cluster import findings
from rollway.cluster.events import Measured, Noticed, RunEvent
from rollway.errors import Refused
from rollway.gates.effects import Sums
from rollway.gates.figures import Figures, Phase, Samples, Trials
from rollway.measure.port import NoFigure, Unmeasured, Window
from rollway.plan.evidence import MOST_POINTS
from rollway.ship.expecting import expected_now, experiment_of
from rollway.ship.run import Result
from shop import World, in_world, release

HOUR_S = 3600.0
METRIC = {"count": 'v{p=~"{{pods}}"}', "total": 'o{p=~"{{pods}}"}'}


def shop(tag: str, **experiment: Any) -> Any:
    asked = {"prometheus": "http://prometheus:9090", "metrics": {"orders": METRIC}, "longest": "8h", **experiment}
    ab = {"match": [], "weight": 50, "sticky": True, "experiment": asked}
    return release(tag, strategy="ab", options={"ab": ab})


class Counted:
    """Counters that grow by `rate` visits a second; the shares that convert, and of the visits b's part. `faults` are raised
    first, one a measurement."""

    def __init__(self, a: float, b: float, *, rate: float = 20.0, part: float = 0.5, faults: tuple[Exception, ...] = ()) -> None:
        self.a, self.b, self.rate, self.part, self.faults = a, b, rate, part, list(faults)
        self.windows: list[tuple[float, Window]] = []

    async def measure(self, window: Window) -> Figures:
        if self.faults:
            raise self.faults.pop(0)
        self.windows.append((asyncio.get_running_loop().time(), window))
        new, stable = self.rate * window.seconds * self.part, self.rate * window.seconds * (1 - self.part)
        samples = Samples(Sums(stable, self.a * stable), Sums(new, self.b * new))
        return Trials({"orders": samples}, window.share, window.seconds)

    def asks(self, window: Window) -> list[str]:
        return []

    async def close(self) -> None:
        pass


async def go(world: World, target: Any, source: Any, action: str = "apply", **how: Any) -> tuple[Result | str, list[RunEvent]]:
    """How it ended, or why it stays."""
    seen: list[RunEvent] = []
    try:
        result = await world.ship(action, target, **{"goes_on": True, "emit": seen.append, "source_of": lambda *_: source, **how})
    except Refused as refused:
        return str(refused), seen
    return result, seen


@pytest.mark.parametrize(("b", "phase"), [(0.12, "Promoted"), (0.08, "RolledBack")])
def test_the_better_version_stays_where_that_is_asked(b: float, phase: str) -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        ended, _ = await go(world, shop("v2", onDecision="promote"), Counted(0.1, b))
        return ended, world.routed_versions()

    ended, routed = in_world(story)
    assert ended.phase == phase
    assert routed == ({"v2"} if phase == "Promoted" else {"v1"})
    assert ended.gates[0].why.startswith("b is better by 20% (" if phase == "Promoted" else "b is worse by 20% (")
    if phase == "RolledBack":
        assert ended.failure.summary.startswith("its experiment has ended: b is worse by 20%")


@pytest.mark.parametrize("said", ["pause", None])
@pytest.mark.parametrize("b", [0.12, 0.08, 0.1])
def test_else_it_stays_where_it_is(b: float, said: str | None) -> None:
    """Stopped when it is decided where that is asked, and at its longest time at the latest."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        began = asyncio.get_running_loop().time()
        ended, seen = await go(world, shop("v2", **({"onDecision": said} if said else {})), source := Counted(0.1, b))
        return ended, asyncio.get_running_loop().time() - began, (await world.history())[-1], seen, source

    ended, took, last, seen, source = in_world(story)
    assert (last.phase, last.weight) == ("Paused", 50)
    assert ended.startswith("shop stays at 50%: its experiment has ended: ")
    is_long = said is None or b == 0.1
    assert took == pytest.approx(8 * HOUR_S, abs=400) if is_long else took < 2 * HOUR_S
    if b == 0.1:
        assert "over after 8 hours, and not decided: b may be anything from" in ended
    elif said is None:
        told = [event.gate.why for event in seen if isinstance(event, Measured)]
        assert any(why.endswith("; it may be stopped now") for why in told)
    assert source.windows[0][1].share == 0.5


def test_a_person_may_promote_what_has_won_and_nothing_else() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        target = shop("v2", onDecision="pause")
        await go(world, target, source := Counted(0.1, 0.12))
        again, _ = await go(world, target, source)  # the same command again says the same again
        asked, _ = await go(world, target, source, "promote", goes_on=False, is_asked=True)
        await go(world, target := shop("v3", onDecision="pause"), worse := Counted(0.1, 0.08))
        refused, _ = await go(world, target, worse, "promote", goes_on=False, is_asked=True)
        overruled, _ = await go(world, target, worse, "promote", goes_on=False, is_asked=True, skip_gates="b is nicer")
        return again, asked, refused, overruled

    again, asked, refused, overruled = in_world(story)
    assert "b is better by 20%" in again
    assert asked.phase == "Promoted"
    assert "b is worse by 20%" in refused
    assert overruled.phase == "Promoted"


def test_who_gets_too_many_visits_wins_nothing() -> None:
    """Told first, once, and decided by nobody."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        ended, seen = await go(world, shop("v2", onDecision="promote"), Counted(0.1, 0.2, part=0.53))
        return ended, seen

    ended, seen = in_world(story)
    assert "over after 8 hours, and no result: the new version gets 53% of the requests in place of 50%" in ended
    assert sum(isinstance(event, Noticed) and "in place of 50%" in event.message for event in seen) == 1


def test_killed_and_taken_up_again_it_counts_what_it_would_have_counted() -> None:
    """Every 20 minutes; neither reset nor doubled, and its longest time goes on from its beginning."""

    async def story(world: World, cuts: int) -> Any:
        await world.ship("apply", shop("v1"))
        source, target = Counted(0.1, 0.101), shop("v2")
        for _ in range(cuts):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1200.0):
                    await go(world, target, source)
        began = asyncio.get_running_loop().time()
        ended, _ = await go(world, target, source)
        [kept] = await findings.load(world.cluster, "shop", "shop", 2)
        return ended, kept, asyncio.get_running_loop().time() - began

    (whole, one, longest), (again, other, left) = (in_world(lambda world, cuts=cuts: story(world, cuts)) for cuts in (0, 6))
    assert longest - left == pytest.approx(6 * 1200, abs=700)
    assert whole == again
    for side in ("stable", "new"):
        assert other.state[side]["orders"][0] == pytest.approx(one.state[side]["orders"][0], rel=0.01)
        assert other.state[side]["orders"][0] == pytest.approx(10 * (other.until_s - other.began_s), rel=0.01)


FAULTS = (Unmeasured("status 503"), NoFigure("the query answers nan, which is no count"), RuntimeError("whatever"))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_source_that_is_down_decides_nothing(fault: Exception) -> None:
    """Until the end of its time; and while it is away for an hour nothing is lost and nothing decided."""

    async def story(world: World, times: int) -> Any:
        await world.ship("apply", shop("v1"))
        ended, _ = await go(world, shop("v2", onDecision="promote"), source := Counted(0.1, 0.12, faults=(fault,) * times))
        return ended, source, (await world.history())[-1].phase

    ended, source, phase = in_world(lambda world: story(world, 10_000))
    assert phase == "Paused"
    assert "shop stays at 50%" in ended
    assert not source.windows
    ended, source, phase = in_world(lambda world: story(world, 100))
    assert phase == "Promoted"
    assert source.windows[0][1].seconds > 900  # of all that time


def test_its_evidence_is_thinned_and_not_cut() -> None:
    """However often it was looked, what is kept is of the whole time, and small."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        await go(world, shop("v2", interval="20s"), Counted(0.1, 0.1))
        [kept] = await findings.load(world.cluster, "shop", "shop", 2)
        return kept

    kept = in_world(story)
    assert kept.phase == Phase.INCONCLUSIVE
    assert kept.measured > 1000
    assert MOST_POINTS // 2 <= len(kept.points) <= MOST_POINTS
    assert kept.points[0].at_s - kept.began_s < HOUR_S
    widths = [high - low for point in kept.points if point.interval for _, low, high in [point.interval]]
    assert widths[-1] < widths[len(widths) // 2] < widths[0]


@pytest.mark.parametrize("under_way", [False, True])
def test_how_long_it_takes_at_the_traffic_that_there_is(under_way: bool) -> None:
    """As the counters show it now: of the version that serves before the release, of both once it is under way."""

    async def story(world: World) -> str:
        await world.ship("apply", shop("v1"))
        wanted = shop("v2", least="10%")
        if under_way:
            await world.ship("apply", wanted)
        gate = experiment_of(wanted)
        assert gate is not None
        return await expected_now(world.cluster, wanted, gate, source_of=lambda *_: Counted(0.1, 0.1, rate=20.0))

    told = in_world(story)
    assert told.startswith("as in the last 5 minutes, it finds a difference of 10% in orders within ")
    assert f"at {20 if under_way else 10} visits/s and a mean of 0.1" in told


def test_traffic_that_tells_nothing() -> None:
    """No conversion yet is no mean, and what is a source's fault stays one."""

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1"))
        gate = experiment_of(shop("v2", least="10%"))
        assert gate is not None
        with pytest.raises(Unmeasured, match="0 of 3000 visits in the last 5 minutes tell no mean"):
            await expected_now(world.cluster, shop("v2"), gate, source_of=lambda *_: Counted(0.0, 0.0))
        source = Counted(0.1, 0.1, faults=(NoFigure("NaN"),))
        with pytest.raises(NoFigure):
            await expected_now(world.cluster, shop("v2"), gate, source_of=lambda *_: source)

    in_world(story)
