"""When a strategy has been rehearsed often enough: once every figure that is shown is known well enough for its reader. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .figures import Column, Unit, columns, least_spread
from .results import Comparison, Outcome, Range, Run

FEWEST = 3  # walks; that two agree may be chance
SURE = 5  # from so many on, both ends of what was seen hold the median between them in 15 of 16 cases
GROWTH = 1.5  # of the walks, from one look to the next


def next_look(number: int, most: int) -> int:
    """How many walks there are to be by the next look: of 1 on 3, 5, 8, 12 … up to so many."""
    wanted = {1: FEWEST, FEWEST: SURE}.get(number, 0)
    return min(max(round(number * GROWTH + 0.1), wanted), most)


def agree(found: Range) -> bool:
    """Whether two are nearer to each other than what a reader would want to be told of."""
    return found.high - found.low <= _tolerated("s", found.median, 2)


def is_enough(comparison: Comparison, outcome: Outcome) -> bool:
    """Whether the interval that holds the median of each figure is narrower than what a reader would want to be told of. Of runs
    that share a walk, which are much alike, the first counts."""
    runs = [run for run in outcome.runs if not run.draw]
    if len(runs) < FEWEST or len({(run.phase, run.is_cut) for run in runs}) > 1:
        return False
    return all(_is_narrow(column, outcome, runs, comparison.replicas) for column in columns(comparison))


def _is_narrow(column: Column, outcome: Outcome, runs: Sequence[Run], pods: int) -> bool:
    values = [column.figure(Outcome(outcome.strategy, (run,))).median for run in runs]
    if all(map(math.isnan, values)):
        return True  # none has it, or, as the ways back, it is not one of a run
    if any(map(math.isnan, values)):
        return False
    low, high = interval(values)
    return high - low <= _tolerated(column.unit, sorted(values)[len(values) // 2], len(runs), pods)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """That holds the median in about 19 of 20 cases, whatever the distribution: by how many values lie on each side of it."""
    ordered, number = sorted(values), len(values)
    aside = max(math.floor((number - 1.96 * math.sqrt(number)) / 2), 0)
    return ordered[aside], ordered[number - 1 - aside]


def _tolerated(unit: Unit, median: float, number: int, pods: int = 0) -> float:
    """Twice what would be shown as a spread; of few walks less, as both ends of those are nearer than those of many. A probe's
    period and a proxy's pause are a second: no number of walks tells whether one more of them is needed. Nobody cares more for a
    pod's time than for the release's: of pod-seconds it is as much for each of the `pods`."""
    least = least_spread(unit, median)
    if unit == "pod-seconds":
        least = max(least, pods * least_spread("s", 0))
    return 2 * least * min((number - 1) / (SURE - 1), 1.0)
