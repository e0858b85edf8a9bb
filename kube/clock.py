"""The one clock: the event loop's. On the rehearsal's loop it jumps (sandbox.timeline), on any other it is the wall clock."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import lru_cache


def now() -> datetime:
    """The present moment in UTC, of the running loop's timeline."""
    wall = getattr(asyncio.get_running_loop(), "wall_time", None)
    return wall() if wall is not None else datetime.now(UTC)


@lru_cache(maxsize=64)  # what happens at one moment is written many times
def timestamp(moment: datetime) -> str:
    """metav1.Time: RFC 3339 in UTC with whole seconds."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def micro_timestamp(moment: datetime) -> str:
    """metav1.MicroTime, as Leases carry it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    return datetime.fromisoformat(text)
