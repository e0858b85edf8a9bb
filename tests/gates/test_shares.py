"""Whether the versions get the shares of the requests that they should."""

from __future__ import annotations

from random import Random

import pytest
from rollway.gates.figures import Both, Counts, Histograms, Value
from rollway.gates.shares import FEWEST, SETTLES, Split, requests_of
from rollway.ship.power import poisson

LOOKS = 60


def first_alarm(rate: float, wanted: float, given: float, clump: int, seed: int) -> int | None:
    """After how many looks, of ten seconds each; what nobody asked in is no look, and the next one reaches back."""
    random, split, seconds = Random(f"{rate} {wanted} {given} {clump} {seed}"), Split(wanted, SETTLES), 0.0
    for look in range(1, LOOKS + 1):
        new, stable = (clump * poisson(random, 10.0 * rate * share / clump) for share in (given, 1.0 - given))
        seconds += 10.0
        if new + stable:
            split, seconds = split.and_one(wanted, seconds, float(stable), float(new)), 0.0
        if split.is_off:
            return look
    return None


@pytest.mark.parametrize("clump", [1, 5, 20, 50])
@pytest.mark.parametrize("rate", [0.1, 1.0, 10.0, 100.0])
@pytest.mark.parametrize("wanted", [0.1, 0.5])
def test_what_gets_its_share_is_seldom_told_of(rate: float, wanted: float, clump: int) -> None:
    """Looked at every ten seconds; also where requests come in clumps."""
    releases = 200
    alarms = sum(first_alarm(rate, wanted, wanted, clump, seed) is not None for seed in range(releases))
    assert alarms <= (0 if clump == 1 else releases * 0.02)


@pytest.mark.parametrize(("rate", "wanted", "given", "within"), [(10, 0.1, 0.3, 8), (1, 0.2, 0.6, 18), (10, 0.5, 0.0, 6)])
def test_what_gets_another_share_is_found(rate: float, wanted: float, given: float, within: int) -> None:
    found = sorted(first_alarm(rate, wanted, given, 1, seed) or LOOKS for seed in range(100))
    assert FEWEST <= found[50] <= within


def test_a_small_difference_is_told_to_nobody() -> None:
    """With enough requests every share is off by a little."""
    split = Split(0.2, SETTLES)
    for _ in range(1000):
        split = split.and_one(0.2, 10.0, 78_000.0, 22_000.0)
    assert not split.is_off
    assert split.told == ""


def test_what_is_measured_while_the_share_changes_counts_for_nothing() -> None:
    split = Split()
    for wanted in (0.1, 0.1, 0.25, 0.25, 0.25):
        split = split.and_one(wanted, 10.0, 500.0, 500.0)
    assert (split.intervals, split.whole) == (1, 1000.0)
    assert split.and_one(None, 10.0, 500.0, 500.0) == Split()
    assert split.and_one(1.0, 10.0, 0.0, 500.0) == Split()


def test_once_found_it_stays_found_and_says_what_was_seen() -> None:
    split = Split(0.25, SETTLES)
    for _ in range(FEWEST):
        split = split.and_one(0.25, 10.0, 100.0, 0.0)
    assert split.told == "the new version gets 0% of the requests in place of 25% (0 of 500)"
    for _ in range(50):
        split = split.and_one(0.25, 10.0, 75.0, 25.0)
    assert split.is_off


def test_requests_are_counted_of_what_counts_requests() -> None:
    assert requests_of(Both(Counts(9.0, 1.0), Counts(3.0, 0.0))) == (9.0, 3.0)
    assert requests_of(Histograms({0.1: 4.0, 1.0: 9.0}, {})) == (9.0, 0.0)
    assert requests_of(Value(3.0)) is None
