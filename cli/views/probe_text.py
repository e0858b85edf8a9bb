"""What became of the requests of a probe: in words, as data, and live."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from ...load.report import Bucket, Report
from ...load.target import Bound, Target
from ...load.verdict import WORDS, Part, Verdict, counted, exceeded, remarks
from ...plan.steps import Step
from .paint import Paint
from .words import duration, row, stopwatch

if TYPE_CHECKING:
    from ...load.measure import Moment

MOST_BUCKETS = 600  # in a document: an hour is told in steps of 6.4 s


def probe_lines(target: Target, report: Report, bound: Bound | None, paint: Paint) -> Iterator[str]:
    """The figures in a table; the verdict is the last line."""
    kept = "kept connections" if target.keeps_alive else "a new connection each"
    kept += f" · {report.workers} worker{'s' * (report.workers > 1)}" if report.workers else ""
    yield f"{target.url} · {_number(report.rate)}/s for {duration(report.seconds)} · {kept}"
    yield ""
    for name, told in _rows(report):
        yield f"  {paint(f'{name:<9}', 'faint')} {told}"
    yield ""
    for remark in remarks(report):
        yield f"{paint('!', 'changed')} {remark}"
    is_exceeded = bound is not None and bound.is_exceeded_by(report.lost, report.good + report.lost, is_over=True)
    summary = counted(report.lost, report.good + report.lost, report.errors)
    yield paint(exceeded(summary, bound) if bound and is_exceeded else summary, "bad" if is_exceeded else None)


def _rows(report: Report) -> Iterator[tuple[str, str]]:
    ratio = report.success_ratio
    # what is not all is never rounded up to it
    success = "" if ratio is None else f" · {int(ratio * 10_000) / 100:g}% good"
    yield "requests", f"{report.sent:,} sent · {report.good:,} good · {report.lost:,} lost{success}"
    yield "rate", f"{_number(report.rate)}/s wanted · {_number(report.sent_rate)}/s sent · {_number(report.good_rate)}/s good"
    if report.statuses:
        latency = report.latency
        named = ("p50", "p90", "p95", "p99", "max", "mean")
        yield "latency", " · ".join(f"{name} {span(getattr(latency, f'{name}_s'))}" for name in named)
        yield "status", " · ".join(f"{status}: {count:,}" for status, count in report.statuses.items())
    if report.versions and any(not version.isdecimal() for version in report.versions):
        yield "version", " · ".join(f"{version}: {count:,}" for version, count in report.versions.items())
    for kind, count in report.errors.items():
        yield "lost", f"{count:,} {WORDS.get(kind, kind)}: {report.examples.get(kind, '')}".rstrip(": ")
    if report.outage.requests:
        outage = report.outage
        one_after_the_other = f"{outage.requests:,} request{'s' * (outage.requests > 1)} in a row"
        yield "outage", f"longest {span(outage.seconds)}, {one_after_the_other}, from {stopwatch(outage.at_s)} on"
        yield "", f"{span(report.answer_gap_s)} at most without a good answer"


def verdict_lines(verdict: Verdict, paint: Paint) -> Iterator[str]:
    """What there is to add to the verdict's summary: when requests were lost, and for how long."""
    for part in verdict.parts:
        lost = counted(sum(part.lost.values()), part.ended, part.lost)
        yield f"  {lost}   {paint(_moment_of(part), 'faint')}"
    if verdict.report is None:
        return
    if verdict.report.outage.requests:
        yield f"  longest outage {span(verdict.report.outage.seconds)}"
    for remark in remarks(verdict.report):
        yield f"  {paint('!', 'changed')} {remark}"


def _moment_of(part: Part) -> str:
    if part.mark is None or isinstance(part.mark, str):
        return part.mark or "before the first step"
    each = row(cast(Step, part.mark))  # what a run marks its moments with
    return f"in {each.object}: {each.what}"


def probe_document(url: str, report: Report, bound: Bound | None) -> dict[str, Any]:
    verdict = Verdict(url, report, bound)
    return verdict_document(verdict) | {"timeline": timeline(report)}


def verdict_document(verdict: Verdict) -> dict[str, Any]:
    """Seconds and requests a second; `figures` is null where the application has not answered once."""
    return {
        "url": verdict.url,
        "summary": verdict.summary,
        "maxLost": None if verdict.bound is None else str(verdict.bound),
        "isExceeded": verdict.is_exceeded,
        "parts": [{"moment": _moment_of(part), "ended": part.ended, "lost": dict(part.lost)} for part in verdict.parts],
        "figures": None if verdict.report is None else figures(verdict.report),
    }


def figures(report: Report) -> dict[str, Any]:
    latency = report.latency
    return {
        "seconds": round(report.seconds, 3),
        "sent": report.sent, "good": report.good, "lost": report.lost,
        "unanswered": report.unanswered, "unsent": report.unsent, "retried": report.retried,
        "successRatio": None if report.success_ratio is None else round(report.success_ratio, 6),
        "rate": {"wanted": report.rate, "sent": round(report.sent_rate, 3), "good": round(report.good_rate, 3)},
        "latencySeconds": {
            name: round(getattr(latency, f"{name}_s"), 6) for name in ("p50", "p90", "p95", "p99", "max", "mean")
        } if report.statuses else None,
        "statuses": {str(status): count for status, count in report.statuses.items()},
        "versions": dict(report.versions),
        "errors": dict(report.errors),
        "examples": dict(report.examples),
        "outage": {
            "requests": report.outage.requests, "at": round(report.outage.at_s, 3), "seconds": round(report.outage.seconds, 3)
        },
        "answerGapSeconds": round(report.answer_gap_s, 3),
        "workers": None if not report.workers else {
            "count": report.workers,
            "missing": [
                {"worker": each.worker, "at": round(each.at_s, 3), "requests": each.requests, "reason": each.reason}
                for each in report.missing
            ],
        },
        "behind": {"is": report.is_behind, "p99Seconds": round(report.late_p99_s, 6), "maxSeconds": round(report.late_max_s, 6)},
    }  # fmt: skip


def timeline(report: Report) -> dict[str, Any]:
    """Good answers by version and lost requests by kind over time, in few enough steps to be read."""
    width = report.bucket_s
    while report.seconds / width > MOST_BUCKETS:
        width *= 2
    merged: dict[int, tuple[dict[str, int], dict[str, int]]] = {}
    for bucket in report.buckets:
        _add(merged.setdefault(int(bucket.at_s / width + 1e-9), ({}, {})), bucket)
    listed = [{"at": round(at * width, 3), "good": good, "lost": lost} for at, (good, lost) in sorted(merged.items())]
    return {"stepSeconds": width, "steps": listed}


def _add(to: tuple[dict[str, int], dict[str, int]], bucket: Bucket) -> None:
    for counts, more in zip(to, (bucket.versions, bucket.lost), strict=True):
        for name, count in more.items():
            counts[name] = counts.get(name, 0) + count


def moment_line(moment: Moment, seconds: float | None) -> str:
    of = "" if seconds is None else f" of {stopwatch(seconds)}"
    latency = f" · p99 {span(moment.p99_s)}" if moment.good else ""
    return f"{stopwatch(moment.seconds)}{of} · {moment.good:,} good · {moment.lost:,} lost{latency}"


def span(seconds: float) -> str:
    """`0.6 ms`, `120 ms`, `2.3 s`"""
    if seconds < 0.0995:
        return f"{seconds * 1000:.2g} ms" if seconds < 0.00995 else f"{seconds * 1000:.0f} ms"
    return f"{seconds * 1000:.0f} ms" if seconds < 0.9995 else f"{seconds:,.1f} s"


def _number(value: float) -> str:
    return f"{value:,.1f}".removesuffix(".0")
