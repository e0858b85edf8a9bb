"""The DaemonSet controller: one pod on every node that it fits.

A node that its pods neither fit nor tolerate loses them; one that they tolerate no longer, but may stay on, keeps them. An update
deletes old pods as long as no more than maxUnavailable nodes are without an available one, or, with maxSurge, makes new ones
beside them and deletes an old one once its new one is available. An old pod that is not available is replaced whatever the
limits say. (Kubernetes 1.36, daemon_controller and update; percentages are rounded up.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Literal, NamedTuple

from ...errors import ApiError
from ...kube.clock import parse_timestamp, timestamp
from ...kube.intstr import resolve
from ...kube.objects import DAEMON_SET, NODE, POD, Obj, get, labels_of
from ..api.deletion import delete
from ..api.names import suffix
from ..events import record
from ..store.store import Change, Store
from .claiming import claim_pods, concerned
from .engine import Queue
from .fitting import node_of, selects_node, untolerated
from .history import HASH, History
from .index import Index, condition_of, is_ready
from .newpods import Door, Retries, pod_of

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 900.0
"""Between two replacements of failed pods on a node; it doubles each time."""

TOLERATED: Sequence[tuple[str, str]] = (
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
)
"""Taints that a daemon's pods stand, whatever their template says: cordon changes nothing for them."""


class Fit(NamedTuple):
    """Whether a pod of the set is to run on a node, and whether one that is there may stay."""

    runs: bool
    stays: bool


class DaemonSetController:
    """`admit` is given new pods, and answers them as they are let in."""

    name = "daemonset"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door | None = None) -> None:
        self._store, self._index, self._queue, self._now = store, index, queue, now
        self._door, self._retries = admit or Door(store), Retries()
        self._is_refused = False  # a pod, in this sync
        self._random = Random(store.version)
        self._failures: dict[tuple[str, str], tuple[datetime, float]] = {}  # (set's uid, node): last replaced, the pause

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == DAEMON_SET:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD:
            for name in concerned(self._store, DAEMON_SET, change):
                self._queue.add(self.name, meta["namespace"], name)
        elif change.kind == NODE:
            self._note_node(change)

    def _note_node(self, change: Change) -> None:
        """A node is looked at where a pod is missing on it, or has to go; a pod that may stay is no reason."""
        for each in self._store.list(DAEMON_SET):
            fit = Fit(runs=False, stays=False) if change.type == "DELETED" else fits(each, change.obj)
            there = any(node_of(pod) == change.obj["metadata"]["name"] for pod in self._pods_of(each))
            if (fit.runs and not there) or (there and not fit.stays):
                self._queue.add(self.name, each["metadata"]["namespace"], each["metadata"]["name"])

    def _pods_of(self, set_: Obj) -> list[Obj]:
        return list(self._index.pods_of(set_["metadata"]["uid"]).pods.values())

    def sync(self, namespace: str, name: str) -> None:
        found = self._store.find(DAEMON_SET, namespace, name)
        if found is None:
            self._queue.forget(self.name, namespace, name)
            self._retries.over(namespace, name)
            return
        if "deletionTimestamp" in found["metadata"]:
            return
        claim_pods(self._store, self._index, DAEMON_SET, found, lambda pod: bool(node_of(pod)))
        self._is_refused = False
        history = History(self._store, DAEMON_SET, found, self._now())
        hashed = labels_of(history.newest())[HASH]
        nodes = {node["metadata"]["name"]: fits(found, node) for node in self._store.list(NODE)}
        if not self._manage(found, nodes, hashed):
            self._update(found, nodes, hashed)
        self._report(found, nodes, hashed)
        if self._is_refused:
            self._queue.after(self._retries.refused(namespace, name), self.name, namespace, name)
        else:
            self._retries.over(namespace, name)
        live = {labels_of(pod).get(HASH, "") for pod in self._pods_of(found)} | {hashed}
        history.truncate({each["metadata"]["name"] for each in history.revisions if labels_of(each).get(HASH) in live})

    # what is done

    def _by_node(self, set_: Obj) -> dict[str, list[Obj]]:
        """The oldest first."""
        found: dict[str, list[Obj]] = {}
        for pod in self._pods_of(set_):
            found.setdefault(node_of(pod), []).append(pod)
        return found

    def _manage(self, set_: Obj, nodes: dict[str, Fit], hashed: str) -> bool:
        """Makes what is missing, and deletes what should not be there. Answers whether it did either: an update waits then."""
        by_node, lacking, doomed = self._by_node(set_), [], []
        for name, fit in nodes.items():
            pods = by_node.get(name, [])
            if fit.runs and not pods:
                lacking.append(name)
            elif fit.stays:
                doomed += self._excess(set_, name, pods, hashed)
            else:
                doomed += [pod for pod in pods if _is_staying(pod)]
        doomed += [pod for name, pods in by_node.items() if name not in nodes for pod in pods if _is_staying(pod)]
        self._carry_out(set_, doomed, lacking, hashed)
        return bool(doomed or lacking)

    def _excess(self, set_: Obj, node: str, pods: list[Obj], hashed: str) -> list[Obj]:
        staying = [pod for pod in pods if _is_staying(pod)]
        ended = [pod for pod in staying if get(pod, "status", "phase") in ("Failed", "Succeeded")]
        running = [pod for pod in staying if pod not in ended]
        doomed = [pod for pod in ended if self._may_replace(set_, node)]
        if len(running) <= 1:
            return doomed
        if not self._limits(set_, 1)[0]:
            return doomed + running[1:]
        new = [pod for pod in running if labels_of(pod).get(HASH) == hashed]
        old = [pod for pod in running if pod not in new]
        doomed += new[1:] + old[1:]
        if new and old and (not is_ready(old[0]) or self._is_available(set_, new[0])):
            doomed.append(old[0])
        return doomed

    def _may_replace(self, set_: Obj, node: str) -> bool:
        key, now = (set_["metadata"]["uid"], node), self._now()
        last, pause_s = self._failures.get(key, (now, 0.0))
        left_s = pause_s - (now - last).total_seconds()
        if left_s > 0:
            self._queue.after(left_s, self.name, set_["metadata"]["namespace"], set_["metadata"]["name"])
            return False
        is_long_ago = (now - last).total_seconds() > 2 * LONGEST_PAUSE_S
        following_s = FIRST_PAUSE_S if not pause_s or is_long_ago else min(pause_s * 2, LONGEST_PAUSE_S)
        self._failures[key] = now, following_s
        return True

    def _limits(self, set_: Obj, nodes: int) -> tuple[int, int]:
        """(maxSurge, maxUnavailable) as numbers of nodes."""
        rolling = get(set_, "spec", "updateStrategy", "rollingUpdate", default={})
        surge = resolve(rolling.get("maxSurge", 0), nodes, round_up=True)
        unavailable = resolve(rolling.get("maxUnavailable", 1), nodes, round_up=True)
        return surge, unavailable or (0 if surge else 1)

    def _update(self, set_: Obj, nodes: dict[str, Fit], hashed: str) -> None:
        if get(set_, "spec", "updateStrategy", "type", default="RollingUpdate") != "RollingUpdate":
            return
        surge, unavailable = self._limits(set_, sum(fit.runs for fit in nodes.values()))
        sides = {name: self._sides(pods, hashed) for name, pods in self._by_node(set_).items()}
        if surge:
            self._surge(set_, sides, nodes, surge, hashed)
        else:
            self._replace(set_, sides, unavailable, hashed)

    def _sides(self, pods: list[Obj], hashed: str) -> tuple[list[Obj], list[Obj]]:
        """(of the newest revision, older) on a node, without what terminates."""
        staying = [pod for pod in pods if _is_staying(pod)]
        new = [pod for pod in staying if labels_of(pod).get(HASH) == hashed]
        return new, [pod for pod in staying if pod not in new]

    def _replace(self, set_: Obj, sides: dict[str, tuple[list[Obj], list[Obj]]], most: int, hashed: str) -> None:
        lacking = 0
        at_once: list[Obj] = []
        candidates: list[Obj] = []
        for new, old in sides.values():
            if len(new) > 1 or len(old) > 1 or bool(new) == bool(old):
                lacking += 1  # managing sees to this node
            elif new:
                lacking += not self._is_available(set_, new[0])
            elif not self._is_available(set_, old[0]):
                at_once.append(old[0])
            else:
                candidates.append(old[0])
        self._carry_out(set_, at_once + candidates[: max(most - lacking, 0)], [], hashed)

    def _surge(
        self, set_: Obj, sides: dict[str, tuple[list[Obj], list[Obj]]], nodes: dict[str, Fit], most: int, hashed: str
    ) -> None:
        beside = 0
        at_once: list[str] = []
        candidates: list[str] = []
        doomed: list[Obj] = []
        for name, (new, old) in sides.items():
            if len(new) > 1 or len(old) > 1:
                beside += 1
            elif old and not new and nodes.get(name, Fit(runs=False, stays=False)).runs:
                (candidates if self._is_available(set_, old[0]) else at_once).append(name)
            elif old and new:
                if self._is_available(set_, new[0]):
                    doomed.append(old[0])
                else:
                    beside += 1
        self._carry_out(set_, doomed, at_once + candidates[: max(most - beside, 0)], hashed)

    def _carry_out(self, set_: Obj, doomed: Sequence[Obj], nodes: Sequence[str], hashed: str) -> None:
        for node in nodes:
            if not self._is_refused:
                self._create(set_, node, hashed)
        for pod in doomed:
            meta = pod["metadata"]
            delete(self._store, POD, meta["namespace"], meta["name"], now=self._now())
            self._tell(set_, "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _create(self, set_: Obj, node: str, hashed: str) -> None:
        prefix = f"{set_['metadata']['name']}-"
        name = prefix + suffix(self._random)
        pod = pod_of(set_["spec"]["template"], DAEMON_SET, set_, name, self._now())
        pod["metadata"] |= {"generateName": prefix, "labels": {**labels_of(pod), HASH: hashed}}
        pod["spec"]["tolerations"] = [*(pod["spec"].get("tolerations") or ()), *_tolerations()]
        affinity = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [affinity]}}
        preferred = get(pod, "spec", "affinity", "nodeAffinity", default={})
        pod["spec"]["affinity"] = {**(pod["spec"].get("affinity") or {}), "nodeAffinity": {**preferred, **required}}
        try:
            admitted = self._door.let_in(pod)
        except ApiError as error:
            self._is_refused = True
            self._tell(set_, "FailedCreate", f"Error creating: {error.message}", "Warning")
            return
        self._store.create(POD, admitted)
        self._tell(set_, "SuccessfulCreate", f"Created pod: {name}")

    def _is_available(self, set_: Obj, pod: Obj) -> bool:
        if not is_ready(pod):
            return False
        wait_s = get(set_, "spec", "minReadySeconds", default=0)
        if not wait_s:
            return True
        since = parse_timestamp((condition_of(pod, "Ready") or {}).get("lastTransitionTime") or timestamp(self._now()))
        left_s = (since + timedelta(seconds=wait_s) - self._now()).total_seconds()
        if left_s > 0:
            self._queue.after(left_s, self.name, set_["metadata"]["namespace"], set_["metadata"]["name"])
        return left_s <= 0

    # what is told

    def _report(self, set_: Obj, nodes: dict[str, Fit], hashed: str) -> None:
        by_node = self._by_node(set_)
        wanted = [name for name, fit in nodes.items() if fit.runs]
        first = [by_node[name][0] for name in wanted if by_node.get(name)]
        available = sum(self._is_available(set_, pod) for pod in first)
        status = {
            "currentNumberScheduled": len(first),
            "numberMisscheduled": sum(not fit.runs and bool(by_node.get(name)) for name, fit in nodes.items()),
            "desiredNumberScheduled": len(wanted),
            "numberReady": sum(map(is_ready, first)),
            "observedGeneration": set_["metadata"].get("generation", 0),
            "updatedNumberScheduled": sum(labels_of(pod).get(HASH) == hashed for pod in first),
            "numberAvailable": available,
            "numberUnavailable": len(wanted) - available,
        }
        always = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
        written = {key: value for key, value in status.items() if value or key in always}
        if written != set_.get("status"):
            self._store.update(DAEMON_SET, set_ | {"status": written})

    def _tell(self, set_: Obj, reason: str, message: str, type_: Literal["Normal", "Warning"] = "Normal") -> None:
        by, now = "daemonset-controller", self._now()
        record(self._store, DAEMON_SET, set_, reason=reason, message=message, now=now, component=by, type_=type_)


def fits(set_: Obj, node: Obj) -> Fit:
    """By the node's name and labels, and by its taints."""
    spec = set_["spec"]["template"]["spec"]
    pod: Obj = {"spec": {**spec, "tolerations": [*(spec.get("tolerations") or ()), *_tolerations()]}}
    if spec.get("nodeName") not in (None, "", node["metadata"]["name"]) or not selects_node(pod, node):
        return Fit(runs=False, stays=False)
    against = [taint["effect"] for taint in untolerated(pod, node, ("NoSchedule", "NoExecute"))]
    return Fit(runs=not against, stays="NoExecute" not in against)


def _tolerations() -> list[Obj]:
    return [{"key": key, "operator": "Exists", "effect": effect} for key, effect in TOLERATED]


def _is_staying(pod: Obj) -> bool:
    return "deletionTimestamp" not in pod["metadata"]
