"""Replica arithmetic, as design.md states it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.routing.ratio import Pods, beside, split

ROWS = [
    # replicas, weight, may surge, stable, canary
    (4, 50, True, 2, 2),
    (4, 10, True, 4, 1),
    (4, 10, False, 3, 1),
    (10, 10, True, 9, 1),
    (10, 5, True, 10, 1),
    (3, 50, True, 2, 2),
    (3, 50, False, 1, 2),
    (5, 20, True, 4, 1),
    (1, 50, True, 1, 1),
    (1, 10, True, 1, 1),
    (1, 50, False, 0, 1),
    (1, 49, False, 1, 0),
    (2, 99, True, 1, 2),
    (4, 0, True, 4, 0),
    (4, 100, True, 0, 4),
    (0, 50, True, 0, 0),
]


@pytest.mark.parametrize(("replicas", "weight", "may_surge", "stable", "canary"), ROWS)
def test_split(replicas: int, weight: int, may_surge: bool, stable: int, canary: int) -> None:
    """The nearest share; of equally near ones the fewer pods, then the more canary."""
    assert split(replicas, weight, may_surge=may_surge) == Pods(stable, canary)


@given(st.integers(2, 60), st.integers(1, 99), st.booleans())
def test_no_split_comes_nearer(replicas: int, weight: int, may_surge: bool) -> None:
    """No other split of the allowed totals has a nearer share, and neither side is empty."""
    found = split(replicas, weight, may_surge=may_surge)
    totals = (replicas, replicas + 1) if may_surge else (replicas,)

    assert sum(found) in totals
    assert min(found) >= 1
    near = abs(found.canary * 100 - weight * sum(found)) / sum(found)
    assert all(abs(canary * 100 - weight * total) / total >= near for total in totals for canary in range(1, total))


@given(st.integers(1, 60), st.integers(1, 99))
def test_beside_keeps_the_stable_side(stable: int, weight: int) -> None:
    """Where an HPA owns the stable side only the canary is chosen, and it is never empty."""
    found = beside(stable, weight)

    assert found.stable == stable
    assert found.canary >= 1


def test_of_equally_near_shares_the_one_with_fewer_pods() -> None:
    """2 of 4 and 3 of 5 are both five percent away from 55."""
    assert split(4, 55, may_surge=True) == Pods(2, 2)


@pytest.mark.parametrize(("stable", "weight", "canary"), [(10, 1, 1), (4, 20, 1), (4, 25, 1), (4, 30, 2), (3, 50, 3)])
def test_beside_what_is_not_ours_to_scale_only_the_canary_is_chosen(stable: int, weight: int, canary: int) -> None:
    """The number whose share is nearest, and at least one."""
    assert beside(stable, weight) == Pods(stable, canary)
