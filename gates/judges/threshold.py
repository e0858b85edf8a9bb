"""A bound or a condition on each measurement, and how many of them may miss it: the rules of Argo Rollouts.

A measurement is successful, failed, inconclusive, or an error that says nothing of the version. Of a run of them: more failed
ones than `failure_limit`, and it failed; more inconclusive ones, and it is inconclusive; more errors in a row than
`consecutive_error_limit`, and it cannot be told; `consecutive_success_limit` good ones in a row, or `count` measurements, and it
passed. (Argo Rollouts 1.10, analysis; its documentation says that without a condition a measurement is inconclusive: it passes.)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from .. import expressions
from ..conditions import condition
from ..figures import Figures, Outcome, Phase, State, Value, Verdict
from ..operations import Unfit
from ..words import in_words, number, shown

ERROR_LIMIT = 4


class Assessed(NamedTuple):
    """One measurement: its phase (never running), and why, where that needs words."""

    phase: Phase
    why: str = ""


def evaluate(result: Any, success: str | None = None, failure: str | None = None) -> Assessed:
    """What two conditions say of a result: where both hold it failed, where none does it is inconclusive."""
    told: dict[str, bool | None] = {}
    for name, text in (("successCondition", success), ("failureCondition", failure)):
        try:
            told[name] = None if text is None else condition(text)(result)
        except Unfit as unfit:
            return Assessed(Phase.ERROR, f"could not evaluate {name} {text!r}: {unfit}")
    is_good, is_bad = told["successCondition"], told["failureCondition"]
    if is_bad:
        return Assessed(Phase.FAILED)
    if is_good is False:
        return Assessed(Phase.FAILED if is_bad is None else Phase.INCONCLUSIVE)
    return Assessed(Phase.PASSED)


class Tally(NamedTuple):
    """Of the measurements so far. `measured` are those that could be measured."""

    measured: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    errors_in_a_row: int = 0
    successes_in_a_row: int = 0

    def and_one(self, phase: Phase) -> Tally:
        if phase == Phase.ERROR:
            return self._replace(errors_in_a_row=self.errors_in_a_row + 1, successes_in_a_row=0)
        return Tally(
            measured=self.measured + 1,
            successful=self.successful + (phase == Phase.PASSED),
            failed=self.failed + (phase == Phase.FAILED),
            inconclusive=self.inconclusive + (phase == Phase.INCONCLUSIVE),
            errors_in_a_row=0,
            successes_in_a_row=self.successes_in_a_row + 1 if phase == Phase.PASSED else 0,
        )


@dataclass(frozen=True)
class Limits:
    """How many measurements decide. A limit of -1 is none; without a `count` it goes on for as long as it is asked."""

    count: int | None = None
    failure: int = 0
    inconclusive: int = 0
    errors_in_a_row: int = ERROR_LIMIT
    successes_in_a_row: int = 0

    def wrong(self, *, has_interval: bool) -> str:
        """Why they cannot be meant; empty where they can."""
        if self.count is not None and self.count > 1 and not has_interval:
            return "interval must be specified when count > 1"
        if self.inconclusive < 0:
            return "inconclusiveLimit must be >= 0"
        if self.errors_in_a_row < 0:
            return "consecutiveErrorLimit must be >= 0"
        if self.successes_in_a_row < 0:
            return "consecutiveSuccessLimit must be >= 0"
        needed = max(self.failure, 0) + self.successes_in_a_row
        if self.count and self.failure >= 0 and self.count < needed:
            sum_ = f"{self.failure} + {self.successes_in_a_row}"
            return f"count ({self.count}) must be >= failureLimit + consecutiveSuccessLimit ({sum_}) if both >= 0"
        return ""

    def assess(self, tally: Tally, *, is_over: bool = False) -> Phase:
        """Of all measurements together. `is_over`: there will be no more."""
        if 0 <= self.failure < tally.failed:
            return Phase.FAILED
        if tally.inconclusive > self.inconclusive:
            return Phase.INCONCLUSIVE
        if tally.errors_in_a_row > self.errors_in_a_row:
            return Phase.ERROR
        if 0 < self.successes_in_a_row <= tally.successes_in_a_row:
            return Phase.PASSED
        if self.count and tally.measured >= self.count:
            if not self.successes_in_a_row:
                return Phase.PASSED
            return Phase.INCONCLUSIVE if self.failure >= 0 else Phase.FAILED
        return Phase.PASSED if is_over else Phase.RUNNING


@dataclass(frozen=True)
class Threshold:
    """Bounds of a number, or conditions on a result, and the limits. Of counted requests they are of the new version's share of
    errors."""

    low: float | None = None
    high: float | None = None
    success: str | None = None
    failure: str | None = None
    limits: Limits = Limits()
    cel: str | None = None

    def begin(self) -> State:
        return {"tally": list(Tally())}

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        phase, why = self._measured(figures)
        return self._after(state, phase, why)

    def miss(self, state: State, at_s: float, cause: str) -> State:
        return self._after(state, Phase.ERROR, cause)

    def phase(self, state: State) -> Phase:
        return self.limits.assess(Tally(*state["tally"]))

    def verdict(self, state: State) -> Verdict:
        tally, phase = Tally(*state["tally"]), self.phase(state)
        counted = f"{tally.successful} of {tally.measured} measurements good"
        last = state.get("why", "")
        why = (
            f"{last} ({counted})" if last and phase != Phase.PASSED else counted if tally.measured else "nothing was measured yet"
        )
        bounds = {"atLeast": self.low, "atMost": self.high}
        told = {name: float(bound) for name, bound in bounds.items() if bound is not None}
        return Verdict(phase, why, tally.measured, {"good": tally.successful, "bad": tally.failed, **told})

    def _after(self, state: State, phase: Phase, why: str) -> State:
        tally = Tally(*state["tally"]).and_one(phase)
        # why it failed stays, whatever comes after it
        told = why if phase != Phase.PASSED else state.get("why", "") if tally.failed or tally.inconclusive else ""
        return {"tally": list(tally), "why": told}

    def _measured(self, figures: Figures) -> Assessed:
        if isinstance(figures, Outcome):
            phase = Phase.INCONCLUSIVE if figures.is_good is None else Phase.PASSED if figures.is_good else Phase.FAILED
            return Assessed(phase, figures.said)
        if self.cel is not None:
            return _expressed(self.cel, figures)
        value, said = figures if isinstance(figures, Value) else (_share_of(figures), "")
        assessed = self._asked_of(value)
        return assessed._replace(why=f"{assessed.why}: {shown(said)}") if said and assessed.why else assessed

    def _asked_of(self, value: Any) -> Assessed:
        if self.success is not None or self.failure is not None:
            phase, why = evaluate(value, self.success, self.failure)
            asked = self.success if self.success is not None else f"not {self.failure}"
            return Assessed(phase, why or f"{shown(value)}, wanted {asked}")
        return self._bounded(value)

    def _bounded(self, value: Any) -> Assessed:
        number_ = value[0] if isinstance(value, list) and len(value) == 1 else value
        if isinstance(number_, str):
            number_ = _read(number_)
        if isinstance(number_, bool) or not isinstance(number_, int | float) or math.isnan(number_):
            return Assessed(Phase.ERROR, f"{shown(value)} is no number that a bound could be asked of")
        tests: list[tuple[float | None, str, Callable[[float, float], bool]]] = [
            (self.low, "at least", lambda seen, bound: seen >= bound),
            (self.high, "at most", lambda seen, bound: seen <= bound),
        ]
        for bound, word, holds in tests:
            if bound is not None and not holds(number_, bound):
                return Assessed(Phase.FAILED, f"{number(number_)}, wanted {word} {number(bound)}")
        return Assessed(Phase.PASSED)


def _expressed(text: str, figures: Figures) -> Assessed:
    try:
        is_good = expressions.holds(text, expressions.known_of(figures))
    except Unfit as unfit:
        return Assessed(Phase.ERROR, f"could not evaluate {text!r}: {unfit}")
    except expressions.Missing:
        return Assessed(Phase.ERROR, f"could not evaluate {text!r}: {expressions.INSTALL}")
    return Assessed(Phase.PASSED) if is_good else Assessed(Phase.FAILED, f"{in_words(figures)}, wanted {text}")


def _share_of(figures: Figures) -> float | None:
    """The new version's share of errors; None where nobody has asked it."""
    new = getattr(figures, "new", None)
    requests = getattr(new, "requests", 0)
    return new.errors / requests if new is not None and requests else None


def _read(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
