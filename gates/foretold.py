"""How long an experiment takes until it is decided, said before it.

With a difference of the least size, the sum of the differences so far is a Brownian motion with a drift, in visits, and the
experiment is decided when it first crosses the interval's boundary (gates.effects). When it does is the solution f of

    P(W(t) ≥ c(t)) = ∫₀ᵗ f(s) · P(W(t) − W(s) ≥ c(t) − c(s)) ds        c(t) = t · reach(t) − θt

(Fortet 1943; solved step by step as in Buonocore, Nobile and Ricciardi 1987), with θ the difference in standard deviations of
one visit. Who looks now and then sees less than all of the way: the boundary lies 0.583 √Δ farther, with Δ visits between two
looks (Siegmund 1985). Being decided for the wrong version is left out: with a difference of that size it hardly happens."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import NamedTuple

from .effects import FEWEST, reach
from .experiments import Terms

STEPS = 160
"""Into which the time is divided: the foretold durations are within 1% of those of twice as many."""
FARTHEST = 4.0
"""The time that is looked at, in units of what the boundary alone would need: nine of ten are found long before."""
BETWEEN = 0.5826
"""−ζ(½)/√(2π): how far beyond a boundary a motion that is looked at in steps of one is on average when it is first seen there."""
ROUNDS = 4
"""The boundary is narrowest at the number of visits that it leads to."""


class Expected(NamedTuple):
    """`rate` visits a second of both versions, the `share` (0 to 1) of them b's, the primary metric's mean and the standard
    deviation of a visit (None: each counts 0 or 1). It is looked at `every_s` seconds."""

    rate: float
    share: float
    mean: float
    deviation: float | None = None
    every_s: float = 0.0


class Foretold(NamedTuple):
    """With a difference of the least size: `visits` of both versions, and seconds, until so many are decided as the power says,
    and `half` of them."""

    visits: float
    seconds: float
    half_s: float


def foretold(terms: Terms, expected: Expected, power: float) -> Foretold:
    """Of a boundary that is narrowest there. `terms` has a least difference."""
    drift = _drift(terms, expected)
    fewest = _fewest(terms, expected)
    visits = max(((NormalDist().inv_cdf(1 - terms.alpha / 2) + NormalDist().inv_cdf(power)) / drift) ** 2, fewest)
    for _ in range(ROUNDS):
        chances = _crossings(terms.alpha, visits, drift, expected)
        visits = max(_when(chances, power), fewest)
    half = max(_when(chances, 0.5), fewest)
    return Foretold(visits, visits / expected.rate, half / expected.rate)


def found_within(terms: Terms, expected: Expected, seconds: float) -> float:
    """With a difference of the least size, the share of experiments (0 to 1) that are decided in that time."""
    visits = seconds * expected.rate
    if visits < _fewest(terms, expected):
        return 0.0
    chances = _crossings(terms.alpha, terms.tuning, _drift(terms, expected), expected, visits)
    return chances[-1][1]


def _drift(terms: Terms, expected: Expected) -> float:
    """The least difference over the standard deviation that one visit's part of the estimate has (the delta method)."""
    sign = 1.0 if terms.metrics[terms.primary].better == "higher" else -1.0
    new = expected.mean + sign * terms.least * (expected.mean if terms.is_relative else 1.0)
    of_stable, of_new = (_variance(mean, expected.deviation) for mean in (expected.mean, new))
    of_new, of_stable = of_new / expected.share, of_stable / (1.0 - expected.share)
    if terms.is_relative:
        of_new, of_stable = of_new / expected.mean**2, of_stable * new**2 / expected.mean**4
    return terms.least / math.sqrt(of_new + of_stable)


def _variance(mean: float, deviation: float | None) -> float:
    return deviation**2 if deviation is not None else max(mean * (1.0 - mean), 1e-12)


def _fewest(terms: Terms, expected: Expected) -> float:
    """Visits before which nothing is said (gates.effects)."""
    rare = min(expected.mean, 1.0 - expected.mean) if expected.deviation is None else 1.0
    return FEWEST / max(rare, 1e-12) / min(expected.share, 1.0 - expected.share)


def _crossings(
    alpha: float, tuning: float, drift: float, expected: Expected, until: float | None = None
) -> list[tuple[float, float]]:
    """Points of (visits, chance that it is decided by then)."""
    if until is None:
        until = FARTHEST * _meeting(alpha, tuning, drift)
    times = [until * step / STEPS for step in range(1, STEPS + 1)]
    middles = [until * (step - 0.5) / STEPS for step in range(1, STEPS + 1)]

    unseen = BETWEEN * math.sqrt(expected.rate * expected.every_s)

    def wall(visits: float) -> float:
        return visits * (reach(visits, alpha=alpha, tuning=tuning) - drift) + unseen

    walls = [wall(time) for time in times]
    inner = [wall(time) for time in middles]
    masses: list[float] = []
    found: list[tuple[float, float]] = []
    whole = 0.0
    for time, high in zip(times, walls, strict=True):
        known = math.fsum(
            mass * _above((high - low) / math.sqrt(time - middle))
            for mass, middle, low in zip(masses, middles, inner, strict=False)
        )
        place = len(masses)
        own = _above((high - inner[place]) / math.sqrt(time - middles[place]))
        mass = min(max((_above(high / math.sqrt(time)) - known) / own, 0.0), 1.0 - whole)
        masses.append(mass)
        whole += mass
        found.append((time, whole))
    return found


def _meeting(alpha: float, tuning: float, drift: float) -> float:
    """Visits after which the interval of a difference that is seen just as it is lies on one side of zero."""
    low, high = 1.0, 1.0
    while reach(high, alpha=alpha, tuning=tuning) > drift:
        low, high = high, high * 2
    while high - low > low / 1000:
        middle = (low + high) / 2
        low, high = (middle, high) if reach(middle, alpha=alpha, tuning=tuning) > drift else (low, middle)
    return high


def _when(chances: list[tuple[float, float]], wanted: float) -> float:
    before = (0.0, 0.0)
    for visits, chance in chances:
        if chance >= wanted:
            part = (wanted - before[1]) / (chance - before[1])
            return before[0] + part * (visits - before[0])
        before = (visits, chance)
    return chances[-1][0]


def _above(z: float) -> float:
    return 0.5 * math.erfc(z / math.sqrt(2.0))
