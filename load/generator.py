"""An open model: requests are sent when they are due, whatever became of those before.

The n-th request is due n/rate seconds after the first. A latency counts from that moment, not from the sending: had the
generator been held up, a user who came then would have waited as well. What the loop's timer adds is the exception (it wakes in
whole milliseconds): within `TICK_S` the moment of sending counts. Where the schedule cannot be kept, the report says by how much.
What is overdue by more than a request may take is not sent any more, and one that seems to have timed out while this machine
itself stood still for most of the time is not held against who was asked. Both count as not sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from .client import Client, Unsent
from .report import Report, Sample
from .stalls import Stalls
from .tally import Tally
from .target import Target

TICK_S = 0.001
PULSE_S = 0.050
MOST_OPEN = 10_000
SPARE_FILES = 100

Taken = Callable[[Sample], None]
Skipped = Callable[[int], None]


class Load:
    """A constant rate of requests to a target. `taken` sees each sample when it has ended, `skipped` the number of each that
    could not be sent; `tally` can be read at any time. Of the numbers below `begun` each has been sent, or skipped."""

    def __init__(
        self,
        target: Target,
        rate: float,
        *,
        taken: Taken = lambda sample: None,
        skipped: Skipped = lambda number: None,
        most_open: int | None = None,
    ) -> None:
        """`most_open` bounds the requests under way; by default what the process may open."""
        self.target = target
        self.rate = rate
        self.tally = Tally(rate)
        self.begun = 0
        self._taken, self._skipped = taken, skipped
        self._most_open = most_open or open_limit()
        self._client = Client(target)
        self._under_way: set[asyncio.Task[None]] = set()
        self._stalls = Stalls()
        self._pulse: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._start = self._loop.time()

    async def run(self, seconds: float | None = None, *, start: float | None = None) -> None:
        """Sends for so long, or until it is cancelled; at least one request. Does not wait for the last answers. `start` is the
        loop's moment of the first request; by default now."""
        self._start = self._loop.time() if start is None else start
        self._pulse = self._pulse or self._loop.create_task(self._beat())
        count = None if seconds is None else max(round(seconds * self.rate), 1)
        while count is None or self.begun < count:
            wait = self._due(self.begun) - self._loop.time()
            # what is overdue is sent at once, but answers are read in between
            await asyncio.sleep(max(wait, 0))
            now = self._loop.time()
            while self._due(self.begun) <= now and (count is None or self.begun < count):
                if now - self._due(self.begun) > self.target.timeout_s:
                    self._skip(self.begun)
                else:
                    self._send(self.begun)
                self.begun += 1
        if count:
            await asyncio.sleep(max(self._due(count) - self._loop.time(), 0))  # the last one has its time, too

    @property
    def elapsed_s(self) -> float:
        return self._loop.time() - self._start

    @property
    def retried(self) -> int:
        return self._client.retried

    async def answered(self) -> None:
        """Every request that has been sent by now has ended."""
        if self._under_way:
            await asyncio.wait(set(self._under_way))

    async def close(self, patience_s: float = 0.0) -> Report:
        """Waits so long for the answers that are still out; what then has none counts as unanswered, neither good nor lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await self.answered()
        left = list(self._under_way)
        left += [self._pulse] if self._pulse else []
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await self._client.close()
        return self.report()

    def report(self) -> Report:
        self.tally.retried = self._client.retried
        return self.tally.report()

    def _due(self, number: int) -> float:
        return self._start + number / self.rate

    def _send(self, number: int) -> None:
        due_s = number / self.rate
        if len(self._under_way) >= self._most_open:
            self._skip(number)
            return
        self.tally.send(number, due_s)
        task = self._loop.create_task(self._one(number, due_s))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    def _skip(self, number: int, *, was_sent: bool = False) -> None:
        self.tally.skip(number, number / self.rate, was_sent=was_sent)
        self._skipped(number)

    async def _beat(self) -> None:
        """Notes when the loop did not come to what was due; between requests, too."""
        while True:
            due_s = self._loop.time() + PULSE_S
            await asyncio.sleep(PULSE_S)
            self._stalls.take(due_s, self._loop.time())

    async def _one(self, number: int, due_s: float) -> None:
        sent_s = self._loop.time() - self._start
        late_s = max(sent_s - due_s, 0.0)
        from_s = due_s if late_s > TICK_S else sent_s
        try:
            answer = await self._client.ask()
        except Unsent:
            self._skip(number, was_sent=True)
            return
        now_s = self._loop.time()
        if answer.lost == "timeout":
            await asyncio.sleep(0)  # the pulse is due, too, where the loop stood still
            await asyncio.sleep(0)
            if self._stalls.within(self._start + sent_s, now_s) > self.target.timeout_s / 2:
                self._skip(number, was_sent=True)
                return
        took_s = now_s - self._start - from_s
        sample = Sample(number, due_s, late_s, took_s, answer.status, answer.version, answer.lost, answer.detail)
        self.tally.take(sample)
        self._taken(sample)


def open_limit() -> int:
    """How many requests may be under way: half of what the process may open, since closing ones linger. The soft limit is raised
    to the hard one, as other load generators do."""
    try:
        import resource
    except ImportError:  # not a POSIX system
        return MOST_OPEN // 10
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = 2 * MOST_OPEN + SPARE_FILES
    wanted = most if hard == resource.RLIM_INFINITY else min(hard, most)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    files = most if soft == resource.RLIM_INFINITY else min(soft, most)
    return max((files - SPARE_FILES) // 2, 1)
