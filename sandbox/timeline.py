"""An event loop whose clock jumps to the next due event: asyncio code runs unchanged, and half an hour takes milliseconds.

The loop never waits for real. Where nothing is ready it moves its clock to the next timer; where there is no timer either, the
program would wait for ever, which is reported as `Stuck` instead. Timers due at the same moment fire in the order they were
scheduled in (asyncio's heap compares times only, so equal times get a tiny, ordered offset here), so a run is its seed.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import selectors
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
RESOLUTION_S = 1e-12  # timers fire at their own moment, not bundled with later ones
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Stuck(RuntimeError):
    """Every task waits for something that will never come."""


class _NoWaiting(selectors.DefaultSelector):
    """Instead of blocking until the timeout is over, moves the loop's clock on by it."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        # nobody writes to the loop's own pipe but to wake it, and it does not sleep
        ready = super().select(0) if len(self.get_map()) > 1 else []
        if not ready and timeout != 0:
            if timeout is None:
                raise Stuck("nothing is scheduled and nothing is ready: every task waits for ever")
            self.loop.advance(timeout)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at `begin_s`; 0 s stands for `EPOCH` on the wall clock."""

    def __init__(self, begin_s: float = 0.0) -> None:
        self._now_s = begin_s
        self._wall: tuple[float, datetime] = (math.nan, EPOCH)
        self._order = 0
        selector = _NoWaiting()
        super().__init__(selector)
        selector.loop = self
        self.advance(0.0)

    def time(self) -> float:
        return self._now_s

    def wall_time(self) -> datetime:
        if self._wall[0] != self._now_s:
            self._wall = self._now_s, EPOCH + timedelta(seconds=self._now_s)
        return self._wall[1]

    def advance(self, seconds: float) -> None:
        self._now_s += max(seconds, 0.0)
        # a timer is due when it lies before now plus this: less than one step of a float would be nothing at all
        self._clock_resolution = max(RESOLUTION_S, 2 * math.ulp(self._now_s))

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        self._order += 1
        return super().call_at(when + self._order * 1e-9 % 1e-4, callback, *args, context=context)


def run_virtual(main: Coroutine[Any, Any, T], *, begin_s: float = 0.0) -> T:
    """`asyncio.run` on a virtual loop whose time starts there: where an earlier one ended, to go on from its store's snapshot."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(begin_s)) as runner:
        return runner.run(main)
