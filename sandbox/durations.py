"""Durations as Go writes them, and a delay that is one, or lies between two."""

from __future__ import annotations

import re
from random import Random
from typing import NamedTuple

_DURATION = re.compile(r"-?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+|0")
_PART = re.compile(r"(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(text: str) -> float:
    """`1m30s`, `250ms`, `0`. Raises ValueError."""
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is no duration: write 500ms, 2s or 1m30s")
    total = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))
    return -total if text.startswith("-") else total


class Lag(NamedTuple):
    """How far somebody is behind: the same each time, or drawn anew between two bounds."""

    low_s: float = 0.0
    high_s: float = 0.0

    @staticmethod
    def parse(text: str) -> Lag:
        """`2s`, `0.2s..1s`, `0`. Raises ValueError."""
        low, dots, high = text.partition("..")
        lag = Lag(seconds(low), seconds(high if dots else low))
        if not 0 <= lag.low_s <= lag.high_s:
            raise ValueError(f"{text!r}: the bounds have to grow, from 0")
        return lag

    def draw_s(self, random: Random) -> float:
        return random.uniform(self.low_s, self.high_s)

    def __str__(self) -> str:
        return f"{self.low_s:g}s" if self.low_s == self.high_s else f"{self.low_s:g}s..{self.high_s:g}s"
