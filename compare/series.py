"""A run over time, in even steps, for whoever draws it. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from .census import Census
from .results import Bands
from .traffic import Load, Segment


class Steps(NamedTuple):
    """So many even ones. `counts` are the series of `Bands` that count pods, at the steps' ends: they are no matter of chance."""

    from_s: float
    step_s: float
    length: int
    counts: Mapping[str, tuple[int, ...]]


def steps_of(census: Census, from_s: float, to_s: float, number: int) -> Steps:
    """At most so many."""
    step_s = round_up((to_s - from_s) / number)
    length = max(int((to_s - from_s) / step_s + 1e-9), 1)  # what is left is less than a step: no rate of a whole one
    return Steps(from_s, step_s, length, census.over([from_s + (place + 1) * step_s for place in range(length)]))


def bands_of(parts: Sequence[Segment], steps: Steps, load: Load) -> Bands:
    old, new, lost, met_new = ([0.0] * steps.length for _ in range(4))
    for segment in parts:
        met = sum(share for (_, version), share in segment.mixture.items() if version == "new")
        shares = ((old, segment.ok("old")), (new, segment.ok("new")), (lost, segment.lost), (met_new, met))
        rates = [(sums, share * load.rate) for sums, share in shares if share]
        _spread(rates, segment.from_s - steps.from_s, segment.to_s - steps.from_s, steps)

    def told(sums: list[float]) -> tuple[float, ...]:
        return tuple([round(total / steps.step_s, 3) for total in sums])

    return Bands(
        start_s=steps.from_s,
        step_s=steps.step_s,
        old=told(old),
        new=told(new),
        lost=told(lost),
        **steps.counts,
        met_new=told(met_new),
    )


def _spread(rates: Sequence[tuple[list[float], float]], from_s: float, to_s: float, steps: Steps) -> None:
    """Adds what constant rates bring to each of the steps they touch."""
    place = int(from_s / steps.step_s)
    while from_s < to_s - 1e-12 and place < steps.length:
        until_s = min((place + 1) * steps.step_s, to_s)
        for sums, rate in rates:
            sums[place] += (until_s - from_s) * rate
        from_s, place = until_s, place + 1


def round_up(step_s: float) -> float:
    """To one of the steps that people read: 0.1, 0.2, 0.5, 1, 2, 5 … seconds."""
    power = 10.0 ** math.floor(math.log10(max(step_s, 0.01)))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step_s - 1e-12)
