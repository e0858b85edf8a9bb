"""A release that is watched from outside, on the embedded cluster in virtual time. The watch rings when the test says so."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from changing import own_selector
from rollway.cli.views.failure_text import failure_lines
from rollway.cli.views.paint import Paint
from rollway.cluster.events import Failure, RunBegan, RunEvent, StepBegan, Waiting
from rollway.errors import Refused, TimedOut
from rollway.load.report import Sample
from rollway.load.target import Bound
from rollway.load.verdict import Verdict
from rollway.plan.steps import Hold, Wait
from rollway.release.options import StrategyOptions
from rollway.ship.run import Result
from shop import STRATEGIES, in_world, promoted, release
from tallied import report_of

REASON = "1 of 12 requests lost (1 refused); none may be"


class Sentinel:
    """Raises the alarm where `when` says so of an event, or while it rests."""

    def __init__(self, when=lambda event: False, *, in_rest: bool = False, refuses: bool = False, lost: int = 0) -> None:
        self.alarm: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.calls: list[str] = []
        self.marks: list[object] = []
        self.rested_at = 0.0
        self._when, self._in_rest, self._refuses, self._lost = when, in_rest, refuses, lost

    async def start(self, *, is_up: bool) -> None:
        self.calls.append(f"start {'up' if is_up else 'down'}")
        if self._refuses:
            raise Refused("http://shop loses requests before anything has changed")

    def mark(self, moment: object) -> None:
        self.marks.append(moment)

    async def rest(self) -> None:
        self.calls.append("rest")
        self.rested_at = asyncio.get_running_loop().time()
        if self._in_rest:
            self.ring()

    async def stop(self) -> Verdict:
        self.calls.append("stop")
        samples = [
            Sample(n, n * 0.1, 0, 0.01, 0 if n < self._lost else 200, lost="refused" if n < self._lost else None)
            for n in range(12)
        ]
        return Verdict("http://shop", report_of(samples, 10), Bound(0))

    def ring(self) -> None:
        if not self.alarm.done():
            self.alarm.set_result(REASON)

    def see(self, event: RunEvent) -> None:
        if self._when(event):
            # not in the same breath: as a request that is lost a moment later
            asyncio.get_running_loop().call_later(0.05, self.ring)


def is_way_on(event: RunEvent) -> bool:
    return isinstance(event, StepBegan) and isinstance(event.step, Wait)


def told_of(result: Result) -> str:
    """What a failure's last line says of where the application stands."""
    return list(failure_lines(result, never_left=False, paint=Paint(False)))[-1]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_alarm_takes_the_release_back(strategy):
    """Every strategy: the step under way is left, the way back runs, and its reason is the watch's, in the history, too."""

    async def story(world):
        await promoted(world, "v1", strategy)
        watch = Sentinel(is_way_on)
        result = await world.ship("apply", release("v2", strategy=strategy), weight=100, watch=watch, emit=watch.see)
        return result, watch, await world.history(), world.versions()

    result, watch, history, versions = in_world(story)

    assert (result.failure.summary, result.phase, result.way_back_failure) == (REASON, "RolledBack", None)
    assert (history[-1].phase, history[-1].message) == ("RolledBack", REASON)
    assert history[-2].phase == "Promoted"
    assert versions == {"v1": 4}
    assert watch.calls[0] == "start up"
    assert watch.calls[-1] == "stop"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_loss_after_the_last_step_takes_it_back_too(strategy):
    """What terminating pods lose counts: a version that was promoted a moment ago goes back, to the one before."""

    async def story(world):
        await promoted(world, "v1", strategy)
        result = await world.ship("apply", release("v2", strategy=strategy), weight=100, watch=Sentinel(in_rest=True))
        return result, await world.history(), world.routed_versions()

    result, history, routed = in_world(story)

    assert (result.failure.summary, result.phase) == (REASON, "RolledBack")
    assert [(one.version, one.phase) for one in history] == [("v1", "Promoted"), ("v2", "RolledBack")]
    assert history[-1].message == REASON
    assert routed == {"v1"}


def test_the_old_side_of_blue_green_is_still_warm():
    """An alarm while it waits to be scaled down is a switch back, with no pod started."""

    async def story(world):
        await promoted(world, "v1", "blue-green")
        watch = Sentinel(lambda event: isinstance(event, StepBegan) and isinstance(event.step, Hold))
        began = []
        result = await world.ship(
            "apply", release("v2", strategy="blue-green"), watch=watch, emit=lambda event: (watch.see(event), began.append(event))
        )
        return result, await world.history(), world.routed_versions(), began

    result, history, routed, began = in_world(story)

    assert (result.phase, routed) == ("RolledBack", {"v1"})
    assert history[-1].message == REASON
    ways = [event.plan for event in began if isinstance(event, RunBegan) and event.is_way_back]
    assert "route" in [step.type for step in ways[0].steps]
    assert result.seconds < 30, "it did not wait for the end of the hold"


def test_a_verdict_waits_until_the_old_pods_are_gone():
    """The last requests are those that a terminating pod may still be asked."""

    async def story(world):
        await promoted(world, "v1", "ramped")
        watch = Sentinel()
        ended = []
        result = await world.ship(
            "apply", release("v2"), watch=watch, emit=lambda event: ended.append(asyncio.get_running_loop().time())
        )
        return result, watch, ended[-1]

    result, watch, ended = in_world(story)

    assert result.is_ok
    assert result.verdict.summary == "0 of 12 requests lost"
    assert watch.rested_at - ended >= 2.0 + 1.0, "a second of preStop, then what proxies take to learn"
    assert watch.calls == ["start up", "rest", "stop", "stop"]


def test_so_it_does_for_pods_that_another_selector_chooses():
    """Those of the version before: no selector of the version that came has them."""

    async def story(world):
        options = {"blueGreen": {"scaleDownDelaySeconds": 1}}
        v1, v2 = (
            dataclasses.replace(own_selector(tag, "blue-green"), options=StrategyOptions.model_validate(options))
            for tag in ("v1", "v2")
        )
        await promoted(world, v1)
        watch, ended = Sentinel(), []
        result = await world.ship("apply", v2, watch=watch, emit=lambda event: ended.append(asyncio.get_running_loop().time()))
        return result, watch.rested_at - ended[-1]

    result, rested_s = in_world(story)
    assert result.phase == "Promoted"
    assert rested_s >= 2.0 + 1.0


def test_steps_are_what_losses_are_told_by():
    """Every step of the way marks a moment."""

    async def story(world):
        await promoted(world, "v1", "canary")
        watch = Sentinel()
        result = await world.ship("apply", release("v2", strategy="canary"), strategy="canary", watch=watch)
        return result, watch.marks

    result, marks = in_world(story)

    steps = [step for step in result.plan.steps if step.type not in ("record", "pause")]
    assert marks == [*steps, "after the last step"]


def test_nothing_is_touched_where_the_watch_refuses():
    """A service that loses requests already says nothing of the release: refused, and the lock is free again."""

    async def story(world):
        await promoted(world, "v1", "ramped")
        with pytest.raises(Refused):
            await world.ship("apply", release("v2"), watch=Sentinel(refuses=True))
        return world.versions(), await world.history(), await world.ship("apply", release("v2"))

    versions, history, after = in_world(story)

    assert (versions, [one.version for one in history]) == ({"v1": 4}, ["v1"])
    assert after.is_ok


def test_a_first_release_needs_not_answer_before():
    """There is nothing yet that could."""

    async def story(world):
        watch = Sentinel()
        return await world.ship("apply", release("v1"), watch=watch), watch.calls

    result, calls = in_world(story)

    assert result.is_ok
    assert calls[0] == "start down"


def test_a_rollback_is_never_abandoned():
    """What is lost on the way back is told, and fails the command; the way back goes on to its end."""

    async def story(world):
        await promoted(world, "v1", "ramped")
        await promoted(world, "v2", "ramped")
        watch = Sentinel(is_way_on, lost=3)
        result = await world.ship("rollback", release("v2"), watch=watch, emit=watch.see)
        return result, watch.calls, world.versions()

    result, calls, versions = in_world(story)

    assert (calls[0], versions, result.phase) == ("start down", {"v1": 4}, "RolledBack")
    assert result.failure == Failure("3 of 12 requests lost (3 refused); none may be")
    assert told_of(result).startswith("  done all the same: rolled back to v1")


def test_an_alarm_during_a_timed_pause():
    """A run that goes on by itself is watched between its parts, too, and goes back at once."""

    async def story(world):
        await promoted(world, "v1", "canary")
        options = {"canary": {"steps": [{"weight": 50, "pause": 600}]}}
        watch = Sentinel(lambda event: isinstance(event, Waiting))
        result = await world.ship(
            "apply",
            release("v2", strategy="canary", options=options),
            strategy="canary",
            goes_on=True,
            watch=watch,
            emit=watch.see,
        )
        return result, asyncio.get_running_loop().time(), world.versions()

    result, seconds, versions = in_world(story)

    assert (result.phase, versions) == ("RolledBack", {"v1": 4})
    assert seconds < 200


def test_left_as_it_is_where_that_is_asked_for():
    """--no-rollback leaves a promoted version live, and the run failed."""

    async def story(world):
        await promoted(world, "v1", "ramped")
        result = await world.ship("apply", release("v2"), goes_back=False, watch=Sentinel(in_rest=True))
        return result, await world.history(), world.versions()

    result, history, versions = in_world(story)

    assert (result.is_ok, result.phase, history[-1].phase, versions) == (False, "Promoted", "Promoted", {"v2": 4})
    assert told_of(result) == "  done all the same: promoted as revision 2 · back: deploy rollback"


def test_a_run_that_is_cut_off_stops_its_watch():
    """Nothing goes on looking after a timeout."""

    async def story(world):
        watch = Sentinel()
        with pytest.raises(TimedOut):
            await world.ship("apply", release("v1"), watch=watch, timeout_s=0.5)
        return watch.calls

    assert in_world(story)[-1] == "stop"


def test_an_empty_plan_is_not_watched():
    """Where nothing needs doing there is nothing to see."""

    async def story(world):
        await promoted(world, "v1", "ramped")
        watch = Sentinel()
        return await world.ship("apply", release("v1"), watch=watch), watch.calls

    result, calls = in_world(story)

    assert (result.verdict, calls) == (None, ["stop"])
