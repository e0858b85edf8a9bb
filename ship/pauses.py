"""What is left of a pause, whoever waits for it."""

from __future__ import annotations

from ..kube.clock import now, parse_timestamp
from ..plan.revision import Revision


def left_s(revision: Revision) -> float:
    """What is left of its pause, whoever has waited for the rest. 0 where it has no end of its own."""
    if revision.phase != "Paused" or not revision.pause_s or not revision.paused_at:
        return 0.0
    left = revision.pause_s - (now() - parse_timestamp(revision.paused_at)).total_seconds()
    return min(max(left, 0.0), float(revision.pause_s))  # clocks of machines differ: never more than all of it
