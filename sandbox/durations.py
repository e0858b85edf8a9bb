"""A delay that is a duration, or lies between two."""

from __future__ import annotations

from random import Random
from typing import NamedTuple

from ..kube.durations import seconds


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
