"""How far a comparison has come, on stderr: a table that fills on a terminal, elsewhere a line now and then."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from .views.paint import Paint, is_lively, width_of
from .views.sink import redraw, say
from .views.words import duration

if TYPE_CHECKING:
    from ..compare.growing import Sight

EVERY_S = 5.0  # between two lines, where there is no terminal
REDRAWN_EVERY_S = 0.1


class Rehearsing:
    """Takes sights as they come; `close` takes away what stands on a terminal."""

    def __init__(self) -> None:
        self._is_live = is_lively(sys.stderr)
        self._began_s = self._last_s = _now_s()
        self._drawn = 0  # lines
        if self._is_live:
            self._draw(["rehearsing"])

    def look(self, sight: Sight) -> None:
        now_s = _now_s()
        if now_s - self._last_s < (REDRAWN_EVERY_S if self._is_live else EVERY_S):
            return
        self._last_s = now_s
        line = told(sight.done, sight.of, now_s - self._began_s)
        if not self._is_live:
            say(line)
            return
        from .views.compare_text import known_lines

        self._draw([line, *known_lines(sight.known(), width=width_of(sys.stderr), paint=Paint(True))])

    def close(self) -> None:
        if self._is_live:
            redraw(sys.stderr, [], self._drawn)

    def _draw(self, lines: list[str]) -> None:
        redraw(sys.stderr, lines, self._drawn)
        self._drawn = len(lines)


def told(done: int, of: int, seconds: float) -> str:
    """`rehearsing: 7 of at least 15 walks, about 3 s more`"""
    left_s = seconds / done * (of - done) if done else 0.0
    more = f", about {duration(left_s)} more" if left_s >= 1 else ""
    return f"rehearsing: {done} of at least {of} walks{more}"


def _now_s() -> float:
    return os.times().elapsed
