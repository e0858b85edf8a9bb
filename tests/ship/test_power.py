"""What gates would do, said beforehand: by the same judges, of releases that are drawn at random."""

from __future__ import annotations

import pytest
from rollway.gates.judges.sequential import Sequential
from rollway.gates.judges.threshold import Limits, Threshold
from rollway.ship.power import Stage, Traffic, Watch, foresee

HALF_AN_HOUR = (Stage(0.1, 900.0), Stage(0.5, 900.0))
EVIDENCE = Watch(Sequential(), 10.0, goes_on=True)


def test_the_sequential_judge_errs_seldom_and_finds_soon() -> None:
    good = foresee(EVIDENCE, Traffic(20.0, 0.005, 0.005), HALF_AN_HOUR, 300)
    bad = foresee(EVIDENCE, Traffic(20.0, 0.005, 0.05), HALF_AN_HOUR, 100)

    assert good.taken_back <= 6
    assert (good.median_s, good.ninetieth_s, good.bad_answers) == (None, None, None)
    assert bad.taken_back == 100
    assert bad.median_s is not None
    assert bad.ninetieth_s is not None
    assert bad.median_s <= 90 < 300 >= bad.ninetieth_s


def test_a_bound_at_little_traffic_takes_most_good_versions_back() -> None:
    """One error among sixty requests is 1.7%."""
    bound = Watch(Threshold(high=0.01), 60.0, goes_on=False)
    assert foresee(bound, Traffic(10.0, 0.005, 0.005), HALF_AN_HOUR, 200).taken_back > 150


def test_a_threshold_that_has_passed_is_asked_no_more_until_the_next_stage() -> None:
    once = Watch(Threshold(high=0.5, limits=Limits(count=1)), 10.0, goes_on=False)
    found = foresee(once, Traffic(100.0, 0.005, 0.9), HALF_AN_HOUR, 20)
    assert (found.taken_back, found.median_s, found.ninetieth_s) == (20, 10.0, 10.0)


def test_where_nothing_reaches_the_new_version_nothing_is_found() -> None:
    assert foresee(EVIDENCE, Traffic(20.0, 0.005, 0.9), [Stage(0.0, 900.0)], 5).taken_back == 0
    assert foresee(EVIDENCE, Traffic(20.0, 0.005, 0.9), [Stage(0.5, 9.0)], 5).taken_back == 0


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_gives_the_same_figures(seed: int) -> None:
    asked = (EVIDENCE, Traffic(5.0, 0.005, 0.05, clump=5), HALF_AN_HOUR, 10, seed)
    assert foresee(*asked) == foresee(*asked)


@pytest.mark.parametrize(("goes_on", "looks"), [(True, [300.0, 310.0, 320.0]), (False, [300.0])])
def test_what_begins_later_is_looked_at_later(goes_on: bool, looks: list[float]) -> None:
    """Evidence on a version waits once, what is decided anew at each pause waits at each."""
    watch = Watch(Sequential(), 10.0, goes_on, delay_s=290.0)
    assert [at_s for at_s, _, _ in watch.looks([Stage(0.1, 300.0), Stage(0.5, 20.0)])] == looks


@pytest.mark.parametrize(("is_taken", "taken_back"), [(None, 0), (True, 5), (False, 0)])
def test_what_cannot_be_told_is_what_the_gate_says(is_taken: bool | None, taken_back: int) -> None:
    undecided = Threshold(success="result > 1", failure="result < 0", limits=Limits(count=1))
    watch = Watch(undecided, 10.0, goes_on=False, is_taken=is_taken)
    assert foresee(watch, Traffic(100.0, 0.005, 0.5), [Stage(0.5, 100.0)], 5).taken_back == taken_back
