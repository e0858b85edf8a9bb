"""A run's gates: what is measured while a release goes on, and what follows of it.

Each gate is followed by a task of its own: it waits until it is due, asks its source, gives the figures to its judge, and keeps
what came of it beside the revision. A source that is down, slow or answers garbage is told and asked again; it never decides.
What a judge says is heeded in two places: a failed gate that takes the release back raises the run's alarm, and a pause is not
left before the gates that hold it have decided (`hold`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..cluster import findings
from ..cluster.alarm import Alarm
from ..cluster.events import Measured, Noticed, RunEvent
from ..cluster.port import Cluster
from ..errors import ClusterError, Refused
from ..gates.figures import Phase
from ..kube.clock import now
from ..measure import SourceOf, source_of
from ..measure.port import NoFigure, Unmeasured, Window, seen_by
from ..plan.evidence import Evidence, by_gate
from ..plan.revision import Revision
from ..plan.steps import Record
from ..release.model import Release
from .watched import Instant, Watched
from .windows import window_of

WRITE_EVERY_S = 30.0

Emit = Callable[[RunEvent], None]


@dataclass(frozen=True)
class _Held:
    """The pause that a run stands in; `is_last`: after it all requests go to the new version."""

    course: str
    weight: int
    is_last: bool


class Gatekeeper:
    """`alarm` is done, with the reason, when a gate has failed that takes the release back. `is_asked`: a person asks for this
    very promotion, so what has passed needs nobody else."""

    def __init__(
        self,
        cluster: Cluster,
        release: Release,
        *,
        emit: Emit = lambda event: None,
        source_of: SourceOf = source_of,
        is_asked: bool = False,
    ) -> None:
        self._cluster, self._release, self._emit, self._source_of = cluster, release, emit, source_of
        self._is_asked = is_asked
        self._loop = asyncio.get_running_loop()
        self._watched: list[Watched] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._revision: Revision | None = None
        self._stable_version, self._weight = "", 0
        self._held: _Held | None = None
        self._is_after = False
        self._changed = asyncio.Event()
        self._is_dirty, self._written_s = False, 0.0
        self._told_shares: set[float] = set()
        self.alarm: Alarm = self._loop.create_future()

    # as a run's watch (ship.watch)

    async def start(self, revision: Revision, stable_version: str, *, is_up: bool) -> None:
        """Takes up what was measured of this very revision before, and goes on measuring."""
        if self._revision is not None and self._revision.number == revision.number:
            return
        await self._end()
        self._revision, self._stable_version, self._weight = revision, stable_version, revision.weight
        kept = by_gate(await self._kept(revision))
        self._watched = [
            Watched.taken_up(
                gate, self._source_of(gate, self._cluster, self._release.namespace), kept.get(gate.name), self._instant()
            )
            for gate in self._release.gates_for(revision.strategy)
        ]
        self._tasks = [asyncio.create_task(self._follow(each)) for each in self._watched]
        for each in self._watched:
            self._heed(each)

    def mark(self, moment: object) -> None:
        """What a step does is nothing to a gate."""

    def stands(self, record: Record) -> None:
        if self._revision is None or record.number != self._revision.number:
            return
        self._weight, self._held = record.weight, None
        self._is_after = record.phase == "Promoted"
        self._tell_change()

    async def hold(self, paused: Revision, stable_version: str, seconds: float, *, is_last: bool) -> None:
        """Returns when the gates let a release go on that stands in a pause: `seconds` after now at the earliest, and where the
        alarm is raised.

        Raises Refused, with the release left where it stands, where they do not.
        """
        await self.start(paused, stable_version, is_up=True)
        self._held = _Held(f"{paused.weight}@{paused.paused_at}", paused.weight, is_last)
        holding = [each for each in self._watched if each.gate.holds(self._held.weight, is_last=self._held.is_last)]
        for each in holding:  # what the pause before has decided decides nothing of this one
            each.begin_course(self._held.course, self._instant())
            each.is_told.discard("waiting")
        self._tell_change()
        ends_s = self._loop.time() + seconds
        deadlines = {each.gate.name: ends_s + each.gate.deadline for each in holding}
        while not self.alarm.done():
            self._refuse_blocked(holding)
            left_s = ends_s - self._loop.time()
            waiting = [each for each in holding if not each.lets_go]
            if left_s <= 0:
                waiting = [each for each in waiting if not self._is_overdue(each, deadlines[each.gate.name])]
                if not waiting:
                    break
                left_s = min(deadlines[each.gate.name] for each in waiting) - self._loop.time()
                self._tell_waiting(waiting)
            await self._wait(left_s)
        await self._write(at_once=True)

    async def rest(self) -> None:
        """Waits for the gates that are measured after all requests have gone to the new version."""
        after = [each for each in self._watched if each.gate.moment == "after"] if self._is_after else []
        deadlines = {each.gate.name: self._loop.time() + each.gate.deadline for each in after}
        while not self.alarm.done():
            waiting = [each for each in after if not each.lets_go and self._loop.time() < deadlines[each.gate.name]]
            if not waiting:
                return
            await self._wait(min(deadlines[each.gate.name] for each in waiting) - self._loop.time())

    async def stop(self) -> None:
        await self._end()

    @property
    def found(self) -> tuple[Evidence, ...]:
        """What was measured, gate by gate."""
        return tuple(each.evidence for each in self._watched)

    # measuring

    async def _follow(self, one: Watched) -> None:
        while True:
            await self._until_due(one)
            await self._measure(one)
            self._heed(one)
            await self._write(at_once=one.is_settled)

    async def _until_due(self, one: Watched) -> None:
        while True:
            changed = self._changed
            if self._is_on(one):
                one.begin_course(self._held.course if self._held else "", self._instant())
                left_s = one.next_s - self._loop.time()
                if left_s <= 0 and not one.is_settled:
                    return
            else:
                left_s = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if one.is_settled else left_s):
                    await changed.wait()

    def _is_on(self, one: Watched) -> bool:
        moment = one.gate.moment
        if moment == "always":
            return True
        if moment == "after":
            return self._is_after
        return self._held is not None and one.gate.holds(self._held.weight, is_last=self._held.is_last)

    async def _measure(self, one: Watched) -> None:
        """Whatever goes wrong is told and tried again, and never a verdict."""
        instant, window = self._instant(), None
        try:
            window = await self._window(one, instant)
            figures = await one.source.measure(window)
            point = one.take(self._measured(instant), figures, window)
        except Unmeasured as fault:
            self._note_missed(one, instant, fault, window)
        except Exception as fault:
            # by its kind alone: its text may be anything, a secret too
            self._note_missed(one, instant, Unmeasured(f"what measures it broke: {type(fault).__name__}"), window)
        else:
            self._is_dirty = True
            self._tell_share(one)
            self._emit(Measured(one.evidence, point.said))
            one.settle()
            self._tell_change()

    async def _window(self, one: Watched, instant: Instant) -> Window:
        assert self._revision is not None
        span = one.span(instant)
        try:
            window = await window_of(
                self._cluster, self._release, self._revision, self._stable_version,
                weight=self._weight, seconds=span.seconds, number=span.number, is_first=span.is_first,
            )  # fmt: skip
        except ClusterError as error:
            raise Unmeasured(f"the pods cannot be looked at: {error.summary}") from None
        if window is None:
            raise NoFigure("no pod of the new version is ready yet")
        return seen_by(one.gate, window)

    def _note_missed(self, one: Watched, instant: Instant, fault: Unmeasured, window: Window | None) -> None:
        before = one.evidence.missed
        if one.miss(self._measured(instant), fault, one.source.asks(window) if window else ()):
            self._emit(Noticed(f"gate {one.gate.name} cannot be measured: {fault}; it is tried again"))
        self._is_dirty |= one.evidence.missed != before
        one.settle()
        self._tell_change()

    def _tell_share(self, one: Watched) -> None:
        """Before any result, once for all gates: whoever reads of a comparison has to know of whom it is."""
        split = one.evidence.split
        if split.is_off and split.wanted not in self._told_shares:
            self._told_shares.add(split.wanted)
            self._emit(Noticed(f"{split.told}: by connections that stay open, by another route, or as its pods answer"))

    def _instant(self) -> Instant:
        return Instant(now().timestamp(), self._loop.time())

    def _measured(self, begun: Instant) -> Instant:
        """It is of the moment when it was asked for, and followed by the next one an interval after it was answered."""
        return begun._replace(loop_s=self._loop.time())

    # deciding

    def _heed(self, one: Watched) -> None:
        if one.evidence.phase != Phase.FAILED or "failed" in one.is_told:
            return
        one.is_told.add("failed")
        text = one.gate.told(Phase.FAILED, one.evidence.why)
        if one.gate.on_fail == "rollback" and not self.alarm.done():
            self.alarm.set_result(text)
        elif one.gate.on_fail != "rollback":
            follows = "it goes no further than its next pause" if one.gate.on_fail == "pause" else "only told, as it says"
            self._emit(Noticed(f"{text} ({follows})"))

    def _refuse_blocked(self, holding: Sequence[Watched]) -> None:
        for one in holding:
            phase = one.evidence.phase
            if phase in one.gate.halts_on and not (phase == Phase.PASSED and self._is_asked):
                self._refuse(one, one.gate.told(phase, one.evidence.why))

    def _refuse(self, one: Watched, why: str) -> None:
        weight = self._held.weight if self._held else self._weight
        raise Refused(
            f"{self._release.app} stays{f' at {weight}%' if weight else ''}: {why}",
            detail="\n".join(one.evidence.asks),
            hint='`deploy rollback` takes it back; `deploy promote --skip-gates "reason"` takes it on all the same',
        )

    def _is_overdue(self, one: Watched, deadline_s: float) -> bool:
        """Whether it is not waited for any longer. Raises Refused, or raises the alarm, where that is what follows."""
        if one.fail_unmeasured():
            self._heed(one)
            self._refuse_blocked([one])
            return False
        if self._loop.time() < deadline_s:
            return False
        why = f"gate {one.gate.name} is undecided after its deadline: {one.seen}"
        match one.gate.on_undecided:
            case "promote":
                if "overdue" not in one.is_told:
                    one.is_told.add("overdue")
                    self._emit(Noticed(f"{why}; the release goes on, as the gate says"))
                return True
            case "rollback":
                if not self.alarm.done():
                    self.alarm.set_result(why)
                return True
            case "pause":
                self._refuse(one, why)
        return True

    def _tell_waiting(self, waiting: Sequence[Watched]) -> None:
        for one in waiting:
            if "waiting" not in one.is_told:
                one.is_told.add("waiting")
                self._emit(Noticed(f"waiting for gate {one.gate.name}: {one.seen}"))

    # keeping

    async def _kept(self, revision: Revision) -> tuple[Evidence, ...]:
        try:
            return await findings.load(self._cluster, self._release.app, self._release.namespace, revision.number)
        except ClusterError as error:
            self._emit(Noticed(f"what the gates had measured before cannot be read: {error.summary}"))
            return ()

    async def _write(self, *, at_once: bool) -> None:
        """Bounded: what is not written now is with the next one."""
        moment_s = self._loop.time()
        if self._revision is None or not self._is_dirty or not (at_once or moment_s - self._written_s >= WRITE_EVERY_S):
            return
        self._written_s, self._is_dirty = moment_s, False
        try:
            await findings.write(self._cluster, self._release.app, self._release.namespace, self._revision.number, self.found)
        except ClusterError:
            self._is_dirty = True

    async def _end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await self._write(at_once=True)
        for each in self._watched:
            await each.source.close()

    # waiting

    def _tell_change(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def _wait(self, seconds: float) -> None:
        """At most so long, at most until something changes."""
        changed = asyncio.ensure_future(self._changed.wait())
        try:
            awaited: set[asyncio.Future[object]] = {changed, self.alarm}  # type: ignore[arg-type]
            await asyncio.wait(awaited, timeout=max(seconds, 0.0), return_when=asyncio.FIRST_COMPLETED)
        finally:
            changed.cancel()
