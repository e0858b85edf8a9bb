"""Every application under rollway's care: where each stands, those first that somebody has to look after."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..cluster import history, lock
from ..cluster.port import Cluster
from ..errors import Forbidden
from ..kube.objects import LEASE, SECRET, Obj, labels_of
from ..plan.observed import APP_LABEL
from ..plan.revision import Revision
from .again import LEAST_S, Seen, Where, again

State = Literal["unreadable", "failed", "paused", "interrupted", "progressing", "rolledBack", "promoted"]
URGENCY: tuple[State, ...] = ("unreadable", "failed", "paused", "interrupted", "progressing", "rolledBack", "promoted")


@dataclass(frozen=True)
class Listed:
    """`last` is the newest revision, `live` the one that serves; `unreadable` is why neither can be read. `held` is the lock of a
    run; None where there is none, or none may be seen (`sees_locks`)."""

    app: str
    namespace: str
    live: Revision | None
    last: Revision | None
    held: lock.Held | None = None
    sees_locks: bool = True
    unreadable: str = ""

    @property
    def state(self) -> State:
        """How it stands: a release that goes on while nobody is at it is interrupted."""
        if self.last is None:
            return "unreadable"
        match self.last.phase:
            case "Progressing":
                is_left = self.sees_locks and (self.held is None or self.held.is_silent)
                return "interrupted" if is_left else "progressing"
            case "RolledBack":
                return "rolledBack"
            case "Failed":
                return "failed"
            case "Paused":
                return "paused"
            case "Promoted":
                return "promoted"


async def listed(cluster: Cluster, namespace: str) -> list[Listed]:
    """Of a namespace, or of all that may be read where it is empty: failed and paused ones first, then by name.

    Raises Forbidden where not even the namespace's may be read.
    """
    newest, leases = await asyncio.gather(history.newest(cluster, namespace), _leases(cluster, namespace))
    held = {_place(lease): lock.held_by(lease) for lease in leases or ()}
    found = [
        Listed(
            each.app, each.namespace, each.live, each.last, held.get((each.namespace, each.app)),
            sees_locks=leases is not None, unreadable=each.unreadable,
        )
        for each in newest
    ]  # fmt: skip
    return in_order(found)


async def follow(cluster: Cluster, namespace: str, *, least_s: float = LEAST_S) -> AsyncGenerator[Seen[list[Listed]], None]:
    """All of them, again and again: soon after one has taken a turn, or somebody has come to it. Raises as `listed` does."""
    releases = Where(SECRET, namespace, fields={"type": history.SECRET_TYPE})
    leases = Where(LEASE, namespace, concerns=lambda lease: APP_LABEL in labels_of(lease))

    def is_busy(found: list[Listed]) -> bool:
        return any(each.held or each.state in ("progressing", "paused") for each in found)

    looks = again(cluster, lambda: listed(cluster, namespace), (releases, leases), is_busy, least_s=least_s)
    async with contextlib.aclosing(looks):
        async for seen in looks:
            yield seen


def in_order(found: Sequence[Listed]) -> list[Listed]:
    return sorted(found, key=lambda each: (URGENCY.index(each.state), each.namespace, each.app))


def _place(lease: Obj) -> tuple[str, str]:
    return lease["metadata"]["namespace"], labels_of(lease)[APP_LABEL]


async def _leases(cluster: Cluster, namespace: str) -> Sequence[Obj] | None:
    """Rollway's own; None where they may not be listed, which `deploy rbac` does not ask for."""
    try:
        leases = await cluster.list(LEASE, namespace)
    except Forbidden:
        return None
    return [lease for lease in leases if APP_LABEL in labels_of(lease)]
