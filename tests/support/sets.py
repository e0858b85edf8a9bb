"""The shop of `shop` as a StatefulSet or a DaemonSet. A way is a strategy, and what it is used on: "ramped StatefulSet"."""

from __future__ import annotations

from rollway.kube.objects import DAEMON_SET, NODE, STATEFUL_SET, Obj, get
from rollway.sandbox.store.store import Store

KINDS = (STATEFUL_SET.name, DAEMON_SET.name)
SET_WAYS = tuple(f"{strategy} {kind}" for kind in KINDS for strategy in ("recreate", "ramped"))
NODES = "test/nodes"
"""The annotation of a DaemonSet that says on how many nodes it is to run."""


def as_set(workload: Obj, kind: str) -> Obj:
    """The Deployment's manifest as one of another kind, with the same pods; as many nodes are asked for as it had pods."""
    replicas = get(workload, "spec", "replicas", default=4)
    kept = {key: value for key, value in workload["spec"].items() if key not in ("replicas", "strategy")}
    if kind == STATEFUL_SET.name:
        return {**workload, "kind": kind, "spec": {**kept, "serviceName": "shop", "replicas": replicas}}
    meta = {**workload["metadata"], "annotations": {NODES: str(replicas)}}
    return {**workload, "kind": kind, "metadata": meta, "spec": kept}


def provide(store: Store, workload: Obj) -> None:
    """The nodes that it asks for."""
    known = list(store.list(NODE))
    for number in range(len(known) + 1, int(get(workload, "metadata", "annotations", NODES, default=0)) + 1):
        labels = {**known[0]["metadata"].get("labels", {}), "kubernetes.io/hostname": f"node-{number}"}
        store.create(NODE, {**known[0], "metadata": {"name": f"node-{number}", "labels": labels}})
