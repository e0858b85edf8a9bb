"""An event loop whose clock jumps to the next due event: asyncio code runs unchanged, and half an hour takes milliseconds.

The loop never waits for real. Where nothing is ready it moves its clock to the next timer; where there is no timer either, the
program would wait for ever, which is reported as `Stuck` instead. Timers due at the same moment fire in the order they were
scheduled in (asyncio's heap compares times only, so equal times get a tiny, ordered offset here), so a run is its seed.
"""

from __future__ import annotations

import asyncio
import contextvars
import heapq
import math
import selectors
from collections import deque
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, TypeVarTuple

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
LONGEST_S = 24 * 3600.0  # one leap of the clock, as asyncio's own loops wait
MOST_CANCELLED = 100  # timers that are kept though they were cancelled, while they are fewer than the others
RESOLUTION_S = 1e-12  # timers fire at their own moment, not bundled with later ones
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class Stuck(RuntimeError):
    """Every task waits for something that will never come."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Time starts at `begin_s`; 0 s stands for `EPOCH` on the wall clock.

    A turn is asyncio's, without what only a loop needs that waits: the system is asked for readable sockets where there are any
    but the loop's own, timers are kept as numbers, to be compared as such, and whoever calls is not asked for the thread.
    """

    _ready: deque[asyncio.Handle]  # asyncio's own, as are the next ones
    _stopping: bool
    _selector: selectors.DefaultSelector
    _process_events: Callable[[list[tuple[selectors.SelectorKey, int]]], None]

    def __init__(self, begin_s: float = 0.0) -> None:
        self._now_s = begin_s
        self._wall: tuple[float, datetime] = (math.nan, EPOCH)
        self._order = 0
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []  # a heap
        self._cancelled = 0
        selector = selectors.DefaultSelector()
        self._sockets = selector.get_map()  # as it is at any time
        super().__init__(selector)
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

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: contextvars.Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[*Ts], object],
        *args: *Ts,
        context: contextvars.Context | None = None,
    ) -> asyncio.TimerHandle:
        self._order += 1
        when += self._order * 1e-9 % 1e-4
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, self._order, timer))
        return timer

    def close(self) -> None:
        self._timers.clear()
        super().close()

    # inside: by these names asyncio's loops call it

    def _timer_handle_cancelled(self, timer: asyncio.TimerHandle) -> None:
        """What waits for long, and mostly in vain, must not fill the memory until its time has come."""
        self._cancelled += 1
        if self._cancelled > max(MOST_CANCELLED, len(self._timers) / 2):
            self._cancelled = 0
            self._timers = [each for each in self._timers if not each[2]._cancelled]
            heapq.heapify(self._timers)

    def _run_once(self) -> None:
        if len(self._sockets) > 1:  # nobody writes to the loop's own pipe but to wake it, and it does not sleep
            self._process_events(self._selector.select(0))
        if not self._ready and not self._stopping:
            self._jump()
        until_s = self._now_s + self._clock_resolution
        while self._timers and self._timers[0][0] < until_s:
            self._ready.append(heapq.heappop(self._timers)[2])
        for _ in range(len(self._ready)):
            handle = self._ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _jump(self) -> None:
        """To the next timer."""
        while self._timers and self._timers[0][2]._cancelled:
            heapq.heappop(self._timers)
        if not self._timers:
            raise Stuck("nothing is scheduled and nothing is ready: every task waits for ever")
        self.advance(min(self._timers[0][0] - self._now_s, LONGEST_S))


def run_virtual(main: Coroutine[Any, Any, T], *, begin_s: float = 0.0) -> T:
    """`asyncio.run` on a virtual loop whose time starts there: where an earlier one ended, to go on from its store's snapshot."""
    found: list[T] = []

    async def kept() -> None:
        """What comes of it is no result of the task's: as a runner sets the handler of Ctrl-C back, Python writes the task out,
        twice and in vain, with all that it resulted in. Of a cluster of 1,000 pods that took a tenth of a second."""
        found.append(await main)

    with asyncio.Runner(loop_factory=lambda: VirtualLoop(begin_s)) as runner:
        runner.run(kept())
    return found[0]
