"""A pod's log, read from outside for as long as the pod is there, over everything that cuts the reading short."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator

from ..cluster.port import Cluster
from ..kube.objects import POD, Obj, get

AGAIN_S = 1.0


async def passes(cluster: Cluster, pod: Obj, container: str) -> AsyncGenerator[tuple[Obj | None, AsyncIterator[str]], None]:
    """The log from its first line on, and what comes; where the connection drops, the same again. Before each, the pod as it is
    then (None where it is gone): one that had ended by then has nothing more to say. Without end: who reads knows when it is
    enough."""
    meta = pod["metadata"]
    while True:
        found = await cluster.list(POD, meta["namespace"], fields={"metadata.name": meta["name"]})
        now = next((each for each in found if each["metadata"]["uid"] == meta["uid"]), None)
        async with contextlib.aclosing(cluster.follow_log(meta["namespace"], meta["name"], container)) as lines:
            yield now, lines
        await asyncio.sleep(AGAIN_S)


def has_started(pod: Obj) -> bool:
    statuses = get(pod, "status", "containerStatuses", default=[])
    return any(get(each, "state", "running") or get(each, "state", "terminated") for each in statuses)


def has_ended(pod: Obj | None) -> bool:
    return pod is None or get(pod, "status", "phase") in ("Succeeded", "Failed")
