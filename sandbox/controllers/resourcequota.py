"""What is used of each ResourceQuota, in its status: for who looks. (What is let in is counted anew each time.)"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.objects import POD, RESOURCE_QUOTA, Obj, get
from ..api.admission.quota import status_of
from ..store.store import Change, Store
from .engine import Queue
from .index import Index
from .newpods import Door


class ResourceQuotaController:
    name = "resourcequota"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door | None = None) -> None:
        self._store, self._queue = store, queue

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == RESOURCE_QUOTA:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD and (change.type != "MODIFIED" or _phase(change.before) != _phase(change.obj)):
            for quota in self._store.list(RESOURCE_QUOTA, meta["namespace"]):
                self._queue.add(self.name, meta["namespace"], quota["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        quota = self._store.find(RESOURCE_QUOTA, namespace, name)
        if quota is None:
            return
        status = status_of(quota, self._store.list(POD, namespace))
        if status != quota.get("status"):
            self._store.update(RESOURCE_QUOTA, quota | {"status": status})


def _phase(pod: Obj | None) -> str:
    return str(get(pod, "status", "phase", default=""))
