"""Evidence that goes beyond what was asked for is of no use: it is given back before, so that a test decides sooner.

A test martingale that is stopped at 1/α mostly stands above it then, as it rises in jumps: it errs less often than α, and decides
later than it might. Let the next factor f take the values f(x) with chances p(x) while nothing is wrong, so that its mean is 1,
and let c be what is still missing. Then min(b·f, c) decides exactly when b·f does, and its mean is 1 with the largest b for which

    Σ p(x) · min(b·f(x), c) ≤ 1

which is 1 where f cannot reach c, and more where it can (Fischer and Ramdas 2024, "Improving Wald's (approximate) sequential
probability ratio test by avoiding overshoot": sequential boosting)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate


def boost(factors: Sequence[float], chances: Sequence[float], missing: float) -> float:
    """The largest b, at least 1. The `factors` rise, and their mean is 1; `missing` is above 1."""
    below = [0.0, *accumulate(chance * factor for chance, factor in zip(chances, factors, strict=True))]
    capped = 0.0
    for place in range(len(factors) - 1, 0, -1):  # from the largest on: those that reach what is missing count as that
        capped += chances[place] * missing
        if capped >= 1.0:
            return 1.0
        raised = (1.0 - capped) / below[place]
        if raised * factors[place - 1] <= missing:
            return max(raised, 1.0)
    return 1.0


def binomial(trials: int, chance: float) -> list[float]:
    """The chances of none to all of so many trials."""
    return [math.comb(trials, count) * chance**count * (1.0 - chance) ** (trials - count) for count in range(trials + 1)]
