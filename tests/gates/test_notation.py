"""Series of values in promtool's notation."""

from __future__ import annotations

import math

import pytest
from rollway.gates.notation import Unreadable, read


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 2.5 -3", [1.0, 2.5, -3.0]),
        ("0+10x3", [0.0, 10.0, 20.0, 30.0]),
        ("10-2x2", [10.0, 8.0, 6.0]),
        ("5x3", [5.0, 5.0, 5.0, 5.0]),
        ("-2+4x1", [-2.0, 2.0]),
        ("1 _ _x2 7", [1.0, None, None, None, 7.0]),
        ("1e3 +Inf", [1000.0, math.inf]),
    ],
)
def test_series(text: str, values: list[float | None]) -> None:
    assert read(text) == values


def test_nan_is_a_value() -> None:
    [value] = read("NaN")
    assert value is not None
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["", "   ", "1,2", "x3", "5x", "5y3", "0+x3", "stale", "1x99999999", "_x", "0x60000 0x60000"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(Unreadable):
        read(text)
