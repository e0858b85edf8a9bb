"""The namespace controller: a namespace that is deleted takes all of its content with it, and goes last.

And those that furnish it: each has a ServiceAccount called default, and in a ConfigMap the authority of the API's certificate.
Both come back when they are deleted, the authority also when it is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import CONFIG_MAP, NAMESPACE, SERVICE_ACCOUNT, Kind, Obj, get
from ..api.deletion import delete, finished
from ..store.store import Change, Store
from .engine import Queue
from .index import Index

FINALIZER = "kubernetes"
ROOT_CA, DEFAULT = "kube-root-ca.crt", "default"
_FURNITURE = {ROOT_CA: CONFIG_MAP, DEFAULT: SERVICE_ACCOUNT}
DESCRIPTION = "kubernetes.io/description"
_ROOT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal "
    "service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."
)


class NamespaceController:
    name = "namespace"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], authority: str = "") -> None:
        """`authority`: of the certificate that the API is served with, as PEM; empty where it is not served."""
        self._store, self._index, self._queue, self._now = store, index, queue, now
        self._authority = authority
        self._going: set[str] = set()

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == NAMESPACE:
            if change.type == "DELETED" or "deletionTimestamp" in meta:
                self._going.add(meta["name"])
            else:
                self._going.discard(meta["name"])
            self._queue.add(self.name, "", meta["name"])
        elif meta.get("namespace") in self._going or _is_furniture(change):
            self._queue.add(self.name, "", meta["namespace"])

    def sync(self, namespace: str, name: str) -> None:
        live = self._store.find(NAMESPACE, "", name)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            self._furnish(name)
            return
        if live is not None and get(live, "status", "phase") != "Terminating":
            live = self._store.update(NAMESPACE, live | {"status": {"phase": "Terminating"}})
        self._empty(name)
        if self._index.content_of(name):
            return
        self._going.discard(name)
        if live is not None:
            self._let_go(live)

    def _furnish(self, name: str) -> None:
        """What every namespace comes with."""
        self._ensure(SERVICE_ACCOUNT, name, {"metadata": {"name": DEFAULT}})
        data = {"ca.crt": self._authority}
        self._ensure(CONFIG_MAP, name, {"metadata": {"name": ROOT_CA, "annotations": {DESCRIPTION: _ROOT}}, "data": data})
        live = self._store.get(CONFIG_MAP, name, ROOT_CA)
        if self._authority and live.get("data") != data and "deletionTimestamp" not in live["metadata"]:
            self._store.update(CONFIG_MAP, live | {"data": data})

    def _ensure(self, kind: Kind, namespace: str, obj: Obj) -> None:
        if self._store.find(kind, namespace, obj["metadata"]["name"]) is None:
            meta = obj["metadata"] | {"namespace": namespace, "creationTimestamp": timestamp(self._now())}
            self._store.create(kind, obj | {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta})

    def _empty(self, namespace: str) -> None:
        for kind, name in self._index.content_of(namespace):
            found = self._store.find(kind, namespace, name)
            if found is not None and "deletionTimestamp" not in found["metadata"]:
                delete(self._store, kind, namespace, name, now=self._now())

    def _let_go(self, live: Obj) -> None:
        spec = get(live, "spec", default={})
        left = [each for each in spec.get("finalizers") or () if each != FINALIZER]
        freed = live | {"spec": {key: value for key, value in spec.items() if key != "finalizers"}}
        if left:
            freed["spec"]["finalizers"] = left
        if finished(live) and not left:
            self._store.remove(NAMESPACE, "", live["metadata"]["name"])
        else:
            self._store.update(NAMESPACE, freed)


def _is_furniture(change: Change) -> bool:
    """Whether something of what `_furnish` makes is no longer as it made it."""
    return change.type != "ADDED" and change.kind == _FURNITURE.get(change.obj["metadata"]["name"])
