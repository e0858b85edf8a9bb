"""The autoscaler: every 15 s, as many pods as the metrics ask for, that its annotation gives (see `autoscaling`).

The metric that asks for most decides; fewer pods are asked for only where every metric is known. What it asks for is held by what
it has asked for lately, and the number is written through the scale subresource. Without the annotation nothing is done, as the
object's event says. (Kubernetes 1.36, pkg/controller/podautoscaler/horizontal.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Literal

from ...kube.clock import timestamp
from ...kube.codec import amount
from ...kube.objects import (
    DEPLOYMENT,
    HPA,
    POD,
    REPLICA_SET,
    REPLICATION_CONTROLLER,
    STATEFUL_SET,
    Kind,
    Obj,
    annotations_of,
    get,
    labels_of,
    matches,
    selects,
)
from ..api import scale
from ..api.registry import rules_of
from ..api.unacted import METRICS
from ..events import record
from ..store.store import Change, Store
from .autoscaling import Past, Pods, Proposal, Unmeasured, allowed, given, proposal, tolerances_of
from .engine import Queue
from .index import Index, condition_of, is_active, is_ready

PERIOD_S = 15.0
MANAGER = "kube-controller-manager"
_SCALED = {(kind.api_version, kind.name): kind for kind in (DEPLOYMENT, REPLICA_SET, REPLICATION_CONTROLLER, STATEFUL_SET)}
_Condition = tuple[str, bool, str, str]
"""Type, status, reason, message."""
_READY: _Condition = ("AbleToScale", True, "ReadyForNewScale", "recommended size matches current size")
_HELD_UP: _Condition = (
    "AbleToScale", True, "ScaleUpStabilized",
    "recent recommendations were lower than current one, applying the lowest recent recommendation",
)  # fmt: skip
_HELD_DOWN: _Condition = (
    "AbleToScale", True, "ScaleDownStabilized",
    "recent recommendations were higher than current one, applying the highest recent recommendation",
)  # fmt: skip


class AutoscalerController:
    """Makes no pods: `admit` is not asked."""

    name = "autoscaler"

    def __init__(
        self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Callable[[Obj], Obj] | None = None
    ) -> None:
        self._store, self._queue, self._now = store, queue, now
        self._past: dict[str, Past] = {}  # by uid

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind != HPA:
            return
        if change.type == "DELETED":
            self._past.pop(meta["uid"], None)
            self._queue.forget(self.name, meta["namespace"], meta["name"])
        elif METRICS in annotations_of(change.obj) and (change.before is None or METRICS not in annotations_of(change.before)):
            self._queue.after(PERIOD_S, self.name, meta["namespace"], meta["name"])

    def sync(self, namespace: str, name: str) -> None:
        hpa = self._store.find(HPA, namespace, name)
        if hpa is None or METRICS not in annotations_of(hpa):
            return
        self._queue.after(PERIOD_S, self.name, namespace, name)
        ref = hpa["spec"]["scaleTargetRef"]
        kind = _SCALED.get((ref.get("apiVersion", ""), ref["kind"]))
        target = self._store.find(kind, namespace, ref["name"]) if kind is not None else None
        if kind is None or target is None:
            why = f'{kind.plural}.{kind.group} "{ref["name"]}" not found' if kind else f'no matches for kind "{ref["kind"]}"'
            self._tell(hpa, "FailedGetScale", why, "Warning")
            message = f"the HPA controller was unable to get the target's current scale: {why}"
            self._write(hpa, {}, [("AbleToScale", False, "FailedGetScale", message)])
            return
        self._scale(hpa, kind, target)

    def _scale(self, hpa: Obj, kind: Kind, target: Obj) -> None:
        spec, current = hpa["spec"], int(get(target, "spec", "replicas", default=1))
        status: Obj = {"currentReplicas": get(target, "status", "replicas", default=0), "desiredReplicas": current}
        if not current:
            message = "scaling is disabled since the replica count of the target is zero"
            self._write(hpa, status | {"desiredReplicas": 0}, [_READY, ("ScalingActive", False, "ScalingDisabled", message)])
            return
        least, most = spec.get("minReplicas", 1), spec["maxReplicas"]
        if not least <= current <= most:
            way, bound = ("above", "Max") if current > most else ("below", "Min")
            why = f"Current number of replicas {way} Spec.{bound}Replicas"
            self._rescale(hpa, kind, target, min(max(current, least), most), why, status, [])
            return
        try:
            best, active = self._best(hpa, target, current, status)
        except Unmeasured as error:
            message = f"the HPA was unable to compute the replica count: {error}"
            self._tell(hpa, error.reason, str(error), "Warning")
            self._write(hpa, status, [_READY, ("ScalingActive", False, error.reason, message)])
            return
        past = self._past.setdefault(hpa["metadata"]["uid"], Past())
        found = allowed(spec, current, best.replicas, past, self._now().timestamp())
        conditions: list[_Condition] = [active, ("ScalingLimited", *found.limited)]
        if found.replicas == current:
            held = _HELD_UP if best.replicas > current else _HELD_DOWN
            self._write(hpa, status, [held if found.is_held else _READY, *conditions])
            return
        why = f"{best.name} above target" if found.replicas > current else "All metrics below target"
        self._rescale(hpa, kind, target, found.replicas, why, status, conditions)
        past.scaled(found.replicas - current, self._now().timestamp())

    def _best(self, hpa: Obj, target: Obj, current: int, status: Obj) -> tuple[Proposal, _Condition]:
        """The most that a metric asks for; `status` gets what is seen. Raises Unmeasured."""
        try:
            said = given(annotations_of(hpa)[METRICS])
        except ValueError as error:
            raise Unmeasured("InvalidMetrics", f"the annotation {METRICS}: {error}") from error
        pods, tolerances = self._pods(target), tolerances_of(hpa["spec"])
        found, missing = [], None
        for metric in hpa["spec"].get("metrics") or ():
            try:
                found.append(proposal(metric, said, pods, current, tolerances))
            except Unmeasured as error:
                missing = missing or error
        best = max(found, key=lambda each: each.replicas, default=None)
        if best is None or (missing is not None and best.replicas < current):
            raise missing or Unmeasured("InvalidMetricSourceType", "it names no metrics")
        status["currentMetrics"] = [each.status for each in found]
        message = f"the HPA was able to successfully calculate a replica count from {best.name}"
        return best, ("ScalingActive", True, "ValidMetricFound", message)

    def _pods(self, target: Obj) -> Pods:
        namespace, selector = target["metadata"]["namespace"], get(target, "spec", "selector")
        chosen = selects if target["kind"] == REPLICATION_CONTROLLER.name else matches
        pods = [pod for pod in self._store.list(POD, namespace) if is_active(pod) and chosen(selector, labels_of(pod))]
        ready = [pod for pod in pods if is_ready(pod)]

        def request(resource: str, container: str) -> Decimal:
            return sum((_requested(pod, resource, container) for pod in ready), Decimal(0)) / len(ready)

        return Pods(len(ready), len(pods) - len(ready), request)

    def _rescale(
        self, hpa: Obj, kind: Kind, target: Obj, replicas: int, why: str, status: Obj, conditions: list[_Condition]
    ) -> None:
        wanted = scale.scaled(target, replicas, scale.BUILT_IN)
        wanted["metadata"]["managedFields"] = scale.entries(target, wanted, MANAGER, scale.BUILT_IN)
        rules_of(kind).bump(wanted, target, "")
        self._store.update(kind, wanted)
        self._tell(hpa, "SuccessfulRescale", f"New size: {replicas}; reason: {why}")
        message = f"the HPA controller was able to update the target scale to {replicas}"
        done = {"desiredReplicas": replicas, "lastScaleTime": timestamp(self._now())}
        self._write(hpa, status | done, [("AbleToScale", True, "SucceededRescale", message), *conditions])

    def _write(self, hpa: Obj, status: Obj, conditions: list[_Condition]) -> None:
        before = hpa.get("status") or {}
        kept = {each["type"]: each for each in before.get("conditions") or ()}
        made = kept | {each[0]: self._condition(hpa, each) for each in conditions}
        written = before | status | {"conditions": [*made.values()]}
        if written != before:
            self._store.update(HPA, hpa | {"status": written})

    def _condition(self, hpa: Obj, condition: _Condition) -> Obj:
        type_, is_true, reason, message = condition
        word, before = str(is_true), condition_of(hpa, type_) or {}
        since = before["lastTransitionTime"] if before.get("status") == word else timestamp(self._now())
        return {"type": type_, "status": word, "lastTransitionTime": since, "reason": reason, "message": message}

    def _tell(self, hpa: Obj, reason: str, message: str, type_: Literal["Normal", "Warning"] = "Normal") -> None:
        record(
            self._store, HPA, hpa, reason=reason, message=message, now=self._now(), component="horizontal-pod-autoscaler",
            type_=type_,
        )  # fmt: skip


def _requested(pod: Obj, resource: str, container: str) -> Decimal:
    """By the pod's containers, or one of them. Raises LookupError, in the real words, where one requests none."""
    meta, total = pod["metadata"], Decimal(0)
    meant = [each for each in pod["spec"]["containers"] if container in ("", each["name"])]
    if not meant:
        raise LookupError(f"container {container} not present in metrics for pod {meta['namespace']}/{meta['name']}")
    for each in meant:
        asked: Mapping[str, str] = get(each, "resources", "requests", default={})
        if resource not in asked:
            raise LookupError(f"missing request for {resource} in container {each['name']} of Pod {meta['name']}")
        total += amount(asked[resource])
    return total
