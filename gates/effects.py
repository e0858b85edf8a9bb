"""How much better is one version than the other? An interval that may be looked at as often as one likes.

Of each version there are a number of visits, and of each of them a value (0 or 1 where it is a conversion). With the difference d
of the means, its standard error s and n visits of both versions together, the interval

    d ± s √n · √( 2 (nρ² + 1) / (n²ρ²) · ln( √(nρ² + 1) / α ) )        ρ² = (−2 ln α + ln(1 − 2 ln α)) / N*

holds the true difference at all times at once with probability 1 − α, as n grows; it is narrowest at n = N* (Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas 2021, "Time-uniform central limit theory and asymptotic confidence sequences"). On one side
alone the bound is s √n · √( 2 (nρ² + 1) / (n²ρ²) · ln( 1 + √(nρ² + 1) / 2α ) ), with ρ² for 2α (its appendix). Of a difference
relative to the stable version's mean the standard error is that of the delta method."""

from __future__ import annotations

import math
from typing import NamedTuple

FEWEST = 100.0
"""Visits of each version, and of conversions as many with and without: before, a mean is not yet normally distributed."""


class Sums(NamedTuple):
    """Of one version, and added up over time: visits, the sum of their values, and of the values squared. `squares` None: each
    is 0 or 1."""

    visits: float = 0.0
    total: float = 0.0
    squares: float | None = None

    @property
    def mean(self) -> float:
        return self.total / self.visits if self.visits else 0.0

    @property
    def variance(self) -> float:
        """Of a visit's value."""
        if self.squares is None:
            return max(self.mean * (1.0 - self.mean), 0.0)
        return max((self.squares - self.total * self.mean) / (self.visits - 1.0), 0.0) if self.visits > 1 else 0.0


def is_enough(sums: Sums) -> bool:
    """Whether its mean may be taken for normally distributed."""
    if sums.squares is not None:
        return sums.visits >= FEWEST
    return FEWEST <= sums.total <= sums.visits - FEWEST


class Effect(NamedTuple):
    """By how much the new version's mean lies above the stable one's; `error` is the standard error of that."""

    estimate: float
    error: float
    low: float
    high: float
    p: float


class Difference(NamedTuple):
    """Of the means, as `visits` of both versions show it; `error` is its standard error."""

    estimate: float
    error: float
    visits: float


def effect(stable: Sums, new: Sums, *, alpha: float, tuning: float, is_relative: bool) -> Effect | None:
    """None where nothing can be said yet: no visits of one of them, no variance, or nothing to be relative to."""
    found = difference(stable, new, is_relative=is_relative)
    if found is None:
        return None
    n, rho2 = found.visits, _rho2(alpha, tuning)
    grown = n * rho2 + 1.0
    half = found.error * math.sqrt(n) * reach(n, alpha=alpha, tuning=tuning)
    evidence = rho2 * n * (found.estimate / found.error) ** 2 / (2.0 * grown)
    p = min(1.0, math.exp(0.5 * math.log(grown) - evidence))
    return Effect(found.estimate, found.error, found.estimate - half, found.estimate + half, p)


def at_least(stable: Sums, new: Sums, *, alpha: float, tuning: float, is_relative: bool, falls: bool = False) -> float | None:
    """By how much the new mean lies above the stable one at least, or, where it `falls`, below: a bound on one side, as often
    looked at as one likes, that is ever more than the true difference with probability `alpha` at most. None where nothing can be
    said yet."""
    found = difference(stable, new, is_relative=is_relative)
    if found is None:
        return None
    # a normal mixture on one side only: 2/√(nρ²+1) · exp(x²/2) Φ(x) reaches 1/α seldom enough, and Φ(x) ≥ 1 − exp(−x²/2)
    n, rho2 = found.visits, _rho2(2.0 * alpha, tuning)
    grown = n * rho2 + 1.0
    half = found.error * math.sqrt(2.0 * grown / (n * rho2) * math.log1p(math.sqrt(grown) / (2.0 * alpha)))
    return (-found.estimate if falls else found.estimate) - half


def reach(visits: float, *, alpha: float, tuning: float) -> float:
    """Half the interval's width after so many visits, in standard deviations of one."""
    rho2 = _rho2(alpha, tuning)
    grown = visits * rho2 + 1.0
    return math.sqrt(2.0 * grown / (visits**2 * rho2) * math.log(math.sqrt(grown) / alpha))


def difference(stable: Sums, new: Sums, *, is_relative: bool) -> Difference | None:
    """None where nothing can be said yet."""
    if stable.visits < 1 or new.visits < 1 or (is_relative and not stable.mean):
        return None
    estimate = new.mean - stable.mean
    of_new, of_stable = new.variance / new.visits, stable.variance / stable.visits
    if is_relative:
        estimate /= abs(stable.mean)
        of_new, of_stable = of_new / stable.mean**2, of_stable * new.mean**2 / stable.mean**4
    error = math.sqrt(of_new + of_stable)
    return Difference(estimate, error, stable.visits + new.visits) if error else None


def _rho2(alpha: float, tuning: float) -> float:
    return (-2.0 * math.log(alpha) + math.log(1.0 - 2.0 * math.log(alpha))) / tuning
