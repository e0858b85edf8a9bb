"""APIServices of what the API server serves itself: one a group version, always available. (Kubernetes 1.36, kube-aggregator.)"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import Kind, Obj
from ..store.store import Store

API_SERVICE = Kind("apiregistration.k8s.io/v1", "APIService", "apiservices", namespaced=False)
_PRIORITIES = {
    "": 18000, "apps": 17800, "events.k8s.io": 17750, "authentication.k8s.io": 17700, "authorization.k8s.io": 17600,
    "autoscaling": 17500, "batch": 17400, "certificates.k8s.io": 17300, "networking.k8s.io": 17200, "policy": 17100,
    "rbac.authorization.k8s.io": 17000, "storage.k8s.io": 16800, "apiextensions.k8s.io": 16700,
    "admissionregistration.k8s.io": 16700, "scheduling.k8s.io": 16600, "coordination.k8s.io": 16500, "node.k8s.io": 16300,
    "discovery.k8s.io": 16200, "flowcontrol.apiserver.k8s.io": 16100, "resource.k8s.io": 15900,
}  # fmt: skip
"""Which group has a name that several have: the highest. Those that definitions make come last."""
_OF_VERSION = {"v1": 1, "autoscaling/v2": 30, "flowcontrol.apiserver.k8s.io/v1": 21}
_AVAILABLE = {"type": "Available", "status": "True", "reason": "Local", "message": "Local APIServices are always available"}


def ensure(store: Store, group_versions: Iterable[str], now: datetime) -> None:
    """Idempotent. That of an API which registers itself is none of them."""
    for group_version in group_versions:
        group, _, version = group_version.rpartition("/")
        if group != API_SERVICE.group and store.find(API_SERVICE, "", f"{version}.{group}") is None:
            store.create(API_SERVICE, _local(group, version, timestamp(now)))


def forget(store: Store, group_version: str) -> None:
    """Nothing of it is served any more."""
    group, _, version = group_version.rpartition("/")
    if store.find(API_SERVICE, "", f"{version}.{group}") is not None:
        store.remove(API_SERVICE, "", f"{version}.{group}")


def _local(group: str, version: str, at: str) -> Obj:
    is_built_in = group in _PRIORITIES
    labels = {"kube-aggregator.kubernetes.io/automanaged": "onstart" if is_built_in else "true"}
    own = _OF_VERSION.get(f"{group}/{version}" if group else version, 15)
    spec = {
        "groupPriorityMinimum": _PRIORITIES.get(group, 1000),
        "version": version,
        "versionPriority": own if is_built_in else 100,
    }
    return {
        "apiVersion": API_SERVICE.api_version,
        "kind": API_SERVICE.name,
        "metadata": {"name": f"{version}.{group}", "labels": labels, "creationTimestamp": at},
        "spec": spec | ({"group": group} if group else {}),
        "status": {"conditions": [_AVAILABLE | {"lastTransitionTime": at}]},
    }
