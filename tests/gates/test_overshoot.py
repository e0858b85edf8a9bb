"""What a test would go beyond its bound is given back before: the test stays one, and decides sooner."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.gates.judges.sequential import RATIOS, WEIGHTS, raised_by
from rollway.gates.overshoot import binomial, boost


def factors_of(count: int, theta: float, ratio: float) -> list[float]:
    """Of the likelihood ratio of `ratio` against 1: their mean is 1."""
    return [ratio**new / (1.0 + theta * (ratio - 1.0)) ** count for new in range(count + 1)]


@given(st.integers(1, 40), st.floats(0.001, 0.999), st.floats(1.05, 30.0), st.floats(1.001, 1e6))
def test_the_mean_stays_one_at_most_and_nothing_is_left_of_it(count: int, theta: float, ratio: float, missing: float) -> None:
    factors, chances = factors_of(count, theta, ratio), binomial(count, theta)
    raised = boost(factors, chances, missing)
    mean = math.fsum(chance * min(raised * factor, missing) for chance, factor in zip(chances, factors, strict=True))
    assert raised >= 1.0
    assert mean <= 1.0 + 1e-9
    if raised > 1.0:
        assert mean == pytest.approx(1.0)


@given(st.integers(1, 40), st.floats(0.001, 0.999), st.floats(1.05, 30.0))
def test_where_nothing_reaches_what_is_missing_nothing_is_raised(count: int, theta: float, ratio: float) -> None:
    factors = factors_of(count, theta, ratio)
    assert boost(factors, binomial(count, theta), factors[-1] * 1.01) == pytest.approx(1.0, abs=1e-6)


def test_one_error_that_would_go_far_beyond_is_worth_more_before() -> None:
    """Of one error in a tenth of the traffic: twelve times as many are a factor of 5.7, of which 2 are enough, so that of what
    is left nine of ten take 0.8."""
    factors = factors_of(1, 0.1, 12.0)
    assert factors == pytest.approx([1 / 2.1, 12 / 2.1])
    assert boost(factors, binomial(1, 0.1), 2.0) == pytest.approx(0.8 / (0.9 / 2.1))


@given(st.integers(1, 40), st.floats(0.001, 0.999), st.floats(0.001, 20.0))
def test_the_mixture_is_raised_by_no_less_than_nothing(count: int, theta: float, missing: float) -> None:
    assert 0.0 <= raised_by([math.log(weight) for weight in WEIGHTS], missing, count, theta) < math.log(RATIOS[-1]) * count
