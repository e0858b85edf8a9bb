"""The sequential judge: good releases are left alone however often one looks, bad ones are found soon, also where errors come in
clumps. (benchmarks/gates.py does the same at full size.)"""

from __future__ import annotations

import json
import math
import statistics
from random import Random

import pytest
from gate_traffic import Traffic, first_alarm
from hypothesis import given
from hypothesis import strategies as st
from rollway.gates.figures import Both, Counts, Histograms, Phase
from rollway.gates.judges.sequential import RATIOS, WEIGHTS, Sequential, Spread

SIMULATED = pytest.mark.usefixtures("untraced")
GOOD, BAD = 0.005, 0.05


def alarms(traffic: Traffic, releases: int, looks: int) -> float:
    """The share of releases that go back."""
    found = [first_alarm(traffic, looks, seed) for seed in range(releases)]
    return sum(at is not None for at in found) / releases


def test_the_mixture_stakes_everything_once() -> None:
    assert math.isclose(sum(WEIGHTS), 1.0)
    assert min(RATIOS) > 1


@SIMULATED
@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0, 1000.0])
def test_a_good_release_is_left_alone_at_every_look(rate: float) -> None:
    """Watched for an hour, every ten seconds. The bound is 1%; of 400 releases 9 would be seen with probability under 2%."""
    assert alarms(Traffic(rate, 9.0, GOOD, GOOD), 400, 360) <= 8 / 400


@SIMULATED
@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0, 1000.0])
def test_a_base_rate_that_doubles_on_both_sides_says_nothing(rate: float) -> None:
    assert alarms(Traffic(rate, 9 * rate, GOOD, GOOD, doubled=range(60, 120)), 300, 150) <= 8 / 300


@SIMULATED
@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0, 1000.0])
@pytest.mark.parametrize("clump", [5, 10, 20])
def test_clumps_are_not_taken_for_many(clump: int, rate: float) -> None:
    """Wanted: 2% at most, and less than 1% is what it comes to; counted as independent they would make it tens of percent."""
    assert alarms(Traffic(rate, 9 * rate, GOOD, GOOD, clump=clump), 200, 360) <= 6 / 200


@SIMULATED
@pytest.mark.parametrize(("rate", "stable", "within_s"), [(1.0, 9.0, 90.0), (1.0, 19.0, 80.0), (10.0, 90.0, 20.0)])
def test_a_bad_release_is_found_soon(rate: float, stable: float, within_s: float) -> None:
    """Ten times as many errors, in the middle of 301 releases."""
    found = [first_alarm(Traffic(rate, stable, GOOD, BAD), 360, seed) for seed in range(301)]
    assert None not in found
    assert statistics.median(found) <= within_s + 10  # one look more, as 301 are not all


def test_shares_may_change_from_look_to_look() -> None:
    judge, state, random = Sequential(), Sequential().begin(), Random(3)
    for look in range(200):
        theta = random.choice([0.01, 0.1, 0.5, 0.9])
        new, stable = 200 * theta, 200 * (1 - theta)
        state = judge.take(state, look * 10.0, Both(Counts(stable, stable * GOOD), Counts(new, new * GOOD)))
    assert judge.verdict(state).phase == Phase.RUNNING


COUNTS = st.builds(
    lambda requests, part: Counts(float(requests), float(int(requests * part))), st.integers(0, 10_000), st.floats(0, 0.3)
)


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=30), st.integers(0, 30))
def test_what_was_put_away_goes_on_as_if_nothing_had_been(pairs: list[tuple[Counts, Counts]], at: int) -> None:
    """The state is plain JSON: it is neither reset nor doubled by a pause."""
    judge = Sequential()
    whole = part = judge.begin()
    for place, pair in enumerate(pairs):
        whole = judge.take(whole, place, Both(*pair))
        part = judge.take(json.loads(json.dumps(part)) if place == at else part, place, Both(*pair))
    assert judge.verdict(whole) == judge.verdict(part)
    assert len(json.dumps(whole)) < 1000


@given(st.lists(st.tuples(COUNTS, COUNTS), max_size=30))
def test_fewer_errors_are_no_evidence(pairs: list[tuple[Counts, Counts]]) -> None:
    """A version that errs less than the stable one in every interval is never taken back."""
    judge = Sequential()
    state = judge.begin()
    for place, (stable, new) in enumerate(pairs):
        fewer = Counts(new.requests, 0.0 if not stable.requests else new.requests * stable.errors / stable.requests * 0.9)
        state = judge.take(state, place, Both(stable, fewer))
    assert judge.verdict(state).phase == Phase.RUNNING


def test_a_clump_in_one_interval_is_one() -> None:
    spread = Spread()
    for look in range(20):
        spread = spread.and_one(Counts(100.0, 12.0 if look == 4 else 0.0))
    assert spread.dispersion == pytest.approx(12.0, rel=0.2)


def test_of_few_intervals_nobody_knows_whether_their_errors_are_one_clump() -> None:
    spread, found = Spread(), []
    for _ in range(40):
        spread = spread.and_one(Counts(10_000.0, 50.0))
        found.append(spread.dispersion)
    assert found[0] == 50.0
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(1.0, abs=0.3)


@pytest.mark.parametrize("whole", [1.0, 20.0])
def test_what_a_client_tries_again_is_no_request_more_that_errors_are_of(whole: float) -> None:
    """A clump of 20 where one request comes in an interval: else 20 errors of 20 requests would be what is usual."""
    spread = Spread()
    for look in range(60):
        spread = spread.and_one(Counts(20.0, 20.0) if look == 30 else Counts(whole, 0.0))
    assert spread.dispersion == pytest.approx(20.0, rel=0.35)


def test_what_it_says_is_seen_against_stable() -> None:
    judge, state = Sequential(), Sequential().begin()
    for look in range(12):
        state = judge.take(state, look * 10.0, Both(Counts(1000.0, 5.0), Counts(100.0, 5.0)))
    verdict = judge.verdict(state)
    assert verdict.phase == Phase.FAILED
    assert verdict.why == (
        "errors: 5% of 1,200 on the new version, 0.5% of 12,000 on the stable one: by chance in less than 1.00% of good releases"
    )


def test_slow_answers_are_those_above_what_was_stable_s_95th_percentile() -> None:
    judge = Sequential(what="latency")
    state = judge.begin()

    def times(quick: float, slow: float) -> dict[float, float]:
        return {0.1: quick, 0.5: quick + slow / 2, math.inf: quick + slow}

    state = judge.take(state, 0.0, Histograms(times(96, 4), times(10, 0)))
    assert judge.verdict(state).measured == 0  # what the bound is chosen from is not counted
    for look in range(1, 30):
        state = judge.take(state, look * 10.0, Histograms(times(96, 4), times(60, 40)))
    verdict = judge.verdict(state)
    assert verdict.phase == Phase.FAILED
    assert "slower than 0.1 s: 40% of" in verdict.why
