"""A worker: sends its share of a load, and tells what became of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from .client import Answer
from .generator import Load
from .report import Sample
from .share import Share
from .told import EVERY_S, Ended, Teller


class Worker:
    """`clock` answers the seconds since 1970, by which all workers find their slots; `tell` takes a line."""

    def __init__(self, share: Share, clock: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._share, self._tell = share, tell
        self._loop = asyncio.get_running_loop()
        self._epoch = self._loop.time() - (clock() - share.epoch_s)
        self._first = share.slot_after(self._at_s)
        self._teller = Teller(self._first, self._at_s)
        self._ended: list[Ended] = []
        self._skipped: list[int] = []
        self._load = Load(share.target, share.rate / share.workers, taken=self._taken, skipped=self._skip)

    async def run(self) -> None:
        """Until it is cancelled: then what has ended is told."""
        self._report()
        sending = asyncio.create_task(self._load.run(start=self._epoch + self._share.due_s(self._first)))
        try:
            while True:
                await asyncio.wait({sending}, timeout=EVERY_S)
                if sending.done():
                    sending.result()
                self._report()
        finally:
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
            self._report()
            await self._load.close()

    @property
    def _at_s(self) -> float:
        """On the schedule."""
        return self._loop.time() - self._epoch

    def _taken(self, sample: Sample) -> None:
        answer = Answer(sample.status, sample.version, sample.lost, sample.detail)
        self._ended.append(Ended(self._first + sample.number, sample.late_s, sample.took_s, answer))

    def _skip(self, number: int) -> None:
        self._skipped.append(self._first + number)

    def _report(self) -> None:
        ended, skipped = self._ended, self._skipped
        self._ended, self._skipped = [], []
        for line in self._teller.lines(self._at_s, self._first + self._load.begun, skipped, ended, self._load.retried):
            self._tell(line)
