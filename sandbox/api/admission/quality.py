"""How well a pod is treated where there is too little for all: its quality-of-service class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....kube.codec import amount
from ....kube.objects import get


def qos_class(spec: Mapping[str, Any]) -> str:
    """Guaranteed: every container has CPU and memory limits equal to its requests. BestEffort: none has either."""
    containers = (spec.get("containers") or []) + (spec.get("initContainers") or [])
    pairs = [(get(c, "resources", "requests", default={}), get(c, "resources", "limits", default={})) for c in containers]
    counted = [
        ({k: v for k, v in requests.items() if _counts(k, v)}, {k: v for k, v in limits.items() if _counts(k, v)})
        for requests, limits in pairs
    ]
    if not any(requests or limits for requests, limits in counted):
        return "BestEffort"
    is_guaranteed = all(len(limits) == 2 and (requests or limits) == limits for requests, limits in counted)
    return "Guaranteed" if is_guaranteed else "Burstable"


def _counts(resource: str, value: str) -> bool:
    return resource in ("cpu", "memory") and amount(value) > 0
