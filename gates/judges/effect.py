"""Is the new version better, or is it worse? It is decided as soon as the interval of the difference (gates.effects) lies on one
side of zero, and it may be looked at as often as one likes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from ..effects import Effect, Sums, effect, is_enough
from ..figures import Figures, Phase, Samples, State, Verdict
from ..words import number


class Wanted(NamedTuple):
    """Which mean is the better one, whether the difference is relative to the stable version's, about how many visits are
    expected (`tuning`: with so many the interval is narrowest), and whether each counts 0 or 1 (the mean is a share of them)."""

    better: Literal["higher", "lower"] = "higher"
    is_relative: bool = True
    tuning: float = 5000.0
    is_share: bool = True


@dataclass(frozen=True)
class EffectJudge:
    """`alpha`: how often the interval ever misses the true difference, at most."""

    alpha: float = 0.01
    wanted: Wanted = field(default_factory=Wanted)

    def begin(self) -> State:
        return {"stable": [0.0, 0.0, 0.0], "new": [0.0, 0.0, 0.0], "measured": 0}

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        assert isinstance(figures, Samples)
        after: dict[str, Any] = {"measured": int(state["measured"]) + 1}
        for side, more in (("stable", figures.stable), ("new", figures.new)):
            visits, total, squares = state[side]
            after[side] = [visits + more.visits, total + more.total, squares + (more.squares or 0.0)]
        return after

    def miss(self, state: State, at_s: float, cause: str) -> State:
        return state

    def phase(self, state: State) -> Phase:
        found = self._found(state)
        if found is None or found.low <= 0.0 <= found.high:
            return Phase.RUNNING
        return Phase.PASSED if (found.low > 0.0) == (self.wanted.better == "higher") else Phase.FAILED

    def verdict(self, state: State) -> Verdict:
        stable, new = self._sums(state)
        measured, found = int(state["measured"]), self._found(state)
        seen = f"{_mean(new)} on the new version, {_mean(stable)} on the stable one"
        if found is None:
            return Verdict(Phase.RUNNING, f"too few yet: {seen}", measured)
        phase = self.phase(state)
        word = {Phase.PASSED: "better", Phase.FAILED: "worse"}.get(phase, "undecided")
        middle, low, high = map(self._signed, (found.estimate, found.low, found.high))
        why = f"{word}: {middle} (between {low} and {high}, with {100 * (1 - self.alpha):.4g}% confidence): {seen}"
        shown = {"estimate": found.estimate, "low": found.low, "high": found.high, "p": found.p}
        return Verdict(phase, why, measured, {name: round(value, 6) for name, value in shown.items()})

    def _signed(self, value: float) -> str:
        return f"{100 * value:+.3g}%" if self.wanted.is_relative else f"{value:+.3g}"

    def _sums(self, state: State) -> tuple[Sums, Sums]:
        return self._read(state["stable"]), self._read(state["new"])

    def _read(self, sums: Sequence[float]) -> Sums:
        visits, total, squares = sums
        return Sums(visits, total, None if self.wanted.is_share else squares)

    def _found(self, state: State) -> Effect | None:
        stable, new = self._sums(state)
        if not (is_enough(stable) and is_enough(new)):
            return None
        return effect(stable, new, alpha=self.alpha, tuning=self.wanted.tuning, is_relative=self.wanted.is_relative)


def _mean(sums: Sums) -> str:
    return f"{number(float(f'{sums.mean:.4g}'))} of {number(round(sums.visits))}"
