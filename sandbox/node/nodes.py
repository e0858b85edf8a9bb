"""The nodes of the embedded cluster, as objects: what they are called, have, and say of themselves.

Alone, a node is elastic: it stands for as many as are needed, so it takes any number of pods that each fit on it. One of several
has a size, and is full when it is full.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import NODE, Obj, digest, get
from ..store.store import Store

NODE_NAME = "rollway-sandbox"
ELASTIC = "sandbox.rollway.dev/elastic"  # annotation: only what one pod asks counts, not the sum
_OURS = ("labels", "annotations")
ZONES = ("a", "b", "c")
_LARGEST = {"cpu": "256", "memory": "2Ti", "ephemeral-storage": "10Ti", "pods": "110"}
_SIZED = {"cpu": "8", "memory": "32Gi", "ephemeral-storage": "100Gi", "pods": "110"}


def names_of(count: int) -> list[str]:
    """One node has the sandbox's name; several are numbered from 1."""
    return [NODE_NAME] if count == 1 else [f"{NODE_NAME}-{number}" for number in range(1, count + 1)]


def is_own(name: str) -> bool:
    """Whether the sandbox made the node of that name."""
    return re.fullmatch(rf"{NODE_NAME}(-\d+)?", name) is not None


def node_objects(count: int, now: datetime) -> list[Obj]:
    """So many nodes, in zones by turns."""
    return [_node(name, place, now, is_elastic=count == 1) for place, name in enumerate(names_of(count))]


def resize(store: Store, count: int, now: datetime) -> None:
    """So many nodes, of those that are the sandbox's own: others come, or go. What others made stays."""
    wanted = {node["metadata"]["name"]: node for node in node_objects(count, now)}
    for node in list(store.list(NODE)):
        name = node["metadata"]["name"]
        if is_own(name) and name not in wanted:
            store.remove(NODE, "", name)
    for name, node in wanted.items():
        if store.find(NODE, "", name) is None:
            store.create(NODE, node)


def widen(store: Store, count: int, now: datetime, labels: Mapping[str, str] | None = None) -> None:
    """So many nodes that never run out, all with those labels beside their own: for what has a pod on each."""
    for place in range(count):
        node = _node(f"{NODE_NAME}-{place + 1}" if place else NODE_NAME, place, now, is_elastic=True)
        node["metadata"]["labels"] |= labels or {}
        known = store.find(NODE, "", node["metadata"]["name"])
        if known is None:
            store.create(NODE, node)
        else:
            store.update(NODE, known | {"metadata": known["metadata"] | {"labels": node["metadata"]["labels"]}})


def ensure(store: Store, now: datetime) -> None:
    """At least one node. The only one of an older sandbox, which said nothing of its size, is made anew as it is today."""
    if next(store.list(NODE), None) is None:
        store.create(NODE, node_objects(1, now)[0])
    old = store.find(NODE, "", NODE_NAME)
    if old is not None and not get(old, "status", "allocatable"):
        fresh = node_objects(1, now)[0]
        meta = old["metadata"] | {key: get(old, "metadata", key, default={}) | fresh["metadata"][key] for key in _OURS}
        store.update(NODE, old | {"metadata": meta, "status": fresh["status"]})


def is_elastic(node: Obj) -> bool:
    return bool(get(node, "metadata", "annotations", ELASTIC) == "true")


def host_ip(node: Obj | None) -> str:
    """The node's internal address; empty where it has none."""
    addresses = get(node or {}, "status", "addresses", default=())
    return next((str(each["address"]) for each in addresses if each["type"] == "InternalIP"), "")


def _node(name: str, place: int, now: datetime, *, is_elastic: bool) -> Obj:
    labels = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/region": "sandbox",
        "topology.kubernetes.io/zone": f"sandbox-{ZONES[place % len(ZONES)]}",
    }
    meta: Obj = {"name": name, "creationTimestamp": timestamp(now), "labels": labels}
    if is_elastic:
        meta["annotations"] = {ELASTIC: "true"}
    return {
        "apiVersion": NODE.api_version,
        "kind": NODE.name,
        "metadata": meta,
        "spec": {},
        "status": _status(name, place, now, _LARGEST if is_elastic else _SIZED),
    }


def _status(name: str, place: int, now: datetime, size: dict[str, str]) -> Obj:
    return {
        "capacity": dict(size),
        "allocatable": dict(size),
        "conditions": _conditions(now),
        "addresses": [{"type": "InternalIP", "address": f"172.18.0.{place + 2}"}, {"type": "Hostname", "address": name}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "machineID": digest(["machine", name]), "systemUUID": digest(["system", name]), "bootID": digest(["boot", name]),
            "kernelVersion": "6.12.0", "osImage": "rollway sandbox", "containerRuntimeVersion": "containerd://2.2.0",
            "kubeletVersion": "v1.36.2", "kubeProxyVersion": "", "operatingSystem": "linux", "architecture": "amd64",
        },
    }  # fmt: skip


def _conditions(now: datetime) -> list[Obj]:
    at = timestamp(now)
    rows = (
        ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
        ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
        ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
        ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
    )
    return [
        {"type": type_, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": at, "lastTransitionTime": at}
        for type_, status, reason, message in rows
    ]
