"""The judge of an A/B experiment (gates.experiments): what all visits so far came to, and how long it may take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..effects import Effect, Sums
from ..experiments import DECIDED, Finding, Terms, found
from ..figures import Figures, Phase, Samples, State, Trials, Verdict
from ..shares import Split
from ..words import lasting

ENDS = {"better": Phase.PASSED, "worse": Phase.FAILED, "harm": Phase.FAILED, "alike": Phase.INCONCLUSIVE}


@dataclass(frozen=True)
class Experiment:
    """`longest_s` after it began it is over, undecided or not; before, it is where something is decided only if it `ends` by
    itself. It has passed where the new version is the better one, and failed where it is worse or does harm."""

    terms: Terms
    longest_s: float
    ends: bool = False

    def begin(self) -> State:
        nothing = {name: [0.0, 0.0, 0.0] for name in self.terms.metrics}
        return {
            "stable": dict(nothing), "new": dict(nothing), "measured": 0, "split": _kept(Split()), "began": 0.0, "until": 0.0,
        }  # fmt: skip

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        assert isinstance(figures, Trials)
        first = figures.by_name[self.terms.primary]
        split = split_of(state).and_one(figures.wanted, figures.seconds, first.stable.visits, first.new.visits, tolerance=0.0)
        after: dict[str, Any] = {"measured": int(state["measured"]) + 1, "split": _kept(split)}
        after |= {"began": state["began"] or at_s - figures.seconds, "until": at_s}
        for side in ("stable", "new"):
            more = {name: getattr(samples, side) for name, samples in figures.by_name.items()}
            after[side] = {name: _added(sums, more.get(name, Sums())) for name, sums in state[side].items()}
        return after

    def miss(self, state: State, at_s: float, cause: str) -> State:
        """Nothing is counted; but its time goes on, from its first attempt."""
        return {**state, "began": state["began"] or at_s, "until": at_s}

    def phase(self, state: State) -> Phase:
        return self._phase(state, self._found(state))

    def verdict(self, state: State) -> Verdict:
        finding = self._found(state)
        phase, why = self._phase(state, finding), finding.sentence
        if self._is_over(state) and finding.result not in DECIDED:
            why = f"over after {lasting(self.longest_s)}, and {why}"
        elif finding.result in DECIDED and phase == Phase.RUNNING:
            why = f"{why}; it may be stopped now"
        return Verdict(phase, why, int(state["measured"]), _shown(self.terms, finding.effects))

    def _phase(self, state: State, finding: Finding) -> Phase:
        if self.ends and finding.result in DECIDED:
            return ENDS[finding.result]
        return Phase.INCONCLUSIVE if self._is_over(state) else Phase.RUNNING

    def _is_over(self, state: State) -> bool:
        return bool(state["began"]) and state["until"] - state["began"] >= self.longest_s

    def _found(self, state: State) -> Finding:
        seen = {
            name: Samples(*(_read(state[side][name], is_share=metric.is_share) for side in ("stable", "new")))
            for name, metric in self.terms.metrics.items()
        }
        return found(self.terms, seen, split_of(state))


def split_of(state: State) -> Split:
    """How the visits fell."""
    split = Split(*state["split"])
    return split._replace(is_off=bool(split.is_off))


def _kept(split: Split) -> list[float]:
    return [*split[:-1], int(split.is_off)]


def _added(sums: Sequence[float], more: Sums) -> list[float]:
    visits, total, squares = sums
    return [visits + more.visits, total + more.total, squares + (more.squares or 0.0)]


def _read(sums: Sequence[float], *, is_share: bool) -> Sums:
    visits, total, squares = sums
    return Sums(visits, total, None if is_share else squares)


def _shown(terms: Terms, effects: Mapping[str, Effect | None]) -> dict[str, float]:
    """Of the primary metric by the bare name, of the others with theirs before it; `relative`: whether they are of a's mean."""
    figures = {"relative": float(terms.is_relative)}
    for name, effect in effects.items():
        before = "" if name == terms.primary else f"{name}."
        if effect is not None:
            shown = {"estimate": effect.estimate, "low": effect.low, "high": effect.high, "p": effect.p}
            figures |= {f"{before}{key}": round(value, 6) for key, value in shown.items()}
    return figures
