"""The embedded cluster's memory: objects by kind and name, one counter of resource versions, and the log of what changed.

Synchronous and in-process. Who writes sees the write at once; who subscribed is called in the order of the writes. Nothing here
knows what a Deployment is: defaults, validation and field ownership are the API's (sandbox.api), behaviour is the controllers'.
Stored objects are shared, never copied on the way out: nobody may change one in place.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from random import Random
from typing import Literal, NamedTuple

from ...kube.objects import DEFINITION, HOMES, KINDS, Kind, Obj
from .customs import Custom, customs_of
from .refusals import exists_already, modified_meanwhile, not_found

EVENTS_KEPT = 10_000


class Change(NamedTuple):
    """One committed write. `before` is None for ADDED; for DELETED `obj` is the last state, with the deletion's version."""

    version: int
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    kind: Kind
    obj: Obj
    before: Obj | None


Key = tuple[str, str]  # (namespace, name)
Subscriber = Callable[[Change], None]


class Snapshot(NamedTuple):
    """What a store held at a moment. It shares the objects, which are never changed in place; it can be pickled."""

    objects: Mapping[tuple[str, str], Mapping[Key, Obj]]  # (group, kind name) -> key -> object, in order of creation
    version: int


def chance(seed: int, version: int) -> Random:
    """What is random from that version of a store on: names and uids that were drawn up to there must not come again."""
    return Random(f"{seed} from {version}" if version else seed)


class Store:
    """`seed` makes uids repeatable, so that a rehearsal is the same to the byte.

    With a `snapshot` it begins with the objects and the version of that moment; the log of changes begins there. One that
    `forgets` is for a rehearsal, of which nobody asks what was: it keeps no log, and of Events warnings alone.
    """

    def __init__(self, *, snapshot: Snapshot | None = None, seed: int = 0, forgets: bool = False) -> None:
        begin = snapshot or Snapshot({}, 0)
        self._objects = {name: dict(objects) for name, objects in begin.objects.items()}
        self._of_kind: dict[Kind, dict[Key, Obj]] = {}
        self.version = begin.version
        self.forgets = forgets
        self.changes: deque[Change] = deque(maxlen=0 if forgets else EVENTS_KEPT)
        self._subscribers: list[Subscriber] = []
        self._random = chance(seed, self.version)
        self.customs: Mapping[Kind, Custom] = {}
        """What the definitions make, by kind and version; not what is built in, though it be defined too."""
        self._customs: dict[tuple[str, str], Kind] = {}
        self._homes: dict[Kind, Kind] = {}
        self._learn()

    def snapshot(self) -> Snapshot:
        """The store as it stands. Somebody else's writes do not reach it."""
        return Snapshot({name: dict(objects) for name, objects in self._objects.items()}, self.version)

    # reading

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        objects = self._of_kind.get(kind)  # what is asked for most: not by a call more
        return (self._of(kind) if objects is None else objects).get((namespace, name))

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        if (obj := self.find(kind, namespace, name)) is None:
            raise not_found(kind, name)
        return obj

    def kinds(self) -> Iterator[Kind]:
        """All that there may be objects of, each once: the built-in ones, and what definitions make."""
        return iter([*KINDS, *self._customs.values()])

    def list(self, kind: Kind, namespace: str = "") -> Iterator[Obj]:
        """In order of creation. An empty namespace means all of them."""
        objects = self._of(kind)
        return iter([obj for (space, _), obj in objects.items() if not namespace or space == namespace])

    def at(self, kind: Kind, namespace: str, version: int) -> Iterator[Obj] | None:
        """The objects as they were at that version; None where the log no longer reaches back so far."""
        since = self.since(version)
        if since is None:
            return None
        objects = dict(self._of(kind))
        for change in reversed(list(since)):
            if change.kind.is_a(self.home(kind)):
                if change.before is None:
                    del objects[_key(change.obj)]
                else:
                    objects[_key(change.obj)] = change.before
        return iter([obj for (space, _), obj in objects.items() if not namespace or space == namespace])

    # writing

    def create(self, kind: Kind, obj: Obj) -> Obj:
        """Stores a new object with uid, resourceVersion and generation set. Raises Conflict (AlreadyExists)."""
        key = _key(obj)
        objects = self._of(kind)
        if key in objects:
            raise exists_already(kind, key[1])
        uid = obj["metadata"].get("uid") or str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        stored = obj | {"metadata": obj["metadata"] | {"uid": uid}}
        return self._log("ADDED", kind, stored, None)

    def update(self, kind: Kind, obj: Obj) -> Obj:
        """Replaces an object. Raises NotFound, and Conflict where `metadata.resourceVersion` is given and not the live one.

        An update that changes nothing is not a write: no new version, no event, as in Kubernetes.
        """
        namespace, name = _key(obj)
        live = self.get(kind, namespace, name)
        given = obj["metadata"].get("resourceVersion")
        if given and given != live["metadata"]["resourceVersion"]:
            raise modified_meanwhile(kind, name)
        candidate = (
            obj if given else obj | {"metadata": obj["metadata"] | {"resourceVersion": live["metadata"]["resourceVersion"]}}
        )
        if candidate == live:
            return live
        return self._log("MODIFIED", kind, candidate, live)

    def remove(self, kind: Kind, namespace: str, name: str) -> Obj:
        """Takes the object out for good (finalizers and grace periods are the API's business). Raises NotFound."""
        live = self.get(kind, namespace, name)
        del self._of(kind)[(namespace, name)]
        return self._log("DELETED", kind, live, live)

    def restore(self, objects: Iterable[tuple[Kind, Obj]], version: int) -> None:
        """Takes up where a stored state ended: the objects in order of creation, as they were, and the last version given out.

        Only for an empty store. Nobody is told; who watched from before is answered that the log no longer reaches back.
        """
        for kind, obj in objects:
            self._of(kind)[_key(obj)] = obj
        self.version = version
        self._learn()

    # following

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Calls `subscriber` synchronously after each commit. It must only take note, never write. Answers the unsubscribe."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def since(self, version: int) -> Iterable[Change] | None:
        """All changes after that version, or None where the log no longer reaches back so far (410 Gone)."""
        if version < self.version and (not self.changes or self.changes[0].version > version + 1):
            return None
        return [change for change in self.changes if change.version > version]

    # inside

    def _of(self, kind: Kind) -> dict[Key, Obj]:
        objects = self._of_kind.get(kind)
        if objects is None:  # once for each version of a kind; all of them share their objects
            home = self.home(kind)
            objects = self._of_kind[kind] = self._objects.setdefault((home.group, home.name), {})
        return objects

    def _log(self, type_: Literal["ADDED", "MODIFIED", "DELETED"], kind: Kind, obj: Obj, before: Obj | None) -> Obj:
        self.version += 1
        stamped = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(self.version)}}
        if type_ != "DELETED":
            self._of(kind)[_key(obj)] = stamped  # subscribers see what they are told of
        if kind.is_a(DEFINITION):
            self._learn()
        change = Change(self.version, type_, self.home(kind), stamped, before)
        self.changes.append(change)
        for subscriber in tuple(self._subscribers):
            subscriber(change)
        return stamped

    def home(self, kind: Kind) -> Kind:
        """An object is of one kind, in whichever version it was written."""
        home = self._homes.get(kind)
        if home is None:
            name = (kind.group, kind.name)
            home = self._homes[kind] = HOMES.get(name) or self._customs.get(name) or kind
        return home

    def _learn(self) -> None:
        self._customs, self._homes = {}, {}
        customs: dict[Kind, Custom] = {}
        for custom in customs_of(self.list(DEFINITION)):
            name = (custom.kind.group, custom.kind.name)
            if name not in HOMES and self._customs.setdefault(name, custom.kind).plural == custom.kind.plural:
                customs[custom.kind] = custom
        self.customs = customs


def _key(obj: Obj) -> Key:
    meta = obj["metadata"]
    return meta.get("namespace", ""), meta["name"]
