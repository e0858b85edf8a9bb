"""What becomes of the pods when their node does: one that is not ready is tainted, what does not tolerate a taint is evicted, and
the pods of a node that is gone are deleted, also those that have ended.

A toleration with seconds holds so long from when the taint came. (Kubernetes 1.36: node lifecycle, taint eviction, pod GC.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from ...kube.clock import parse_timestamp, timestamp
from ...kube.objects import NODE, POD, Obj, get
from ..api.deletion import delete
from ..controllers.engine import Queue
from ..controllers.fitting import tolerates
from ..controllers.index import condition_of, is_terminal
from ..events import record
from ..store.store import Change, Store

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
_OURS = (NOT_READY, UNREACHABLE)


class NodeLifecycle:
    name = "node-lifecycle"

    def __init__(self, store: Store, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._queue, self._now = store, queue, now

    def note(self, change: Change) -> None:
        if change.kind == NODE:
            self._queue.add(self.name, "", change.obj["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        node = self._store.find(NODE, "", name)
        if node is None:
            for pod in [pod for pod in self._store.list(POD) if _is_left(pod, name)]:
                delete(self._store, POD, pod["metadata"]["namespace"], pod["metadata"]["name"], now=self._now(), grace_s=0)
            return
        wanted = tainted(node, self._now())
        if wanted != get(node, "spec", "taints", default=[]):
            node = self._store.update(NODE, node | {"spec": node["spec"] | {"taints": wanted}})
        waits = [self._look(pod, node) for pod in list(self._pods(name))] if wanted else []
        if left := [each for each in waits if each is not None]:
            self._queue.after(min(left), self.name, "", name)

    def _look(self, pod: Obj, node: Obj) -> float | None:
        """Evicts the pod if its time on the node is over. Answers in how many seconds it will be, None for never."""
        until = tolerated_until(pod, node, self._now())
        if until is None:
            return None
        if until > self._now():
            return (until - self._now()).total_seconds()
        place, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        record(
            self._store, POD, pod, reason="TaintManagerEviction", message=f"Marking for deletion Pod {place}/{name}",
            now=self._now(), component="taint-eviction-controller",
        )  # fmt: skip
        delete(self._store, POD, place, name, now=self._now())
        return None

    def _pods(self, node: str) -> Iterator[Obj]:
        """Those that may have to leave it."""
        for pod in self._store.list(POD):
            if _is_left(pod, node) and not is_terminal(pod):
                yield pod


def _is_left(pod: Obj, node: str) -> bool:
    """Whether it is on that node, and nobody takes it away."""
    return get(pod, "spec", "nodeName") == node and "deletionTimestamp" not in pod["metadata"]


def tainted(node: Obj, now: datetime) -> list[Obj]:
    """The node's taints, with those by which a node that is not ready says so, and NoExecute ones with the time they came."""
    taints = [
        each if each["effect"] != "NoExecute" or each.get("timeAdded") else each | {"timeAdded": timestamp(now)}
        for each in get(node, "spec", "taints", default=())
    ]
    ready = (condition_of(node, "Ready") or {"status": "True"})["status"]
    key = {"True": "", "False": NOT_READY}.get(ready, UNREACHABLE)
    kept = [each for each in taints if each["key"] not in _OURS or each["key"] == key]
    known = {each["effect"] for each in kept if each["key"] == key}
    added: list[Obj] = [{"key": key, "effect": effect} for effect in ("NoSchedule", "NoExecute") if key and effect not in known]
    return kept + [each | {"timeAdded": timestamp(now)} for each in added]


def tolerated_until(pod: Obj, node: Obj, now: datetime) -> datetime | None:
    """Until when the pod may stay under the node's NoExecute taints; None: for ever."""
    ends = []
    for taint in get(node, "spec", "taints", default=()):
        if taint["effect"] != "NoExecute":
            continue
        fitting = [each for each in get(pod, "spec", "tolerations", default=()) if tolerates([each], taint)]
        if not fitting:
            return now
        seconds = [each["tolerationSeconds"] for each in fitting if each.get("tolerationSeconds") is not None]
        if seconds:
            ends.append(parse_timestamp(taint["timeAdded"]) + timedelta(seconds=max(min(seconds), 0)))
    return min(ends, default=None)
