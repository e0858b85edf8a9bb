"""Priority: the number behind the name of a PriorityClass."""

from __future__ import annotations

from ....kube.objects import Kind, Obj
from .request import Request

PRIORITY_CLASS = Kind("scheduling.k8s.io/v1", "PriorityClass", "priorityclasses", namespaced=False)
SYSTEM = {"system-cluster-critical": 2_000_000_000, "system-node-critical": 2_000_001_000}
"""Every cluster has these."""
_PREEMPTS = "PreemptLowerPriority"


def add(request: Request) -> None:
    """Raises ApiError (403) for a class that is not there, and for a number that is not its."""
    spec, name = request.spec, request.spec.get("priorityClassName") or ""
    chosen = _class(request, name)
    if not name and chosen is not None:
        spec["priorityClassName"] = chosen["metadata"]["name"]
    value = chosen.get("value", 0) if chosen is not None else 0
    policy = (chosen or {}).get("preemptionPolicy") or _PREEMPTS
    by_name = "from the given PriorityClass name"
    if spec.get("priority", value) != value:
        said = f"the integer value of priority ({spec['priority']}) must not be provided in pod spec"
        raise request.forbidden(f"{said}; priority admission controller computed {value} {by_name}")
    if (spec.get("preemptionPolicy") or policy) != policy:
        said = f"the string value of PreemptionPolicy ({spec['preemptionPolicy']}) must not be provided in pod spec"
        raise request.forbidden(f"{said}; priority admission controller computed {policy} {by_name}")
    spec["priority"], spec["preemptionPolicy"] = value, policy


def _class(request: Request, name: str) -> Obj | None:
    """The one of that name; without a name the cluster's default, of several the lowest."""
    if name in SYSTEM:
        return {"metadata": {"name": name}, "value": SYSTEM[name]}
    if name:
        found = request.store.find(PRIORITY_CLASS, "", name)
        if found is None and not request.presumes:
            raise request.forbidden(f"no PriorityClass with name {name} was found")
        return found
    defaults = [each for each in request.store.list(PRIORITY_CLASS) if each.get("globalDefault")]
    return min(defaults, key=lambda each: int(each.get("value", 0)), default=None)
