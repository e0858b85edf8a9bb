"""A run over time, in even steps, for whoever draws it. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from .census import Census
from .results import Bands
from .traffic import Load, Segment


def bands_of(parts: Sequence[Segment], census: Census, load: Load, from_s: float, to_s: float, number: int) -> Bands:
    step_s = round_up((to_s - from_s) / number)
    length = max(int((to_s - from_s) / step_s + 1e-9), 1)  # what is left is less than a step: no rate of a whole one
    ends = [from_s + (place + 1) * step_s for place in range(length)]

    def rates(share: Callable[[Segment], float]) -> tuple[float, ...]:
        sums = [0.0] * length
        for segment in parts:
            if part := share(segment):
                _spread(sums, segment.from_s - from_s, segment.to_s - from_s, step_s, part * load.rate)
        return tuple(round(total / step_s, 3) for total in sums)

    return Bands(
        start_s=from_s,
        step_s=step_s,
        old=rates(lambda segment: segment.ok("old")),
        new=rates(lambda segment: segment.ok("new")),
        lost=rates(lambda segment: segment.lost),
        **census.over(ends),
        met_new=rates(lambda segment: sum(share for (_, version), share in segment.mixture.items() if version == "new")),
    )


def _spread(sums: list[float], from_s: float, to_s: float, step_s: float, rate: float) -> None:
    """Adds what a constant rate brings to each of the steps it touches."""
    place = int(from_s / step_s)
    while from_s < to_s - 1e-12 and place < len(sums):
        until_s = min((place + 1) * step_s, to_s)
        sums[place] += (until_s - from_s) * rate
        from_s, place = until_s, place + 1


def round_up(step_s: float) -> float:
    """To one of the steps that people read: 0.1, 0.2, 0.5, 1, 2, 5 … seconds."""
    power = 10.0 ** math.floor(math.log10(max(step_s, 0.01)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step_s - 1e-12)
