"""ControllerRevisions: the templates that a StatefulSet or a DaemonSet has had, numbered; a template that comes back takes its
revision up again, under the next number."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from itertools import count

from ...kube.clock import timestamp
from ...kube.objects import CONTROLLER_REVISION, STATEFUL_SET, Kind, Obj, annotations_of, controller_ref, get, labels_of, matches
from ..api.names import template_hash
from ..store.store import Store
from .claiming import adopt
from .index import controller_of

HASH = "controller-revision-hash"
_OF_SETS = "controller.kubernetes.io/hash"
"""How the revisions of a StatefulSet note it; its pods, and all of a DaemonSet, have the other."""


class History:
    """Of one owner. In order of number."""

    def __init__(self, store: Store, kind: Kind, owner: Obj, now: datetime) -> None:
        self._store, self._kind, self._owner, self._now = store, kind, owner, now
        meta = owner["metadata"]
        of_space = list(store.list(CONTROLLER_REVISION, meta["namespace"]))
        owned = [each for each in of_space if (controller_of(each) or {}).get("uid") == meta["uid"]]
        if "deletionTimestamp" not in meta:
            owned += [adopt(store, CONTROLLER_REVISION, each, kind, owner) for each in of_space if self._is_left_behind(each)]
        self.revisions = sorted(owned, key=lambda each: (each["revision"], each["metadata"]["name"]))

    def find(self, name: str) -> Obj | None:
        return next((each for each in self.revisions if each["metadata"]["name"] == name), None)

    def newest(self) -> Obj:
        """The revision of the owner's template as it is now: found, taken up again, or made."""
        data = {"spec": {"template": {**self._owner["spec"]["template"], "$patch": "replace"}}}
        equal = [each for each in self.revisions if each["data"] == data]
        if equal and equal[-1] is self.revisions[-1]:
            return equal[-1]
        number = self.revisions[-1]["revision"] + 1 if self.revisions else 1
        if equal:
            self.revisions.remove(equal[-1])
            revision = self._store.update(CONTROLLER_REVISION, equal[-1] | {"revision": number})
        else:
            revision = self._store.create(CONTROLLER_REVISION, self._made(data, number))
        self.revisions.append(revision)
        return revision

    def truncate(self, live: Collection[str]) -> None:
        """Deletes the oldest that are neither `live` (by name) nor within the owner's limit."""
        dead = [each for each in self.revisions if each["metadata"]["name"] not in live]
        limit = get(self._owner, "spec", "revisionHistoryLimit", default=10)
        for each in dead[: max(len(dead) - limit, 0)]:
            self._store.remove(CONTROLLER_REVISION, each["metadata"]["namespace"], each["metadata"]["name"])

    def _is_left_behind(self, revision: Obj) -> bool:
        """By a set of the same kind and name, whose pods are taken up, too."""
        is_own = matches(self._owner["spec"]["selector"], labels_of(revision)) and bool(get(revision, "data", "spec", "template"))
        return is_own and controller_of(revision) is None and "deletionTimestamp" not in revision["metadata"]

    def _free_hash(self, data: Obj) -> str:
        """Of the template; another one where somebody else has a revision of that name, as a set of another kind."""
        meta = self._owner["metadata"]
        hashes = (template_hash(data, collisions) for collisions in count())
        names = ((each, f"{meta['name']}-{each}") for each in hashes)
        return next(each for each, name in names if self._store.find(CONTROLLER_REVISION, meta["namespace"], name) is None)

    def _made(self, data: Obj, number: int) -> Obj:
        meta = self._owner["metadata"]
        hashed = self._free_hash(data)
        label = _OF_SETS if self._kind == STATEFUL_SET else HASH
        labels = get(self._owner, "spec", "template", "metadata", "labels", default={})
        noted = annotations_of(self._owner)  # with what caused the change, as `kubectl rollout history` shows it
        return {
            "apiVersion": CONTROLLER_REVISION.api_version,
            "kind": CONTROLLER_REVISION.name,
            "metadata": {
                "name": f"{meta['name']}-{hashed}",
                "namespace": meta["namespace"],
                "labels": {**labels, label: hashed},
                **({"annotations": noted} if noted else {}),
                "creationTimestamp": timestamp(self._now),
                "ownerReferences": [controller_ref(self._kind, self._owner)],
            },
            "data": data,
            "revision": number,
        }


def template_of(revision: Obj) -> Obj:
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}
