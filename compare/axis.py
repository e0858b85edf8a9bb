"""One time axis for all strategies: its ends, its ticks, and what a band is within a piece of it. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from .results import Bands, Comparison

_STEPS_S = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


class Slice(NamedTuple):
    """Mean requests a second within a piece of the axis."""

    old: float
    new: float
    lost: float

    @property
    def total(self) -> float:
        return self.old + self.new + self.lost


def ends_s(*comparisons: Comparison) -> tuple[float, float]:
    """From the first moment that any of them shows to the last; (0, 1) where there is nothing to show."""
    bands = [outcome.typical.bands for comparison in comparisons for outcome in comparison.outcomes if outcome.runs]
    if not bands:
        return 0.0, 1.0
    from_s, to_s = min(band.start_s for band in bands), max(end_s(band) for band in bands)
    return from_s, max(to_s, from_s + 0.1)


def end_s(bands: Bands) -> float:
    return bands.start_s + bands.step_s * len(bands.old)


def ticks(from_s: float, to_s: float, at_most: int) -> list[float]:
    """Round moments, at most so many."""
    span = to_s - from_s
    step = next((step for step in _STEPS_S if span / step <= max(at_most - 1, 1)), span)
    first = math.ceil(from_s / step - 1e-9)
    return [round(number * step, 6) for number in range(first, math.floor(to_s / step + 1e-9) + 1)]


def slices(bands: Bands, from_s: float, to_s: float, count: int) -> Iterator[Slice | None]:
    """The axis in `count` equal pieces, and what the band is in each; None where it has ended, or has not begun.

    A piece that is shorter than a step of the band shows that step, a longer one the mean: what was lost in it never vanishes.
    """
    width = (to_s - from_s) / count
    for number in range(count):
        begin = from_s + number * width
        # the middle decides whether the band is there at all
        if not bands.start_s <= begin + width / 2 < end_s(bands):
            yield None
            continue
        first = max(math.floor((begin - bands.start_s) / bands.step_s + 1e-9), 0)
        last = min(math.ceil((begin + width - bands.start_s) / bands.step_s - 1e-9), len(bands.old))
        here = slice(first, max(last, first + 1))
        yield Slice(*(sum(series[here]) / len(series[here]) for series in (bands.old, bands.new, bands.lost)))
