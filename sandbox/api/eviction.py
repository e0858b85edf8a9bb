"""Eviction: a pod's deletion that asks the disruption budgets first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from ...errors import ApiError
from ...kube.clock import timestamp
from ...kube.objects import PDB, POD, Kind, Obj, get, labels_of, matches
from ..store.refusals import bad_request
from ..store.store import Store
from .deletion import delete
from .options import Options
from .registry import Rules
from .shape import BuiltIn
from .typed import decoded

EVICTION = Kind("policy/v1", "Eviction", "evictions")


def check_eviction(body: Obj, name: str) -> Obj:
    """The body as an Eviction. Raises ApiError (400) for another kind of object, and for another pod than the address's."""
    asked = decoded(BuiltIn(EVICTION, Rules()), body, Options())
    if asked["metadata"].get("name") != name:
        raise bad_request("name in URL does not match name in Eviction object")
    return asked


def evict(store: Store, namespace: str, name: str, body: Mapping[str, Any], now: datetime, *, dry_run: bool = False) -> None:
    """Raises NotFound, and ApiError (429) where a budget has nothing left."""
    pod = store.get(POD, namespace, name)
    is_counted = (
        get(pod, "status", "phase") not in ("Succeeded", "Failed", "Pending") and "deletionTimestamp" not in pod["metadata"]
    )
    budgets = [budget for budget in store.list(PDB, namespace) if matches(get(budget, "spec", "selector"), labels_of(pod))]
    if is_counted:
        if len(budgets) > 1:
            message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
            raise ApiError(500, "", message)
        for budget in budgets:
            _spend(store, budget, name, now, dry_run=dry_run)
    if dry_run:
        return
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
        "lastProbeTime": None,
        "lastTransitionTime": timestamp(now),
    }
    status = pod.get("status") or {}
    others = [each for each in status.get("conditions") or () if each["type"] != "DisruptionTarget"]
    store.update(POD, pod | {"status": status | {"conditions": [*others, condition]}})
    options = body.get("deleteOptions") or {}
    delete(store, POD, namespace, name, now=now, grace_s=options.get("gracePeriodSeconds"))


def _spend(store: Store, budget: Obj, pod: str, now: datetime, *, dry_run: bool) -> None:
    status = budget.get("status") or {}
    if status.get("disruptionsAllowed", 0) <= 0:
        meta = budget["metadata"]
        why = (
            f"The disruption budget {meta['name']} needs {status.get('desiredHealthy', 0)} healthy pods "
            f"and has {status.get('currentHealthy', 0)} currently"
        )
        details = {"causes": [{"reason": "DisruptionBudget", "message": why}]}
        message = "Cannot evict pod as it would violate the pod's disruption budget."
        raise ApiError(429, "TooManyRequests", message, details)
    if not dry_run:
        disrupted = {**(status.get("disruptedPods") or {}), pod: timestamp(now)}
        left = {"disruptionsAllowed": status["disruptionsAllowed"] - 1, "disruptedPods": disrupted}
        store.update(PDB, budget | {"status": status | left})
