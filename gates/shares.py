"""Do the versions get the shares of the requests that they should? A test that may be looked at as often as one likes.

Of n requests the share θᵢ should go to version i, and xᵢ went. With a Dirichlet distribution of concentration c around these
shares for what they are if they are something else, the ratio of the likelihoods

    Γ(c) / Γ(c + n) · Π Γ(cθᵢ + xᵢ) / (Γ(cθᵢ) · θᵢ^xᵢ)

is a test martingale while the shares are what they should be, and reaches 1/α in at most a share α of the releases (Lindon and
Malek 2022, "Anytime-valid inference for multinomial count data"; Ville's inequality).

Requests come in clumps, by connection or by page, so all counts are divided by the dispersion that the intervals show, where it
is more than 1: Pearson's statistic of the new version's requests around the share that was seen, or that of all requests around
their rate, whichever is larger. The second one knows of clumps before the smaller side has had any."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from .figures import Both, Figures, Histograms, Samples
from .words import number, share

ALPHA = 0.001
CONCENTRATION = 100.0
"""Of a share of 10% it takes 7% to 13% for likely, if it is something else."""
TOLERANCE = 0.2
"""A share that is off by less than so much of the smaller side is told to nobody, however sure it is."""
SETTLES = 2
"""Looks after a change of the shares that count for nothing: they are of the time before, too."""
FEWEST = 5
"""Intervals, before which nobody can say in what clumps requests come."""


def log_evidence(counts: Sequence[float], shares: Sequence[float], concentration: float = CONCENTRATION) -> float:
    """The logarithm of the ratio, of all counts so far."""
    whole = math.fsum(counts)
    terms = (
        math.lgamma(concentration * share_ + count) - math.lgamma(concentration * share_) - count * math.log(share_)
        for count, share_ in zip(counts, shares, strict=True)
    )
    return math.lgamma(concentration) - math.lgamma(concentration + whole) + math.fsum(terms)


class Split(NamedTuple):
    """Since the new version should get the share `wanted` (0: nobody says which): how often it was looked, and of the looks that
    count the requests of the new version and of both (`whole`), their `seconds`, the sums of new² over whole and of whole² over
    seconds. `is_off`: the evidence has been reached, and stays."""

    wanted: float = 0.0
    looks: int = 0
    new: float = 0.0
    whole: float = 0.0
    seconds: float = 0.0
    between: float = 0.0
    along: float = 0.0
    is_off: bool = False

    def and_one(self, wanted: float | None, seconds: float, stable: float, new: float, tolerance: float = TOLERANCE) -> Split:
        """After an interval with so many requests of either version."""
        if wanted is None or not 0.0 < wanted < 1.0:
            return Split()
        if wanted != self.wanted:
            return Split(wanted, 1)
        whole = stable + new
        if self.looks < SETTLES or not whole:
            return self._replace(looks=self.looks + (self.looks < SETTLES))
        after = self._replace(
            looks=self.looks + 1,
            new=self.new + new,
            whole=self.whole + whole,
            seconds=self.seconds + seconds,
            between=self.between + new**2 / whole,
            along=self.along + whole**2 / seconds,
        )
        return after._replace(is_off=self.is_off or after._is_far(tolerance))

    @property
    def intervals(self) -> int:
        return max(self.looks - SETTLES, 0)

    @property
    def given(self) -> float:
        """The share that the new version got."""
        return self.new / self.whole if self.whole else 0.0

    @property
    def dispersion(self) -> float:
        """Variance over that of independent requests, at least 1: how many requests come as one."""
        if self.intervals < 2:
            return 1.0
        spread = self.given * (1.0 - self.given)
        between = (self.between - self.new * self.given) / spread if spread else 0.0
        along = self.along * self.seconds / self.whole - self.whole
        return max(max(between, along) / (self.intervals - 1), 1.0)

    def _is_far(self, tolerance: float) -> bool:
        if self.intervals < FEWEST or abs(self.given - self.wanted) < tolerance * min(self.wanted, 1.0 - self.wanted):
            return False
        counts = (self.new / self.dispersion, (self.whole - self.new) / self.dispersion)
        return log_evidence(counts, (self.wanted, 1.0 - self.wanted)) >= -math.log(ALPHA)

    @property
    def told(self) -> str:
        """In words, where they are not what they should be; else empty."""
        if not self.is_off:
            return ""
        return (
            f"the new version gets {share(self.new, self.whole)} of the requests in place of {share(self.wanted, 1.0)} "
            f"({number(round(self.new))} of {number(round(self.whole))})"
        )


def requests_of(figures: Figures) -> tuple[float, float] | None:
    """Of the stable and of the new version; None of what counts none."""
    match figures:
        case Both(stable, new):
            return stable.requests, new.requests
        case Histograms(stable, new):
            return max(stable.values(), default=0.0), max(new.values(), default=0.0)
        case Samples(stable, new):
            return stable.visits, new.visits
        case _:
            return None
