"""What is told of a measurement while it goes on, and what it comes to, are the same figures."""

from __future__ import annotations

import asyncio
from typing import Any

from rollway.cli.views.probe_text import moment_line
from rollway.load.measure import Moment, measure
from rollway.load.report import Sample
from rollway.load.tally import Tally
from rollway.load.target import Target
from rollway.sandbox.timeline import run_virtual

RATE = 10.0


class Halting:
    """An origin, and its load, that stands still once: what it has begun by then turns out, seconds later, as never sent."""

    is_inside = False

    def __init__(self) -> None:
        self.target = Target.of("http://127.0.0.1:1/")
        self.tally = Tally(RATE)
        self.elapsed_s = 0.0

    def load(self, *_: Any) -> Halting:
        return self

    async def run(self, seconds: float | None = None) -> None:
        for number in range(20):
            due_s = number / RATE
            self.tally.send(number, due_s)
            if number % 4:
                self.tally.take(Sample(number, due_s, 0.0, 0.01, 200, "", None, ""))
            await asyncio.sleep(1 / RATE)
            self.elapsed_s = due_s
        for number in range(0, 20, 4):
            self.tally.skip(number, number / RATE, was_sent=True)

    async def close(self, patience_s: float = 0.0) -> Any:
        return self.tally.report()


def test_what_is_told_on_the_way_never_goes_back() -> None:
    """Only what has ended is counted: of what is under way this machine may find that it was never sent in time."""

    async def main() -> tuple[list[Moment], Any]:
        told: list[Moment] = []
        origin: Any = Halting()
        return told, await measure(origin, 2.0, tell=told.append)

    told, report = run_virtual(main())
    counted = [moment.good + moment.lost for moment in told]
    assert counted == sorted(counted)
    assert (counted[-1], report.sent, report.unsent) == (15, 15, 5)
    assert moment_line(told[-1], 2.0) == "0:01 of 0:02 · 15 good · 0 lost · p99 10 ms"
