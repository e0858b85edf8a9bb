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
    assert (good.median_s, good.late_s, good.bad_answers) == (None, None, None)
    assert bad.taken_back == 100
    assert bad.median_s is not None
    assert bad.late_s is not None
    assert bad.median_s <= 90 < 300 >= bad.late_s


def test_a_bound_at_little_traffic_takes_most_good_versions_back() -> None:
    """One error among sixty requests is 1.7%."""
    bound = Watch(Threshold(high=0.01), 60.0, goes_on=False)
    assert foresee(bound, Traffic(10.0, 0.005, 0.005), HALF_AN_HOUR, 200).taken_back > 150


def test_a_threshold_that_has_passed_is_asked_no_more_until_the_next_stage() -> None:
    once = Watch(Threshold(high=0.5, limits=Limits(count=1)), 10.0, goes_on=False)
    found = foresee(once, Traffic(100.0, 0.005, 0.9), HALF_AN_HOUR, 20)
    assert (found.taken_back, found.median_s, found.late_s) == (20, 10.0, 10.0)


def test_where_nothing_reaches_the_new_version_nothing_is_found() -> None:
    assert foresee(EVIDENCE, Traffic(20.0, 0.005, 0.9), [Stage(0.0, 900.0)], 5).taken_back == 0
    assert foresee(EVIDENCE, Traffic(20.0, 0.005, 0.9), [Stage(0.5, 9.0)], 5).taken_back == 0


@pytest.mark.parametrize("seed", [0, 7])
def test_the_same_seed_gives_the_same_figures(seed: int) -> None:
    asked = (EVIDENCE, Traffic(5.0, 0.005, 0.05, clump=5), HALF_AN_HOUR, 10, seed)
    assert foresee(*asked) == foresee(*asked)
