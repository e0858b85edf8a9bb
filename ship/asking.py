"""What a cluster knows of an application that a rehearsal can begin with: its live version, the room, how its pods start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from ..cluster.port import Cluster
from ..errors import ApiError
from ..health.pods import is_ready
from ..kube.clock import parse_timestamp
from ..kube.objects import NODE, POD, RESOURCE_QUOTA, Kind, Obj, get, ref_of, template_labels
from ..plan.observed import Observed
from ..release.model import Release
from ..strategies.app import App
from .look import look


@dataclass(frozen=True)
class Asked:
    """`live` is the version that runs, as it was released, or as it was found; None where nothing runs. `start_s`: from its
    process' start until it listens, the middle one of its ready pods; None where there are none."""

    live: Release | None
    observed: Observed
    start_s: float | None


async def ask(cluster: Cluster, release: Release, strategy: str | None = None, *, with_room: bool = True) -> Asked:
    """What this account may not list is left out."""
    observed = await look(cluster, release, strategy)
    live = Release.from_record(observed.live.release) if observed.live else App(release).found(observed)
    room = [*await _all(cluster, RESOURCE_QUOTA, release.namespace), *await _all(cluster, NODE, "")] if with_room else []
    pods = await _all(cluster, POD, release.namespace, labels=_own_labels(release))
    return Asked(
        live, replace(observed, objects={**observed.objects, **{ref_of(obj): obj for obj in room}}), started_within(pods)
    )


async def _all(cluster: Cluster, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> Sequence[Obj]:
    try:
        return await cluster.list(kind, namespace, labels=labels)
    except ApiError:
        return ()


def _own_labels(release: Release) -> dict[str, str]:
    return get(release.workload, "spec", "selector", "matchLabels", default={}) or template_labels(release.workload)


def started_within(pods: Iterable[Obj]) -> float | None:
    """From their process' start to readiness, less half a period of the probe that found it: what the middle pod took to listen.

    Pods that were restarted are left out: their readiness may be of an earlier process.
    """
    found = [seconds for pod in pods if is_ready(pod) and (seconds := _started_within(pod)) is not None]
    return round(median(found), 1) if found else None


def _started_within(pod: Obj) -> float | None:
    status: Obj = next(iter(get(pod, "status", "containerStatuses", default=())), {})
    started = get(status, "state", "running", "startedAt")
    ready: Obj = next((each for each in get(pod, "status", "conditions", default=()) if each["type"] == "Ready"), {})
    if not started or status.get("restartCount") or not ready.get("lastTransitionTime"):
        return None
    took_s = (parse_timestamp(ready["lastTransitionTime"]) - parse_timestamp(started)).total_seconds()
    probe = get(pod["spec"]["containers"][0], "readinessProbe")
    period_s = float(get(probe, "periodSeconds", default=10)) if probe else 0.0
    return max(took_s - period_s / 2, 0.0)
