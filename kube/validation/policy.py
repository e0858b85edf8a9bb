"""What the API server refuses in the objects that say how others may be used: budgets, autoscalers."""

from __future__ import annotations

import re

from ..objects import Obj
from . import checks
from .checks import Problems


def budget(obj: Obj) -> Problems:
    spec = obj["spec"]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        internal = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield checks.invalid("spec", internal, "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            yield from checks.count_or_percent(f"spec.{name}", value)
            if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
                yield checks.invalid(f"spec.{name}", value, "must not be greater than 100%")
    yield from checks.label_selector("spec.selector", spec.get("selector"))
    policy, known = spec.get("unhealthyPodEvictionPolicy"), ("AlwaysAllow", "IfHealthyBudget")
    if policy is not None and policy not in known:
        yield checks.unsupported("spec.unhealthyPodEvictionPolicy", policy, known)


def autoscaler(obj: Obj) -> Problems:
    spec = obj["spec"]
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    if least is not None and least < 1:
        yield checks.invalid("spec.minReplicas", least, "must be greater than or equal to 1")
    if most < 1:
        yield checks.invalid("spec.maxReplicas", most, "must be greater than 0")
    if least is not None and most < least:
        yield checks.invalid("spec.maxReplicas", most, "must be greater than or equal to `minReplicas`")
    target = spec.get("scaleTargetRef") or {}
    for name in ("kind", "name"):
        if not target.get(name):
            yield checks.required(f"spec.scaleTargetRef.{name}")
