"""How far something that takes its time has come, on stderr."""

from __future__ import annotations

import sys

from .paint import is_lively
from .sink import move, say


class Ticker:
    """One line that moves on a terminal, otherwise a line every `every_s`."""

    def __init__(self, every_s: float) -> None:
        self._is_live = is_lively(sys.stderr)
        self._every_s = 0.0 if self._is_live else every_s
        self._next = self._every_s

    def tell(self, seconds: float, line: str) -> None:
        """`seconds` have passed since it was made."""
        if seconds < self._next:
            return
        self._next = seconds + self._every_s if self._is_live else self._next + self._every_s
        if self._is_live:
            move(sys.stderr, line)
        else:
            say(line)

    def close(self) -> None:
        if self._is_live:
            move(sys.stderr, "")
