"""From samples to a report, as they come: what is kept does not grow with the number of requests.

Latencies are counted by their first three digits; the timeline is counted in buckets of 100 ms, which double in width whenever
there would be more than an hour of them; the longest outage needs the samples in the order of sending, so those that end early
wait for the ones before them (at most as many as are sent within the longest time a request may take).
"""

from __future__ import annotations

import math
from collections import Counter

from .report import Bucket, Latency, Outage, Report, Sample

BUCKET_S = 0.1
MOST_BUCKETS = 36_000
MOST_VERSIONS = 50
OTHERS = "(others)"


class Latencies:
    """Durations in seconds, counted by their first three digits."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._sum = 0.0
        self._count = 0
        self.max_s = 0.0

    def add(self, seconds: float) -> None:
        self._counts[f"{seconds:.2e}"] += 1
        self._sum += seconds
        self._count += 1
        self.max_s = max(self.max_s, seconds)

    def percentile(self, *percents: float) -> list[float]:
        """For each of the rising percents, the smallest duration that so many of them do not exceed (nearest rank)."""
        counted = sorted((float(text), count) for text, count in self._counts.items())
        found, seen, at = [], 0, 0
        for percent in percents:
            rank = max(math.ceil(self._count * percent / 100), 1)
            while at < len(counted) and seen + counted[at][1] < rank:
                seen += counted[at][1]
                at += 1
            found.append(min(counted[at][0], self.max_s) if at < len(counted) else 0.0)
        return found

    def summary(self) -> Latency:
        p50, p90, p95, p99 = self.percentile(50, 90, 95, 99)
        return Latency(p50, p90, p95, p99, self.max_s, self._sum / self._count if self._count else 0.0)


class Outages:
    """The longest run of lost requests, in the order of their numbers, which begin at 0 and leave none out."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[float, bool | None]] = {}
        self._next = 0
        self._began_s: float | None = None
        self._run = 0
        self.longest = Outage()

    def take(self, number: int, due_s: float, is_lost: bool | None) -> None:
        """`is_lost` is None of a request that was not sent: it neither ends an outage nor prolongs it."""
        self._waiting[number] = (due_s, is_lost)
        while (found := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            self._step(*found)

    def at_end(self, end_s: float) -> Outage:
        """The longest, with one that lasts until `end_s`. What still waits for an unanswered request is taken as it comes."""
        rest = Outages()
        rest._began_s, rest._run, rest.longest = self._began_s, self._run, self.longest
        for number in sorted(self._waiting):
            rest._step(*self._waiting[number])
        rest._close(end_s)
        return rest.longest

    def _step(self, due_s: float, is_lost: bool | None) -> None:
        if not is_lost:
            if is_lost is False:
                self._close(due_s)
            return
        if self._began_s is None:
            self._began_s, self._run = due_s, 0
        self._run += 1

    def _close(self, end_s: float) -> None:
        if self._began_s is not None and (seconds := end_s - self._began_s) > self.longest.seconds:
            self.longest = Outage(self._run, self._began_s, seconds)
        self._began_s = None


class Timeline:
    """Counts by time and name, in buckets that double in width rather than become too many."""

    def __init__(self) -> None:
        self.width_s = BUCKET_S
        self._good: Counter[tuple[int, str]] = Counter()
        self._lost: Counter[tuple[int, str]] = Counter()

    def take(self, due_s: float, version: str, lost: str | None) -> None:
        at = self._bucket(due_s)
        while at >= MOST_BUCKETS:
            self.width_s *= 2
            self._good, self._lost = _halved(self._good), _halved(self._lost)
            at = self._bucket(due_s)
        if lost:
            self._lost[at, lost] += 1
        else:
            self._good[at, version] += 1

    def buckets(self) -> tuple[Bucket, ...]:
        found: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
        for side, counts in enumerate((self._good, self._lost)):
            for (at, name), count in counts.items():
                found.setdefault(at, ({}, {}))[side][name] = count
        return tuple(Bucket(round(at * self.width_s, 3), *found[at]) for at in sorted(found))

    def _bucket(self, seconds: float) -> int:
        # a moment on the border must not fall below it by the last bit
        return int(seconds / self.width_s + 1e-9)


def _halved(counts: Counter[tuple[int, str]]) -> Counter[tuple[int, str]]:
    halved: Counter[tuple[int, str]] = Counter()
    for (at, name), count in counts.items():
        halved[at // 2, name] += count
    return halved


class Tally:
    """Takes each request twice: when it is sent, and when it has ended. `sent`, `good` and `lost` can be read at any time."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self.sent = self.good = self.lost = self.unsent = self.retried = 0
        self.errors: Counter[str] = Counter()
        self._statuses: Counter[int] = Counter()
        self._versions: Counter[str] = Counter()
        self._examples: dict[str, str] = {}
        self._latencies, self._late = Latencies(), Latencies()
        self._outages, self._timeline = Outages(), Timeline()
        self._last_due_s = self._last_end_s = self._last_good_s = self._answer_gap_s = 0.0
        self._missed = False

    @property
    def has_answers(self) -> bool:
        """Complete ones, of whatever status."""
        return bool(self._statuses)

    @property
    def p99_s(self) -> float:
        return self._latencies.percentile(99)[0]

    def send(self, number: int, due_s: float) -> None:
        self.sent += 1
        self._last_due_s = max(self._last_due_s, due_s)

    def skip(self, number: int, due_s: float, *, was_sent: bool = False) -> None:
        """A request that this machine could not send. Nothing is known of the application from it."""
        self.unsent += 1
        self.sent -= was_sent
        self._last_due_s = max(self._last_due_s, due_s)
        self._outages.take(number, due_s, is_lost=None)

    def miss(self, number: int, due_s: float, *, was_sent: bool = False) -> None:
        """A request that nobody was there to send, or of which nobody is left to say what became of it."""
        self.sent -= was_sent
        self._last_due_s = max(self._last_due_s, due_s)
        self._missed = True
        self._outages.take(number, due_s, is_lost=None)

    def take(self, sample: Sample) -> None:
        self._late.add(sample.late_s)
        self._last_end_s = max(self._last_end_s, sample.ended_s)
        if sample.status:
            self._statuses[sample.status] += 1
            self._latencies.add(sample.took_s)
        version = ""
        if sample.lost:
            self.lost += 1
            self.errors[sample.lost] += 1
            self._examples.setdefault(sample.lost, sample.detail)
        else:
            is_known = sample.version in self._versions or len(self._versions) < MOST_VERSIONS
            version = sample.version if is_known else OTHERS
            self._take_good(sample, version)
        self._outages.take(sample.number, sample.due_s, sample.lost is not None)
        self._timeline.take(sample.due_s, version, sample.lost)

    def _take_good(self, sample: Sample, version: str) -> None:
        self.good += 1
        self._versions[version] += 1
        self._answer_gap_s = max(self._answer_gap_s, sample.ended_s - self._last_good_s)
        self._last_good_s = max(self._last_good_s, sample.ended_s)

    def report(self) -> Report:
        """As far as the run has come."""
        end_s = self._last_due_s + 1 / self._rate if self.sent or self.unsent or self._missed else 0.0
        until_s = max(self._last_end_s, end_s)
        return Report(
            rate=self._rate,
            seconds=end_s,
            sent=self.sent,
            good=self.good,
            lost=self.lost,
            unanswered=self.sent - self.good - self.lost,
            unsent=self.unsent,
            retried=self.retried,
            sent_rate=self.sent / end_s if end_s else 0.0,
            good_rate=self.good / until_s if until_s else 0.0,
            latency=self._latencies.summary(),
            statuses=dict(sorted(self._statuses.items())),
            errors=dict(self.errors.most_common()),
            examples=dict(self._examples),
            versions=dict(self._versions.most_common()),
            outage=self._outages.at_end(end_s),
            answer_gap_s=max(self._answer_gap_s, self._last_due_s - self._last_good_s),
            late_p99_s=self._late.percentile(99)[0],
            late_max_s=self._late.max_s,
            bucket_s=self._timeline.width_s,
            buckets=self._timeline.buckets(),
        )
