"""What is assumed of how quickly pods start: nothing, what flags say, or what the pods that run now have told. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..sandbox.node.behaviour import SANDBOX_S, Behaviour
from ..ship.startup import Startup

QUIET_NODE_S = SANDBOX_S + Behaviour().pull_s
"""From a pod's place on a node until its process starts, where the node has nothing else to do."""


@dataclass(frozen=True)
class Pace:
    """In seconds. `start_s`: from a process' start until it listens; `node_s`: from a pod's place on a node until its process
    starts. None is what the pods' annotations say of it, else an application that listens at once, and a quiet node."""

    start_s: float | None = None
    node_s: float | None = None

    @property
    def said(self) -> dict[str, str]:
        """As the annotation `sandbox.rollway.dev/behaviour` says it."""
        known: dict[str, str] = {}
        if self.start_s is not None:
            known["start"] = f"{self.start_s:g}s"
        if self.node_s is not None:
            known["pull"] = f"{max(self.node_s - SANDBOX_S, 0.0):.6g}s"
        return known


UNSAID = Pace()


def pace_of(startup: Startup) -> Pace:
    """A node is taken to be slower than a quiet one only where rounding alone does not explain it."""
    is_slow = startup.node_s is not None and startup.node_s - startup.blur_s > QUIET_NODE_S
    return Pace(startup.app_s, startup.node_s if is_slow else None)
