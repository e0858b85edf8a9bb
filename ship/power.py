"""What a gate on counted requests would do, at a given traffic: how often it takes a good version back, and how soon it finds a
bad one. Releases are drawn at random, and judged by the gate's own judge."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from ..gates.figures import Both, Counts, Judge, Phase


class Stage(NamedTuple):
    """The new version gets that `share` of the requests (0 to 1) for so many `seconds`."""

    share: float
    seconds: float


@dataclass(frozen=True)
class Traffic:
    """`rate` requests a second in all; these shares of them are errors, of each version. `clump` errors come at once."""

    rate: float
    stable: float
    new: float
    clump: int = 1

    def of(self, random: Random, share: float, seconds: float) -> Both:
        """What an interval counts."""
        return Both(
            self._side(random, self.rate * (1.0 - share) * seconds, self.stable),
            self._side(random, self.rate * share * seconds, self.new),
        )

    def _side(self, random: Random, mean: float, errors: float) -> Counts:
        whole = poisson(random, mean)
        bad = self.clump * poisson(random, mean * errors / self.clump)
        return Counts(float(max(whole, bad)), float(bad))


@dataclass(frozen=True)
class Watch:
    """A gate: who judges, every so many seconds, and whether what was counted goes on from stage to stage."""

    judge: Judge
    interval_s: float
    goes_on: bool

    def taken_back(self, traffic: Traffic, stages: Sequence[Stage], random: Random) -> tuple[float, float] | None:
        """After how many seconds, and how many bad answers of the new version, a release goes back; None where it does not."""
        state, bad, phase = self.judge.begin(), 0.0, Phase.RUNNING
        for at_s, share, is_first in _looks(stages, self.interval_s):
            if is_first and not self.goes_on:
                state, phase = self.judge.begin(), Phase.RUNNING
            both = traffic.of(random, share, self.interval_s)
            bad += both.new.errors
            if not both.new.requests or phase == Phase.PASSED:
                continue  # nothing to measure; or it is asked no more
            state = self.judge.take(state, at_s, both)
            phase = self.judge.phase(state)
            if phase == Phase.FAILED:
                return at_s, bad
        return None


class Foreseen(NamedTuple):
    """Of so many `releases` of a version with that share of errors, how many are `taken_back`; the seconds within which half
    of them and nine of ten are, and the bad answers that are given until then in half of them. None: not so many are."""

    errors: float
    releases: int
    taken_back: int
    median_s: float | None
    late_s: float | None
    bad_answers: float | None


def foresee(watch: Watch, traffic: Traffic, stages: Sequence[Stage], releases: int, seed: int = 0) -> Foreseen:
    """The same seed gives the same figures."""
    drawn = (watch.taken_back(traffic, stages, Random(f"{seed} {number}")) for number in range(releases))
    found = [each for each in drawn if each is not None]
    never = [math.inf] * (releases - len(found))
    times = sorted([at_s for at_s, _ in found] + never)
    bad = sorted([bad for _, bad in found] + never)
    return Foreseen(
        errors=traffic.new,
        releases=releases,
        taken_back=len(found),
        median_s=_finite(statistics.median_high(times)),
        late_s=_finite(times[math.ceil(0.9 * releases) - 1]),
        bad_answers=_finite(statistics.median_high(bad)),
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _looks(stages: Sequence[Stage], interval_s: float) -> Iterator[tuple[float, float, bool]]:
    """Each look: when, the share since the last one, whether it is the first of its stage."""
    began_s = 0.0
    for stage in stages:
        for look in range(1, int(stage.seconds // interval_s) + 1):
            yield began_s + look * interval_s, stage.share, look == 1
        began_s += stage.seconds


def poisson(random: Random, mean: float) -> int:
    """Knuth's way for small means, a normal one for large."""
    if mean > 50:
        return max(round(random.gauss(mean, math.sqrt(mean))), 0)
    limit, product, count = math.exp(-mean), random.random(), 0
    while product > limit:
        product *= random.random()
        count += 1
    return count
