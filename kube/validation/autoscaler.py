"""What the API server refuses in a HorizontalPodAutoscaler, in its own words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..objects import Obj
from ..quantity import amount
from . import checks
from .checks import Problems

SOURCES = {
    "ContainerResource": "containerResource",
    "External": "external",
    "Object": "object",
    "Pods": "pods",
    "Resource": "resource",
}
"""The types of metrics, and the field that says more of each."""

TARGETS = ("Utilization", "Value", "AverageValue")
LONGEST_WINDOW_S, LONGEST_PERIOD_S = 3600, 1800


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
    for place, metric in enumerate(spec.get("metrics") or ()):
        yield from _metric(f"spec.metrics[{place}]", metric)
    for direction in ("scaleUp", "scaleDown"):
        yield from _rules(f"spec.behavior.{direction}", (spec.get("behavior") or {}).get(direction) or {})


def _metric(field: str, metric: Mapping[str, Any]) -> Problems:
    kind = metric.get("type") or ""
    if not kind:
        yield checks.required(f"{field}.type", "must specify a metric source type")
    elif kind not in SOURCES:
        yield checks.unsupported(f"{field}.type", kind, SOURCES)
    for name in (name for name in SOURCES.values() if metric.get(name) is not None):
        if name != SOURCES.get(kind, name):
            yield checks.forbidden(f"{field}.{name}", "must populate the given metric source only")
        yield from _source(f"{field}.{name}", name, metric[name])
    if kind in SOURCES and metric.get(SOURCES[kind]) is None:
        yield checks.required(f"{field}.{SOURCES[kind]}", "must populate information for the given metric source")


def _source(field: str, name: str, source: Mapping[str, Any]) -> Problems:
    target = source.get("target") or {}
    of_resource = name in ("resource", "containerResource")
    if of_resource and not source.get("name"):
        yield checks.required(f"{field}.name", "must specify a resource name")
    if name == "containerResource" and not source.get("container"):
        yield checks.required(f"{field}.container", "must specify a container")
    if not of_resource and not (source.get("metric") or {}).get("name"):
        yield checks.required(f"{field}.metric.name", "must specify a metric name")
    yield from _target(f"{field}.target", target)
    yield from _measured(f"{field}.target", target, _WANTED[name])


class _Wanted(NamedTuple):
    """Which of a target's fields a source goes by, and what is said where it has none of them (of the last), or more than one (of
    the first; empty: it may)."""

    fields: tuple[str, ...]
    none: str
    many: str = ""


_OF_RESOURCE = _Wanted(
    ("averageValue", "averageUtilization"),
    "must set either a target raw value or a target utilization",
    "may not set both a target raw value and a target utilization",
)
_WANTED = {
    "resource": _OF_RESOURCE,
    "containerResource": _OF_RESOURCE,
    "pods": _Wanted(("averageValue",), "must specify a positive target averageValue"),
    "object": _Wanted(("value", "averageValue"), "must set either a target value or averageValue"),
    "external": _Wanted(
        ("value", "averageValue"),
        "must set either a target value for metric or a per-pod target",
        "may not set both a target value for metric and a per-pod target",
    ),
}


def _measured(field: str, target: Mapping[str, Any], wanted: _Wanted) -> Problems:
    said = [name for name in wanted.fields if target.get(name) is not None]
    if not said:
        yield checks.required(f"{field}.{wanted.fields[-1]}", wanted.none)
    elif len(said) > 1 and wanted.many:
        yield checks.forbidden(f"{field}.{wanted.fields[0]}", wanted.many)


def _target(field: str, target: Mapping[str, Any]) -> Problems:
    kind, share = target.get("type") or "", target.get("averageUtilization")
    if not kind:
        yield checks.required(f"{field}.type", "must specify a metric target type")
    elif kind not in TARGETS:
        yield checks.invalid(f"{field}.type", kind, "must be either Utilization, Value, or AverageValue")
    for name in ("value", "averageValue"):
        if (value := target.get(name)) is not None and amount(value) <= 0:
            yield checks.invalid(f"{field}.{name}", value, "must be positive")
    if share is not None and share < 1:
        yield checks.invalid(f"{field}.averageUtilization", share, "must be greater than 0")


def _rules(field: str, rules: Mapping[str, Any]) -> Problems:
    window, chosen = rules.get("stabilizationWindowSeconds"), rules.get("selectPolicy")
    if window is not None and window < 0:
        yield checks.invalid(f"{field}.stabilizationWindowSeconds", window, "must be greater than or equal to zero")
    elif window is not None and window > LONGEST_WINDOW_S:
        why = f"must be less than or equal to {LONGEST_WINDOW_S}"
        yield checks.invalid(f"{field}.stabilizationWindowSeconds", window, why)
    if chosen is not None and chosen not in ("Disabled", "Max", "Min"):
        yield checks.unsupported(f"{field}.selectPolicy", chosen, ("Disabled", "Max", "Min"))
    for place, policy in enumerate(rules.get("policies") or ()):
        yield from _policy(f"{field}.policies[{place}]", policy)


def _policy(field: str, policy: Mapping[str, Any]) -> Problems:
    kind, value, period = policy.get("type") or "", policy.get("value") or 0, policy.get("periodSeconds") or 0
    if kind not in ("Percent", "Pods"):
        yield checks.unsupported(f"{field}.type", kind, ("Percent", "Pods"))
    if value <= 0:
        yield checks.invalid(f"{field}.value", value, "must be greater than zero")
    if period <= 0:
        yield checks.invalid(f"{field}.periodSeconds", period, "must be greater than zero")
    elif period > LONGEST_PERIOD_S:
        why = f"must be less than or equal to {LONGEST_PERIOD_S}"
        yield checks.invalid(f"{field}.periodSeconds", period, why)
