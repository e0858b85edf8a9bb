"""Pods bound to nodes as the scheduler chooses, what is written about it, and which pods wait for one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Literal

from ...kube.clock import timestamp
from ...kube.objects import NODE, PERSISTENT_VOLUME_CLAIM, POD, Obj, annotations_of, get
from ..api.bindings import DEFAULT_SCHEDULER
from ..api.claims import SELECTED
from ..api.deletion import delete
from ..controllers.fitting import Misfit, node_of
from ..controllers.index import condition_of
from ..events import record
from ..store.store import Change, Store
from .behaviour import said_of
from .nodes import NODE_NAME, host_ip
from .podstatus import Container, pod_status, unschedulable
from .preemption import priority_of
from .scheduler import Choice, Place, Scheduler, unfit

_DISRUPTED = {
    "type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler",
    "message": "default-scheduler: preempting to accommodate a higher priority pod",
}  # fmt: skip


def placed(pod: Obj) -> Obj:
    """A new pod with its node, where one always fits: there is nothing to choose, and nobody looks between the two writes. One
    that is told to find none is left without."""
    if pod["spec"].get("nodeName") or said_of(pod).fails == "unschedulable":
        return pod
    return pod | {"spec": pod["spec"] | {"nodeName": node_of(pod) or NODE_NAME}}


class Binder:
    """`presumes`: nobody said what nodes there are, so one always fits, and pods come with it (`placed`)."""

    def __init__(self, store: Store, now: Callable[[], datetime], *, presumes: bool) -> None:
        self._store, self._now, self._presumes = store, now, presumes
        self._scheduler = Scheduler(store)
        self._pending: dict[Place, int] = {}  # with their priorities

    def note(self, change: Change) -> Iterable[Place]:
        """The pods that should be tried again."""
        self._scheduler.note(change)
        if not self._pending or not self._scheduler.may_help(change):
            return ()
        return sorted(self._pending, key=lambda place: -self._pending[place])  # the most important first

    def is_pending(self, place: Place) -> bool:
        return place in self._pending

    def forget(self, place: Place) -> None:
        self._pending.pop(place, None)

    def binds(self, pod: Obj, containers: Sequence[Container], *, never: bool) -> bool:
        """Whether the pod has got a node; its status and an event say so, or why not. `never`: it was told to find none."""
        if self._presumes and not never and pod["spec"].get("nodeName"):
            return True  # its status follows with its first container
        place = pod["metadata"]["namespace"], pod["metadata"]["name"]
        if self._is_others(pod):
            if place not in self._pending:
                self._pending[place] = priority_of(pod)
                by = pod["spec"]["schedulerName"]
                why = f"its scheduler is {by}, and only {DEFAULT_SCHEDULER} is part of this cluster: somebody else has to bind it"
                self._tell(pod, "WaitsForScheduler", why, "Normal", by="sandbox")
            return False
        choice = self._choice(pod, never=never)
        if not choice.node:
            self._pending[place] = priority_of(pod)
            told = condition_of(pod, "PodScheduled") or {}
            if choice.eviction or told.get("message") != choice.message:
                self._refuse(pod, choice)
            return False
        if choice.claims:
            self._pending[place] = priority_of(pod)  # until they are bound
            for claim in choice.claims:
                noted = {**annotations_of(claim), SELECTED: choice.node}
                self._store.update(PERSISTENT_VOLUME_CLAIM, claim | {"metadata": claim["metadata"] | {"annotations": noted}})
            return False
        self._pending.pop(place, None)
        placed = pod | {"spec": pod["spec"] | {"nodeName": choice.node}}
        host = host_ip(self._store.find(NODE, "", choice.node))
        self._store.update(POD, placed | {"status": pod_status(placed, containers, self._now(), host=host)})
        if not pod["spec"].get("nodeName"):  # else others chose, and told
            self._tell(pod, "Scheduled", f"Successfully assigned {'/'.join(place)} to {choice.node}", "Normal")
        return True

    def _is_others(self, pod: Obj) -> bool:
        by = pod["spec"].get("schedulerName", DEFAULT_SCHEDULER)
        return not self._presumes and by != DEFAULT_SCHEDULER and not pod["spec"].get("nodeName")

    def _choice(self, pod: Obj, *, never: bool) -> Choice:
        if never:
            misfit = Misfit(("Insufficient cpu",), may_preempt=True)
            return Choice(message=unfit(pod, [misfit for _ in self._store.list(NODE)]))
        if name := get(pod, "spec", "nodeName"):
            return Choice(name)
        return Choice(node_of(pod) or NODE_NAME) if self._presumes else self._scheduler.choose(pod)

    def _refuse(self, pod: Obj, choice: Choice) -> None:
        status = unschedulable(pod, choice.message, self._now(), reason=choice.reason)
        nominated = choice.eviction.node if choice.eviction else get(pod, "status", "nominatedNodeName")
        self._store.update(POD, pod | {"status": status | ({"nominatedNodeName": nominated} if nominated else {})})
        if choice.reason == "Unschedulable":
            self._tell(pod, "FailedScheduling", choice.message, "Warning")
        for victim in choice.eviction.victims if choice.eviction else ():
            self._evict(victim, f"Preempted by pod {pod['metadata']['uid']} on node {nominated}")

    def _evict(self, victim: Obj, why: str) -> None:
        """Says on the pod why it has to go, and lets it end as it wants to."""
        meta = victim["metadata"]
        others = [each for each in get(victim, "status", "conditions", default=()) if each["type"] != _DISRUPTED["type"]]
        condition = _DISRUPTED | {"lastTransitionTime": timestamp(self._now())}
        self._store.update(POD, victim | {"status": victim["status"] | {"conditions": [*others, condition]}})
        self._tell(victim, "Preempted", why, "Normal")
        delete(self._store, POD, meta["namespace"], meta["name"], now=self._now())

    def _tell(
        self, pod: Obj, reason: str, message: str, type_: Literal["Normal", "Warning"], *, by: str = DEFAULT_SCHEDULER
    ) -> None:
        now = self._now()
        record(self._store, POD, pod, reason=reason, message=message, now=now, component=by, type_=type_)
