"""A run's gates: what is measured while a release goes on, and what follows of it.

Each gate is followed by a task of its own: it waits until it is due, asks its source, gives the figures to its judge, and keeps
what came of it beside the revision. A source that is down, slow or answers garbage is told and asked again; it never decides.
What a judge says is heeded in two places: a failed gate that takes the release back raises the run's alarm, and a pause is not
left before the gates that hold it have decided (`hold`)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ..cluster import findings
from ..cluster.alarm import Alarm
from ..cluster.events import Measured, Noticed, RunEvent
from ..cluster.port import Cluster
from ..errors import ClusterError, Refused
from ..gates.figures import Figures, Judge, Phase
from ..gates.judges import judge_of
from ..gates.words import figure_of, in_words
from ..kube.clock import now
from ..kube.objects import digest
from ..measure import SourceOf, source_of
from ..measure.port import NoFigure, Source, Unmeasured, Window
from ..plan.evidence import Evidence, Point, by_gate
from ..plan.revision import Revision
from ..plan.steps import Record
from ..release.gates import Gate
from ..release.model import Release
from .windows import window_of

RETRY_S = 10.0
"""After an attempt that measured nothing, whatever the interval (as Argo Rollouts has it)."""
WRITE_EVERY_S = 30.0
LONGEST_WINDOW_S = 3600.0
"""What a measurement reaches back after a gap: a Prometheus need not keep more."""

Emit = Callable[[RunEvent], None]


@dataclass
class _Watched:
    """One gate, and how it stands."""

    gate: Gate
    judge: Judge
    source: Source
    evidence: Evidence
    next_s: float = 0.0
    is_told: set[str] = field(default_factory=set)

    @property
    def is_settled(self) -> bool:
        return self.evidence.phase in (Phase.PASSED, Phase.FAILED)


@dataclass(frozen=True)
class _Held:
    """The pause that a run stands in; `is_last`: after it all requests go to the new version."""

    course: str
    weight: int
    is_last: bool


class Gatekeeper:
    """`alarm` is done, with the reason, when a gate has failed that takes the release back."""

    def __init__(
        self,
        cluster: Cluster,
        release: Release,
        *,
        emit: Emit = lambda event: None,
        source_of: SourceOf = source_of,
    ) -> None:
        self._cluster, self._release, self._emit, self._source_of = cluster, release, emit, source_of
        self._loop = asyncio.get_running_loop()
        self._watched: list[_Watched] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._revision: Revision | None = None
        self._stable_version, self._weight = "", 0
        self._held: _Held | None = None
        self._is_after = False
        self._changed = asyncio.Event()
        self._is_dirty, self._written_s = False, 0.0
        self.alarm: Alarm = self._loop.create_future()

    # as a run's watch (ship.watch)

    async def start(self, revision: Revision, stable_version: str, *, is_up: bool) -> None:
        """Takes up what was measured of this very revision before, and goes on measuring."""
        if self._revision is not None and self._revision.number == revision.number:
            return
        await self._end()
        self._revision, self._stable_version, self._weight = revision, stable_version, revision.weight
        kept = by_gate(await self._kept(revision))
        self._watched = [self._taken_up(gate, kept.get(gate.name)) for gate in self._release.gates]
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
        self._tell_change()
        ends_s = self._loop.time() + seconds
        holding = [each for each in self._watched if each.gate.holds(self._held.weight, is_last=self._held.is_last)]
        deadlines = {each.gate.name: ends_s + each.gate.deadline for each in holding}
        while not self.alarm.done():
            self._refuse_blocked(holding)
            left_s = ends_s - self._loop.time()
            waiting = [each for each in holding if not self._lets_go(each)]
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
            waiting = [each for each in after if not self._lets_go(each) and self._loop.time() < deadlines[each.gate.name]]
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

    async def _follow(self, one: _Watched) -> None:
        while True:
            await self._until_due(one)
            await self._measure(one)
            self._heed(one)
            await self._write(at_once=one.is_settled)

    async def _until_due(self, one: _Watched) -> None:
        while True:
            changed = self._changed
            if self._is_on(one):
                self._begin_course(one)
                left_s = one.next_s - self._loop.time()
                if left_s <= 0 and not one.is_settled:
                    return
            else:
                left_s = None
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(None if one.is_settled else left_s):
                    await changed.wait()

    def _is_on(self, one: _Watched) -> bool:
        moment = one.gate.moment
        if moment == "always":
            return True
        if moment == "after":
            return self._is_after
        return self._held is not None and one.gate.holds(self._held.weight, is_last=self._held.is_last)

    def _begin_course(self, one: _Watched) -> None:
        """A gate of pauses is decided anew at each of them; the errors of a version are added up through all of them."""
        course = self._held.course if self._held is not None and not one.gate.goes_on else ""
        if course and course != one.evidence.course:
            fresh = self._fresh(one.gate)
            one.evidence = fresh.model_copy(
                update={"course": course, "points": one.evidence.points, "number": one.evidence.number}
            )
            one.next_s = self._loop.time() + one.gate.initial_delay

    async def _measure(self, one: _Watched) -> None:
        at_s = now().timestamp()
        number, seconds = one.evidence.number + 1, min(max(at_s - one.evidence.until_s, 1.0), LONGEST_WINDOW_S)
        try:
            window = await self._window(one, seconds, number)
            figures = await one.source.measure(window)
        except NoFigure as nothing:
            self._note_missed(one, at_s, str(nothing), is_fault=False)
        except Unmeasured as fault:
            self._note_missed(one, at_s, str(fault), is_fault=True)
        else:
            self._note(one, at_s, figures, window)

    async def _window(self, one: _Watched, seconds: float, number: int) -> Window:
        assert self._revision is not None
        counted_s = seconds if one.gate.is_counted or one.gate.pods is not None else float(one.gate.interval)
        try:
            window = await window_of(
                self._cluster, self._release, self._revision, self._stable_version,
                weight=self._weight, seconds=counted_s, number=number,
            )  # fmt: skip
        except ClusterError as error:
            raise Unmeasured(f"the pods cannot be looked at: {error.summary}") from None
        if window is None:
            raise NoFigure("no pod of the new version is ready yet")
        return window

    def _note(self, one: _Watched, at_s: float, figures: Figures, window: Window) -> None:
        state = one.judge.take(one.evidence.state, at_s, figures)
        verdict = one.judge.verdict(state)
        point = Point(round(at_s, 1), figure_of(figures), in_words(figures))
        one.evidence = one.evidence.model_copy(
            update={
                "state": dict(state),
                "until_s": at_s,
                "number": one.evidence.number + 1,
                "measured": verdict.measured,
                "phase": verdict.phase,
                "why": verdict.why,
                "missed": "",
                "shown": dict(verdict.shown),
                "asks": tuple(one.source.asks(window)),
                "points": one.evidence.with_point(point),
            }
        )
        one.next_s = self._loop.time() + one.gate.interval
        one.is_told.clear()
        self._is_dirty = True
        self._emit(Measured(one.evidence, point.said))
        self._settle_inconclusive(one)
        self._tell_change()

    def _note_missed(self, one: _Watched, at_s: float, cause: str, *, is_fault: bool) -> None:
        """An infrastructure's fault is counted, told and tried again; no figure yet is only waited for."""
        is_new = cause != one.evidence.missed
        state = one.judge.miss(one.evidence.state, at_s, cause) if is_fault else one.evidence.state
        verdict = one.judge.verdict(state)
        one.evidence = one.evidence.model_copy(
            update={"state": dict(state), "missed": cause, "phase": verdict.phase, "number": one.evidence.number + 1}
        )
        one.next_s = self._loop.time() + min(RETRY_S, float(one.gate.interval))
        if is_new and is_fault:
            self._emit(Noticed(f"gate {one.gate.name} cannot be measured: {cause}; it is tried again"))
        self._settle_inconclusive(one)
        self._tell_change()

    def _settle_inconclusive(self, one: _Watched) -> None:
        """What cannot be told is what the gate says that it is: waited for, which is to begin anew, or taken for one of both."""
        if one.evidence.phase not in (Phase.INCONCLUSIVE, Phase.ERROR):
            return
        why = one.judge.verdict(one.evidence.state).why
        match one.gate.on_inconclusive:
            case "wait":
                fresh = one.judge.begin()
                one.evidence = one.evidence.model_copy(update={"state": dict(fresh), "phase": Phase.RUNNING, "why": why})
            case "pass":
                one.evidence = one.evidence.model_copy(update={"phase": Phase.PASSED, "why": f"taken for passed: {why}"})
            case "fail":
                one.evidence = one.evidence.model_copy(update={"phase": Phase.FAILED, "why": f"taken for failed: {why}"})

    # deciding

    def _heed(self, one: _Watched) -> None:
        if one.evidence.phase != Phase.FAILED or "failed" in one.is_told:
            return
        one.is_told.add("failed")
        text = f"gate {one.gate.name} failed: {one.evidence.why}"
        if one.gate.on_fail == "rollback" and not self.alarm.done():
            self.alarm.set_result(text)
        elif one.gate.on_fail != "rollback":
            follows = "it goes no further than its next pause" if one.gate.on_fail == "pause" else "only told, as it says"
            self._emit(Noticed(f"{text} ({follows})"))

    def _refuse_blocked(self, holding: Sequence[_Watched]) -> None:
        for one in holding:
            if one.evidence.phase == Phase.FAILED and one.gate.on_fail == "pause":
                self._refuse(one, f"gate {one.gate.name} failed: {one.evidence.why}")

    def _refuse(self, one: _Watched, why: str) -> None:
        weight = self._held.weight if self._held else self._weight
        raise Refused(
            f"{self._release.app} stays at {weight}%: {why}",
            detail="\n".join(one.evidence.asks),
            hint='`deploy rollback` takes it back; `deploy promote --skip-gates "reason"` takes it on all the same',
        )

    def _lets_go(self, one: _Watched) -> bool:
        """Whether nothing of this gate speaks against going on."""
        gate, evidence = one.gate, one.evidence
        if gate.on_fail == "report" or evidence.phase == Phase.PASSED:
            return True
        if evidence.phase == Phase.FAILED:
            return False
        if not evidence.measured:
            return gate.no_data == "pass"
        return not gate.ends

    def _is_overdue(self, one: _Watched, deadline_s: float) -> bool:
        """Whether it is not waited for any longer. Raises Refused, or raises the alarm, where that is what follows."""
        evidence = one.evidence
        if not evidence.measured and one.gate.no_data == "fail":
            one.evidence = evidence.model_copy(
                update={"phase": Phase.FAILED, "why": f"no figure: {evidence.missed or 'none came'}"}
            )
            self._heed(one)
            self._refuse_blocked([one])
            return False
        if self._loop.time() < deadline_s:
            return False
        seen = evidence.missed or evidence.why or "nothing was measured"
        why = f"gate {one.gate.name} is undecided after its deadline: {seen}"
        match one.gate.on_undecided:
            case "promote":
                self._emit(Noticed(f"{why}; the release goes on, as the gate says"))
                return True
            case "rollback":
                if not self.alarm.done():
                    self.alarm.set_result(why)
                return True
            case "pause":
                self._refuse(one, why)
        return True

    def _tell_waiting(self, waiting: Sequence[_Watched]) -> None:
        for one in waiting:
            if "waiting" not in one.is_told:
                one.is_told.add("waiting")
                seen = one.evidence.missed or one.evidence.why or "nothing was measured yet"
                self._emit(Noticed(f"waiting for gate {one.gate.name}: {seen}"))

    # keeping

    def _taken_up(self, gate: Gate, kept: Evidence | None) -> _Watched:
        fresh = self._fresh(gate)
        evidence = kept if kept is not None and kept.digest == fresh.digest else fresh
        one = _Watched(
            gate, judge_of(gate.chosen_judge, gate.asked), self._source_of(gate, self._cluster, self._release.namespace), evidence
        )
        passed_s = now().timestamp() - evidence.until_s
        first_s = gate.initial_delay + (gate.interval if gate.is_counted else 0)
        one.next_s = self._loop.time() + (first_s if evidence is fresh else max(gate.interval - passed_s, 0.0))
        return one

    def _fresh(self, gate: Gate) -> Evidence:
        at_s = now().timestamp()
        return Evidence(
            gate=gate.name, digest=digest(gate.model_dump(mode="json")), began_s=at_s, until_s=at_s,
            wanted=gate.wanted, state=dict(judge_of(gate.chosen_judge, gate.asked).begin()),
        )  # fmt: skip

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
