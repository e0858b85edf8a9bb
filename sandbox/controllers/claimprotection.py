"""A volume claim that is deleted goes once no pod uses it any more: until then it is held by a finalizer.

A pod that has ended uses nothing. (Kubernetes 1.36, pvcprotection.)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from ...kube.objects import PERSISTENT_VOLUME_CLAIM, POD
from ..api.claims import PROTECTION, claims_of
from ..api.deletion import finished
from ..store.store import Change, Store
from .engine import Queue
from .index import Index, is_terminal
from .newpods import Door


class ClaimProtection:
    name = "claimprotection"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door | None = None) -> None:
        self._store, self._queue = store, queue

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == PERSISTENT_VOLUME_CLAIM:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD:
            for claim in claims_of(change.obj):
                self._queue.add(self.name, meta["namespace"], claim)

    def sync(self, namespace: str, name: str) -> None:
        claim = self._store.find(PERSISTENT_VOLUME_CLAIM, namespace, name)
        if claim is None or "deletionTimestamp" not in claim["metadata"]:
            return
        finalizers = claim["metadata"].get("finalizers") or []
        if PROTECTION not in finalizers or self._is_used(namespace, name):
            return
        left = [each for each in finalizers if each != PROTECTION]
        meta = {key: value for key, value in claim["metadata"].items() if key != "finalizers"}
        freed = claim | {"metadata": meta | ({"finalizers": left} if left else {})}
        if finished(freed):
            self._store.remove(PERSISTENT_VOLUME_CLAIM, namespace, name)
        else:
            self._store.update(PERSISTENT_VOLUME_CLAIM, freed)

    def _is_used(self, namespace: str, name: str) -> bool:
        return any(name in claims_of(pod) and not is_terminal(pod) for pod in self._store.list(POD, namespace))
