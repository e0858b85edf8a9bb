"""An A/B experiment: which version is better, by one metric, and whether it harms others. Counters in, a finding out.

The primary metric decides by the interval of its difference (gates.effects), which may be looked at as often as one likes. Each
guardrail has a bound on one side; they share α, so that all of them together raise a false alarm in at most a share α of the
experiments. Before all of it stands whether each version got its share of the visits (gates.shares): where it did not, who came
to which version was not left to chance, and no difference says anything."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from .effects import Effect, Sums, at_least, effect, is_enough
from .figures import Samples
from .shares import FEWEST, Split
from .words import number

Role = Literal["primary", "guardrail", "other"]
Result = Literal["mismatch", "harm", "better", "worse", "alike", "open"]
DECIDED: frozenset[Result] = frozenset(("harm", "better", "worse", "alike"))


class Measure(NamedTuple):
    """A metric: which mean is the better one, whether each visit counts 0 or 1, and of a guardrail which harm is `tolerated`."""

    role: Role = "primary"
    better: Literal["higher", "lower"] = "higher"
    is_share: bool = True
    tolerated: float = 0.0


class Terms(NamedTuple):
    """What was agreed before. `least` is the smallest difference that matters (0: every one does), relative to a's mean or
    absolute, as `tolerated` is; `tuning` about how many visits are expected, where the interval is narrowest."""

    metrics: Mapping[str, Measure]
    alpha: float = 0.05
    is_relative: bool = True
    least: float = 0.0
    tuning: float = 5000.0

    @property
    def primary(self) -> str:
        return next(name for name, metric in self.metrics.items() if metric.role == "primary")


class Finding(NamedTuple):
    """`effects` are the differences by metric, b's mean minus a's; None where too little is known."""

    result: Result
    sentence: str
    effects: Mapping[str, Effect | None]


def found(terms: Terms, seen: Mapping[str, Samples], split: Split) -> Finding:
    """What can be said now, of all visits so far."""
    effects = {name: _effect(terms, terms.metrics[name], samples) for name, samples in seen.items()}
    if split.is_off:
        return Finding("mismatch", f"no result: {split.told}; who came to which was not left to chance", effects)
    if split.wanted and split.intervals < FEWEST:
        return Finding("open", "not decided: first it is looked whether each version gets its share of the visits", effects)
    if harm := next(_harms(terms, seen), ""):
        return Finding("harm", harm, effects)
    result, sentence = _of_primary(terms, seen[terms.primary], effects[terms.primary])
    return Finding(result, sentence, effects)


def _effect(terms: Terms, metric: Measure, samples: Samples) -> Effect | None:
    if not (is_enough(samples.stable) and is_enough(samples.new)):
        return None
    return effect(samples.stable, samples.new, alpha=terms.alpha, tuning=terms.tuning, is_relative=terms.is_relative)


def _harms(terms: Terms, seen: Mapping[str, Samples]) -> Iterator[str]:
    guardrails = [name for name, metric in terms.metrics.items() if metric.role == "guardrail"]
    for name in guardrails:
        metric, (stable, new) = terms.metrics[name], seen[name]
        if not (is_enough(stable) and is_enough(new)):
            continue
        harm = at_least(
            stable, new, falls=metric.better == "higher", alpha=terms.alpha / len(guardrails), tuning=terms.tuning,
            is_relative=terms.is_relative,
        )  # fmt: skip
        if harm is not None and harm > metric.tolerated:
            word = "lower" if metric.better == "higher" else "higher"
            beyond = f", and {_amount(metric.tolerated, terms)} is tolerated" if metric.tolerated else ""
            yield f"b harms {name}: it is {word} by at least {_amount(harm, terms)}{beyond}"


def _of_primary(terms: Terms, samples: Samples, effect: Effect | None) -> tuple[Result, str]:
    name = terms.primary
    if effect is None:
        so_far = f"{_counted(samples.new)} of b, {_counted(samples.stable)} of a"
        return "open", f"not decided: too little is known of {name} yet ({so_far})"
    is_higher = terms.metrics[name].better == "higher"
    middle = effect.estimate if is_higher else -effect.estimate  # from here on more is better
    low, high = (effect.low, effect.high) if is_higher else (-effect.high, -effect.low)
    told = _Told(terms, high - low)
    if low > 0:
        return "better", f"b is better by {told(middle)} ({told(low)} to {told(high)}) in {name}"
    if high < 0:
        return "worse", f"b is worse by {told(-middle)} ({told(-high)} to {told(-low)}) in {name}"
    between = f"b may be anything from {told(-low)} worse to {told(high)} better in {name}"
    if max(-low, high) < terms.least:
        return "alike", f"b and a differ by less than {_amount(terms.least, terms)}: {between}"
    return "open", f"not decided: {between}"


class _Told:
    """Amounts in words, all with as many digits as the width of their interval makes worth saying."""

    def __init__(self, terms: Terms, width: float) -> None:
        self._factor, self._unit = (100.0, "%") if terms.is_relative else (1.0, "")
        wide = self._factor * width
        self._digits = min(max(1 - math.floor(math.log10(wide)), 0), 9) if wide else 1

    def __call__(self, amount: float) -> str:
        return f"{self._factor * amount:,.{self._digits}f}{self._unit}"


def _amount(amount: float, terms: Terms) -> str:
    return f"{100 * amount:.2g}%" if terms.is_relative else f"{amount:.2g}"


def _counted(sums: Sums) -> str:
    return f"{number(float(f'{sums.total:.4g}'))} in {number(round(sums.visits))} visits"
