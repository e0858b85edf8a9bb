"""One object in the versions of its kind: most differ in name only, an autoscaler's also in how its metrics are written, an
Event's in what its fields are called in its two groups."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .objects import EVENT, GROUPED_EVENT, HPA, Obj, is_a

HPA_V1 = "autoscaling/v1"
METRICS = "autoscaling.alpha.kubernetes.io/metrics"
BEHAVIOR = "autoscaling.alpha.kubernetes.io/behavior"
"""Annotations in which v1 carries what it has no field for."""
_PERCENT, _SEEN = "targetCPUUtilizationPercentage", "currentCPUUtilizationPercentage"


_EVENTS = {EVENT.api_version, GROUPED_EVENT.api_version}
_IN_GROUP = {
    "involvedObject": "regarding", "message": "note", "reportingComponent": "reportingController", "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp", "lastTimestamp": "deprecatedLastTimestamp", "count": "deprecatedCount",
}  # fmt: skip
_IN_CORE = {grouped: core for core, grouped in _IN_GROUP.items()}


def converted(obj: Obj, api_version: str) -> Obj:
    """The object in another version of its kind; itself where it is that already."""
    if obj.get("apiVersion") == api_version:
        return obj
    renamed = obj | {"apiVersion": api_version}
    if {obj.get("apiVersion"), api_version} == _EVENTS and obj.get("kind") == EVENT.name:
        words = _IN_GROUP if api_version == GROUPED_EVENT.api_version else _IN_CORE
        return {words.get(key, key): value for key, value in renamed.items()}
    if not is_a(obj, HPA):
        return renamed
    return _to_v1(renamed) if api_version == HPA_V1 else _to_v2(renamed)


def _to_v2(obj: Obj) -> Obj:
    spec, notes = dict(obj.get("spec") or {}), _notes(obj)
    metrics = _read(notes.pop(METRICS, None)) or []
    if (percent := spec.pop(_PERCENT, None)) is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        metrics = [*metrics, {"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    if metrics:
        spec["metrics"] = metrics
    if behavior := _read(notes.pop(BEHAVIOR, None)):
        spec["behavior"] = behavior
    out = _with(obj, spec, notes)
    if "status" in obj:
        status = {key: value for key, value in (obj["status"] or {}).items() if key != _SEEN}
        out["status"] = status | {"currentMetrics": status.get("currentMetrics")}
    return out


def _to_v1(obj: Obj) -> Obj:
    spec, notes = dict(obj.get("spec") or {}), _notes(obj)
    metrics = list(spec.pop("metrics", None) or [])
    if (cpu := next((each for each in metrics if _is_cpu(each)), None)) is not None:
        metrics.remove(cpu)
        spec[_PERCENT] = cpu["resource"]["target"]["averageUtilization"]
    if metrics:
        notes[METRICS] = json.dumps(metrics, separators=(",", ":"))
    if behavior := spec.pop("behavior", None):
        notes[BEHAVIOR] = json.dumps(behavior, separators=(",", ":"))
    out = _with(obj, spec, notes)
    if "status" in obj:
        known = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
        out["status"] = {"currentReplicas": 0} | {key: value for key, value in (obj["status"] or {}).items() if key in known}
    return out


def _is_cpu(metric: Mapping[str, Any]) -> bool:
    resource = metric.get("resource") or {}
    return resource.get("name") == "cpu" and (resource.get("target") or {}).get("averageUtilization") is not None


def _notes(obj: Obj) -> dict[str, Any]:
    return dict((obj.get("metadata") or {}).get("annotations") or {})


def _read(text: str | None) -> Any:
    """What an annotation holds; one that cannot be read counts for nothing, as for the API server."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return None


def _with(obj: Obj, spec: Obj, notes: Mapping[str, Any]) -> Obj:
    meta = {key: value for key, value in (obj.get("metadata") or {}).items() if key != "annotations"}
    out = obj | {"metadata": meta | ({"annotations": dict(notes)} if notes else {})}
    return out | ({"spec": spec} if "spec" in obj else {})
