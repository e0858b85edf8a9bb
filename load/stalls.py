"""When this machine itself stood still: what cannot be held against whoever was asked. Pure: moments in, seconds out."""

from __future__ import annotations

from collections import deque

LEAST_S = 0.050
MOST = 1_000


class Stalls:
    """Takes the moments at which something ran, and when it had asked to; moments in seconds of one clock, in their order."""

    def __init__(self) -> None:
        self._spans: deque[tuple[float, float]] = deque(maxlen=MOST)

    def take(self, due_s: float, ran_s: float) -> None:
        """What was due then has run now. What is late by a little is a timer's."""
        if ran_s - due_s < LEAST_S:
            return
        if self._spans and self._spans[-1][1] >= due_s:
            due_s = min(due_s, self._spans.pop()[0])
        self._spans.append((due_s, ran_s))

    def within(self, from_s: float, to_s: float) -> float:
        """For how many seconds between two moments it stood still."""
        return sum(max(min(end, to_s) - max(begin, from_s), 0.0) for begin, end in self._spans)
