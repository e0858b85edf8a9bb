"""What is to be done at which moment: one timer of the event loop for many steps."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import NamedTuple

TOGETHER_S = 0.002  # steps nearer than this are taken together


class _Step(NamedTuple):
    at_s: float
    number: int  # breaks ties: what was added first is done first
    do: Callable[..., None]
    args: tuple[object, ...]


class Agenda:
    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._steps: list[_Step] = []  # a heap
        self._numbers = itertools.count(1)
        self._timer: asyncio.TimerHandle | None = None

    def add(self, when_s: float, do: Callable[..., None], *args: object) -> int:
        """Calls `do(number, *args)` at that moment of the loop's time. Answers the number, to know void steps by."""
        number = next(self._numbers)
        heapq.heappush(self._steps, _Step(when_s, number, do, args))
        if self._timer is None or when_s < self._timer.when() - TOGETHER_S:
            self._set_timer()
        return number

    def clear(self) -> None:
        self._steps.clear()
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(self._steps[0].at_s, self._take_steps) if self._steps else None

    def _take_steps(self) -> None:
        """All that are due. What happens at about the same moment is seen at once: so rollouts of thousands stay fast."""
        self._timer = None
        until_s = self._loop.time() + TOGETHER_S
        due = []
        while self._steps and self._steps[0].at_s <= until_s:
            due.append(heapq.heappop(self._steps))
        for step in due:
            step.do(step.number, *step.args)
        self._set_timer()
