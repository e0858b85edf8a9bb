"""Two samples compared by their ranks: by how much one lies above the other, with an interval (Mann and Whitney 1947; Hodges and
Lehmann 1963), in the normal approximation with correction for ties and continuity, as R's `wilcox.test` has it."""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

ROOT_TOLERANCE = 1e-4


class Shift(NamedTuple):
    """By how much the first sample lies above the second: between `low` and `high`, most likely `estimate`."""

    low: float
    high: float
    estimate: float


def shift(new: Sequence[float], stable: Sequence[float], confidence: float) -> Shift:
    """Neither may be empty; where both are constants there is nothing to rank, see `jittered`."""
    from statistics import NormalDist

    least, most = min(new) - max(stable), max(new) - min(stable)
    tail = NormalDist().inv_cdf((1.0 + confidence) / 2.0)

    def crossing(quantile: float) -> float:
        return root(lambda by: standing(new, stable, by) - quantile, least, most)

    return Shift(crossing(tail), crossing(-tail), crossing(0.0))


def standing(new: Sequence[float], stable: Sequence[float], by: float) -> float:
    """The rank statistic of `new - by` against `stable`, in standard deviations: 0 where they lie alike."""
    moved = [value - by for value in new]
    counts = Counter([*moved, *stable])
    rank_of: dict[float, float] = {}
    below = 0
    for value in sorted(counts):
        rank_of[value] = below + (counts[value] + 1) / 2.0
        below += counts[value]
    first, second = len(new), len(stable)
    whole = first + second
    above = sum(rank_of[value] for value in moved) - first * (first + 1) / 2.0 - first * second / 2.0
    ties = sum(count**3 - count for count in counts.values()) / (whole * (whole - 1.0))
    deviation = math.sqrt(max(first * second / 12.0 * (whole + 1.0 - ties), 0.0))
    if not deviation:
        return 0.0
    return (above - (math.copysign(0.5, above) if above else 0.0)) / deviation


def jittered(values: Sequence[float], size: float = 1e-5) -> list[float]:
    """Constants a little apart, so that they have ranks: normally distributed around their value, by `size` of it."""
    from statistics import NormalDist

    step = NormalDist(0.0, abs(size * values[0]) or size)
    return [value + step.inv_cdf((place + 0.5) / len(values)) for place, value in enumerate(values)]


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where a function that falls crosses zero, or the end beyond which it does (Brent 1973, chapter 4). Of a step function
    that is zero on a stretch it is where R's `uniroot` comes to rest."""
    at_low, at_high = function(low), function(high)
    if at_low <= 0.0:
        return low
    if at_high >= 0.0:
        return high
    older, at_older, best, at_best, far, at_far = low, at_low, high, at_high, low, at_low
    while True:
        came = best - older
        if abs(at_far) < abs(at_best):
            older, best, far = best, far, best
            at_older, at_best, at_far = at_best, at_far, at_best
        near = 2.0 * sys.float_info.epsilon * abs(best) + ROOT_TOLERANCE / 2.0
        half = (far - best) / 2.0
        if abs(half) <= near or at_best == 0.0:
            return best
        step = half
        if abs(came) >= near and abs(at_older) > abs(at_best):
            step = _interpolated((older, at_older), (best, at_best), (far, at_far), came, near) or half
        step = step if abs(step) >= near else math.copysign(near, step)
        older, at_older = best, at_best
        best += step
        at_best = function(best)
        if at_best * at_far > 0.0:
            far, at_far = older, at_older


_Point = tuple[float, float]


def _interpolated(older: _Point, best: _Point, far: _Point, came: float, near: float) -> float | None:
    """The step to where a line, or a parabola in the other direction, is zero; None where it leads too far."""
    span = far[0] - best[0]
    ratio = best[1] / older[1]
    if older[0] == far[0]:
        over, under = span * ratio, 1.0 - ratio
    else:
        first, second = older[1] / far[1], best[1] / far[1]
        over = ratio * (span * first * (first - second) - (best[0] - older[0]) * (second - 1.0))
        under = (first - 1.0) * (second - 1.0) * (ratio - 1.0)
    over, under = (over, -under) if over > 0.0 else (-over, under)
    is_near = over < 0.75 * span * under - abs(near * under) / 2.0 and over < abs(came * under / 2.0)
    return over / under if is_near else None


# what is said of samples beside that


def percentile(values: Sequence[float], percent: float) -> float:
    """Between the two values next to it in a straight line (R's type 7). NaN of no values."""
    if not values:
        return math.nan
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100.0
    lower = math.floor(place)
    upper = min(lower + 1, len(ordered) - 1)
    return ordered[lower] + (place - lower) * (ordered[upper] - ordered[lower])


def mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def mean_ratio(new: Sequence[float], stable: Sequence[float]) -> float:
    """NaN where the stable version's mean is zero."""
    base = mean(stable)
    return mean(new) / base if base else math.nan


def larger_share(new: Sequence[float], stable: Sequence[float]) -> float:
    """How likely a value of the new version is the larger one of a pair (McGraw and Wong 1992): 0.5 where they are alike."""
    larger = sum((one > other) + 0.5 * (one == other) for one in new for other in stable)
    return larger / (len(new) * len(stable))


def without_outliers(values: Sequence[float], factor: float = 3.0) -> list[float]:
    """Without those that lie further outside the middle half than `factor` times its width (Tukey 1977)."""
    lower, upper = percentile(values, 25.0), percentile(values, 75.0)
    width = factor * (upper - lower)
    return [value for value in values if lower - width <= value <= upper + width]


def within_deviations(values: Sequence[float], factor: float = 3.0) -> list[float]:
    """Without those that lie further from the mean than `factor` standard deviations; an outlier moves both."""
    if len(values) < 2:
        return list(values)
    middle = mean(values)
    most = factor * math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return [value for value in values if abs(value - middle) <= most]
