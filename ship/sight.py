"""An application as somebody sees it who looks on: from the cluster's state alone, whoever changes it, and from wherever."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from ..cluster import history, jobs
from ..cluster.awaiting import hindrance_of
from ..cluster.port import Cluster
from ..errors import ClusterError, Forbidden
from ..kube.clock import now
from ..kube.objects import CONTROLLER_REVISION, JOB, POD, REPLICA_SET, SECRET, Obj, get, labels_of, ref_of
from ..kube.workload import kind_of_workload, workload_of
from ..plan.evidence import by_gate
from ..plan.observed import APP_LABEL
from ..release.model import Release
from ..strategies import NAMES, by_name, of_release
from . import known
from .again import LEAST_S, Where, again
from .holding import held_by
from .runner import RUNNER_LABEL
from .sides import deployments
from .status import Status, looked, status_of
from .tree import Stem, tree


@dataclass(frozen=True)
class Sight:
    """What was seen `at` a moment. `waits_for` is what a release under way waits for, in words; `lost` why nothing newer can be
    seen, empty where it can."""

    status: Status
    stems: tuple[Stem, ...]
    waits_for: str
    at: datetime
    lost: str = ""


async def see(cluster: Cluster, release: Release) -> Sight:
    """The application as it stands now. `release` says which one it is; what is told is of the release that the cluster knows."""
    revision = known.meant(await history.load(cluster, release.app, release.namespace))
    meant = known.of(revision) if revision else release
    found, sets, runner = await asyncio.gather(looked(cluster, meant), _revisions(cluster, meant), _runner(cluster, meant))
    status = status_of(meant, found)
    beside = deployments(meant, found.observed)
    stems = tree(meant, found.observed.history, status.sides, beside, found.pods, sets)
    waits = filter(None, (awaited(status, stems, held_by_gates(meant, status)), runner))
    return Sight(status, stems, "; ".join(waits), now())


async def _runner(cluster: Cluster, release: Release) -> str:
    """What keeps the Job from running that is to carry a release out in the cluster; empty where nothing does, or Jobs may not be
    listed."""
    with contextlib.suppress(ClusterError):
        for job in await cluster.list(JOB, release.namespace, labels={APP_LABEL: release.app}):
            is_waited_for = (
                RUNNER_LABEL in labels_of(job) and jobs.end_of(job) is None and not get(job, "status", "ready", default=0)
            )
            if is_waited_for and (why := await hindrance_of(cluster, job)):
                return f"its runner, {ref_of(job)}: {why}"
    return ""


def held_by_gates(release: Release, status: Status) -> list[str]:
    """The gates that hold the pause which the release stands in, in words."""
    last = status.last
    if last is None or last.phase != "Paused":
        return []
    is_last = of_release(last.strategy, release).next_weight(last.weight) == 100
    return held_by(release.gates_for(last.strategy), by_gate(status.gates), last.weight, is_last=is_last)


def awaited(status: Status, stems: Sequence[Stem], gates: Sequence[str] = ()) -> str:
    """What a release under way waits for, or what has to be done about it; empty where nothing is under way."""
    last = status.last
    if last is None or not last.is_in_flight:
        return ""
    if last.phase == "Paused":
        return " and ".join(["`deploy promote`", *gates])
    if last.phase == "Failed":
        return "somebody: it was left as it failed"
    if status.held is None or status.held.is_silent:
        return "somebody: its run was cut off"
    jobs = [f"{run.moment} {run.name}: Job {run.job} runs" for run in last.hooks if run.phase == "Running"]
    pods = [leaf for stem in stems for branch in stem.branches for leaf in branch.pods if leaf.trouble]
    told = [f"{side.name}: {side.message}" for side in status.sides if side.message]
    return "; ".join([*jobs, *told, *(f"{leaf.name}: {leaf.trouble}" for leaf in pods[:1])])


async def follow(cluster: Cluster, release: Release, *, least_s: float = LEAST_S) -> AsyncGenerator[Sight, None]:
    """What is seen, again and again: soon after something has changed, at most every `least_s`, without end.

    A cluster that cannot be reached is waited for, and told of beside what was seen last. Raises ClusterError where the first
    look fails, and Forbidden.
    """
    looks = again(cluster, lambda: see(cluster, release), _watched(release), _is_busy, least_s=least_s)
    async with contextlib.aclosing(looks):
        async for seen in looks:
            yield replace(seen.value, lost=seen.lost)


def _is_busy(sight: Sight) -> bool:
    return bool(sight.status.held or (sight.status.last and sight.status.last.is_in_flight))


def _watched(release: Release) -> tuple[Where, ...]:
    own, place = str(release.workload["metadata"]["name"]), release.namespace
    names = {own, *(f"{own}-{suffix}" for name in NAMES if (suffix := by_name(name).suffix))}
    selector = get(release.workload, "spec", "selector", "matchLabels", default={})

    def is_ours(obj: Obj) -> bool:
        return obj["metadata"]["name"] in names or labels_of(obj).get(APP_LABEL) == release.app

    return (
        Where(SECRET, place, labels={APP_LABEL: release.app}),
        Where(kind_of_workload(release.workload), place, concerns=is_ours),
        Where(POD, place, labels=selector),
    )


async def _revisions(cluster: Cluster, release: Release) -> Sequence[Obj] | None:
    """What its workload keeps its pods' templates in: ReplicaSets, or a set's ControllerRevisions."""
    kind = CONTROLLER_REVISION if workload_of(release.workload).is_set else REPLICA_SET
    try:
        return await cluster.list(kind, release.namespace)
    except Forbidden:
        return None
