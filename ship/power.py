"""What a gate would do, at a given traffic: how often it takes a good version back, and how soon it finds a bad one. Releases are
drawn at random, and judged by the gate's own judge."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple, Protocol

from ..gates.effects import Sums
from ..gates.figures import Both, Counts, Figures, Histograms, Judge, Pair, Pairs, Phase, Samples

SLOW = 0.05
"""Of the stable version's answers: those above its 95th percentile."""


class Stage(NamedTuple):
    """The new version gets that `share` of the requests (0 to 1) for so many `seconds`."""

    share: float
    seconds: float


class Drawn(NamedTuple):
    """What an interval shows a gate (None: there is nothing to measure), and the bad answers of the new version in it."""

    figures: Figures | None
    bad: float = 0.0


class Draws(Protocol):
    """How both versions do. `size` is how bad the new one is, in the terms of what is measured."""

    @property
    def size(self) -> float: ...

    def of(self, random: Random, share: float, seconds: float) -> Drawn:
        """An interval in which the new version gets that share of the requests."""
        ...


@dataclass(frozen=True)
class Traffic:
    """`rate` requests a second in all; these shares of them are errors, of each version. `clump` errors come at once."""

    rate: float
    stable: float
    new: float
    clump: int = 1

    @property
    def size(self) -> float:
        return self.new

    def of(self, random: Random, share: float, seconds: float) -> Drawn:
        stable, new = self.counts(random, share, seconds)
        return Drawn(Both(stable, new) if new.requests else None, new.errors)

    def counts(self, random: Random, share: float, seconds: float) -> tuple[Counts, Counts]:
        """Of the stable and of the new version."""
        return (
            self._side(random, self.rate * (1.0 - share) * seconds, self.stable),
            self._side(random, self.rate * share * seconds, self.new),
        )

    def _side(self, random: Random, mean: float, errors: float) -> Counts:
        whole = poisson(random, mean)
        bad = self.clump * poisson(random, mean * errors / self.clump)
        return Counts(float(max(whole, bad)), float(bad))


@dataclass(frozen=True)
class Slowness:
    """Of `rate` requests a second those slower than the stable version's 95th percentile: `size` is the new one's share."""

    rate: float
    size: float

    def of(self, random: Random, share: float, seconds: float) -> Drawn:
        stable, new = Traffic(self.rate, SLOW, self.size).counts(random, share, seconds)
        figures = Histograms(*({1.0: each.requests - each.errors, math.inf: each.requests} for each in (stable, new)))
        return Drawn(figures if new.requests else None, new.errors)


@dataclass(frozen=True)
class Values:
    """Of both versions, measured at the same times: they vary by `spread`, a share of what they are on average, from one
    measurement to the next. The new version's are `size` times as high; `falls` names those that are so many times lower."""

    names: Sequence[str]
    falls: frozenset[str]
    spread: float
    size: float

    def of(self, random: Random, share: float, seconds: float) -> Drawn:
        found: Mapping[str, Pair] = {
            name: Pair(random.gauss(1.0, self.spread), self._mean(name) * random.gauss(1.0, self.spread)) for name in self.names
        }
        return Drawn(Pairs(found))

    def _mean(self, name: str) -> float:
        return 1.0 / self.size if name in self.falls else self.size


@dataclass(frozen=True)
class Conversions:
    """Of `rate` visits a second the share `stable` converts on the stable version, and `size` times as many on the new one."""

    rate: float
    stable: float
    size: float

    def of(self, random: Random, share: float, seconds: float) -> Drawn:
        sides = Traffic(self.rate, self.stable, min(self.stable * self.size, 1.0)).counts(random, share, seconds)
        return Drawn(Samples(*(Sums(each.requests, each.errors) for each in sides)))


@dataclass(frozen=True)
class Watch:
    """A gate: who judges, every so many seconds from `delay_s` on, and whether what was measured goes on from stage to stage.
    `is_taken`: what cannot be told is taken for failed (True), for passed (False), or begun anew (None)."""

    judge: Judge
    interval_s: float
    goes_on: bool
    delay_s: float = 0.0
    is_taken: bool | None = None

    def looks(self, stages: Sequence[Stage]) -> Iterator[tuple[float, float, bool]]:
        """Each: when, the share since the last one, whether it is the first of its stage."""
        began_s, delay_s = 0.0, self.delay_s
        for stage in stages:
            for look in range(1, int((stage.seconds - delay_s) // self.interval_s) + 1):
                yield began_s + delay_s + look * self.interval_s, stage.share, look == 1
            began_s += stage.seconds
            delay_s = max(delay_s - stage.seconds, 0.0) if self.goes_on else delay_s

    def taken_back(self, draws: Draws, stages: Sequence[Stage], random: Random) -> tuple[float, float] | None:
        """After how many seconds, and how many bad answers of the new version, a release goes back; None where it does not."""
        state, bad, phase = self.judge.begin(), 0.0, Phase.RUNNING
        for at_s, share, is_first in self.looks(stages):
            if is_first and not self.goes_on:
                state, phase = self.judge.begin(), Phase.RUNNING
            drawn = draws.of(random, share, self.interval_s)
            bad += drawn.bad
            if drawn.figures is None or phase == Phase.PASSED:
                continue  # nothing to measure; or it is asked no more
            state = self.judge.take(state, at_s, drawn.figures)
            phase = self.judge.phase(state)
            if phase in (Phase.INCONCLUSIVE, Phase.ERROR):
                state, phase = self.judge.begin(), _TAKEN[self.is_taken]
            if phase == Phase.FAILED:
                return at_s, bad
        return None


_TAKEN = {None: Phase.RUNNING, True: Phase.FAILED, False: Phase.PASSED}


@dataclass(frozen=True)
class Foreseen:
    """Of so many `releases` of a version that is so bad (`size`), how many are `taken_back`; the seconds within which half of
    them and nine of ten are, and the bad answers that are given until then in half of them. None: not so many are."""

    size: float
    releases: int
    taken_back: int
    median_s: float | None
    ninetieth_s: float | None
    bad_answers: float | None


def foresee(watch: Watch, draws: Draws, stages: Sequence[Stage], releases: int, seed: int = 0) -> Foreseen:
    """The same seed gives the same figures."""
    drawn = (watch.taken_back(draws, stages, Random(f"{seed} {number}")) for number in range(releases))
    found = [each for each in drawn if each is not None]
    never = [math.inf] * (releases - len(found))
    times = sorted([at_s for at_s, _ in found] + never)
    bad = sorted([bad for _, bad in found] + never)
    return Foreseen(
        size=draws.size,
        releases=releases,
        taken_back=len(found),
        median_s=_finite(statistics.median_high(times)),
        ninetieth_s=_finite(times[math.ceil(0.9 * releases) - 1]),
        bad_answers=_finite(statistics.median_high(bad)),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def poisson(random: Random, mean: float) -> int:
    """Knuth's way for small means, a normal one for large."""
    if mean > 50:
        return max(round(random.gauss(mean, math.sqrt(mean))), 0)
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
