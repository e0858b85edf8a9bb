"""Waiting for a Job to run to its end, and reading what it said: for gates (measure.job) and hooks (cluster.hooks)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from ..kube.objects import JOB, POD, Obj, Ref, get
from .port import Cluster, Tail

LOOK_EVERY_S = 5.0
"""At its pods, where the Job itself says nothing."""
GRACE_S = 10.0
"""For its controller to say that its deadline is over."""
JOB_NAME = "batch.kubernetes.io/job-name"

Look = Callable[[Obj], Awaitable[None]]


def end_of(job: Obj | None) -> Obj | None:
    """The condition with which a Job has ended."""
    conditions = get(job, "status", "conditions", default=()) if job else ()
    return next((each for each in conditions if each["type"] in ("Complete", "Failed") and each["status"] == "True"), None)


async def found(cluster: Cluster, ref: Ref) -> Obj | None:
    """The Job, or None where it is not there."""
    jobs = await cluster.list(JOB, ref.namespace, fields={"metadata.name": ref.name})
    return next(iter(jobs), None)


async def ended(cluster: Cluster, ref: Ref, within_s: float, look: Look | None = None) -> Obj | None:
    """The Job when it has ended or somebody has deleted it; None where neither is so in time. `look` is called with the Job after
    each change, and every few seconds; what it raises ends the waiting."""
    with contextlib.suppress(TimeoutError):
        async with (
            asyncio.timeout(within_s),
            contextlib.aclosing(cluster.watch(JOB, ref.namespace, name=ref.name)) as events,
        ):
            following = asyncio.ensure_future(anext(events))
            job: Obj | None = None
            try:
                while True:
                    await asyncio.wait({following}, timeout=LOOK_EVERY_S if look else None)
                    if following.done():
                        event = following.result()
                        job = event.obj
                        if event.type == "DELETED" or end_of(job):
                            return job
                        following = asyncio.ensure_future(anext(events))
                    if look and job is not None:
                        await look(job)
            finally:
                following.cancel()
                await asyncio.gather(following, return_exceptions=True)
    return None


async def pods_of(cluster: Cluster, ref: Ref) -> list[Obj]:
    """Its pods, those that ended, too; the newest first."""
    pods = await cluster.list(POD, ref.namespace, labels={JOB_NAME: ref.name})
    return sorted(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)


async def said(cluster: Cluster, pods: Sequence[Obj], lines: int) -> tuple[tuple[str, str], ...]:
    """The ends of the pods' logs by their names; of those that printed something."""
    out: list[tuple[str, str]] = []
    for pod in pods:
        name = pod["metadata"]["name"]
        text = await cluster.logs(pod["metadata"]["namespace"], name, _telling(pod), Tail(lines))
        if text.strip():
            out.append((name, text))
    return tuple(out)


def _telling(pod: Obj) -> str:
    """The container that failed, else the first."""
    for status in get(pod, "status", "containerStatuses", default=[]):
        if get(status, "state", "terminated", "exitCode") or get(status, "lastState", "terminated", "exitCode"):
            return str(status["name"])
    return str(pod["spec"]["containers"][0]["name"])
