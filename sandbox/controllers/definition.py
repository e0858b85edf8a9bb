"""CustomResourceDefinitions: their names are accepted, and their kinds are served from then on; with one its resources go.
(Kubernetes 1.36, apiextensions: naming, establishing and finalizing controllers.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import DEFINITION, Kind, Obj, get
from ..api.deletion import CLEANUP, delete
from ..store.customs import condition
from ..store.store import Change, Store
from . import localapis
from .engine import Queue
from .index import Index


class DefinitionController:
    name = "definition"

    def __init__(
        self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Callable[[Obj], Obj] | None = None
    ) -> None:
        self._store, self._queue, self._now = store, queue, now

    def note(self, change: Change) -> None:
        if change.kind != DEFINITION:
            return
        self._queue.add(self.name, "", change.obj["metadata"]["name"])
        if change.type == "DELETED":  # its names are free
            for each in self._store.list(DEFINITION):
                if condition(each, "NamesAccepted") == "False":
                    self._queue.add(self.name, "", each["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        live = self._store.find(DEFINITION, "", name)
        if live is None:
            return
        if "deletionTimestamp" in live["metadata"]:
            self._clean_up(live)
        else:
            status = self._status(live)
            self._store.update(DEFINITION, live | {"status": status})
            is_established = condition({"status": status}, "Established") == "True"
            if is_established and not self._store.forgets:  # a rehearsal has no use for them
                localapis.ensure(self._store, _served(live), self._now())

    def _status(self, live: Obj) -> Obj:
        status = live.get("status") or {}
        others = [
            get(each, "status", "acceptedNames", default={})
            for each in self._store.list(DEFINITION)
            if each["spec"]["group"] == live["spec"]["group"] and each["metadata"]["name"] != live["metadata"]["name"]
        ]
        conflicts = dict(_conflicts(live["spec"]["names"], others))
        accepted = get(status, "acceptedNames", default={}) if conflicts else live["spec"]["names"]
        now = [each["name"] for each in live["spec"]["versions"] if each["storage"]]
        stored = list(dict.fromkeys([*(status.get("storedVersions") or ()), *now]))
        at = timestamp(self._now())
        conditions = _with(_with(status.get("conditions") or [], _names(conflicts), at), _established(status, conflicts), at)
        return status | {"conditions": conditions, "acceptedNames": accepted, "storedVersions": stored}

    def _clean_up(self, live: Obj) -> None:
        spec = live["spec"]
        kind = Kind(f"{spec['group']}/any", spec["names"]["kind"], spec["names"]["plural"], spec.get("scope") != "Cluster")
        for obj in list(self._store.list(kind)):
            meta = obj["metadata"]
            delete(self._store, kind, meta.get("namespace", ""), meta["name"], now=self._now())
        if next(self._store.list(kind), None) is not None:
            at = timestamp(self._now())
            conditions = _with(get(live, "status", "conditions", default=[]), _IN_PROGRESS, at)
            self._store.update(DEFINITION, live | {"status": live["status"] | {"conditions": conditions}})
            self._queue.after(1.0, self.name, "", live["metadata"]["name"])  # something of its own holds one back
            return
        left = [each for each in live["metadata"].get("finalizers") or () if each != CLEANUP]
        meta = {key: value for key, value in live["metadata"].items() if key != "finalizers"}
        if left:
            self._store.update(DEFINITION, live | {"metadata": meta | {"finalizers": left}})
        else:
            self._store.remove(DEFINITION, "", live["metadata"]["name"])
            left_over = {each for other in self._store.list(DEFINITION) for each in _served(other)}
            for group_version in _served(live):
                if group_version not in left_over:
                    localapis.forget(self._store, group_version)


def _served(definition: Obj) -> list[str]:
    """The group versions that it makes."""
    return [f"{definition['spec']['group']}/{each['name']}" for each in definition["spec"]["versions"] if each.get("served")]


_IN_PROGRESS = {
    "type": "Terminating", "status": "True", "reason": "InstanceDeletionInProgress",
    "message": "CustomResource deletion is in progress",
}  # fmt: skip


def _conflicts(names: Obj, others: Sequence[Obj]) -> Iterator[tuple[str, str]]:
    """Which names another definition of the group has already, by the reason of the condition."""
    resources = {each for other in others for each in _resources(other)}
    kinds = {other[key] for other in others for key in ("kind", "listKind") if other.get(key)}
    taken = [name for name in names.get("shortNames") or () if name in resources]
    for reason, found in (
        ("PluralConflict", [names["plural"]] if names["plural"] in resources else []),
        ("SingularConflict", [names["singular"]] if names.get("singular") in resources else []),
        ("ShortNamesConflict", taken),
        ("KindConflict", [names["kind"]] if names["kind"] in kinds else []),
        ("ListKindConflict", [names["listKind"]] if names.get("listKind") in kinds else []),
    ):
        if found:
            words = [f'"{name}" is already in use' for name in found]
            yield reason, words[0] if len(words) == 1 else f"[{', '.join(words)}]"


def _resources(names: Obj) -> Iterator[str]:
    yield from filter(None, (names.get("plural"), names.get("singular"), *(names.get("shortNames") or ())))


def _names(conflicts: dict[str, str]) -> Obj:
    """Of several conflicts the last one looked at is told."""
    if not conflicts:
        return {"type": "NamesAccepted", "status": "True", "reason": "NoConflicts", "message": "no conflicts found"}
    reason, message = list(conflicts.items())[-1]
    return {"type": "NamesAccepted", "status": "False", "reason": reason, "message": message}


def _established(status: Obj, conflicts: dict[str, str]) -> Obj:
    """What was established once stays so."""
    if conflicts and condition({"status": status}, "Established") != "True":
        return {"type": "Established", "status": "False", "reason": "NotAccepted", "message": "not all names are accepted"}
    why = "the initial names have been accepted"
    return {"type": "Established", "status": "True", "reason": "InitialNamesAccepted", "message": why}


def _with(conditions: Sequence[Obj], new: Obj, at: str) -> list[Obj]:
    """The conditions with the new one in its place; its time is that of its last change of status."""
    old = next((each for each in conditions if each["type"] == new["type"]), None)
    since = old["lastTransitionTime"] if old is not None and old["status"] == new["status"] else at
    held = new | {"lastTransitionTime": since}
    return [held if each is old else each for each in conditions] + ([held] if old is None else [])
