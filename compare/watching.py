"""Counts, while a release runs on a cluster, its pods and the endpoints of its Service, by what the API server's watches tell."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..cluster.port import Cluster
from ..kube.objects import ENDPOINT_SLICE, POD, REPLICA_SET, SERVICE_NAME, Obj, Ref, get, is_a
from .census import Census, states_of
from .rehearsal import containers_of
from .results import Version


@asynccontextmanager
async def watched(cluster: Cluster, namespace: str, service: str, zero_s: float) -> AsyncIterator[Census]:
    """A census that goes on by itself; times are relative to `zero_s` on the loop's clock. What runs at first is old, whichever
    Deployment it belongs to later."""
    watcher = _Watcher(cluster, namespace, service, zero_s)
    await watcher.begin()
    tasks = [asyncio.ensure_future(watcher.follow_pods()), asyncio.ensure_future(watcher.follow_endpoints())]
    try:
        yield watcher.census
        for task in tasks:
            if task.done():
                task.result()  # a watch that failed: its figures are not all
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Watcher:
    def __init__(self, cluster: Cluster, namespace: str, service: str, zero_s: float) -> None:
        self.census = Census()
        self._cluster, self._namespace, self._service, self._zero_s = cluster, namespace, service, zero_s
        self._loop = asyncio.get_running_loop()
        self._old: set[str] = set()
        self._versions: dict[str, Version] = {}  # by the ReplicaSet's uid
        self._ready: dict[str, int] = {}  # endpoints by slice

    async def begin(self) -> None:
        """What is there already."""
        replicasets = await self._cluster.list(REPLICA_SET, self._namespace)
        self._old = {containers_of(each) for each in replicasets if get(each, "spec", "replicas")}
        for pod in await self._cluster.list(POD, self._namespace):
            await self._note_pod(pod)
        for piece in await self._cluster.list(ENDPOINT_SLICE, self._namespace, labels={SERVICE_NAME: self._service}):
            self._note_slice(piece)

    async def follow_pods(self) -> None:
        async for event in self._cluster.watch(POD, self._namespace):
            await self._note_pod(event.obj, is_gone=event.type == "DELETED")

    async def follow_endpoints(self) -> None:
        async for event in self._cluster.watch(ENDPOINT_SLICE, self._namespace, labels={SERVICE_NAME: self._service}):
            self._note_slice(event.obj, is_gone=event.type == "DELETED")

    async def _note_pod(self, pod: Obj, *, is_gone: bool = False) -> None:
        at_s = self._loop.time() - self._zero_s
        version = await self._version_of(pod)
        self.census.count_pod(pod["metadata"]["name"], version, at_s, pod, is_gone=is_gone)

    async def _version_of(self, pod: Obj) -> Version:
        owner = next((each for each in pod["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if owner is None or not is_a(owner, REPLICA_SET):
            return "old"
        if owner["uid"] not in self._versions:
            replicaset = await self._cluster.get(
                Ref(REPLICA_SET.api_version, REPLICA_SET.name, pod["metadata"]["namespace"], owner["name"])
            )
            is_old = replicaset is not None and containers_of(replicaset) in self._old
            self._versions[owner["uid"]] = "old" if is_old else "new"
        return self._versions[owner["uid"]]

    def _note_slice(self, piece: Obj, *, is_gone: bool = False) -> None:
        name = piece["metadata"]["name"]
        ready = 0 if is_gone else sum(state == "ready" for state in states_of(piece).values())
        self.census.endpoints.add(self._loop.time() - self._zero_s, ready - self._ready.get(name, 0))
        self._ready[name] = ready
