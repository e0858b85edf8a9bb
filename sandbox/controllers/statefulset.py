"""The StatefulSet controller: pods with names of their own, one after the other.

Pods are made from the lowest ordinal up, and, where the set is ordered, the next one only once all before it are ready and none
is terminating. Surplus ones go from the highest ordinal down. When that is done, an update deletes the highest pod of another
revision and waits until it is back and ready; below the partition nothing is updated. So a pod that never becomes ready holds
up its own rollback: somebody has to delete it. The current revision becomes the new one when every pod is of it and ready.
(Kubernetes 1.36, stateful_set_control; maxUnavailable is behind a gate that is off.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from ...errors import ApiError
from ...kube.clock import parse_timestamp, timestamp
from ...kube.objects import POD, STATEFUL_SET, Obj, get, labels_of
from ..api.deletion import delete
from ..events import record
from ..store.store import Change, Store
from .claiming import claim_pods, concerned
from .engine import Queue
from .history import HASH, History, template_of
from .index import Index, condition_of, is_ready, is_terminal
from .newpods import Door, Retries, pod_of
from .volumeclaims import hand_over, provide

POD_NAME = "statefulset.kubernetes.io/pod-name"
POD_INDEX = "apps.kubernetes.io/pod-index"


class _Place(NamedTuple):
    """An ordinal of the set and the pod that has it, if there is one."""

    ordinal: int
    pod: Obj | None


class StatefulSetController:
    """`admit` is given new pods, and answers them as they are let in."""

    name = "statefulset"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door | None = None) -> None:
        self._store, self._index, self._queue, self._now = store, index, queue, now
        self._door, self._retries = admit or Door(store), Retries()

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == STATEFUL_SET:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD:
            for name in concerned(self._store, STATEFUL_SET, change):
                self._queue.add(self.name, meta["namespace"], name)
            if change.type == "DELETED":  # of whom ever: its name is free again
                self._queue.add(self.name, meta["namespace"], meta["name"].rpartition("-")[0])

    def sync(self, namespace: str, name: str) -> None:
        found = self._store.find(STATEFUL_SET, namespace, name)
        if found is None:
            self._queue.forget(self.name, namespace, name)
            self._retries.over(namespace, name)
            return
        if "deletionTimestamp" not in found["metadata"]:
            claim_pods(
                self._store, self._index, STATEFUL_SET, found, lambda pod: pod["metadata"]["name"].rpartition("-")[0] == name
            )
        sync = _Sync(self._store, self._index, self._queue, self._now(), self._door, found)
        sync.run()
        if sync.is_refused:
            self._queue.after(self._retries.refused(namespace, name), self.name, namespace, name)
        else:
            self._retries.over(namespace, name)


class _Sync:
    """One look at one set."""

    def __init__(self, store: Store, index: Index, queue: Queue, now: datetime, door: Door, set_: Obj) -> None:
        self._store, self._index, self._queue, self._now, self._door, self._set = store, index, queue, now, door, set_
        self.is_refused = False
        self._is_ordered = get(set_, "spec", "podManagementPolicy", default="OrderedReady") == "OrderedReady"
        self._start = get(set_, "spec", "ordinals", "start", default=0)
        self._wanted = get(set_, "spec", "replicas", default=1)
        self._history = History(store, STATEFUL_SET, set_, now)
        self._pods = self._owned()

    def run(self) -> None:
        is_going = "deletionTimestamp" in self._set["metadata"]
        self._update = self._history.newest()
        self._current = self._history.find(get(self._set, "status", "currentRevision", default="")) or self._update
        if not is_going:
            self._hand_over()
            if self._fill() and self._shrink():
                self._renew()
        self._report()
        if not is_going:
            live = {labels_of(pod).get(HASH, "") for pod in self._pods.values()}
            live |= {self._current["metadata"]["name"], self._update["metadata"]["name"]}
            self._history.truncate(live)

    # what is there

    def _owned(self) -> dict[int, Obj]:
        prefix = f"{self._set['metadata']['name']}-"
        pods = self._index.pods_of(self._set["metadata"]["uid"]).pods.values()
        numbered = ((pod["metadata"]["name"].removeprefix(prefix), pod) for pod in pods)
        return {int(text): pod for text, pod in numbered if text.isdecimal()}

    @property
    def _places(self) -> list[_Place]:
        return [_Place(each, self._pods.get(each)) for each in range(self._start, self._start + self._wanted)]

    @property
    def _surplus(self) -> list[Obj]:
        """Those beyond the set, from the highest down."""
        inside = range(self._start, self._start + self._wanted)
        return [pod for ordinal, pod in sorted(self._pods.items(), reverse=True) if ordinal not in inside]

    def _is_available(self, pod: Obj) -> bool:
        if not _is_running(pod):
            return False
        wait_s = get(self._set, "spec", "minReadySeconds", default=0)
        if not wait_s:
            return True
        since = parse_timestamp((condition_of(pod, "Ready") or {}).get("lastTransitionTime") or timestamp(self._now))
        left_s = (since + timedelta(seconds=wait_s) - self._now).total_seconds()
        if left_s > 0:
            self._queue.after(left_s, StatefulSetController.name, *self._key)
        return left_s <= 0

    @property
    def _key(self) -> tuple[str, str]:
        return self._set["metadata"]["namespace"], self._set["metadata"]["name"]

    def _is_healthy(self, pod: Obj) -> bool:
        return self._is_available(pod) and "deletionTimestamp" not in pod["metadata"]

    # what is done

    def _fill(self) -> bool:
        """Makes what is missing. Answers whether it may go on from there."""
        for ordinal, pod in self._places:
            if pod is not None and is_terminal(pod):
                if "deletionTimestamp" not in pod["metadata"]:
                    self._delete(ordinal, pod)
                    pod = None  # its name is free at once: no kubelet has to end it
                elif self._is_ordered:
                    return False
            if pod is None:
                self._create(ordinal)
                if self._is_ordered or self.is_refused:
                    return False
            elif self._is_ordered and not self._is_healthy(pod):
                return False
        return True

    def _shrink(self) -> bool:
        """Deletes what is too much. Answers whether there is nothing of it left to wait for."""
        first_unhealthy = next(self._unhealthy(), None)
        for pod in self._surplus:
            if "deletionTimestamp" in pod["metadata"]:
                if self._is_ordered:
                    return False
                continue
            if self._is_ordered and not self._is_available(pod) and pod is not first_unhealthy:
                return False
            self._delete(_ordinal_of(pod), pod)
            if self._is_ordered:
                return False
        return True

    def _unhealthy(self) -> Iterator[Obj]:
        inside = [place.pod for place in self._places if place.pod is not None]
        yield from (pod for pod in (*inside, *reversed(self._surplus)) if not self._is_healthy(pod))

    def _renew(self) -> None:
        strategy = self._set["spec"].get("updateStrategy") or {}
        if strategy.get("type") == "OnDelete":
            return
        for ordinal, pod in reversed(self._places):
            if ordinal < self._start + self._partition:
                return
            if pod is None:
                continue
            if _revision_of(pod) != self._name_of(self._update) and "deletionTimestamp" not in pod["metadata"]:
                self._delete(ordinal, pod)
                return
            if not self._is_healthy(pod):
                return

    @property
    def _partition(self) -> int:
        return int(get(self._set, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))

    def _create(self, ordinal: int) -> None:
        strategy = get(self._set, "spec", "updateStrategy", "type", default="RollingUpdate")
        is_old = strategy == "RollingUpdate" and ordinal < self._start + self._partition
        revision = self._current if is_old else self._update
        name = f"{self._set['metadata']['name']}-{ordinal}"
        if self._store.find(POD, self._set["metadata"]["namespace"], name) is not None:
            return  # somebody else's: it is tried again when that one is gone
        pod = pod_of(template_of(revision), STATEFUL_SET, self._set, name, self._now)
        labels = {POD_NAME: name, POD_INDEX: str(ordinal), HASH: self._name_of(revision)}
        pod["metadata"]["labels"] = labels_of(pod) | labels
        pod["metadata"]["generateName"] = f"{self._set['metadata']['name']}-"
        pod["spec"]["hostname"] = name
        if service := self._set["spec"].get("serviceName"):
            pod["spec"]["subdomain"] = service
        provide(self._store, self._set, pod, self._now)
        what = f"create Pod {name} in StatefulSet {self._set['metadata']['name']}"
        try:
            admitted = self._door.let_in(pod)
        except ApiError as error:
            self.is_refused = True
            self._tell("FailedCreate", f"{what} failed error: {error.message}", "Warning")
            return
        self._pods[ordinal] = self._store.create(POD, admitted)
        self._tell("SuccessfulCreate", f"{what} successful")

    def _hand_over(self) -> None:
        """Before anything is deleted: the claims of a pod that goes may have to go with it."""
        if self._set["spec"].get("volumeClaimTemplates"):
            inside = {place.ordinal for place in self._places}
            for ordinal, pod in self._pods.items():
                hand_over(self._store, self._set, pod, is_surplus=ordinal not in inside)

    def _delete(self, ordinal: int, pod: Obj) -> None:
        meta = pod["metadata"]
        left = delete(self._store, POD, meta["namespace"], meta["name"], now=self._now)
        if self._store.find(POD, meta["namespace"], meta["name"]) is None:
            del self._pods[ordinal]
        else:
            self._pods[ordinal] = left
        self._tell("SuccessfulDelete", f"delete Pod {meta['name']} in StatefulSet {self._set['metadata']['name']} successful")

    # what is told

    def _report(self) -> None:
        status = self._counts()
        is_whole = self._wanted == status["updatedReplicas"] == status["readyReplicas"] == status["replicas"]
        if get(self._set, "spec", "updateStrategy", "type", default="RollingUpdate") == "RollingUpdate" and is_whole:
            status |= {"currentReplicas": status["updatedReplicas"], "currentRevision": status["updateRevision"]}
        always = ("replicas", "availableReplicas", "currentRevision", "updateRevision", "collisionCount", "observedGeneration")
        written = {key: value for key, value in status.items() if value or key in always}
        if written != self._set.get("status"):
            self._store.update(STATEFUL_SET, self._set | {"status": written})

    def _counts(self) -> Obj:
        pods = list(self._pods.values())
        staying = [_revision_of(pod) for pod in pods if "deletionTimestamp" not in pod["metadata"]]
        return {
            "observedGeneration": self._set["metadata"].get("generation", 0),
            "replicas": len(pods),
            "readyReplicas": sum(map(_is_running, pods)),
            "availableReplicas": sum(map(self._is_available, pods)),
            "currentReplicas": staying.count(self._name_of(self._current)),
            "updatedReplicas": staying.count(self._name_of(self._update)),
            "currentRevision": self._name_of(self._current),
            "updateRevision": self._name_of(self._update),
            "collisionCount": 0,
        }

    def _name_of(self, revision: Obj) -> str:
        return str(revision["metadata"]["name"])

    def _tell(self, reason: str, message: str, type_: Literal["Normal", "Warning"] = "Normal") -> None:
        by, about = "statefulset-controller", self._set
        record(self._store, STATEFUL_SET, about, reason=reason, message=message, now=self._now, component=by, type_=type_)


def _is_running(pod: Obj) -> bool:
    return get(pod, "status", "phase") == "Running" and is_ready(pod)


def _revision_of(pod: Obj) -> str:
    return labels_of(pod).get(HASH, "")


def _ordinal_of(pod: Obj) -> int:
    return int(pod["metadata"]["name"].rpartition("-")[2])
