"""Pods of a StatefulSet or DaemonSet that are not of its newest template: which they are, and making them go (plan.steps.Renew).

What of their controllers is relied on: each names a pod's revision in its label `controller-revision-hash`. A StatefulSet tells
which one is the newest in its status; a DaemonSet does not: of its ControllerRevisions it is the one with the highest number.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from ..errors import Conflict
from ..health.pods import is_ready
from ..kube.objects import CONTROLLER_REVISION, POD, Obj, get, labels_of, ref_of
from ..kube.workload import SET_HASH, is_owned, newest_hash, workload_of
from ..plan.steps import Renew
from .port import Cluster
from .waiting import StepFailed

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0


async def renew(cluster: Cluster, step: Renew) -> None:
    """Idempotent: what is on its way out counts as renewed. Raises StepFailed where the set is gone, or nobody looks after it in
    time."""
    live = await _seen(cluster, step)
    newest = await newest_of(cluster, live)
    labels = get(live, "spec", "selector", "matchLabels", default={})
    pods = [pod for pod in await cluster.list(POD, step.ref.namespace, labels=labels) if is_owned(pod, live)]
    for pod in _chosen(step, live, pods, newest):
        with contextlib.suppress(Conflict):  # another one has its name already
            await cluster.delete(ref_of(pod), uid=pod["metadata"]["uid"])


def _chosen(step: Renew, live: Obj, pods: Sequence[Obj], newest: str) -> list[Obj]:
    old = [pod for pod in pods if not get(pod, "metadata", "deletionTimestamp") and labels_of(pod).get(SET_HASH) != newest]
    if step.which == "stuck":
        return [pod for pod in old if not is_ready(pod)]
    # whatever is not there, or goes, comes back as one of the newest
    coming = workload_of(live).wanted(live) - len(old)
    return sorted(old, key=lambda pod: (is_ready(pod), pod["metadata"]["name"]))[: max(step.pods - coming, 0)]


async def newest_of(cluster: Cluster, live: Obj) -> str:
    """The label of the pods of a set's newest template. Raises ClusterError."""
    if known := newest_hash(live, ()):
        return known
    return newest_hash(live, await cluster.list(CONTROLLER_REVISION, live["metadata"]["namespace"]))


async def _seen(cluster: Cluster, step: Renew) -> Obj:
    """The set, once its controller has seen its last change: until then it takes other pods for the newest."""
    clock, pause_s = asyncio.get_running_loop().time, FIRST_PAUSE_S
    until = clock() + step.deadline_s
    while True:
        live = await cluster.get(step.ref)
        if live is None:
            raise StepFailed(f"{step.ref} is gone: somebody deleted it while this run was under way")
        if not workload_of(live).counts(live).is_behind:
            return live
        if clock() >= until:
            raise StepFailed(f"{step.ref}: no controller has seen the change in {step.deadline_s} s")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
