"""One gate of a run, and how it stands: what comes of a measurement or of an attempt at one, and whether the release may go on.

What is kept is of the wall's clock, when it is due of the loop's, which only goes forward: both are handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ..gates.figures import Figures, Judge, Phase, Trials
from ..gates.judges import fits, judge_of
from ..gates.judges.experiment import split_of
from ..gates.schedule import RETRY_S, due_in
from ..gates.shares import Split, requests_of
from ..gates.words import figure_of, in_words, stable_of
from ..kube.objects import digest
from ..measure.port import NoFigure, Quiet, Source, Unmeasured, Window
from ..plan.evidence import Evidence, Point, interval_of
from ..release.gates import Gate
from .holding import lets_go

LONGEST_WINDOW_S = 3600.0
"""What a measurement reaches back after a gap: a Prometheus need not keep more."""


class Instant(NamedTuple):
    """One moment: seconds since 1970, and of the loop's clock."""

    wall_s: float
    loop_s: float


class Span(NamedTuple):
    """A measurement's number, of how many seconds it is, and whether it is of all that has been so far."""

    number: int
    seconds: float
    is_first: bool


@dataclass
class Watched:
    """`next_s` is when it is due, of the loop's clock. `is_old`: what it stands on was measured by an earlier run, and longer ago
    than its interval. `is_told` holds what has been said of it already."""

    gate: Gate
    judge: Judge
    source: Source
    evidence: Evidence
    next_s: float
    is_old: bool = False
    is_told: set[str] = field(default_factory=set)

    @classmethod
    def taken_up(cls, gate: Gate, source: Source, kept: Evidence | None, instant: Instant) -> Watched:
        """With what had been measured of this very gate before, where its judge can read that; else it begins."""
        judge, fresh = judge_of(gate.chosen_judge, gate.asked), begun(gate, instant.wall_s)
        if kept is None or kept.digest != fresh.digest or not fits(kept.state, judge):
            return cls(gate, judge, source, fresh, instant.loop_s + gate.first_look)
        left_s = gate.interval - (instant.wall_s - kept.until_s)
        return cls(gate, judge, source, kept, instant.loop_s + max(left_s, 0.0), is_old=left_s <= 0)

    @property
    def is_settled(self) -> bool:
        return self.evidence.phase in (Phase.PASSED, Phase.FAILED) or self.evidence.phase in self.gate.halts_on

    @property
    def lets_go(self) -> bool:
        """Whether nothing of this gate speaks against going on."""
        return lets_go(self.gate, self.evidence, is_old=self.is_old)

    def span(self, instant: Instant) -> Span:
        """What the next measurement is of: of the time since the last one."""
        seconds = min(max(instant.wall_s - self.evidence.until_s, 1.0), LONGEST_WINDOW_S)
        is_first = not self.evidence.points and not self.gate.initial_delay
        return Span(self.evidence.number + 1, seconds if self._is_since else float(self.gate.interval), is_first)

    @property
    def _is_since(self) -> bool:
        """Whether it counts; what is a value is of its interval."""
        return self.gate.adds_up or self.gate.options.adds_up

    def begin_course(self, course: str, instant: Instant) -> None:
        """A gate of pauses is decided anew at each of them; the errors of a version are added up through all of them."""
        if self.gate.goes_on or not course or course == self.evidence.course:
            return
        before = self.evidence
        kept = {"course": course, "points": before.points, "number": before.number}
        if self._is_since and self.gate.moment == "always" and not self.gate.initial_delay:
            kept["until_s"] = before.until_s  # what came since the last look is nobody else's
        self.evidence = begun(self.gate, instant.wall_s).model_copy(update=kept)
        self.next_s = instant.loop_s + _delay_s(self.gate)

    def take(self, instant: Instant, figures: Figures, window: Window) -> Point:
        """Answers what is shown of it."""
        state = self.judge.take(self.evidence.state, instant.wall_s, figures)
        verdict = self.judge.verdict(state)
        point = Point(
            round(instant.wall_s, 1), figure_of(figures), in_words(figures), stable_of(figures), interval_of(verdict.shown)
        )
        self.evidence = self.evidence.model_copy(
            update={
                "state": dict(state),
                "until_s": instant.wall_s,
                "number": self.evidence.number + 1,
                "measured": verdict.measured,
                "phase": verdict.phase,
                "why": verdict.why,
                "missed": "",
                "is_away": False,
                "shown": dict(verdict.shown),
                "asks": tuple(self.source.asks(window)),
                "split": split_of(state) if isinstance(figures, Trials) else self._split(figures, window),
                "points": self.evidence.with_point(point),
            }
        )
        self.next_s = instant.loop_s + (due_in(interval_s=float(self.gate.interval), last=verdict.phase) or 0.0)
        self.is_old = False
        self.is_told &= {"waiting"}  # that is said once a pause, however often it is measured in it
        return point

    def _split(self, figures: Figures, window: Window) -> Split:
        requests, before = requests_of(figures), self.evidence.split
        return before.and_one(window.share, window.seconds, *requests) if requests is not None else before

    def miss(self, instant: Instant, fault: Unmeasured, asks: Sequence[str] = ()) -> bool:
        """An infrastructure's fault is counted and tried again; no figure is only waited for; that nobody asks speaks against
        nothing. `asks`: what was asked, where it came to that. Answers whether it is a fault that has not been told yet."""
        cause, is_fault = str(fault), not isinstance(fault, NoFigure)
        is_news = is_fault and cause != self.evidence.missed
        missed = {"missed": cause, "number": self.evidence.number + 1, "asks": tuple(asks) or self.evidence.asks}
        if not isinstance(fault, Quiet):
            missed["is_away"] = True
        elif instant.wall_s - self.evidence.until_s <= LONGEST_WINDOW_S:
            missed["is_away"] = False  # it was asked of all the time since the last measurement: nothing has happened in it
        if is_fault:
            state = self.judge.miss(self.evidence.state, instant.wall_s, cause)
            verdict = self.judge.verdict(state)
            missed |= {"state": dict(state), "phase": verdict.phase}
            if verdict.phase in self.gate.halts_on:  # its time is over
                missed |= {"why": verdict.why}
            self.next_s = instant.loop_s + RETRY_S
        else:
            self.next_s = instant.loop_s + min(RETRY_S, float(self.gate.interval))
            self.is_old = False
        self.evidence = self.evidence.model_copy(update=missed)
        return is_news

    def settle(self) -> None:
        """What cannot be told is what the gate says that it is: waited for, which is to begin anew, or taken for one of both."""
        if self.evidence.phase not in (Phase.INCONCLUSIVE, Phase.ERROR) or self.is_settled:
            return
        why = self.judge.verdict(self.evidence.state).why
        match self.gate.on_inconclusive:
            case "wait":
                self._stand(Phase.RUNNING, why, state=dict(self.judge.begin()))
            case "pass":
                self._stand(Phase.PASSED, f"taken for passed: {why}")
            case "fail":
                self._stand(Phase.FAILED, f"taken for failed: {why}")

    def fail_unmeasured(self) -> bool:
        """Whether it has failed now, as the gate says of what nobody has measured."""
        if self.evidence.measured or self.gate.no_data != "fail":
            return False
        self._stand(Phase.FAILED, f"no figure: {self.evidence.missed or 'none came'}")
        return True

    @property
    def seen(self) -> str:
        """Why it is waited for."""
        nothing = "nothing was measured in this pause yet" if self.evidence.points else "nothing was measured yet"
        return self.evidence.missed or self.evidence.why or nothing

    def _stand(self, phase: Phase, why: str, **more: object) -> None:
        self.evidence = self.evidence.model_copy(update={"phase": phase, "why": why, **more})


def begun(gate: Gate, wall_s: float) -> Evidence:
    """Nothing has been measured yet."""
    return Evidence(
        gate=gate.name, digest=digest(gate.model_dump(mode="json")), began_s=wall_s, until_s=wall_s + gate.initial_delay,
        wanted=gate.wanted, state=dict(judge_of(gate.chosen_judge, gate.asked).begin()),
    )  # fmt: skip


def _delay_s(gate: Gate) -> float:
    return due_in(interval_s=float(gate.interval), initial_delay_s=float(gate.initial_delay)) or 0.0
