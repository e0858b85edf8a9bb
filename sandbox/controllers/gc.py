"""The garbage collector: what goes with its owner, what its owner waits for, and what is left behind without one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.objects import Kind, Obj, get, kind_of
from ..api.deletion import FOREGROUND, ORPHAN, Propagation, delete, finished
from ..store.store import Change, Store
from .engine import Queue
from .index import Index


class GarbageCollector:
    """Its keys are uids: of owners that are going or gone, and of objects whose owners are in doubt."""

    name = "gc"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._index, self._queue, self._now = store, index, queue, now
        self._owners: dict[str, tuple[Kind, str, str]] = {}

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        uid = meta["uid"]
        if change.type == "DELETED":
            self._owners.pop(uid, None)
            self._queue.add(self.name, "", uid)
            self._note_owners(meta)
        elif "deletionTimestamp" in meta:
            if {FOREGROUND, ORPHAN} & set(meta.get("finalizers") or ()):
                self._owners[uid] = (change.kind, meta.get("namespace", ""), meta["name"])
                self._queue.add(self.name, "", uid)
        elif change.before is None or change.before["metadata"].get("ownerReferences") != meta.get("ownerReferences"):
            # Whoever is born to an owner that is gone, or going, is looked at with its owner.
            for reference in meta.get("ownerReferences") or ():
                if not self._index.exists(reference["uid"]) or reference["uid"] in self._owners:
                    self._queue.add(self.name, "", reference["uid"])

    def _note_owners(self, meta: Obj) -> None:
        for reference in meta.get("ownerReferences") or ():
            if reference["uid"] in self._owners:
                self._queue.add(self.name, "", reference["uid"])

    def sync(self, namespace: str, name: str) -> None:
        uid = name
        if self._index.exists(uid):
            if uid in self._owners:
                self._going(*self._owners[uid])
            return
        for kind, dependent in self._index.dependents_of(uid):
            if self._is_known_kind(dependent, uid):
                self._lose_owner(kind, dependent)

    def _is_known_kind(self, dependent: Obj, uid: str) -> bool:
        """An owner of a kind that the sandbox does not have is taken to live."""
        owners = get(dependent, "metadata", "ownerReferences", default=())
        return all(kind_of(each["apiVersion"], each["kind"]) for each in owners if each["uid"] == uid)

    def _going(self, kind: Kind, namespace: str, name: str) -> None:
        owner = self._store.find(kind, namespace, name)
        if owner is None:
            return
        uid, finalizers = owner["metadata"]["uid"], owner["metadata"].get("finalizers") or []
        dependents = self._index.dependents_of(uid)
        if ORPHAN in finalizers:
            for below, dependent in dependents:
                self._without_owners(below, dependent, {uid})
            self._without_finalizer(kind, owner, ORPHAN)
        elif FOREGROUND in finalizers:
            for below, dependent in dependents:
                if "deletionTimestamp" not in dependent["metadata"]:
                    self._follow(below, dependent)
            if not any(_blocks(dependent, uid) for _, dependent in self._index.dependents_of(uid)):
                self._without_finalizer(kind, owner, FOREGROUND)

    def _follow(self, kind: Kind, dependent: Obj) -> None:
        """An owner waits for this one: it goes if no other owner lives, waiting for its own dependents in turn."""
        if self._living_owners(dependent):
            gone = {each["uid"] for each in dependent["metadata"]["ownerReferences"]} - self._living_owners(dependent)
            self._without_owners(kind, dependent, gone)
            return
        has_own = bool(self._index.dependents_of(dependent["metadata"]["uid"]))
        self._delete(kind, dependent, "Foreground" if has_own else "Background")

    def _lose_owner(self, kind: Kind, dependent: Obj) -> None:
        living = self._living_owners(dependent)
        gone = {each["uid"] for each in dependent["metadata"].get("ownerReferences") or ()} - living
        if living:
            self._without_owners(kind, dependent, gone)
        elif "deletionTimestamp" not in dependent["metadata"]:
            self._delete(kind, dependent, "")

    def _living_owners(self, dependent: Obj) -> set[str]:
        owners = dependent["metadata"].get("ownerReferences") or ()
        return {each["uid"] for each in owners if self._index.exists(each["uid"]) and each["uid"] not in self._owners}

    def _delete(self, kind: Kind, obj: Obj, propagation: Propagation) -> None:
        meta = obj["metadata"]
        namespace = meta.get("namespace", "")
        delete(self._store, kind, namespace, meta["name"], now=self._now(), propagation=propagation, uid=meta["uid"])

    def _without_owners(self, kind: Kind, obj: Obj, uids: set[str]) -> None:
        owners = [each for each in obj["metadata"].get("ownerReferences") or () if each["uid"] not in uids]
        meta = {key: value for key, value in obj["metadata"].items() if key != "ownerReferences"}
        self._store.update(kind, obj | {"metadata": meta | ({"ownerReferences": owners} if owners else {})})

    def _without_finalizer(self, kind: Kind, obj: Obj, finalizer: str) -> None:
        left = [each for each in obj["metadata"]["finalizers"] if each != finalizer]
        meta = {key: value for key, value in obj["metadata"].items() if key != "finalizers"}
        self._owners.pop(obj["metadata"]["uid"], None)
        freed = obj | {"metadata": meta | ({"finalizers": left} if left else {})}
        if finished(freed):
            self._store.remove(kind, meta.get("namespace", ""), meta["name"])
        else:
            self._store.update(kind, freed)


def _blocks(dependent: Obj, uid: str) -> bool:
    owners = dependent["metadata"].get("ownerReferences") or ()
    return any(each["uid"] == uid and each.get("blockOwnerDeletion") for each in owners)
