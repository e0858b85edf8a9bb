"""What is told while a comparison is computed."""

from __future__ import annotations

import pytest
from rollway.cli.rehearsing import told


@pytest.mark.parametrize(
    ("done", "of", "seconds", "line"),
    [
        (0, 15, 1.0, "rehearsing: 0 of at least 15 walks"),
        (5, 15, 10.0, "rehearsing: 5 of at least 15 walks, about 20 s more"),
        (14, 15, 7.0, "rehearsing: 14 of at least 15 walks"),
        (10, 40, 100.0, "rehearsing: 10 of at least 40 walks, about 5 m more"),
    ],
)
def test_how_far_it_is_and_how_long_still(done: int, of: int, seconds: float, line: str) -> None:
    """By what it took so far; below a second nobody needs to know."""
    assert told(done, of, seconds) == line
