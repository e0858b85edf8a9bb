"""What is live, and waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass

from ..cluster import history
from ..cluster.port import Cluster
from ..errors import RollwayError, TimedOut
from ..health.deployment import progress
from ..kube.objects import DEPLOYMENT, LEASE, SECRET, SERVICE, Obj, Ref, get, labels_of, selects, template_labels
from ..plan.observed import APP_LABEL, TRACK_LABEL, VERSION_ANNOTATION, Observed
from ..plan.revision import Revision
from ..plan.steps import Phase
from ..release.model import Release
from ..strategies.app import App
from .look import look


@dataclass(frozen=True)
class Side:
    """A Deployment of the application: its pods, and whether the Services reach them. `message` says how far it has come."""

    name: str
    track: str
    version: str
    ready: int
    wanted: int
    is_routed: bool
    message: str


@dataclass(frozen=True)
class Status:
    """`last` is the newest revision, `live` the one that serves. `lock` names who changes the application right now,
    `gone` the Deployments that somebody has deleted."""

    app: str
    namespace: str
    live: Revision | None
    last: Revision | None
    sides: tuple[Side, ...]
    lock: str
    gone: tuple[str, ...] = ()

    @property
    def phase(self) -> Phase | None:
        return self.last.phase if self.last else None


async def status(cluster: Cluster, release: Release) -> Status:
    observed = await look(cluster, release)
    lease = await cluster.get(Ref(LEASE.api_version, LEASE.name, release.namespace, f"rollway-{release.app}"))
    last = observed.history[-1] if observed.history else None
    holder = str(get(lease, "spec", "holderIdentity", default="")) if lease else ""
    gone = tuple(App(release).gone(observed))
    return Status(release.app, release.namespace, observed.live, last, _sides(release, observed), holder, gone)


def _sides(release: Release, observed: Observed) -> tuple[Side, ...]:
    name = release.workload["metadata"]["name"]
    own = observed.find(DEPLOYMENT, release.namespace, name)
    seconds = [obj for obj in observed.deployments(release.app) if TRACK_LABEL in labels_of(obj)]
    names = [service["metadata"]["name"] for service in release.services]
    services = [live for each in names if (live := observed.find(SERVICE, release.namespace, each))]
    return tuple(_side(release, obj, services) for obj in [own, *seconds] if obj is not None)


def _side(release: Release, deployment: Obj, services: list[Obj]) -> Side:
    wanted = int(get(deployment, "spec", "replicas", default=1))
    state = progress(deployment, "rolled-out", wanted)
    ready = int(get(deployment, "status", "readyReplicas", default=0))
    pods = template_labels(deployment)
    is_routed = any(selects(get(service, "spec", "selector"), pods) for service in services)
    version = get(deployment, "metadata", "annotations", default={}).get(VERSION_ANNOTATION)
    return Side(
        name=deployment["metadata"]["name"],
        track=labels_of(deployment).get(TRACK_LABEL, "stable"),
        version=version or _image_tag(release, deployment),
        ready=ready,
        wanted=wanted,
        is_routed=is_routed and wanted > 0,
        message="" if state.is_done else state.message,
    )


def _image_tag(release: Release, deployment: Obj) -> str:
    image = str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])
    return image.rpartition(":")[2] if ":" in image.rpartition("/")[2] else image


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
