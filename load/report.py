"""What became of the requests of a run: frozen figures. Seconds throughout; `at_s` counts from the first request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["refused", "reset", "timeout", "dns", "unreachable", "tls", "protocol", "5xx", "status", "other"]
"""Why a request was lost. `reset`: the connection ended before the answer did. `protocol`: what came is no HTTP. `5xx` and
`status`: a complete answer that was not the expected one."""

BEHIND_P99_S = 0.020
BEHIND_MAX_S = 0.100


@dataclass(frozen=True)
class Sample:
    """One request. `due_s` is when it was meant to be sent, `late_s` how much later it was, `took_s` what it took from its due
    moment to the end of its answer, or to its loss. `status` is 0 where no complete answer came; `lost` is None of a good one."""

    number: int
    due_s: float
    late_s: float
    took_s: float
    status: int = 0
    version: str = ""
    lost: Kind | None = None
    detail: str = ""

    @property
    def ended_s(self) -> float:
        return self.due_s + self.took_s


@dataclass(frozen=True)
class Latency:
    """Of the complete answers, good or not. Percentiles are exact to three digits, `mean_s` and `max_s` exact."""

    p50_s: float = 0.0
    p90_s: float = 0.0
    p95_s: float = 0.0
    p99_s: float = 0.0
    max_s: float = 0.0
    mean_s: float = 0.0


@dataclass(frozen=True)
class Outage:
    """Requests lost one after the other, in the order of sending. `seconds` is from the first one's moment to that of the next
    good one (or to the end): n requests lost at a rate r are n/r."""

    requests: int = 0
    at_s: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True)
class Bucket:
    """The requests that were due from `at_s` on, for the timeline's width: good ones by version, lost ones by kind."""

    at_s: float
    versions: Mapping[str, int] = field(default_factory=dict)
    lost: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Missing:
    """A worker that was not there to the end of a load, from `at_s` on: so many `requests` of its share were not sent, or nobody
    is left to say what became of them. `worker` counts from 1."""

    worker: int
    at_s: float
    requests: int
    reason: str


@dataclass(frozen=True)
class Report:
    """A run's figures. Of the `sent` requests `good` were answered as expected, `lost` were not, and `unanswered` were still
    under way when the run was ended. `unsent` were due, and this machine had no connection left for
    them, was too late to send them, or stood still while their answers came: they count as neither.

    `seconds` is what the arrivals took; `good_rate` counts up to the last answer. `answer_gap_s` is the longest time without a
    good answer. `late_p99_s` and `late_max_s` are by how much requests were sent after their moment. `retried` were sent again
    because a kept connection had been closed by the server before it saw the request. `workers` sent them (0: this machine);
    what those that are `missing` would have sent counts nowhere else."""

    rate: float
    seconds: float
    sent: int
    good: int
    lost: int
    unanswered: int
    unsent: int
    retried: int
    sent_rate: float
    good_rate: float
    latency: Latency
    statuses: Mapping[int, int]
    errors: Mapping[str, int]
    examples: Mapping[str, str]
    versions: Mapping[str, int]
    outage: Outage
    answer_gap_s: float
    late_p99_s: float
    late_max_s: float
    bucket_s: float
    buckets: tuple[Bucket, ...] = ()
    workers: int = 0
    missing: tuple[Missing, ...] = ()

    @property
    def success_ratio(self) -> float | None:
        """Good ones of those that have ended, 0 to 1; None where none has."""
        ended = self.good + self.lost
        return self.good / ended if ended else None

    @property
    def is_behind(self) -> bool:
        """Whether this machine could not keep the schedule, so that the figures are partly its own."""
        return self.late_p99_s > BEHIND_P99_S or self.late_max_s > BEHIND_MAX_S or self.unsent > 0
