"""The disruption controller: how many pods of a PodDisruptionBudget may be evicted now.

Healthy are the ready pods that nobody takes away. `minAvailable` as a number asks for so many of them whatever there are; a
percentage, and `maxUnavailable`, are of what the pods' controllers want. (Kubernetes 1.36, pkg/controller/disruption.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.intstr import resolve
from ...kube.objects import DEPLOYMENT, PDB, POD, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET, Obj, get, labels_of, matches
from ..store.store import Change, Store
from .engine import Queue
from .index import Index, condition_of, controller_of, is_active, is_ready

_SCALED = {kind.name: kind for kind in (DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET)}


class DisruptionController:
    """Makes no pods: `admit` is not asked."""

    name = "disruption"

    def __init__(
        self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Callable[[Obj], Obj] | None = None
    ) -> None:
        self._store, self._queue, self._now = store, queue, now

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == PDB:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD or change.kind in _SCALED.values():
            for budget in self._store.list(PDB, meta["namespace"]):
                if change.kind != POD or matches(get(budget, "spec", "selector"), labels_of(change.obj)):
                    self._queue.add(self.name, meta["namespace"], budget["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        budget = self._store.find(PDB, namespace, name)
        if budget is None or "deletionTimestamp" in budget["metadata"]:
            return
        selector = get(budget, "spec", "selector")
        pods = [pod for pod in self._store.list(POD, namespace) if is_active(pod) and matches(selector, labels_of(pod))]
        status = status_of(budget, pods, self._wanted(namespace, pods), self._now())
        if status != budget.get("status"):
            self._store.update(PDB, budget | {"status": status})

    def _wanted(self, namespace: str, pods: Iterable[Obj]) -> int:
        """What the pods' controllers want together; a pod of nobody is wanted itself."""
        wanted, alone = {}, 0
        for pod in pods:
            owner = self._scaled(namespace, pod)
            if owner is None:
                alone += 1
            else:
                wanted[owner["metadata"]["uid"]] = int(get(owner, "spec", "replicas", default=1))
        return alone + sum(wanted.values())

    def _scaled(self, namespace: str, obj: Obj) -> Obj | None:
        """What has the pods' number: a Deployment rather than its ReplicaSet."""
        reference = controller_of(obj)
        kind = _SCALED.get(reference["kind"]) if reference else None
        owner = self._store.find(kind, namespace, reference["name"]) if kind and reference else None
        return owner and (self._scaled(namespace, owner) or owner)


def status_of(budget: Obj, pods: Sequence[Obj], wanted: int, now: datetime) -> Obj:
    """The budget's status by its pods that are not going, and the number that is wanted of them."""
    spec, before = budget.get("spec") or {}, budget.get("status") or {}
    if (most := spec.get("maxUnavailable")) is not None:
        expected, least = wanted, max(wanted - resolve(most, wanted, round_up=True), 0)
    else:
        asked = spec.get("minAvailable", 0)
        expected = wanted if isinstance(asked, str) else len(pods)
        least = resolve(asked, wanted, round_up=True)
    leaving = {pod: at for pod, at in (before.get("disruptedPods") or {}).items() if pod in {_name(each) for each in pods}}
    healthy = sum(is_ready(pod) and _name(pod) not in leaving for pod in pods)
    allowed = max(healthy - least, 0) if expected else 0
    status: Obj = {
        "observedGeneration": budget["metadata"].get("generation", 1),
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": least,
        "expectedPods": expected,
        "conditions": [_condition(budget, allowed > 0, now)],
    }
    return status | ({"disruptedPods": leaving} if leaving else {})


def _name(pod: Obj) -> str:
    return str(pod["metadata"]["name"])


def _condition(budget: Obj, is_allowed: bool, now: datetime) -> Obj:
    before = condition_of(budget, "DisruptionAllowed") or {}
    status = "True" if is_allowed else "False"
    since = before["lastTransitionTime"] if before.get("status") == status else timestamp(now)
    return {
        "type": "DisruptionAllowed",
        "status": status,
        "observedGeneration": budget["metadata"].get("generation", 1),
        "lastTransitionTime": since,
        "reason": "SufficientPods" if is_allowed else "InsufficientPods",
        "message": "",
    }
