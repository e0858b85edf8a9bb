"""How often gates take a good release back, and how soon they find a bad one: the table of docs/gates.md. Beside the
product's own rule two others see the very same requests: the same test that takes errors for independent, and a fixed bound.

All releases of a row are judged at once, by arrays (pip install numpy); some of them are judged by the product's judge as well,
which has to say the same at the same look, or this ends with an error.

python benchmarks/gates.py [RELEASES] [WORDS]     default: 20000 good ones, a tenth of it bad ones; of all rows those with WORDS
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rollway.gates.figures import Both, Counts
from rollway.gates.judges.sequential import ALONE, CHANCE, MOST_RAISED, PRIOR, RATIOS, WEIGHTS, Sequential, raised_by

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "support"))

import gate_traffic

HOUR, LOOK_S = 360, 10.0
GOOD, BAD, ALPHA = 0.005, 0.05, Sequential().alpha
RATES, CLUMPS = (0.1, 1.0, 10.0, 1000.0), (5, 10, 20)
NEVER = float("inf")
REPLAYED = 60
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Traffic(gate_traffic.Traffic):
    """The tests', with errors of a clump that may come within so many looks (`over`)."""

    over: int = 1


def rows() -> Iterator[tuple[str, Traffic, int]]:
    """What is asked, the traffic, for how many looks; of 20,000 good releases, and of bad ones."""
    for rate in RATES:
        yield f"good, {rate:g}/s on the canary", Traffic(rate, 9 * rate, GOOD, GOOD), HOUR
    for rate in RATES:
        doubled = Traffic(rate, 9 * rate, GOOD, GOOD, doubled=range(60, 120))
        yield f"good, {rate:g}/s, both sides err twice as often for 10 min", doubled, HOUR
    for rate in RATES:
        for clump in CLUMPS:
            yield f"good, {rate:g}/s, clumps of {clump}", Traffic(rate, 9 * rate, GOOD, GOOD, clump=clump), HOUR
    for rate in (1.0, 10.0):
        for clump in CLUMPS:
            yield f"good, {rate:g}/s of as many, clumps of {clump}", Traffic(rate, rate, GOOD, GOOD, clump=clump), HOUR
        yield f"good, {rate:g}/s, clumps of 10 within 30 s", Traffic(rate, 9 * rate, GOOD, GOOD, clump=10, over=3), HOUR
    for rate, stable in ((1.0, 9.0), (1.0, 19.0), (10.0, 90.0), (1000.0, 9000.0)):
        yield f"5% errors, {rate:g}/s beside {stable:g}/s", Traffic(rate, stable, GOOD, BAD), HOUR
    yield "1.5% errors, 10/s beside 90/s", Traffic(10.0, 90.0, GOOD, 0.015), HOUR
    for clump in CLUMPS:
        yield f"5% errors, 1/s beside 9/s, clumps of {clump}", Traffic(1.0, 9.0, GOOD, BAD, clump=clump), 3 * HOUR
        yield f"5% errors, 10/s beside 90/s, clumps of {clump}", Traffic(10.0, 90.0, GOOD, BAD, clump=clump), HOUR


class Drawing:
    """One side of all releases."""

    def __init__(self, random: np.random.Generator, traffic: Traffic, rate: float, share: float, releases: int) -> None:
        self._random, self._traffic, self._releases = random, traffic, releases
        self._mean, self._share = rate * LOOK_S, share
        self._late = np.zeros((traffic.over, releases))

    def look(self, number: int) -> tuple[Array, Array]:
        """Requests, and the errors among them."""
        traffic = self._traffic
        share = self._share * (2.0 if number in traffic.doubled else 1.0)
        requests = self._random.poisson(self._mean, self._releases)
        errors = traffic.clump * self._random.poisson(self._mean * share / traffic.clump, self._releases)
        for later in range(traffic.over):  # each falls in one of so many looks
            now = self._random.binomial(errors, 1.0 / (traffic.over - later))
            self._late[(number + later) % traffic.over] += now
            errors = errors - now
        due = self._late[number % traffic.over].copy()
        self._late[number % traffic.over] = 0.0
        return np.maximum(requests, due).astype(float), due


class Side:
    """`judges.sequential.Spread`, of all releases."""

    def __init__(self, releases: int) -> None:
        self.intervals, self.requests, self.errors, self.squares, self.most, self.weighed = np.zeros((6, releases))

    def take(self, requests: Array, errors: Array) -> None:
        usual = np.where(self.intervals > 0, self.requests / np.maximum(self.intervals, 1.0), requests)
        weight = np.minimum(requests, np.maximum(requests - np.maximum(errors - 1.0, 0.0), usual))
        self.intervals += requests > 0
        self.requests += requests
        self.errors += errors
        self.squares += np.where(requests > 0, errors**2 / np.where(weight > 0, weight, 1.0), 0.0)
        np.maximum(self.most, errors, out=self.most)
        self.weighed += np.where(requests > 0, weight, 0.0)

    def dispersion(self, which: NDArray[np.intp]) -> Array:
        intervals, errors, most = self.intervals[which], self.errors[which], np.maximum(self.most[which], 1.0)
        freedom, some = np.maximum(intervals - 1.0, 1.0), np.maximum(errors, 1e-9)
        pearson = (self.squares[which] * self.weighed[which] / some - errors) / freedom
        by_chance = 1.0 + CHANCE * np.sqrt((2.0 + intervals / some) / freedom)
        blended = (PRIOR * most + freedom * np.where(pearson > by_chance, pearson, 1.0)) / (PRIOR + freedom)
        return np.where((intervals < 2) | (errors == 0), most, blended)


def raised(raised: Array, logs: Array, errors: Array, theta: Array, is_open: NDArray[np.bool_]) -> Array:
    """`Sequential._raised`, of all releases: where it can be above 0 by the judge's own function."""
    more, log_ratios = np.zeros_like(raised), np.log(np.array(RATIOS))[:, None]
    count, terms = np.rint(errors), np.log(np.array(WEIGHTS))[:, None] + logs
    known = np.logaddexp.reduce(terms, axis=0)
    missing = -np.log(ALPHA) - known - raised
    most = np.logaddexp.reduce(terms - known + count * (log_ratios - np.log1p(theta * (np.exp(log_ratios) - 1.0))), axis=0)
    is_one = is_open & (theta > 0) & (theta < 1) & (count > 0) & (count <= MOST_RAISED) & (missing > 0) & (most > missing)
    for each in np.flatnonzero(is_one):
        own = [float(term) for term in terms[:, each] - known[each]]
        more[each] = raised_by(own, float(missing[each]), int(count[each]), float(theta[each]))
    return more


def mixed(logs: Array) -> Array:
    return np.asarray((np.array(WEIGHTS)[:, None] * np.exp(np.minimum(logs, 700.0))).sum(axis=0))


class Alarms(NamedTuple):
    """Seconds until each release goes back, by who judges."""

    sequential: Array
    independent: Array
    bound: Array


def judged(traffic: Traffic, looks: int, releases: int, seed: int = 1) -> Alarms:
    random = np.random.default_rng(seed)
    draw_new = Drawing(random, traffic, traffic.new, traffic.bad, releases)
    draw_stable = Drawing(random, traffic, traffic.stable, traffic.good, releases)
    stable, new, logs, more = Side(releases), Side(releases), np.zeros((len(RATIOS), releases)), np.zeros(releases)
    is_sure = np.zeros(releases, dtype=bool)
    ratios = np.array(RATIOS)[:, None]
    found = Alarms(*np.full((3, releases), NEVER))
    minute, replayed = np.zeros((2, releases)), []
    for look in range(looks):
        (requests, errors), (others, their) = draw_new.look(look), draw_stable.look(look)
        replayed.append(np.stack([others, their, requests, errors])[:, :REPLAYED])
        whole = requests + others
        theta = np.where(whole > 0, requests / np.maximum(whole, 1.0), 0.0)
        more += raised(more, logs, errors + their, theta, ~is_sure)
        logs += errors * np.log(ratios) - (errors + their) * np.log1p(theta * (ratios - 1.0))
        stable.take(others, their)
        new.take(requests, errors)
        at_s = LOOK_S * (look + 1)
        which = np.flatnonzero((logs.max(axis=0) + more >= -np.log(ALPHA)) & (found.sequential == NEVER))
        is_sure[which] |= mixed(logs[:, which] + more[which]) >= 1.0 / ALPHA
        dispersion = np.maximum(stable.dispersion(which), new.dispersion(which))
        is_found = is_sure[which] & (mixed(logs[:, which] / dispersion + more[which] * (dispersion < ALONE)) >= 1.0 / ALPHA)
        found.sequential[which[is_found]] = at_s
        is_over = (mixed(logs) >= 1.0 / ALPHA) & (found.independent == NEVER)
        found.independent[is_over] = at_s
        minute += (requests, errors)
        if look % 6 == 5:
            if look < 60:
                over = (minute[1] > 0.01 * minute[0]) & (found.bound == NEVER)
                found.bound[over] = at_s
            minute[:] = 0.0
    _agree(np.array(replayed), found.sequential)
    return found


def _agree(looks: Array, found: Array) -> None:
    """Raises AssertionError where the product's judge says otherwise of any of these."""
    for release in range(min(REPLAYED, found.size)):
        seen = (
            Both(Counts(float(others), float(their)), Counts(float(requests), float(errors)))
            for others, their, requests, errors in looks[:, :, release]
        )
        at_s = gate_traffic.alarm(seen) or NEVER
        assert at_s == found[release], f"release {release}: after {at_s} s, and by arrays after {found[release]} s"


def told(at: Array) -> str:
    """The share that goes back, half of them within, nine of ten within."""
    times = (statistics.median_high(at.tolist()), float(np.sort(at)[int(0.9 * at.size)]))
    shown = "".join(f"{f'{each:.0f} s' if each < NEVER else '-':>8}" for each in times)
    return f"{np.mean(at < NEVER):>9.2%}{shown}"


def main() -> None:
    releases = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    words = sys.argv[2] if len(sys.argv) > 2 else ""
    print(f"{'':56}{'':>8}   {'sequential':^25}   {'errors taken as independent':^25}   {'at most 1% a minute':^25}")
    print(f"{'':56}{'releases':>8}" + f"   {'back':>9}{'median':>8}{'90%':>8}" * 3)
    for said, traffic, looks in rows():
        if words in said:
            count = releases if traffic.good == traffic.bad else max(releases // 10, 100)
            print(f"{said:56}{count:>8}   {'   '.join(map(told, judged(traffic, looks, count)))}", flush=True)


if __name__ == "__main__":
    main()
