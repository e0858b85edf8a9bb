"""The columns of what says how others may be used: claims, budgets, autoscalers, endpoints, quotas, roles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ...kube.objects import Obj, get
from ...kube.printed import age, selector_text
from .columns import AGE, NAME, Column

Cells = Sequence[Any]
SHOWN = 3
"""Endpoints, in a cell; how many more there are is told."""


def _created(obj: Obj, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def claim(obj: Obj, now: datetime) -> Cells:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    phase = "Terminating" if "deletionTimestamp" in obj["metadata"] else status.get("phase", "")
    is_bound = bool(spec.get("volumeName"))
    modes = ",".join(MODES.get(each, each) for each in (status.get("accessModes") or ()) if is_bound)
    size = get(status, "capacity", "storage", default="") if is_bound else ""
    return (
        obj["metadata"]["name"], phase, spec.get("volumeName", ""), size, modes, spec.get("storageClassName") or "",
        spec.get("volumeAttributesClassName") or "<unset>", _created(obj, now), spec.get("volumeMode") or "<unset>",
    )  # fmt: skip


MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}


def budget(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    least, most = (str(spec[key]) if spec.get(key) is not None else "N/A" for key in ("minAvailable", "maxUnavailable"))
    return obj["metadata"]["name"], least, most, get(obj, "status", "disruptionsAllowed", default=0), _created(obj, now)


def autoscaler(obj: Obj, now: datetime) -> Cells:
    spec, target = obj["spec"], obj["spec"].get("scaleTargetRef") or {}
    least = str(spec["minReplicas"]) if spec.get("minReplicas") is not None else "<unset>"
    return (
        obj["metadata"]["name"], f"{target.get('kind', '')}/{target.get('name', '')}", _targets(obj), least,
        spec.get("maxReplicas", 0), get(obj, "status", "currentReplicas", default=0), _created(obj, now),
    )  # fmt: skip


def _targets(obj: Obj) -> str:
    """Seen against wanted, of the first two metrics."""
    metrics = get(obj, "spec", "metrics", default=())
    seen = get(obj, "status", "currentMetrics", default=())
    told = [_target(each, seen[place] if place < len(seen) else {}) for place, each in enumerate(metrics)]
    if len(told) > 2:
        return f"{', '.join(told[:2])} + {len(told) - 2} more..."
    return ", ".join(told) or "<none>"


def _target(metric: Obj, seen: Obj) -> str:
    """Of a resource with its name before it, as the server does where a share is wanted."""
    source = metric.get("type", "")
    key = source[:1].lower() + source[1:]
    inner, current = metric.get(key) or {}, get(seen, key, "current", default={})
    target = inner.get("target") or {}
    if (share := target.get("averageUtilization")) is not None:
        used = f"{current['averageUtilization']}%" if current.get("averageUtilization") is not None else "<unknown>"
        return f"{inner.get('name', '')}: {used}/{share}%"
    name = f"{inner['name']}: " if key in ("resource", "containerResource") else ""
    for value, word in (("averageValue", " (avg)"), ("value", "")):
        if target.get(value) is not None:
            return f"{name}{current.get(value) or '<unknown>'}/{target[value]}{word}"
    return "<unknown>"


def endpoints(obj: Obj, now: datetime) -> Cells:
    found = []
    for subset in obj.get("subsets") or ():
        numbers = [f":{port['port']}" for port in subset.get("ports") or ()] or [""]
        found += [f"{address['ip']}{number}" for number in numbers for address in subset.get("addresses") or ()]
    return obj["metadata"]["name"], _few(found), _created(obj, now)


def _few(found: Sequence[str]) -> str:
    if not found:
        return "<none>"
    more = f" + {len(found) - SHOWN} more..." if len(found) > SHOWN else ""
    return ",".join(found[:SHOWN]) + more


def endpoint_slice(obj: Obj, now: datetime) -> Cells:
    ports = [str(each.get("port", "*")) for each in obj.get("ports") or ()]
    addresses = [address for each in obj.get("endpoints") or () for address in each.get("addresses") or ()]
    return (
        obj["metadata"]["name"],
        obj.get("addressType", ""),
        _few(ports) if ports else "<unset>",
        _unset(addresses),
        _created(obj, now),
    )


def _unset(addresses: Sequence[str]) -> str:
    return _few(addresses) if addresses else "<unset>"


def quota(obj: Obj, now: datetime) -> Cells:
    hard, used = get(obj, "status", "hard", default={}), get(obj, "status", "used", default={})
    told = {key: f"{key}: {used.get(key, '0')}/{value}" for key, value in sorted(hard.items())}
    limits = [text for key, text in told.items() if key.startswith("limits.")]
    requests = [text for key, text in told.items() if not key.startswith("limits.")]
    return obj["metadata"]["name"], ", ".join(requests), ", ".join(limits), _created(obj, now)


def policy(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], selector_text(get(obj, "spec", "podSelector", default={})) or "<none>", _created(obj, now)


def binding(obj: Obj, now: datetime) -> Cells:
    ref, subjects = obj.get("roleRef") or {}, obj.get("subjects") or ()
    named = {
        kind: ", ".join(
            "/".join(filter(None, (each.get("namespace"), each["name"]))) for each in subjects if each["kind"] == kind
        )
        for kind in ("User", "Group", "ServiceAccount")
    }
    return obj["metadata"]["name"], f"{ref.get('kind', '')}/{ref.get('name', '')}", _created(obj, now), *named.values()


def role(obj: Obj, now: datetime) -> Cells:
    return obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", "")


def priority(obj: Obj, now: datetime) -> Cells:
    default = "true" if obj.get("globalDefault") else "false"
    return (
        obj["metadata"]["name"],
        obj.get("value", 0),
        default,
        _created(obj, now),
        obj.get("preemptionPolicy") or "PreemptLowerPriority",
    )


def ingress_class(obj: Obj, now: datetime) -> Cells:
    spec = obj.get("spec") or {}
    ref = spec.get("parameters") or {}
    kind = f"{ref['kind']}.{ref['apiGroup']}" if ref.get("apiGroup") else ref.get("kind", "")
    told = f"{kind}/{ref['name']}" if ref else "<none>"
    return obj["metadata"]["name"], spec.get("controller", ""), told, _created(obj, now)


_BOUND = (
    (
        NAME,
        Column("Role"),
        AGE,
        Column("Users", "string", 1),
        Column("Groups", "string", 1),
        Column("ServiceAccounts", "string", 1),
    ),
    binding,
)
PRINTERS: Mapping[str, tuple[tuple[Column, ...], Callable[[Obj, datetime], Cells]]] = {
    "PersistentVolumeClaim": (
        (
            NAME, Column("Status"), Column("Volume"), Column("Capacity"), Column("Access Modes"), Column("StorageClass"),
            Column("VolumeAttributesClass"), AGE, Column("VolumeMode", "string", 1),
        ),
        claim,
    ),
    "PodDisruptionBudget": (
        (NAME, Column("Min Available"), Column("Max Unavailable"), Column("Allowed Disruptions", "integer"), AGE),
        budget,
    ),
    "HorizontalPodAutoscaler": (
        (
            NAME, Column("Reference"), Column("Targets"), Column("MinPods"), Column("MaxPods"), Column("Replicas", "integer"),
            AGE,
        ),
        autoscaler,
    ),
    "Endpoints": ((NAME, Column("Endpoints"), AGE), endpoints),
    "EndpointSlice": (
        (NAME, Column("AddressType"), Column("Ports"), Column("Endpoints"), AGE), endpoint_slice,
    ),
    "ResourceQuota": ((NAME, Column("Request"), Column("Limit"), AGE), quota),
    "NetworkPolicy": ((NAME, Column("Pod-Selector"), AGE), policy),
    "RoleBinding": _BOUND,
    "ClusterRoleBinding": _BOUND,
    "Role": ((NAME, Column("Created At", "date")), role),
    "ClusterRole": ((NAME, Column("Created At", "date")), role),
    "PriorityClass": (
        (NAME, Column("Value", "integer"), Column("Global-Default", "boolean"), AGE, Column("PreemptionPolicy")),
        priority,
    ),
    "IngressClass": ((NAME, Column("Controller"), Column("Parameters"), AGE), ingress_class),
}  # fmt: skip
"""By kind: the columns, and what stands in them."""
