"""Figures as they are told."""

from __future__ import annotations

import pytest
from rollway.gates.words import share


@pytest.mark.parametrize(
    ("part", "whole", "said"),
    [(0, 10, "0%"), (1, 840, "0.12%"), (12, 840, "1.4%"), (987, 1000, "99%"), (997, 1000, "100%"), (5, 5, "100%"), (3, 0, "0%")],
)
def test_a_share_has_two_digits_that_matter_and_no_exponent(part: int, whole: int, said: str) -> None:
    assert share(part, whole) == said
