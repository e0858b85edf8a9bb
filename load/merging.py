"""The lines of all workers made one load again, sample by sample: what is made of them is what is made of a load from here. Pure.

What ends is handed on in the order of ending, as it is from here: a sample waits until every worker has told of that moment. One
that is far behind the others is not waited for, and what it tells later is taken as it comes.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from .report import Missing, Report, Sample
from .tally import Tally
from .told import Ended, Told

SILENT_S = 5.0
"""Behind the others."""
LEAP_S = 3600.0
"""A line that is further from what was told than this is no worker's."""
UNHEARD = "nothing was heard of it"
CUT = "a part of its log is gone"


@dataclass
class _Worker:
    """As far as it is heard. `slot` is the next that it will begin, `open` are those that it has begun, by their numbers. `gone`
    says why it is not there any more."""

    seq: int = -1
    slot: int = -1
    at_s: float = 0.0
    open: set[int] = field(default_factory=set)
    retried: int = 0
    gone: str = ""


class Window:
    """The requests from number `first` on, up to where it is ended: a load of its own, counted from 0."""

    def __init__(self, first: int, rate: float, taken: Callable[[Sample], None], retried: int) -> None:
        self.first, self.last = first, 2**62
        self.tally = Tally(rate)
        self.pending: set[int] = set()
        """Those begun that have not been handed on."""
        self._rate, self._taken, self._retried = rate, taken, retried
        self._missed: Counter[int] = Counter()
        self._why: dict[int, tuple[int, str]] = {}

    def holds(self, number: int) -> bool:
        return self.first <= number < self.last

    def send(self, number: int) -> None:
        if self.holds(number):
            self.pending.add(number)
            self.tally.send(number - self.first, self._due_s(number))

    def skip(self, number: int) -> None:
        if number in self.pending:
            self.pending.discard(number)
            self.tally.skip(number - self.first, self._due_s(number), was_sent=True)

    def take(self, number: int, ended: Ended) -> None:
        if number in self.pending:
            self.pending.discard(number)
            sample = Sample(number - self.first, self._due_s(number), ended.late_s, ended.took_s, *ended.answer)
            self.tally.take(sample)
            self._taken(sample)

    def miss(self, number: int, worker: int, why: str) -> None:
        if not self.holds(number):
            return
        self._missed[worker] += 1
        self._why.setdefault(worker, (number, why))
        self.tally.miss(number - self.first, self._due_s(number), was_sent=number in self.pending)
        self.pending.discard(number)

    def report(self, workers: int, retried: int) -> Report:
        self.tally.retried = retried - self._retried
        missing = tuple(
            Missing(worker + 1, round(self._due_s(self._why[worker][0]), 6), count, self._why[worker][1])
            for worker, count in sorted(self._missed.items())
        )
        return replace(self.tally.report(), workers=workers, missing=missing)

    def _due_s(self, number: int) -> float:
        return (number - self.first) / self._rate


class Merging:
    """`workers` share `rate` requests a second. Lines of one worker come in their order, or once more; the workers in any."""

    def __init__(self, workers: int, rate: float) -> None:
        self._rate = rate
        self._workers = [_Worker() for _ in range(workers)]
        self._ended: list[tuple[float, int, Ended]] = []
        self._window: Window | None = None
        self._told_s = 0.0
        """How far the furthest has come."""

    @property
    def unheard(self) -> list[int]:
        """Those that have not told anything yet."""
        return [index for index, worker in enumerate(self._workers) if worker.seq < 0]

    @property
    def gone(self) -> dict[int, str]:
        """Those that are not there any more, and why."""
        return {index: worker.gone for index, worker in enumerate(self._workers) if worker.gone}

    @property
    def silent(self) -> list[int]:
        """Those of which nothing is heard, while others are."""
        return [index for index, worker in enumerate(self._workers) if not worker.gone and self._is_silent(worker)]

    def window(self, at_s: float, taken: Callable[[Sample], None]) -> Window:
        """What is sent from that moment on: not earlier than anything that is told by now. The one before it gets no more."""
        told = [self._number(index, worker.slot - 1) + 1 for index, worker in enumerate(self._workers)]
        first = max(int(at_s * self._rate) + 1, *told, 0)
        self._window = Window(first, self._rate, taken, self._retried)
        return self._window

    def hear(self, index: int, told: Told) -> bool:
        """Whether it was new."""
        worker = self._workers[index]
        if worker.gone or told.seq <= worker.seq or told.begun_from < worker.slot or not self._is_likely(index, told):
            return False
        if worker.seq >= 0 and told.seq > worker.seq + 1:
            self._miss(index, told.begun_from, CUT)
        worker.seq, worker.slot = told.seq, told.begun_from
        while worker.slot < told.begun_to:
            number = self._number(index, worker.slot)
            worker.open.add(number)
            worker.slot += 1
            if self._window:
                self._window.send(number)
        for slot in told.skipped:
            self._skip(index, slot)
        for ended in told.ended:
            self._end(index, ended)
        worker.at_s, worker.retried = max(worker.at_s, told.at_s), told.retried
        self._told_s = max(self._told_s, worker.at_s)
        self._hand_on()
        return True

    def lose(self, index: int, why: str) -> None:
        """It is not there any more; all that it told has been heard."""
        worker = self._workers[index]
        if not worker.gone:
            worker.gone = why
            self._miss(index, worker.slot, why)
            self._hand_on()

    def is_told(self, number: int, at_s: float) -> bool:
        """Whether all is known of the window's requests below that number that can be, and were begun by then."""
        if any(each.at_s < at_s for each in self._heard):
            return False
        silent = set(self.silent)
        pending = self._window.pending if self._window else ()
        return not any(each < number for each in pending if each % len(self._workers) not in silent)

    def report(self, window: Window) -> Report:
        """As far as it is known."""
        return window.report(len(self._workers), self._retried)

    def end(self, window: Window) -> Report:
        """Up to the window's `last`. Of whom something is left untold, it is missing."""
        while self._ended:
            self._hand_on_one()
        for index, worker in enumerate(self._workers):
            why = worker.gone or UNHEARD
            if self._is_silent(worker):
                for number in [each for each in window.pending if each % len(self._workers) == index]:
                    window.miss(number, index, why)
            slot = max(worker.slot, 0)
            while (number := self._number(index, slot)) < window.last:
                window.miss(number, index, why)
                slot += 1
        if self._window is window:
            self._window = None
        return self.report(window)

    # inside

    @property
    def _retried(self) -> int:
        return sum(worker.retried for worker in self._workers)

    @property
    def _heard(self) -> list[_Worker]:
        return [worker for worker in self._workers if not worker.gone and not self._is_silent(worker)]

    def _is_likely(self, index: int, told: Told) -> bool:
        """A log may hold whatever looks like a worker's line."""
        is_first = self._told_s == 0.0
        is_near = is_first or told.at_s < self._told_s + LEAP_S
        return is_near and self._number(index, told.begun_to) < (max(told.at_s, 0.0) + LEAP_S) * self._rate

    def _is_silent(self, worker: _Worker) -> bool:
        return worker.at_s < self._told_s - SILENT_S

    def _number(self, index: int, slot: int) -> int:
        return slot * len(self._workers) + index

    def _skip(self, index: int, slot: int) -> None:
        number = self._number(index, slot)
        if number in self._workers[index].open:
            self._workers[index].open.discard(number)
            if self._window:
                self._window.skip(number)

    def _end(self, index: int, ended: Ended) -> None:
        number = self._number(index, ended.slot)
        if number in self._workers[index].open:
            self._workers[index].open.discard(number)
            heapq.heappush(self._ended, (number / self._rate + ended.took_s, number, ended))

    def _miss(self, index: int, slot: int, why: str) -> None:
        """What it had begun and not told the end of, and all up to that slot."""
        worker = self._workers[index]
        begun, worker.open = sorted(worker.open), set()
        if self._window:
            for number in begun:
                self._window.miss(number, index, why)
        self._pass(index, slot, why)

    def _pass(self, index: int, slot: int, why: str) -> None:
        worker = self._workers[index]
        if self._window is not None:
            for each in range(max(worker.slot, self._window.first // len(self._workers)), slot):
                self._window.miss(self._number(index, each), index, why)
        worker.slot = max(worker.slot, slot)

    def _hand_on(self) -> None:
        """What has ended up to the moment that all have told of; what nobody is there to send is missing."""
        through = min((worker.at_s for worker in self._heard), default=self._told_s)
        while self._ended and self._ended[0][0] <= through:
            self._hand_on_one()
        for index, worker in enumerate(self._workers):
            if worker.gone:
                self._pass(index, int((through * self._rate - index) // len(self._workers)), worker.gone)

    def _hand_on_one(self) -> None:
        _, number, ended = heapq.heappop(self._ended)
        if self._window:
            self._window.take(number, ended)
