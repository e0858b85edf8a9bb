"""A probe around a release: it has to be answered before anything changes, goes on through all of it, and gives a verdict.

What it is started and stopped by asks for no more than `ship.watch.Watch`, and knows nothing of HTTP.
"""

from __future__ import annotations

import asyncio
import bisect
import contextlib
from collections import Counter
from collections.abc import Callable

from ..errors import Refused, RollwayError
from . import trial
from .origin import Origin, Sending
from .report import Report, Sample
from .target import Bound
from .verdict import Part, Verdict, counted, exceeded

Note = Callable[[str], None]
FIRST_ANSWER_S = 10.0
AT_ONCE_S = 0.2
PATIENCE_S = 1.0


class Probe:
    """`alarm` is done, with the reason, as soon as more is lost than `bound` allows; without a bound, never. Where it is not
    `is_needed`, whatever keeps its origin from sending is told, and keeps nobody from going on."""

    def __init__(
        self, origin: Origin, bound: Bound | None = None, note: Note = lambda line: None, *, is_needed: bool = True
    ) -> None:
        self._origin = origin
        self._target = origin.target
        self._is_needed = is_needed
        self._bound = bound
        self._note = note
        self._marks: list[tuple[float, object]] = []
        self._ended: Counter[int] = Counter()
        self._lost: dict[int, Counter[str]] = {}
        self._load: Sending | None = None
        self._sending: asyncio.Task[None] | None = None
        self._verdict: Verdict | None = None
        self._has_answered = asyncio.Event()
        self._why_not = ""
        self.alarm: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def has_begun(self) -> bool:
        return self._sending is not None

    async def start(self, *, is_up: bool) -> None:
        """Sends from here on; where the application `is_up`, after a second's trial, otherwise from its first good answer on.

        Raises Silent where nothing answers, Refused where requests are lost before anything has changed.
        """
        if self._sending:
            return
        if self._is_needed:
            await self._origin.open()
        if is_up:
            self._check(await trial.tried(self._origin))
            self._tell_begun()
        self._sending = asyncio.create_task(self._send(is_up))
        # what is there although it need not be is asked before anything changes, too
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._has_answered.wait(), AT_ONCE_S)

    def mark(self, moment: object) -> None:
        """What is sent from here on belongs to `moment`."""
        self._marks.append((self._load.elapsed_s if self._load else 0.0, moment))

    async def rest(self) -> None:
        """Every request that has been sent by now is accounted for. What was not up when it began is given time to answer."""
        if self._load is None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._has_answered.wait(), FIRST_ANSWER_S)
        if self._load:
            await self._load.answered()

    async def stop(self) -> Verdict:
        """Ends it. Called again, answers the same."""
        if self._verdict is None:
            try:
                if self._sending:
                    self._sending.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await self._sending
                report = await self._load.close(PATIENCE_S) if self._load else None
            finally:
                await self._origin.close()
            self._verdict = Verdict(self._target.url, report, self._bound, self._parts(), self._why_not)
        return self._verdict

    def _tell_begun(self) -> None:
        self._note(f"probe: {self._target.url} answers; {self._origin.rate:g} requests a second from here on")

    async def _send(self, is_up: bool) -> None:
        try:
            await self._origin.open()  # again, where it was needed
        except RollwayError as error:
            self._why_not = error.summary
            self._note(f"probe: {error.summary}; it goes on without")
            self._has_answered.set()
            return
        if not is_up:
            await self._origin.until_good()
            self._tell_begun()
        self._load = self._origin.load(self._taken)
        self._has_answered.set()
        self._marks = [(0.0, moment) for _, moment in self._marks]
        await self._load.run()

    def _check(self, report: Report) -> None:
        if trial.is_silent(report):
            error = trial.silence(self._target.url, report)
            error.detail = "\n".join(part for part in (error.detail, "nothing was changed") if part)
            error.hint = f"{error.hint}; to release all the same: --probe off"
            raise error
        is_too_much = self._bound is not None and self._bound.is_exceeded_by(report.lost, report.good + report.lost, is_over=True)
        if not report.good or is_too_much:
            summary = counted(report.lost, report.good + report.lost, report.errors)
            raise Refused(
                f"{self._target.url} loses requests before anything has changed: {summary}",
                detail="\n".join(dict.fromkeys(text for text in report.examples.values() if text)),
                hint="release once it answers, allow for it with --max-lost, say what a good answer is with --expect, "
                "or leave the probe out with --probe off; `deploy rollback` goes without this trial",
            )

    def _taken(self, sample: Sample) -> None:
        # the last mark that was set by the time the request was sent
        at = bisect.bisect_right(self._marks, sample.due_s + sample.late_s, key=lambda mark: mark[0]) - 1
        self._ended[at] += 1
        if sample.lost is None or self._load is None:
            return
        self._lost.setdefault(at, Counter())[sample.lost] += 1
        tally = self._load.tally
        ended = tally.good + tally.lost
        if self._bound and not self.alarm.done() and self._bound.is_exceeded_by(tally.lost, ended, is_over=False):
            self.alarm.set_result(exceeded(counted(tally.lost, ended, tally.errors), self._bound))

    def _parts(self) -> tuple[Part, ...]:
        return tuple(
            Part(self._marks[at][1] if at >= 0 else None, self._ended[at], dict(kinds.most_common()))
            for at, kinds in sorted(self._lost.items())
        )
