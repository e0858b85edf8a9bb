"""What a cluster knows of an application that a rehearsal can begin with: its live version, the room, how its pods start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..cluster.port import Cluster
from ..errors import ApiError
from ..kube.objects import NODE, POD, RESOURCE_QUOTA, Kind, Obj, ref_of
from ..kube.workload import labels_of_all
from ..plan.observed import Observed
from ..release.model import Release
from ..strategies.app import App
from . import ours
from .look import look
from .startup import Startup, startup_of


@dataclass(frozen=True)
class Asked:
    """`live` is the version that runs, as it was released, or as it was found; None where nothing runs. `startup`:
    how long its pods took to start."""

    live: Release | None
    observed: Observed
    startup: Startup


async def ask(cluster: Cluster, release: Release, strategy: str | None = None, *, with_room: bool = True) -> Asked:
    """What this account may not list is left out."""
    observed = await look(cluster, release, strategy)
    live = Release.from_record(observed.live.release) if observed.live else App(release).found(observed)
    room = [*await _all(cluster, RESOURCE_QUOTA, release.namespace), *await _all(cluster, NODE, "")] if with_room else []
    known = ours.workloads(release, observed)
    pods = ours.of_these(await _all(cluster, POD, release.namespace, labels=labels_of_all(known)), known)
    return Asked(live, replace(observed, objects={**observed.objects, **{ref_of(obj): obj for obj in room}}), startup_of(pods))


async def _all(cluster: Cluster, kind: Kind, namespace: str, labels: Mapping[str, str] | None = None) -> Sequence[Obj]:
    try:
        return await cluster.list(kind, namespace, labels=labels)
    except ApiError:
        return ()
