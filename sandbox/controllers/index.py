"""What controllers ask of thousands of objects, kept up to date with each change instead of searched for.

Fed by the store's changes before any controller sees them. Orders are those of creation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from ...kube.objects import POD, REPLICA_SET, SERVICE, Kind, Obj, get, selects
from ..store.store import Change, Store
from .scaledown import Standing, standing_of

LABELS_KEPT = 1000
"""Of how many templates it is remembered which Services select their pods: more come where Jobs come and go for days."""


def controller_of(obj: Obj) -> Obj | None:
    """The owner reference of the controller, if there is one, as it stands."""
    references: Iterable[Obj] = obj["metadata"].get("ownerReferences") or ()
    for reference in references:
        if reference.get("controller"):
            return reference
    return None


def condition_of(obj: Obj, type_: str) -> Obj | None:
    """As it stands."""
    conditions: Iterable[Obj] = (obj.get("status") or {}).get("conditions") or ()
    for condition in conditions:
        if condition["type"] == type_:
            return condition
    return None


def everything(store: Store) -> Iterator[tuple[Kind, Obj]]:
    """All objects of the kinds that controllers care for."""
    for kind in store.kinds():
        for obj in store.list(kind):
            yield kind, obj


def is_ready(pod: Obj) -> bool:
    condition = condition_of(pod, "Ready")
    return condition is not None and condition["status"] == "True"


def is_terminal(pod: Obj) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def is_terminating(pod: Obj) -> bool:
    return "deletionTimestamp" in pod["metadata"] and not is_terminal(pod)


def is_active(pod: Obj) -> bool:
    """Whether the pod counts as a replica."""
    return "deletionTimestamp" not in pod["metadata"] and not is_terminal(pod)


@dataclass
class Owned:
    """The pods of one controller, counted. `ready_since` counts ready pods by the timestamp of their Ready condition; `alike`
    holds those that count as replicas, by their standing and name."""

    pods: dict[str, Obj] = field(default_factory=dict)
    alike: dict[Standing, dict[str, Obj]] = field(default_factory=dict)
    active: int = 0
    terminating: int = 0
    ready: int = 0
    ready_since: Counter[str] = field(default_factory=Counter)
    _standing: dict[str, Standing] = field(default_factory=dict)

    def put(self, pod: Obj) -> None:
        name = pod["metadata"]["name"]
        self._uncount(name)
        self.pods[name] = pod
        if is_active(pod):
            standing = self._standing[name] = standing_of(pod)
            self.alike.setdefault(standing, {})[name] = pod
            self._count(standing, +1)
        elif is_terminating(pod):
            self.terminating += 1

    def drop(self, name: str) -> None:
        self._uncount(name)
        del self.pods[name]

    def _uncount(self, name: str) -> None:
        if standing := self._standing.pop(name, None):
            self._count(standing, -1)
            pods = self.alike[standing]
            del pods[name]
            if not pods:
                del self.alike[standing]
        elif name in self.pods and is_terminating(self.pods[name]):
            self.terminating -= 1

    def _count(self, standing: Standing, by: int) -> None:
        self.active += by
        if standing.is_ready:
            self.ready += by
            self.ready_since[standing.ready_at] += by
            if not self.ready_since[standing.ready_at]:
                del self.ready_since[standing.ready_at]


class Index:
    """`pods` and `replicasets` by the uid of their controller; everything by namespace and by owner."""

    def __init__(self, store: Store) -> None:
        self._pods: dict[str, Owned] = {}
        self._replicasets: dict[str, dict[str, Obj]] = {}
        self._orphans: dict[tuple[str, str], dict[str, Obj]] = {}  # (kind, namespace) -> without a controller
        self._services: dict[tuple[str, str, str], dict[str, Obj]] = {}  # (namespace, a label it selects by) -> by name
        self._selecting: dict[tuple[object, ...], list[Obj]] = {}  # by namespace and labels, since a Service last changed
        self._by_owner: dict[str, dict[tuple[Kind, str, str], None]] = {}
        self._by_namespace: dict[str, dict[tuple[Kind, str], None]] = {}
        self._uids: set[str] = set()
        self._store = store
        for kind, obj in everything(store):
            self._add(kind, obj)

    def pods_of(self, uid: str) -> Owned:
        return self._pods.get(uid) or Owned()

    def replicasets_of(self, uid: str) -> list[Obj]:
        return list(self._replicasets.get(uid, {}).values())

    def orphans(self, kind: Kind, namespace: str) -> list[Obj]:
        return list(self._orphans.get((kind.name, namespace), {}).values())

    def services_for(self, namespace: str, labels: Mapping[str, str]) -> list[Obj]:
        """The Services that select these labels, of however many there are: found once for pods of one template."""
        asked = (namespace, *labels.items())
        if (found := self._selecting.get(asked)) is None:
            near = (self._services.get((namespace, key, value), {}) for key, value in labels.items())
            found = [service for group in near for service in group.values() if selects(get(service, "spec", "selector"), labels)]
            self._selecting[asked] = found
        return list(found)

    def dependents_of(self, uid: str) -> list[tuple[Kind, Obj]]:
        found = [(kind, self._store.find(kind, space, name)) for kind, space, name in self._by_owner.get(uid, {})]
        return [(kind, obj) for kind, obj in found if obj is not None]

    def content_of(self, namespace: str) -> list[tuple[Kind, str]]:
        return list(self._by_namespace.get(namespace, {}))

    def exists(self, uid: str) -> bool:
        return uid in self._uids

    def note(self, change: Change) -> None:
        if change.kind == SERVICE or len(self._selecting) > LABELS_KEPT:
            self._selecting.clear()
        if change.type == "MODIFIED" and change.before is not None:
            self._replace(change.kind, change.before, change.obj)
        elif change.type == "ADDED":
            self._add(change.kind, change.obj)
        else:
            self._remove(change.kind, change.obj)

    # inside

    def _replace(self, kind: Kind, before: Obj, obj: Obj) -> None:
        """In place, so that orders stay those of creation."""
        has_moved = before["metadata"].get("ownerReferences") != obj["metadata"].get("ownerReferences")
        if has_moved or (kind == SERVICE and _place_of(before) != _place_of(obj)):
            self._remove(kind, before)
            self._add(kind, obj)
            return
        name, uid = obj["metadata"]["name"], (controller_of(obj) or {}).get("uid")
        if kind.is_a(POD) and uid:
            self._pods[uid].put(obj)
        elif kind.is_a(REPLICA_SET) and uid:
            self._replicasets[uid][name] = obj
        elif kind.is_a(POD) or kind.is_a(REPLICA_SET):
            self._orphans[(kind.name, obj["metadata"].get("namespace", ""))][name] = obj
        elif kind == SERVICE and (place := _place_of(obj)):
            self._services[place][name] = obj

    def _add(self, kind: Kind, obj: Obj) -> None:
        meta = obj["metadata"]
        namespace, name, uid = meta.get("namespace", ""), meta["name"], (controller_of(obj) or {}).get("uid")
        self._uids.add(meta["uid"])
        if namespace:
            self._by_namespace.setdefault(namespace, {})[(kind, name)] = None
        for reference in meta.get("ownerReferences") or ():
            self._by_owner.setdefault(reference["uid"], {})[(kind, namespace, name)] = None
        if kind.is_a(POD) and uid:
            self._pods.setdefault(uid, Owned()).put(obj)
        elif kind.is_a(REPLICA_SET) and uid:
            self._replicasets.setdefault(uid, {})[name] = obj
        elif kind.is_a(POD) or kind.is_a(REPLICA_SET):
            self._orphans.setdefault((kind.name, namespace), {})[name] = obj
        elif kind == SERVICE and (place := _place_of(obj)):
            self._services.setdefault(place, {})[name] = obj

    def _remove(self, kind: Kind, obj: Obj) -> None:
        meta = obj["metadata"]
        namespace, name, uid = meta.get("namespace", ""), meta["name"], (controller_of(obj) or {}).get("uid")
        self._uids.discard(meta["uid"])
        self._by_namespace.get(namespace, {}).pop((kind, name), None)
        for reference in meta.get("ownerReferences") or ():
            self._by_owner.get(reference["uid"], {}).pop((kind, namespace, name), None)
        if kind.is_a(POD) and uid:
            owned = self._pods[uid]
            owned.drop(name)
            if not owned.pods:
                del self._pods[uid]
        elif kind.is_a(REPLICA_SET) and uid:
            del self._replicasets[uid][name]
        elif kind.is_a(POD) or kind.is_a(REPLICA_SET):
            del self._orphans[(kind.name, namespace)][name]
        elif kind == SERVICE and (place := _place_of(obj)):
            self._services[place].pop(name, None)


def _place_of(service: Obj) -> tuple[str, str, str] | None:
    """Where a Service is looked up: by the first label it selects by, which every pod of its has. None: it selects nothing."""
    selector = get(service, "spec", "selector")
    return (service["metadata"]["namespace"], *next(iter(selector.items()))) if selector else None
