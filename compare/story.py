"""What is done with a release in a comparison, in virtual time or at real pace: applied, promoted at each pause, taken back."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ..cluster.events import RunBegan, RunEvent, StepBegan, StepEnded, Waiting
from ..cluster.port import Cluster
from ..errors import Refused
from ..measure import SourceOf
from ..plan.observed import TRACK_LABEL
from ..plan.steps import Record
from ..release.model import Release
from ..ship import run as shipping
from ..strategies.base import Request
from .calls import Counted
from .results import Mark
from .scenario import Scenario

HOLDER = "rehearsal"
NO_GATES = "nothing is measured in a rehearsal"
"""Where none has sources that answer: stops stay where gates want them."""


class Point(NamedTuple):
    """From where a way back may be tried: after what, and the share that the new version has by then."""

    after: str
    weight: int


THE_END = Point("the end", 100)
Turns = Callable[[Point], bool]
"""Asked at each point: whether to go back from there."""


def goes_on(_: Point) -> bool:
    return False


class Moment(NamedTuple):
    """A point that is not one of the release's own, as seconds after its start."""

    at_s: float
    point: Point


@dataclass(frozen=True)
class Plot:
    """What is rehearsed of a release: all of it, where its pauses and its end are points from which it may be taken back, and so
    are these `moments`. With a `request`: that verb, to its first pause, and nothing else."""

    request: Request | None = None
    moments: tuple[Moment, ...] = ()


WHOLE = Plot()


class Story:
    """One release, by the strategy, and what is done about it. Times are relative to `zero_s` on the loop's clock.

    `new_is_asked` is set when requests reach the new version, so that somebody may notice how it answers. `turns` is asked at
    each point whether to go back from there. With `gauges`, where its gates measure, the release goes on as these let it; else
    none is asked, and somebody promotes it at each pause.
    """

    def __init__(
        self,
        cluster: Cluster,
        release: Release,
        strategy: str,
        scenario: Scenario,
        zero_s: float,
        new_is_asked: asyncio.Event,
        turns: Turns = goes_on,
        gauges: SourceOf | None = None,
    ) -> None:
        self.cluster = Counted(cluster)
        self.marks: list[Mark] = [Mark(0.0, f"apply {strategy}")]
        self.phase, self.failure, self.is_cut, self.back_s = "Progressing", "", False, math.nan
        self.has_turned = False
        self.plans = 0
        self._release, self._strategy, self._scenario, self._new_is_asked = release, strategy, scenario, new_is_asked
        self._zero_s, self._turns, self._gauges = zero_s, turns, gauges
        self._turned = asyncio.Event()
        self._is_held = False
        self._steps_s: dict[int, float] = {}
        self._is_going_back = False

    @property
    def each_s(self) -> tuple[float, ...]:
        """How long each step of the last plan took."""
        return tuple(self._steps_s.get(place, 0.0) for place in range(max(self._steps_s, default=-1) + 1))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time() - self._zero_s

    async def play(self, plot: Plot = WHOLE) -> None:
        try:
            async with asyncio.timeout(self._scenario.bound_s):
                if plot.request is not None:
                    await self._verb(plot.request, self._strategy)
                elif self._scenario.is_noticed_by_others and plot == WHOLE:
                    await self._until_noticed()
                elif await (self._watched(plot.moments) if plot.moments else self._forth()):
                    self.has_turned = True
                    await self._back()
        except TimeoutError:
            self.is_cut = True

    async def _forth(self) -> bool:
        """Through all pauses. Answers whether to go back from where it is then."""
        if self._gauges is not None:
            return await self._decided()
        result = await self._verb(Request("apply", has_undo=False))
        while result.is_ok and result.phase == "Paused":
            self._mark(f"holds {result.weight}%", result.weight)
            if self._turns(Point(f"holds {result.weight}%", result.weight)):
                return True
            pause = result.plan.pause
            known_s = pause.seconds if pause is not None else None
            await asyncio.sleep(float(known_s) if known_s is not None else self._scenario.gate_s)
            self._mark("promote")
            result = await self._verb(Request("promote", has_undo=False))
        if not result.is_ok:
            return False
        self._mark("promoted", 100)
        return self._turns(THE_END)

    async def _decided(self) -> bool:
        """As `_forth`, by itself, where its gates let it."""
        applied = self._verb(Request("apply", has_undo=False))
        running, turning = asyncio.ensure_future(applied), asyncio.ensure_future(self._turned.wait())
        try:
            await asyncio.wait({running, turning}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                return True
            if not running.result().is_ok:
                return False
        except Refused as why:
            if not self._is_held:
                raise
            self.phase, self.failure = "Paused", why.summary
            return False
        finally:
            running.cancel()
            turning.cancel()
            await asyncio.gather(running, turning, return_exceptions=True)
        self._mark("promoted", 100)
        return self._turns(THE_END)

    async def _watched(self, moments: Sequence[Moment]) -> bool:
        """As `_forth`, with more points: what is under way at one is stopped there, as by Ctrl-C, to go back."""
        loop = asyncio.get_running_loop()
        began_s, running = loop.time(), asyncio.ensure_future(self._forth())
        try:
            for moment in moments:
                await asyncio.wait({running}, timeout=max(began_s + moment.at_s - loop.time(), 0.0))
                if running.done() and running.result():
                    return True
                if self._turns(moment.point):
                    return True
            return await running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    async def _back(self) -> None:
        self.back_s = self._now_s()
        self._mark("rollback")
        await self._verb(Request("rollback", has_undo=False))
        self._mark("rolled back", 0)

    async def _until_noticed(self) -> None:
        """Somebody sees the bad answers a while after the first of them, wherever the release is by then."""

        async def noticed() -> None:
            await self._new_is_asked.wait()
            await asyncio.sleep(self._scenario.notice_s)

        await self._interrupted(self._forth(), noticed())
        if self.phase == "RolledBack":
            return  # it was back before
        self._mark("the bad answers are noticed")
        await self._back()

    async def _interrupted(self, forth: Any, until: Any) -> None:
        """Runs both until the second is over; the first is stopped then, as by Ctrl-C, if it is still running."""
        running, ending = asyncio.ensure_future(forth), asyncio.ensure_future(until)
        try:
            await asyncio.wait({running, ending}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                running.result()
                if not self.failure:
                    await ending
        finally:
            for task in (running, ending):
                task.cancel()
            await asyncio.gather(running, ending, return_exceptions=True)

    async def _verb(self, request: Request, named: str | None = None) -> shipping.Result:
        options = shipping.Options(emit=self._note, holder=HOLDER, force=True, skip_gates=NO_GATES)
        if self._gauges is not None:
            options = replace(options, skip_gates="", goes_on=True, source_of=self._gauges)
        strategy = self._strategy if request.action == "apply" else named
        result = await shipping.run(self.cluster, self._release, request, strategy=strategy, options=options)
        self.phase = result.phase
        if result.failure and not self.failure:
            self.failure = result.failure.summary
        return result

    def _note(self, event: RunEvent) -> None:
        if isinstance(event, StepBegan) and event.step.type in ("apply", "scale", "route", "delete", "patch"):
            self._mark(_words(event.step), self._held_by(event.step))
        elif isinstance(event, RunBegan):
            self.plans += 1
            self._is_going_back = event.is_way_back or event.plan.action == "rollback"
            if self._gauges is not None:
                self._note_run(is_way_back=event.is_way_back)
        elif isinstance(event, StepEnded):
            self._steps_s[event.index] = event.seconds
            if self._gauges is not None and isinstance(event.step, Record) and event.step.phase == "Paused":
                self._mark(f"holds {event.step.weight}%", event.step.weight)
        elif isinstance(event, Waiting) and self._gauges is not None:
            self._hold(event.weight)
        elif isinstance(event, Waiting):
            self._mark("waits", event.weight)

    def _note_run(self, *, is_way_back: bool) -> None:
        """A run of a release that goes on by itself."""
        if is_way_back:
            self.back_s = self._now_s()
            self._mark("goes back")
        elif self._is_held:
            self._mark("promote")
        self._is_held = False

    def _hold(self, weight: int) -> None:
        """At a pause of a release that goes on by itself."""
        self._is_held = True
        if self._turns(Point(f"holds {weight}%", weight)):
            self._turned.set()

    def _held_by(self, step: Any) -> int | None:
        """The share from a step on, where it moves everybody at once: a switch from one side to the other, there or back."""
        is_switch = step.type == "route" and step.was.get(TRACK_LABEL) not in (None, step.selector.get(TRACK_LABEL))
        return (0 if self._is_going_back else 100) if is_switch else None

    def _mark(self, text: str, weight: int | None = None) -> None:
        self.marks.append(Mark(self._now_s(), text, weight))


def _words(step: Any) -> str:
    match step.type:
        case "scale":
            return f"{step.ref.name} to {step.replicas} pods"
        case "route":
            return f"{step.ref.name} switches"
        case "delete":
            return f"{step.ref} goes"
    return f"{step.ref} changes"
