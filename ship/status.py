"""What is live, and waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ..cluster import findings, history
from ..cluster.lock import Held, held_by, lock_ref
from ..cluster.port import Cluster
from ..errors import Forbidden, RollwayError, TimedOut
from ..kube.objects import POD, SECRET, Obj
from ..kube.workload import labels_of_all
from ..plan.evidence import Evidence
from ..plan.observed import APP_LABEL, Observed
from ..plan.revision import Revision
from ..plan.steps import Phase
from ..release.model import Release
from ..strategies.app import App
from . import ours
from .look import look
from .pauses import left_s
from .sides import Side, given, remarks, sides


@dataclass(frozen=True)
class Status:
    """`last` is the newest revision, `live` the one that serves. `held` says who changes the application right now,
    `gone` the Deployments that somebody has deleted. `given` is the share of requests that the release under way really gets, in
    percent; what was asked for is its weight. `pause_left_s` is what is left of the pause that it stands in. `gates`
    have measured the newest revision."""

    app: str
    namespace: str
    live: Revision | None
    last: Revision | None
    sides: tuple[Side, ...]
    held: Held | None = None
    gone: tuple[str, ...] = ()
    given: float | None = None
    remarks: tuple[str, ...] = ()
    pause_left_s: float = 0.0
    gates: tuple[Evidence, ...] = ()

    @property
    def lock(self) -> str:
        """Who holds it; empty where nobody does."""
        return self.held.holder if self.held else ""

    @property
    def phase(self) -> Phase | None:
        return self.last.phase if self.last else None


class Looked(NamedTuple):
    """All that a status is made of. `held` is the lock of a run; None where nobody holds it."""

    observed: Observed
    pods: Sequence[Obj]
    held: Held | None
    gates: tuple[Evidence, ...]


async def status(cluster: Cluster, release: Release) -> Status:
    return status_of(release, await looked(cluster, release))


async def looked(cluster: Cluster, release: Release) -> Looked:
    lease_ref = lock_ref(release.app, release.namespace)
    labels = labels_of_all([release.workload])
    pods_asked = _pods(cluster, release.namespace, labels)
    observed, lease, pods = await asyncio.gather(look(cluster, release), cluster.get(lease_ref), pods_asked)
    if (wider := labels_of_all(ours.workloads(release, observed))) != labels:
        pods = await _pods(cluster, release.namespace, wider)
    last = observed.history[-1] if observed.history else None
    gates = await findings.load(cluster, release.app, release.namespace, last.number) if last else ()
    return Looked(observed, pods, held_by(lease) if lease else None, gates)


def status_of(release: Release, found: Looked) -> Status:
    observed, beside = found.observed, sides(release, found.observed, found.pods)
    return Status(
        app=release.app,
        namespace=release.namespace,
        live=observed.live,
        last=observed.history[-1] if observed.history else None,
        sides=beside,
        held=found.held,
        gone=tuple(App(release).gone(observed)),
        given=given(release, observed, found.pods),
        remarks=tuple(remarks(release, observed, beside)),
        pause_left_s=left_s(observed.in_flight) if observed.in_flight else 0.0,
        gates=found.gates,
    )


async def _pods(cluster: Cluster, namespace: str, labels: Mapping[str, str]) -> Sequence[Obj]:
    """None where they may not be listed."""
    with contextlib.suppress(Forbidden):
        return await cluster.list(POD, namespace, labels=labels)
    return ()


async def wait_for_phase(cluster: Cluster, app: str, namespace: str, phase: Phase, *, timeout_s: float | None) -> Revision:
    """Waits, by watch, until the newest revision has the phase.

    Raises TimedOut, and RollwayError (exit 1) where it has ended in another phase and can no longer come to this one.
    """
    try:
        async with (
            asyncio.timeout(timeout_s),
            contextlib.aclosing(cluster.watch(SECRET, namespace, labels={APP_LABEL: app})) as events,
        ):
            known = await history.load(cluster, app, namespace)
            while True:
                if known and (done := _decide(known[-1], phase)):
                    return done
                async for _ in events:
                    break
                known = await history.load(cluster, app, namespace)
    except TimeoutError:
        raise TimedOut(f"{app} is not {_word(phase)} after {timeout_s:g} s", hint="see `deploy status`") from None


def _decide(last: Revision, phase: Phase) -> Revision | None:
    if last.phase == phase:
        return last
    if last.phase in ("RolledBack", "Failed") or (last.phase == "Promoted" and phase == "Paused"):
        raise RollwayError(
            f"revision {last.number} of {last.app} is {_word(last.phase)}, and will not be {_word(phase)}",
            detail=last.message,
        )
    return None


def _word(phase: Phase) -> str:
    return {"RolledBack": "rolled back"}.get(phase, phase.lower())
