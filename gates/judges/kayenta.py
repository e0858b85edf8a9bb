"""Values of both versions, measured at the same times, compared as Kayenta's judge does.

A metric is high or low where the interval of its shift (gates.ranks) lies beyond a tolerance, a share of the shift's estimate;
it passes else. Metrics stand in groups, groups have weights: the score is the weighted share of metrics that pass, in per cent,
and 0 where a critical one does not. From `good` on a release passed, below `bad` it failed, between the two it cannot be told.

The test may be looked at once: it is decided when `count` measurements are there, and not before.
(Kayenta 2025, kayenta-judge: MannWhitneyClassifier, WeightedSumScorer.)"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from ..figures import Figures, Pairs, Phase, State, Verdict
from ..ranks import jittered, larger_share, mean, mean_ratio, shift, within_deviations, without_outliers
from ..words import number

MOST_KEPT = 200
"""Values of a side that are kept; above it every other one is left out."""
GROUP = "metrics"


class Label(StrEnum):
    PASS = "pass"
    HIGH = "high"
    LOW = "low"
    NO_DATA = "nodata"
    LACKS_DATA = "lacks data"  # and it has to be there


@dataclass(frozen=True)
class Metric:
    """What is asked of one. `allowed` and `critical_from` are sizes of the effect, (lower, higher): within the first a metric
    passes all the same, beyond the second a critical one stops everything; `effect` says how the size is measured."""

    worse: Literal["higher", "lower", "either"] = "either"
    tolerance: float = 0.25
    confidence: float = 0.98
    is_critical: bool = False
    must_have_data: bool = False
    replaces_nan: bool = False
    outliers: Literal["keep", "remove", "sigma"] = "keep"
    effect: Literal["ratio", "larger"] = "ratio"
    allowed: tuple[float, float] = (1.0, 1.0)
    critical_from: tuple[float, float] = (1.0, 1.0)
    groups: tuple[str, ...] = (GROUP,)


class Classified(NamedTuple):
    """`is_critical`: it alone stops everything. `effect` is its size; 1 where none was measured."""

    label: Label
    is_critical: bool = False
    effect: float = 1.0
    why: str = ""


def prepared(metric: Metric, values: Iterable[float]) -> list[float]:
    """Without what is no number, or with 0 in its place; without outliers where that is asked for."""
    kept = [(0.0 if math.isnan(value) else value) for value in values if metric.replaces_nan or not math.isnan(value)]
    match metric.outliers:
        case "remove":
            return without_outliers(kept)
        case "sigma":
            return within_deviations(kept)
        case "keep":
            return kept


def classify(metric: Metric, stable: Sequence[float], new: Sequence[float]) -> Classified:
    """Of prepared values."""
    if not stable or not new:
        return _missing(metric, "new" if not new else "stable")
    if sorted(stable) == sorted(new) or len({*stable, *new}) == 1:
        return Classified(Label.PASS, why="both versions are the same")
    effect = mean_ratio(new, stable) if metric.effect == "ratio" else larger_share(new, stable)
    label = _lies(metric, stable, new)
    if label == Label.PASS:
        return Classified(label, effect=effect)
    means = f"{number(mean(new))} on average, stable {number(mean(stable))}"
    why = f"{'higher' if label == Label.HIGH else 'lower'} than the stable version: {means}"
    if metric.is_critical and _is_beyond(label, effect, metric.critical_from):
        return Classified(label, is_critical=True, effect=effect, why=why)
    if _is_beyond(label, effect, metric.allowed):
        return Classified(label, effect=effect, why=why)
    return Classified(Label.PASS, effect=effect, why=f"{why}, which is allowed")


def _missing(metric: Metric, side: str) -> Classified:
    if metric.replaces_nan:
        return Classified(Label.PASS)
    why = f"no value of the {side} version"
    if metric.must_have_data and not metric.is_critical:
        return Classified(Label.LACKS_DATA, why=why)
    return Classified(Label.NO_DATA, is_critical=metric.is_critical, why=why)


def _lies(metric: Metric, stable: Sequence[float], new: Sequence[float]) -> Label:
    if len(set(stable)) == len(set(new)) == 1:
        stable, new = jittered(stable), jittered(new)
    found = shift(new, stable, metric.confidence)
    tolerated = metric.tolerance * abs(found.estimate)
    if metric.worse != "lower" and found.low > tolerated:
        return Label.HIGH
    if metric.worse != "higher" and found.high < -tolerated:
        return Label.LOW
    return Label.PASS


def _is_beyond(label: Label, effect: float, bounds: tuple[float, float]) -> bool:
    """A size that cannot be told is beyond every bound."""
    return math.isnan(effect) or (effect >= bounds[1] if label == Label.HIGH else effect <= bounds[0])


def score(found: Mapping[str, Classified], groups: Mapping[str, Sequence[str]], weights: Mapping[str, float]) -> float:
    """0 to 100: the share of metrics that pass, by group. `groups` names the groups of each metric; those without a weight share
    what the `weights` (per cent) leave."""
    if any(each.is_critical and each.label != Label.PASS for each in found.values()):
        return 0.0
    if _is_mostly_missing(found):
        return 0.0
    by_group: dict[str, list[Label]] = {}
    for name, each in found.items():
        for group in groups[name]:
            by_group.setdefault(group, []).append(each.label)
    unweighted = [group for group in by_group if group not in weights]
    rest = (100.0 - sum(weights.values())) / len(unweighted) if unweighted else 0.0
    return math.fsum(_share(labels) * weights.get(group, rest) for group, labels in by_group.items())


def _is_mostly_missing(found: Mapping[str, Classified]) -> bool:
    """Half of the metrics, or more, have no value: nothing can be said of the release."""
    return 2 * sum(each.label == Label.NO_DATA for each in found.values()) >= len(found)


def _share(labels: Sequence[Label]) -> float:
    told = [label for label in labels if label != Label.NO_DATA]
    return sum(label == Label.PASS for label in told) / len(told) if told else 1.0


@dataclass(frozen=True)
class Kayenta:
    """`metrics` by name; `weights` of their groups in per cent; `good` and `bad` are scores."""

    metrics: Mapping[str, Metric] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    count: int = 30
    good: float = 95.0
    bad: float = 75.0

    def begin(self) -> State:
        return {"measured": 0, "series": {name: [[], []] for name in self.metrics}}

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        assert isinstance(figures, Pairs)
        series: dict[str, list[list[float]]] = {}
        for name, (stable, new) in state["series"].items():
            pair = figures.by_name.get(name)
            sides = [stable, new] if pair is None else [_with(stable, pair.stable), _with(new, pair.new)]
            series[name] = [side[::2] for side in sides] if max(map(len, sides)) > MOST_KEPT else sides
        return {"measured": state["measured"] + 1, "series": series}

    def miss(self, state: State, at_s: float, cause: str) -> State:
        return state

    def phase(self, state: State) -> Phase:
        return self.verdict(state).phase

    def verdict(self, state: State) -> Verdict:
        measured = int(state["measured"])
        if measured < self.count:
            return Verdict(Phase.RUNNING, f"{measured} of {self.count} measurements", measured)
        found = {name: self._classified(name, *sides) for name, sides in state["series"].items()}
        shown: dict[str, float] = {
            f"effect.{name}": round(each.effect, 4) for name, each in found.items() if each.effect == each.effect
        }
        lacks_critical = any(each.label == Label.NO_DATA and each.is_critical for each in found.values())
        if lacks_critical or _is_mostly_missing(found):
            return Verdict(Phase.INCONCLUSIVE, f"too little was measured: {_said(found)}", measured, shown)
        reached = score(found, {name: metric.groups for name, metric in self.metrics.items()}, self.weights)
        phase = Phase.PASSED if reached >= self.good else Phase.FAILED if reached < self.bad else Phase.INCONCLUSIVE
        wanted = f"{number(self.good)} is good, less than {number(self.bad)} is not"
        said = _said(found)
        why = f"score {number(round(reached, 1))} ({wanted})" + (f": {said}" if said else "")
        return Verdict(phase, why, measured, shown | {"score": round(reached, 2)})

    def _classified(self, name: str, stable: list[float], new: list[float]) -> Classified:
        metric = self.metrics[name]
        return classify(metric, prepared(metric, map(_read, stable)), prepared(metric, map(_read, new)))


def _with(values: Sequence[Any], value: float | None) -> list[Any]:
    """What could not be measured is kept as such: JSON has no NaN."""
    return [*values, None if value is None or math.isnan(value) else float(f"{value:.9g}")]


def _read(value: float | None) -> float:
    return math.nan if value is None else value


def _said(found: Mapping[str, Classified]) -> str:
    return "; ".join(f"{name} {each.why}" for name, each in found.items() if each.label != Label.PASS)
