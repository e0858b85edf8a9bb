"""The report of requests that have all ended."""

from __future__ import annotations

from collections.abc import Iterable

from rollway.load.report import Report, Sample
from rollway.load.tally import Tally


def report_of(samples: Iterable[Sample], rate: float) -> Report:
    tally = Tally(rate)
    for sample in samples:
        tally.send(sample.number, sample.due_s)
        tally.take(sample)
    return tally.report()
