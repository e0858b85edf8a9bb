"""The ReplicationController controller: as many pods as wanted, as a ReplicaSet has them.

It is the older kind of the same thing: it chooses its pods by equal labels alone, counts no terminating ones, and a new template
is for new pods only. (Kubernetes 1.36 runs the ReplicaSet's controller on it, pkg/controller/replication.)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from random import Random

from ...kube.objects import REPLICATION_CONTROLLER, Obj
from ..store.store import Store
from .engine import Queue
from .index import Index, Owned
from .newpods import Door
from .replicaset import ReplicaSetController


class ReplicationControllerController(ReplicaSetController):
    name = "replicationcontroller"
    kind = REPLICATION_CONTROLLER
    component = "replication-controller"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door | None = None) -> None:
        super().__init__(store, index, queue, now, Random(store.version), admit)

    def _selector(self, replicaset: Obj) -> Obj:
        return {"matchLabels": replicaset["spec"]["selector"]}

    def _always(self, owned: Owned) -> Obj:
        return {"replicas": owned.active}
