"""The four figures of DORA, as far as the history knows them. Pure. (dora.dev/guides/dora-metrics-four-keys)

A deployment is a release that came to its end: promoted, or taken back. It has failed where it was taken back, whether some
requests went to it or all, or where it was left as it failed. Service is restored when it has been taken back. The lead time of a
change begins with its commit, which the history does not know.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..kube.clock import parse_timestamp
from ..plan.revision import Revision

DAY_S = 86400.0


@dataclass(frozen=True)
class Dora:
    """`since_s` is how long ago the oldest release began that the history still has (seconds). Times are medians, in seconds, and
    None where nothing is known; `rollout_s` is the part of the lead time that rollway sees: from a release's start to all
    requests."""

    applications: int
    deployments: int
    failures: int
    since_s: float
    restore_s: float | None = None
    rollout_s: float | None = None
    lead_time_s: float | None = None

    @property
    def per_day(self) -> float | None:
        """Deployments a day, of at least one day."""
        return self.deployments / max(self.since_s / DAY_S, 1.0) if self.deployments else None

    @property
    def failure_rate(self) -> float | None:
        """0 to 1."""
        return self.failures / self.deployments if self.deployments else None


def figures(histories: Iterable[Sequence[Revision]], now: datetime) -> Dora:
    """Of each application's revisions. What was found (adopted) is no deployment, nor is what is still under way."""
    known = [[each for each in revisions if each.started and not each.is_adopted] for revisions in histories]
    released = [each for revisions in known for each in revisions]
    ended = [each for each in released if each.was_promoted or each.phase in ("RolledBack", "Failed")]
    failed = [each for each in ended if each.phase in ("RolledBack", "Failed")]
    oldest = min((parse_timestamp(each.started) for each in released), default=now)
    return Dora(
        applications=sum(bool(revisions) for revisions in known),
        deployments=len(ended),
        failures=len(failed),
        since_s=max((now - oldest).total_seconds(), 0.0),
        restore_s=_median(_restored_s(each) for each in failed),
        rollout_s=_median(_promoted_s(each) for each in ended),
    )


def _median(found: Iterable[float | None]) -> float | None:
    known = [each for each in found if each is not None]
    return statistics.median(known) if known else None


def _promoted_s(revision: Revision) -> float | None:
    """From its start to its first promotion."""
    return _until(revision, "Promoted", revision.started)


def _restored_s(revision: Revision) -> float | None:
    """From when its users had it, by all requests or else by the first, until it was taken back."""
    promoted = [entry.at for entry in revision.entries if entry.phase == "Promoted"]
    return _until(revision, "RolledBack", promoted[-1] if promoted else revision.started)


def _until(revision: Revision, phase: str, began: str) -> float | None:
    at = next((entry.at for entry in revision.entries if entry.phase == phase and entry.at >= began), None)
    return (parse_timestamp(at) - parse_timestamp(began)).total_seconds() if at else None
