"""CustomResourceDefinitions: their names are accepted, and their kinds are served from then on; with one its resources go.
(Kubernetes 1.36, apiextensions: naming, establishing and finalizing controllers.)"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import DEFINITION, Kind, Obj, get
from ..api.deletion import delete
from ..store.store import Change, Store
from .engine import Queue
from .index import Index

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class DefinitionController:
    name = "definition"

    def __init__(
        self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Callable[[Obj], Obj] | None = None
    ) -> None:
        self._store, self._queue, self._now = store, queue, now

    def note(self, change: Change) -> None:
        if change.kind == DEFINITION:
            self._queue.add(self.name, "", change.obj["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        live = self._store.find(DEFINITION, "", name)
        if live is None:
            return
        if "deletionTimestamp" in live["metadata"]:
            self._clean_up(live)
        elif not get(live, "status", "conditions"):
            self._establish(live)

    def _establish(self, live: Obj) -> None:
        spec, at = live["spec"], timestamp(self._now())
        conditions = [
            _condition("NamesAccepted", "NoConflicts", "no conflicts found", at),
            _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", at),
        ]
        stored = [each["name"] for each in spec.get("versions") or () if each.get("storage")]
        meta = {**live["metadata"], "finalizers": [*(live["metadata"].get("finalizers") or ()), CLEANUP]}
        status = {"conditions": conditions, "acceptedNames": spec["names"], "storedVersions": stored}
        self._store.update(DEFINITION, live | {"metadata": meta, "status": status})

    def _clean_up(self, live: Obj) -> None:
        spec = live["spec"]
        kind = Kind(f"{spec['group']}/any", spec["names"]["kind"], spec["names"]["plural"], spec.get("scope") != "Cluster")
        for obj in list(self._store.list(kind)):
            meta = obj["metadata"]
            delete(self._store, kind, meta.get("namespace", ""), meta["name"], now=self._now())
        if next(self._store.list(kind), None) is not None:
            self._queue.after(1.0, self.name, "", live["metadata"]["name"])  # something of its own holds one back
            return
        left = [each for each in live["metadata"].get("finalizers") or () if each != CLEANUP]
        meta = {key: value for key, value in live["metadata"].items() if key != "finalizers"}
        if left:
            self._store.update(DEFINITION, live | {"metadata": meta | {"finalizers": left}})
        else:
            self._store.remove(DEFINITION, "", live["metadata"]["name"])


def _condition(type_: str, reason: str, message: str, at: str) -> Obj:
    return {"type": type_, "status": "True", "lastTransitionTime": at, "reason": reason, "message": message}
