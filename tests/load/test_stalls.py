"""When this machine stood still, told by moments."""

from __future__ import annotations

import pytest
from rollway.load.stalls import Stalls


@pytest.mark.parametrize(
    ("beats", "span", "seconds"),
    [
        ([], (0, 10), 0),
        ([(1, 1.04), (2, 2.01)], (0, 10), 0),
        ([(1, 3)], (0, 10), 2),
        ([(1, 3)], (2, 10), 1),
        ([(1, 3)], (0, 1.5), 0.5),
        ([(1, 3)], (3, 10), 0),
        ([(1, 3), (3.0, 4)], (0, 10), 3),
        ([(1, 3), (5, 6)], (2, 5.5), 1.5),
    ],
)
def test_only_what_is_late_and_within(beats: list[tuple[float, float]], span: tuple[float, float], seconds: float) -> None:
    """A timer's own milliseconds are none; spans that touch are one."""
    stalls = Stalls()
    for due_s, ran_s in beats:
        stalls.take(due_s, ran_s)

    assert stalls.within(*span) == pytest.approx(seconds)
