"""That a node lives: a Lease of its name in kube-node-lease, renewed every ten seconds. (Kubernetes 1.36: the kubelet's.)

Only of nodes that are the sandbox's own: nobody keeps those that others made alive.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.clock import micro_timestamp, timestamp
from ...kube.objects import LEASE, NAMESPACE, NODE, Obj
from ..controllers.engine import Queue
from ..store.store import Change, Store
from .nodes import is_own

SPACE = "kube-node-lease"
LASTS_S = 40
RENEWED_S = LASTS_S / 4


class NodeLeases:
    name = "node-leases"

    def __init__(self, store: Store, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._queue, self._now = store, queue, now

    def note(self, change: Change) -> None:
        if change.kind == NODE and change.type == "ADDED":
            self._queue.add(self.name, SPACE, change.obj["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        node = self._store.find(NODE, "", name)
        if node is None or not is_own(name):
            return
        self._queue.after(RENEWED_S, self.name, namespace, name)
        spec = {"holderIdentity": name, "leaseDurationSeconds": LASTS_S, "renewTime": micro_timestamp(self._now())}
        if (lease := self._store.find(LEASE, namespace, name)) is not None:
            self._store.update(LEASE, lease | {"spec": {**lease.get("spec", {}), **spec}})
        elif self._store.find(NAMESPACE, "", namespace) is not None:
            self._store.create(LEASE, self._new(node, spec))

    def _new(self, node: Obj, spec: Obj) -> Obj:
        meta = node["metadata"]
        owner = {"apiVersion": NODE.api_version, "kind": NODE.name, "name": meta["name"], "uid": meta["uid"]}
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {
                "name": meta["name"],
                "namespace": SPACE,
                "creationTimestamp": timestamp(self._now()),
                "ownerReferences": [owner],
            },
            "spec": spec,
        }
