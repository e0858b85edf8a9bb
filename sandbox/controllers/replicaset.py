"""The ReplicaSet controller: as many pods as wanted, and the right ones deleted when there are too many."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import islice
from random import Random
from typing import Literal

from ...errors import ApiError
from ...kube.clock import parse_timestamp, timestamp
from ...kube.defaults import fill
from ...kube.objects import POD, REPLICA_SET, Obj, controller_ref, copied, get, labels_of, matches
from ..api.deletion import delete
from ..api.names import suffix
from ..events import record
from ..store.store import Change, Store
from .claiming import adopt, release
from .engine import Queue
from .index import Index, Owned, controller_of, is_active
from .newpods import Door, Retries
from .scaledown import first_to_go


def available(owned: Owned, min_ready_s: int, now: datetime) -> tuple[int, float | None]:
    """(how many pods have been ready for long enough, seconds until the next one will have been)."""
    if not min_ready_s:
        return owned.ready, None
    moments = [
        (parse_timestamp(since) + timedelta(seconds=min_ready_s), pods) for since, pods in owned.ready_since.items() if since
    ]
    waits = [(moment - now).total_seconds() for moment, _ in moments if moment > now]
    return sum(pods for moment, pods in moments if moment <= now), min(waits, default=None)


class ReplicaSetController:
    """`admit` is given new pods, and answers them as they are let in. What else keeps a number of pods says what it is by the
    three names, and what of its spec chooses them."""

    name = "replicaset"
    kind = REPLICA_SET
    component = "replicaset-controller"

    def __init__(
        self,
        store: Store,
        index: Index,
        queue: Queue,
        now: Callable[[], datetime],
        random: Random,
        admit: Door | None = None,
    ) -> None:
        self._store, self._index, self._queue, self._now, self._random = store, index, queue, now, random
        self._door, self._retries = admit or Door(store), Retries()
        self._refusals: dict[tuple[str, str], str] = {}  # why pods are refused
        self._relabelled: dict[tuple[str, str], dict[str, None]] = {}

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == self.kind:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD:
            owner = controller_of(change.obj)
            if owner is not None and owner["kind"] == self.kind.name:
                self._queue.add(self.name, meta["namespace"], owner["name"])
                if change.before is not None and labels_of(change.before) != labels_of(change.obj):
                    self._relabelled.setdefault((meta["namespace"], owner["name"]), {})[meta["name"]] = None
            elif owner is None:
                self._add_adopters(change)

    def _add_adopters(self, change: Change) -> None:
        owner = controller_of(change.before) if change.before else None
        namespace = change.obj["metadata"]["namespace"]
        if owner is not None:
            self._queue.add(self.name, namespace, owner["name"])
        for each in self._store.list(self.kind, namespace):
            if matches(self._selector(each), labels_of(change.obj)):
                self._queue.add(self.name, namespace, each["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        replicaset = self._store.find(self.kind, namespace, name)
        if replicaset is None:
            self._queue.forget(self.name, namespace, name)
            self._note_refusal(namespace, name, "")
            return
        uid = replicaset["metadata"]["uid"]
        if "deletionTimestamp" not in replicaset["metadata"]:
            self._claim(replicaset)
            missing = get(replicaset, "spec", "replicas", default=1) - self._index.pods_of(uid).active
            refused = self._create(replicaset, missing) if missing > 0 else ""
            self._note_refusal(namespace, name, refused)
            if missing < 0:
                self._delete(replicaset, -missing)
        self._report(replicaset, self._index.pods_of(uid))

    def _note_refusal(self, namespace: str, name: str, why: str) -> None:
        if why:
            self._refusals[namespace, name] = why
        else:
            self._refusals.pop((namespace, name), None)
            self._retries.over(namespace, name)

    def _selector(self, replicaset: Obj) -> Obj:
        """As a LabelSelector."""
        chosen: Obj = replicaset["spec"]["selector"]
        return chosen

    def _claim(self, replicaset: Obj) -> None:
        """Adopts pods of nobody with the right labels, and lets those go that have lost them."""
        meta = replicaset["metadata"]
        for name in self._relabelled.pop((meta["namespace"], meta["name"]), {}):
            pod = self._index.pods_of(meta["uid"]).pods.get(name)
            if pod is not None and not matches(self._selector(replicaset), labels_of(pod)):
                release(self._store, POD, pod, replicaset)
        for orphan in self._index.orphans(POD, replicaset["metadata"]["namespace"]):
            if is_active(orphan) and matches(self._selector(replicaset), labels_of(orphan)):
                adopt(self._store, POD, orphan, self.kind, replicaset)

    def _create(self, replicaset: Obj, count: int) -> str:
        """Makes so many pods, or as many as are let in: then answers why no more are."""
        meta, template = replicaset["metadata"], replicaset["spec"]["template"]
        at, owners, prefix = timestamp(self._now()), [controller_ref(self.kind, replicaset)], f"{meta['name']}-"
        spec = self._filled(template["spec"])
        inherited = {key: template["metadata"][key] for key in ("labels", "annotations") if template["metadata"].get(key)}
        for _ in range(count):
            name = prefix + suffix(self._random)
            while self._store.find(POD, meta["namespace"], name):
                name = prefix + suffix(self._random)
            pod: Obj = {
                "apiVersion": POD.api_version,
                "kind": POD.name,
                "metadata": inherited
                | {
                    "name": name,
                    "generateName": prefix,
                    "namespace": meta["namespace"],
                    "generation": 1,
                    "creationTimestamp": at,
                    "ownerReferences": owners,
                },
                "spec": spec,
                "status": {"phase": "Pending"},
            }
            try:
                pod = self._door.let_in(pod)
            except ApiError as error:
                self._tell(replicaset, "FailedCreate", f"Error creating: {error.message}", "Warning")
                return error.message
            self._store.create(POD, pod)
            self._tell(replicaset, "SuccessfulCreate", f"Created pod: {name}")
        return ""

    def _filled(self, spec: Obj) -> Obj:
        """With the defaults that the API server gives to pods, and not to templates."""
        filled: Obj = copied(spec)
        fill({"apiVersion": POD.api_version, "kind": POD.name, "spec": filled})
        return filled

    def _delete(self, replicaset: Obj, count: int) -> None:
        owned = self._index.pods_of(replicaset["metadata"]["uid"])
        for pod in list(islice(first_to_go(owned.alike, self._now()), count)):
            name = pod["metadata"]["name"]
            delete(self._store, POD, pod["metadata"]["namespace"], name, now=self._now())
            self._tell(replicaset, "SuccessfulDelete", f"Deleted pod: {name}")

    def _report(self, replicaset: Obj, owned: Owned) -> None:
        meta = replicaset["metadata"]
        ready_enough, wait_s = available(owned, get(replicaset, "spec", "minReadySeconds", default=0), self._now())
        counts = {
            "fullyLabeledReplicas": owned.active,
            "readyReplicas": owned.ready,
            "availableReplicas": ready_enough,
            "observedGeneration": meta.get("generation", 0),
        }
        status = self._always(owned) | {key: value for key, value in counts.items() if value}
        refused = self._refusals.get((meta["namespace"], meta["name"]), "")
        if conditions := _conditions(replicaset, refused, self._now()):
            status["conditions"] = conditions
        if status != replicaset.get("status"):
            self._store.update(self.kind, replicaset | {"status": status})
        waits = [wait_s] if wait_s is not None else []
        if refused:
            waits.append(self._retries.refused(meta["namespace"], meta["name"]))
        if waits:
            self._queue.after(min(waits), self.name, meta["namespace"], meta["name"])

    def _always(self, owned: Owned) -> Obj:
        """The counts that are told also where they are 0."""
        return {"replicas": owned.active, "terminatingReplicas": owned.terminating}

    def _tell(self, replicaset: Obj, reason: str, message: str, type_: Literal["Normal", "Warning"] = "Normal") -> None:
        by, now = self.component, self._now()
        record(self._store, self.kind, replicaset, reason=reason, message=message, now=now, component=by, type_=type_)


def _conditions(replicaset: Obj, refused: str, now: datetime) -> list[Obj]:
    """The ReplicaSet's conditions: ReplicaFailure while pods are refused."""
    before = get(replicaset, "status", "conditions", default=[])
    others = [each for each in before if each["type"] != "ReplicaFailure"]
    if not refused:
        return others
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused}
    known = next((each for each in before if each["type"] == "ReplicaFailure"), None)
    # the first refusal stays until it is over: names of pods differ, and are no news
    return [*others, known or failure | {"lastTransitionTime": timestamp(now)}]
