"""How much better is one version than the other? An interval that may be looked at as often as one likes.

Of each version there are a number of visits, and of each of them a value (0 or 1 where it is a conversion). With the difference d
of the means, its standard error s and n visits of both versions together, the interval

    d ± s √n · √( 2 (nρ² + 1) / (n²ρ²) · ln( √(nρ² + 1) / α ) )        ρ² = (−2 ln α + ln(1 − 2 ln α)) / N*

holds the true difference at all times at once with probability 1 − α, as n grows; it is narrowest at n = N* (Waudby-Smith,
Arbour, Sinha, Kennedy and Ramdas 2021, "Time-uniform central limit theory and asymptotic confidence sequences"). Of a difference
relative to the stable version's mean the standard error is that of the delta method."""

from __future__ import annotations

import math
from typing import NamedTuple


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


class Effect(NamedTuple):
    """By how much the new version's mean lies above the stable one's; `error` is the standard error of that."""

    estimate: float
    error: float
    low: float
    high: float
    p: float


def effect(stable: Sums, new: Sums, *, alpha: float, tuning: float, is_relative: bool) -> Effect | None:
    """None where nothing can be said yet: no visits of one of them, no variance, or nothing to be relative to."""
    if stable.visits < 1 or new.visits < 1 or (is_relative and not stable.mean):
        return None
    estimate = new.mean - stable.mean
    of_new, of_stable = new.variance / new.visits, stable.variance / stable.visits
    if is_relative:
        estimate /= abs(stable.mean)
        of_new, of_stable = of_new / stable.mean**2, of_stable * new.mean**2 / stable.mean**4
    error = math.sqrt(of_new + of_stable)
    if not error:
        return None
    n, rho2 = stable.visits + new.visits, (-2.0 * math.log(alpha) + math.log(1.0 - 2.0 * math.log(alpha))) / tuning
    grown = n * rho2 + 1.0
    half = error * math.sqrt(n) * math.sqrt(2.0 * grown / (n**2 * rho2) * math.log(math.sqrt(grown) / alpha))
    evidence = rho2 * n * (estimate / error) ** 2 / (2.0 * grown)
    p = min(1.0, math.exp(0.5 * math.log(grown) - evidence))
    return Effect(estimate, error, estimate - half, estimate + half, p)
