"""A release with its gates in virtual time, which measure what a test says: what is decided, and when."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..cluster.events import Measured, RunEvent, StepEnded
from ..cluster.port import Cluster
from ..errors import RollwayError
from ..gates.figures import Both, Counts, Figures, Outcome, Pair, Pairs, Samples, Value
from ..measure.port import NoFigure, Window, sums
from ..plan.steps import Record
from ..release.gates import Gate
from ..release.incidents import Expected, Incident, Measurements, Series, Sides
from ..release.model import Release
from ..sandbox.store.store import Store
from ..sandbox.timeline import run_virtual
from ..sandbox.world import Sandbox
from ..ship import run as shipping
from ..strategies.base import Request
from .rehearsal import Base
from .story import HOLDER

SETTLES_S = 1.0
"""What a verdict may be late by: a decision follows its measurement, and the release its decision."""


class Moment(NamedTuple):
    """At `at_s` it stood like this: a gate's phase and why, or the release's."""

    at_s: float
    phase: str
    why: str = ""


@dataclass
class Course:
    """What came of an incident: gate by gate, and of the release."""

    gates: dict[str, list[Moment]] = field(default_factory=dict)
    release: list[Moment] = field(default_factory=list)

    def seen(self, expected: Expected) -> Moment:
        moments = self.release if expected.gate is None else self.gates.get(expected.gate, [])
        past = [each for each in moments if each.at_s <= expected.at + SETTLES_S]
        return past[-1] if past else Moment(0.0, "under way" if expected.gate is None else "running", "nothing was measured yet")


def tried(base: Base, release: Release, incident: Incident) -> Course:
    """The release is applied to the old version at rest, and goes on by itself. Raises RollwayError where it cannot be."""
    return run_virtual(_tried(base, release, incident), begin_s=base.at_s)


async def _tried(base: Base, release: Release, incident: Incident) -> Course:
    loop, course = asyncio.get_running_loop(), Course()
    zero_s = loop.time()

    def note(event: RunEvent) -> None:
        at_s = loop.time() - zero_s
        if isinstance(event, Measured):
            moment = Moment(at_s, str(event.gate.phase), f"{event.said}: {event.gate.why}")
            course.gates.setdefault(event.gate.gate, []).append(moment)
        elif isinstance(event, StepEnded) and isinstance(event.step, Record) and event.step.phase in _STANDS:
            course.release.append(Moment(at_s, _STANDS[event.step.phase], event.step.message))

    def source_of(gate: Gate, cluster: Cluster, namespace: str) -> Scripted:
        return Scripted(gate, incident.series.get(gate.name), incident.interval, lambda: loop.time() - zero_s)

    async with Sandbox(store=Store(snapshot=base.snapshot, forgets=True), presumes=True) as sandbox:
        options = shipping.Options(emit=note, holder=HOLDER, goes_on=True, source_of=source_of)
        try:
            async with asyncio.timeout(max(each.at for each in incident.expect) + SETTLES_S + 1.0):
                result = await shipping.run(sandbox.client(), release, Request("apply"), options=options)
        except TimeoutError:
            return course
        except RollwayError as error:
            course.release.append(Moment(loop.time() - zero_s, "paused", error.summary))
            return course
        why = result.failure.summary if result.failure else ""
        course.release.append(Moment(loop.time() - zero_s, _STANDS.get(result.phase, "under way"), why))
        return course


_STANDS: Mapping[str, str] = {
    "Progressing": "under way", "Paused": "paused", "Promoted": "promoted", "RolledBack": "rolled back", "Failed": "under way",
}  # fmt: skip


class Scripted:
    """A source that answers what a test says."""

    def __init__(self, gate: Gate, measured: Measurements | None, interval_s: float, now_s: Callable[[], float]) -> None:
        self._gate, self._measured, self._interval_s, self._now_s = gate, measured, interval_s, now_s

    async def measure(self, window: Window) -> Figures:
        asked, now_s = self._measured, self._now_s()
        if asked is None:
            raise NoFigure("the test has no series for this gate")
        if asked.values is not None:
            metric = next(iter(self._gate.compare or ["value"]))
            return Pairs({metric: Pair(self._at(asked.values.stable, now_s), self._at(asked.values.new, now_s))})
        if asked.requests is not None and asked.errors is not None:
            return self._counted(asked.requests, asked.errors, window.seconds)
        if asked.count is not None and asked.total is not None:
            return self._visits([each for each in (asked.count, asked.total, asked.squares) if each is not None], window.seconds)
        value = self._at(asked.value or (), now_s)
        if self._gate.options.concludes:
            return Outcome(None if value is None or math.isnan(value) else bool(value))
        if value is None or math.isnan(value):
            raise NoFigure("the series has no value there")
        return Value(value)

    def asks(self, window: Window) -> list[str]:
        return []

    async def close(self) -> None:
        pass

    def _counted(self, requests: Sides, errors: Sides, seconds: float) -> Both:
        found = [self._rise(each, seconds) for each in (requests.stable, errors.stable, requests.new, errors.new)]
        if any(each is None for each in found):
            raise NoFigure("a counter has no value there")
        whole, bad, new_whole, new_bad = (each or 0.0 for each in found)
        return Both(Counts(whole, min(bad, whole)), Counts(new_whole, min(new_bad, new_whole)))

    def _visits(self, counters: Sequence[Sides], seconds: float) -> Samples:
        sides = [[self._rise(getattr(each, side), seconds) for each in counters] for side in ("stable", "new")]
        if any(each is None for side in sides for each in side):
            raise NoFigure("a counter has no value there")
        return Samples(*map(sums, sides))

    def _at(self, values: Series, at_s: float) -> float | None:
        """The last value that had been there by then; the first one is of the beginning, and none is after the last."""
        place = int(max(at_s, 0.0) / self._interval_s)
        return values[place] if place < len(values) else None

    def _rise(self, values: Series, seconds: float) -> float | None:
        now_s = self._now_s()
        before, after = self._at(values, now_s - seconds), self._at(values, now_s)
        if before is None or after is None:
            return None
        return after - before if after >= before else after  # a counter that fell began anew
