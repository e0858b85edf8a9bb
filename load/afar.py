"""A load whose requests others send: their lines come in, and windows of time of it are loads like one from here.

Time is the workers' schedule, as their lines tell it: the clock of this machine need not be right. A line is heard after it was
written, never before: the one that came the quickest says what it is there now.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
from collections import deque

from .client import Answer
from .generator import Taken
from .merging import SILENT_S, Merging, Window
from .report import Report, Sample
from .tally import Tally
from .told import EVERY_S, Told

HEARD_WITHIN_S = 1.5
"""Of what is told: the time that a line takes on its way."""
LINES_KEPT = 20
"""A worker's, by which its clock is known: both clocks drift."""
LOOK_S = 0.25
APART_S = SILENT_S / 2


class Afar:
    """What `workers` send, `rate` requests a second together, each of which has ended after `timeout_s`."""

    def __init__(self, workers: int, rate: float, timeout_s: float) -> None:
        self.rate, self.timeout_s = rate, timeout_s
        self.merging = Merging(workers, rate)
        self._loop = asyncio.get_running_loop()
        self._ahead: deque[float] = deque(maxlen=LINES_KEPT * workers)
        self._quickest: dict[int, float] = {}
        self._workers = workers
        self._changed = asyncio.Event()

    @property
    def is_over(self) -> bool:
        """Whether nobody sends any more."""
        return len(self.merging.gone) == self._workers

    @property
    def now_s(self) -> float:
        """On the workers' schedule."""
        return self._loop.time() - min(self._ahead, default=self._loop.time())

    def hear(self, index: int, told: Told) -> None:
        if self.merging.hear(index, told):
            ahead = self._loop.time() - told.at_s
            self._ahead.append(ahead)
            self._quickest[index] = min(ahead, self._quickest.get(index, ahead))
            self._change()

    def apart(self) -> tuple[int, float] | None:
        """A worker whose clock is far from that of the others, and by how much it is ahead of them (seconds): what it sends is
        not between what they send, and what it tells is not of their time."""
        middle = statistics.median_low(self._quickest.values()) if self._quickest else 0.0
        index, ahead = max(self._quickest.items(), key=lambda each: abs(each[1] - middle), default=(0, 0.0))
        return (index, middle - ahead) if abs(ahead - middle) > APART_S else None

    def lose(self, index: int, why: str) -> None:
        self.merging.lose(index, why)
        self._change()

    async def changed(self, within_s: float) -> None:
        """Returns when something was heard, or that time is over."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), within_s)

    def load(self, taken: Taken = lambda sample: None) -> AfarLoad:
        return AfarLoad(self, taken)

    async def first(self, *, is_good: bool) -> Answer:
        """The next answer, or the next good one; what is lost is one, too."""
        found: asyncio.Future[Answer] = self._loop.create_future()

        def taken(sample: Sample) -> None:
            if not found.done() and (sample.lost is None or not is_good):
                found.set_result(Answer(sample.status, sample.version, sample.lost, sample.detail))

        load = self.load(taken)
        try:
            while not found.done() and not self.is_over:
                await self.changed(LOOK_S)
        finally:
            load.end()
        return found.result() if found.done() else Answer(0, lost="other", detail="no worker is there any more")

    def _change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


class AfarLoad:
    """What is sent from the moment on at which it is made. (load.origin.Sending)"""

    def __init__(self, afar: Afar, taken: Taken) -> None:
        self._afar = afar
        self._window: Window = afar.merging.window(afar.now_s, taken)
        self._report: Report | None = None

    @property
    def rate(self) -> float:
        return self._afar.rate

    @property
    def tally(self) -> Tally:
        return self._window.tally

    @property
    def elapsed_s(self) -> float:
        return max(self._afar.now_s - self._window.first / self.rate, 0.0)

    async def run(self, seconds: float | None = None) -> None:
        """Also ends where nobody sends any more."""
        if seconds is not None:
            self._window.last = self._window.first + max(round(seconds * self.rate), 1)
        while not self._afar.is_over and (seconds is None or self.elapsed_s < seconds):
            left_s = LOOK_S if seconds is None else max(seconds - self.elapsed_s, 0.001)
            await self._afar.changed(min(left_s, LOOK_S))

    async def answered(self) -> None:
        now_s = self._afar.now_s
        await self._told(int(now_s * self.rate), now_s, self._afar.timeout_s)

    async def close(self, patience_s: float = 0.0) -> Report:
        if self._report is None:
            window, now_s = self._window, self._afar.now_s
            # nothing is told of what comes later than the clock that it is told by
            window.last = min(window.last, max(int(now_s * self.rate) + 1, window.first))
            await self._told(window.last, window.last / self.rate, patience_s)
            self.end()
        assert self._report is not None
        return self._report

    def end(self) -> None:
        self._window.last = min(self._window.last, max(int(self._afar.now_s * self.rate) + 1, self._window.first))
        self._report = self._afar.merging.end(self._window)

    async def _told(self, number: int, at_s: float, patience_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s + EVERY_S + HEARD_WITHIN_S):
                while not self._afar.is_over and not self._afar.merging.is_told(number, at_s):
                    await self._afar.changed(LOOK_S)
