"""Whose pods they are: a controller takes up those of nobody that its selector chooses, and lets go of those that it chooses no
more. So what was left behind by a delete that orphans goes on under a new owner of the same kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...kube.objects import POD, Kind, Obj, controller_ref, get, labels_of, matches
from ..store.store import Change, Store
from .index import Index, controller_of


def adopt(store: Store, below: Kind, obj: Obj, kind: Kind, owner: Obj) -> Obj:
    owners = [*get(obj, "metadata", "ownerReferences", default=[]), controller_ref(kind, owner)]
    return store.update(below, obj | {"metadata": obj["metadata"] | {"ownerReferences": owners}})


def release(store: Store, below: Kind, obj: Obj, owner: Obj) -> Obj:
    owners = [each for each in obj["metadata"]["ownerReferences"] if each["uid"] != owner["metadata"]["uid"]]
    return store.update(below, obj | {"metadata": obj["metadata"] | {"ownerReferences": owners}})


def claim_pods(store: Store, index: Index, kind: Kind, owner: Obj, is_member: Callable[[Obj], bool]) -> None:
    """By the owner's LabelSelector, and of nobody's only what is a member."""
    meta, selector = owner["metadata"], owner["spec"]["selector"]
    for pod in list(index.pods_of(meta["uid"]).pods.values()):
        if not matches(selector, labels_of(pod)):
            release(store, POD, pod, owner)
    for pod in index.orphans(POD, meta["namespace"]):
        if "deletionTimestamp" not in pod["metadata"] and matches(selector, labels_of(pod)) and is_member(pod):
            adopt(store, POD, pod, kind, owner)


def concerned(store: Store, kind: Kind, change: Change) -> Iterator[str]:
    """The names of those of a kind that a pod's change concerns: whose it is, else who had it and who may take it up."""
    owner = controller_of(change.obj)
    if owner is not None:
        if owner["kind"] == kind.name:
            yield owner["name"]
        return
    had = controller_of(change.before) if change.before is not None else None
    if had is not None and had["kind"] == kind.name:
        yield had["name"]
    for each in store.list(kind, change.obj["metadata"]["namespace"]):
        if matches(each["spec"]["selector"], labels_of(change.obj)):
            yield each["metadata"]["name"]
