"""Labelling pods as they run, so that their Deployment has nothing to replace (plan.steps.Label).

What of the Deployment controller is relied on: it looks for the ReplicaSet whose template equals the Deployment's but for the
hash (deployment/util: EqualIgnoreHash, FindNewReplicaSet), it makes none while `spec.paused` is set, and `observedGeneration` and
`updatedReplicas` tell what it has seen. Each change is waited for until it has been, since controllers read from caches.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from ..errors import NotFound
from ..kube.objects import POD, REPLICA_SET, Obj, get, labels_of, template_labels
from ..plan.steps import Label
from .port import Cluster
from .waiting import StepFailed

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 1.0


async def label(cluster: Cluster, step: Label) -> None:
    """Idempotent: begun anew it goes on where it was cut off. Raises StepFailed where the Deployment is gone, or nobody looks
    after it in time."""
    live = await _deployment(cluster, step)
    if not _has(template_labels(live), step.labels):
        await cluster.patch(step.ref, {"spec": {"paused": True}})
        await _until(lambda: _deployment(cluster, step), _is_seen, step, "the pause")
        sets = await _label_sets(cluster, step, live["metadata"]["uid"])
        await _label_pods(cluster, step, live, sets)
        await cluster.patch(step.ref, {"spec": {"template": {"metadata": {"labels": step.labels}}}})
    await _until(lambda: _deployment(cluster, step), _has_all, step, "that its pods are the newest")
    await cluster.patch(step.ref, {"spec": {"paused": None}})


async def _label_sets(cluster: Cluster, step: Label, uid: str) -> set[str]:
    """The templates of the ReplicaSets that have pods, so that whatever pod comes from now on has the labels; their uids."""

    async def owned() -> list[Obj]:
        sets = await cluster.list(REPLICA_SET, step.ref.namespace)
        return [each for each in sets if _is_owned(each, {uid}) and get(each, "spec", "replicas", default=0)]

    for each in await owned():
        if not _has(template_labels(each), step.labels):
            ref = step.ref._replace(kind=REPLICA_SET.name, name=each["metadata"]["name"])
            await cluster.patch(ref, {"spec": {"template": {"metadata": {"labels": step.labels}}}})
    sets = await _until(owned, lambda sets: all(map(_is_seen, sets)), step, "its ReplicaSet's template")
    return {each["metadata"]["uid"] for each in sets}


async def _label_pods(cluster: Cluster, step: Label, live: Obj, sets: set[str]) -> None:
    async def one(name: str) -> None:
        try:
            await cluster.patch(
                step.ref._replace(api_version="v1", kind=POD.name, name=name), {"metadata": {"labels": step.labels}}
            )
        except NotFound:
            return  # it has gone meanwhile; the one in its place has them

    chosen = get(live, "spec", "selector", "matchLabels", default={})
    pods = await cluster.list(POD, step.ref.namespace, labels=chosen)
    bare = [pod for pod in pods if _is_owned(pod, sets) and not _has(labels_of(pod), step.labels)]
    await asyncio.gather(*(one(pod["metadata"]["name"]) for pod in bare))


async def _deployment(cluster: Cluster, step: Label) -> Obj:
    live = await cluster.get(step.ref)
    if live is None:
        raise StepFailed(f"{step.ref} is gone: somebody deleted it while this run was under way")
    return live


async def _until(look: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], step: Label, what: str) -> Any:
    """What `look` sees once `holds` is true of it."""
    clock, pause_s = asyncio.get_running_loop().time, FIRST_PAUSE_S
    until = clock() + step.deadline_s
    while not holds(seen := await look()):
        if clock() >= until:
            raise StepFailed(f"{step.ref} was not labelled: no controller has seen {what} in {step.deadline_s} s")
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return seen


def _is_owned(obj: Obj, uids: set[str]) -> bool:
    return any(owner["uid"] in uids for owner in obj["metadata"].get("ownerReferences") or ())


def _is_seen(obj: Obj) -> bool:
    return bool(get(obj, "status", "observedGeneration", default=0) >= get(obj, "metadata", "generation", default=1))


def _has_all(live: Obj) -> bool:
    """Whether the controller takes every pod for one of the newest template."""
    status = get(live, "status", default={})
    return _is_seen(live) and status.get("updatedReplicas", 0) == status.get("replicas", 0)


def _has(labels: dict[str, str], wanted: dict[str, str]) -> bool:
    return wanted.items() <= labels.items()
