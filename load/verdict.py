"""What requests met while a version was released, and the sentence for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .report import Report
from .target import Bound


@dataclass(frozen=True)
class Part:
    """What was lost of the requests that were sent between two marks. `mark` is whatever the caller marked the moment with."""

    mark: object
    ended: int
    lost: Mapping[str, int]


@dataclass(frozen=True)
class Verdict:
    """`report` is None where nothing was sent: the application has never answered, or nobody could send (`why_not`).
    `bound` is what may be lost, `parts` those with losses, in order."""

    url: str
    report: Report | None
    bound: Bound | None = None
    parts: tuple[Part, ...] = ()
    why_not: str = ""

    @property
    def is_exceeded(self) -> bool:
        """Whether more was lost than may be."""
        if self.bound is None:
            return False
        if self.report is None:
            return True
        return self.bound.is_exceeded_by(self.report.lost, self.report.good + self.report.lost, is_over=True)

    @property
    def summary(self) -> str:
        """`0 of 12,345 requests lost`"""
        if self.report is None and self.why_not:
            return f"not probed: {self.why_not}"
        if self.report is None:
            return f"{self.url} has not answered once"
        told = counted(self.report.lost, self.report.good + self.report.lost, self.report.errors)
        return f"{told}; {self.report.unsent:,} were not sent in time" if self.report.unsent else told

    @property
    def reason(self) -> str:
        """Why a release failed by it."""
        return exceeded(self.summary, self.bound) if self.bound and self.report else self.summary


def counted(lost: int, of: int, kinds: Mapping[str, int]) -> str:
    """`3 of 12,345 requests lost (2 refused, 1 timeout)`"""
    text = f"{lost:,} of {of:,} request{'' if of == 1 else 's'} lost"
    return f"{text} ({by_kind(kinds)})" if kinds else text


def by_kind(kinds: Mapping[str, int]) -> str:
    """`2 refused, 1 timeout`, the most frequent first."""
    ordered = sorted(kinds.items(), key=lambda item: -item[1])
    return ", ".join(f"{count:,} {WORDS.get(kind, kind)}" for kind, count in ordered)


def exceeded(summary: str, bound: Bound) -> str:
    """The reason first, the rule behind it: `3 of 245 requests lost (3 refused); none may be`"""
    return f"{summary}; {'none' if bound.count == 0 else f'at most {bound}'} may be"


def remarks(report: Report) -> Sequence[str]:
    """What one has to know to read the figures right."""
    found = []
    who = "a worker" if report.workers else "this machine"
    if report.unsent:
        found.append(
            f"{report.unsent:,} more were due and not sent in time: {who} was too busy, or had no connection left; "
            f"{report.sent_rate:,.0f} of {report.rate:,.0f} a second were sent"
        )
    if report.is_behind and report.late_max_s >= 0.001:  # of what was never sent nothing says how late it would have been
        found.append(
            f"behind schedule by up to {report.late_max_s * 1000:,.0f} ms: {who} is too busy, or the rate too high for it"
        )
    found += [
        f"worker {each.worker} of {report.workers} is missing from {_clock(each.at_s)} on ({each.reason}): {each.requests:,} "
        f"request{'' if each.requests == 1 else 's'} of its share, neither good nor lost"
        for each in report.missing
    ]
    if report.unanswered:
        found.append(f"{report.unanswered:,} without an answer yet when it ended: neither good nor lost")
    return found


def _clock(seconds: float) -> str:
    """`1:05`"""
    return f"{int(seconds // 60)}:{int(seconds % 60):02}"


WORDS = {
    "reset": "cut off",
    "timeout": "timed out",
    "dns": "without an address",
    "unreachable": "without a route",
    "tls": "refused by TLS",
    "protocol": "answered by something that is not HTTP",
    "status": "with another status",
}
