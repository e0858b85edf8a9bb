"""The four figures of DORA: as a document, and in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ...ship.dora import DAY_S, Dora
from .words import duration


def dora_document(found: Dora) -> dict[str, Any]:
    return {
        "applications": found.applications,
        "sinceSeconds": round(found.since_s),
        "deployments": found.deployments,
        "failures": found.failures,
        "deploymentsPerDay": None if found.per_day is None else round(found.per_day, 4),
        "changeFailureRate": None if found.failure_rate is None else round(found.failure_rate, 4),
        "timeToRestoreSeconds": found.restore_s,
        "leadTimeSeconds": found.lead_time_s,
        "rolloutSeconds": found.rollout_s,
    }


def dora_text(found: Dora) -> str:
    return "\n".join(_lines(found))


def _lines(found: Dora) -> Iterator[str]:
    days = found.since_s / DAY_S
    span = f"{days:.0f} days" if days >= 2 else duration(found.since_s)
    counts = f"{_count(found.applications, 'application')} · {_count(found.deployments, 'deployment')}"
    yield f"{counts} · the last {span} of the history"
    yield f"deployment frequency    {_rate(found.per_day)}"
    if found.rollout_s is None:
        yield "lead time for changes   unknown: the history does not know their commits"
    else:
        yield f"lead time for changes   unknown before the release; {duration(found.rollout_s)} from there to all requests"
    failed = "unknown" if found.failure_rate is None else f"{found.failure_rate:.0%} ({found.failures} taken back or left failed)"
    yield f"change failure rate     {failed}"
    yield f"time to restore         {'unknown' if found.restore_s is None else duration(found.restore_s)}"


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


def _rate(per_day: float | None) -> str:
    if per_day is None:
        return "unknown"
    return f"{per_day:.1f} a day" if per_day >= 1 else f"{per_day * 7:.1f} a week"
