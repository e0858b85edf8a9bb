"""Requests of two versions and the errors among them, interval by interval, and when a judge takes the new one back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from random import Random

from rollway.gates.figures import Both, Counts, Phase
from rollway.gates.judges.sequential import Sequential
from rollway.ship.power import poisson


@dataclass(frozen=True)
class Traffic:
    """`new` and `stable` requests a second, the share of errors of each, `clump` errors at once; both shares are `doubled` in
    some of the looks. A look is of ten seconds."""

    new: float
    stable: float
    good: float
    bad: float
    clump: int = 1
    doubled: range = range(0)

    def looks(self, count: int, seed: int) -> Iterator[Both]:
        random = Random(seed)
        for look in range(count):
            factor = 2.0 if look in self.doubled else 1.0
            yield Both(self._side(random, self.stable, self.good * factor), self._side(random, self.new, self.bad * factor))

    def _side(self, random: Random, rate: float, share: float) -> Counts:
        whole = poisson(random, rate * 10.0)
        errors = self.clump * poisson(random, rate * 10.0 * share / self.clump)
        return Counts(float(max(whole, errors)), float(errors))


def first_alarm(traffic: Traffic, looks: int, seed: int) -> float | None:
    """Seconds until the judge takes the release back; None where it never does."""
    return alarm(traffic.looks(looks, seed))


def alarm(seen: Iterable[Both]) -> float | None:
    """The same of what was seen, look by look."""
    judge = Sequential()
    state = judge.begin()
    for look, both in enumerate(seen, start=1):
        state = judge.take(state, look * 10.0, both)
        if state.get("reached"):
            assert judge.verdict(state).phase == Phase.FAILED
            return look * 10.0
    return None
