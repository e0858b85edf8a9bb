"""ResourceQuotas: what the pods of a namespace use of them, and which pod they refuse, in the words of the API server.

Counted are the pods that are there and not over, as the server does, so nothing has to be kept. A quota by scopes is about the
pods in all of them; one by a scopeSelector (priority classes) is about none here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ....kube.codec import amount, quantity
from ....kube.objects import POD, RESOURCE_QUOTA, Obj, get
from .request import Request

_COMPUTED = ("cpu", "memory", "ephemeral-storage")
_OWED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
_BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
ZERO = Decimal(0)

Amounts = dict[str, Decimal]


def check(request: Request) -> None:
    """Raises ApiError (403) where a quota of the namespace has no room for the new pod, or the pod does not say what it needs."""
    store, namespace = request.store, request.namespace
    for quota in sorted(store.list(RESOURCE_QUOTA, namespace), key=lambda each: str(each["metadata"]["name"])):
        if why := _refusal(quota, request.pod, store.list(POD, namespace)):
            raise request.forbidden(why)


def status_of(quota: Obj, pods: Iterable[Obj]) -> Obj:
    """The quota's status by these pods of its namespace: as much of `hard` as is about pods, and what is used of it."""
    hard = get(quota, "spec", "hard", default={})
    counted = _used(quota, pods)
    return {"hard": dict(hard), "used": {key: shown(key, counted.get(key, ZERO)) for key in sorted(hard)}}


def shown(resource: str, value: Decimal) -> str:
    """The number as the server writes it: CPUs in thousandths, bytes in the largest unit that fits."""
    if resource.endswith("cpu"):
        return quantity(f"{int(value * 1000)}m")
    whole, unit = int(value), 0
    while resource.endswith(("memory", "storage")) and whole and whole % 1024 == 0 and unit < len(_BINARY) - 1:
        whole, unit = whole // 1024, unit + 1
    return f"{whole}{_BINARY[unit]}"


def _refusal(quota: Obj, pod: Obj, others: Iterable[Obj]) -> str:
    hard, name = get(quota, "spec", "hard", default={}), quota["metadata"]["name"]
    if not _is_about(quota, pod):
        return ""
    if owed := _owed(hard, pod):
        return f"failed quota: {name}: must specify {owed}"
    asked, used = _asked(hard, pod), _used(quota, others)
    over = [key for key in sorted(asked) if asked[key] and used.get(key, ZERO) + asked[key] > amount(hard[key])]
    if not over:
        return ""

    def listed(amounts: Mapping[str, Decimal]) -> str:
        return ",".join(f"{key}={shown(key, amounts.get(key, ZERO))}" for key in over)

    limited = ",".join(f"{key}={hard[key]}" for key in over)
    return f"exceeded quota: {name}, requested: {listed(asked)}, used: {listed(used)}, limited: {limited}"


def _used(quota: Obj, pods: Iterable[Obj]) -> Amounts:
    used: Amounts = {}
    for pod in pods:
        if get(pod, "status", "phase") not in ("Succeeded", "Failed") and _is_about(quota, pod):
            for key, value in _asked(get(quota, "spec", "hard", default={}), pod).items():
                used[key] = used.get(key, ZERO) + value
    return used


def _asked(hard: Mapping[str, Any], pod: Obj) -> Amounts:
    """What the pod takes of each resource that is limited; what starts before the others counts where it is more."""
    spec = pod["spec"]
    asked: Amounts = {}
    for key in hard:
        if key in ("pods", "count/pods"):
            asked[key] = Decimal(1)
        elif (parts := _parts(key)) is not None:
            running = sum((_of(each, *parts) for each in spec["containers"]), ZERO)
            before = max((_of(each, *parts) for each in spec.get("initContainers") or ()), default=ZERO)
            asked[key] = max(running, before)
    return asked


def _parts(key: str) -> tuple[str, str] | None:
    """("requests", "cpu") of "cpu" and "requests.cpu"; None of what is not computed."""
    kind, _, resource = key.rpartition(".")
    return (kind or "requests", resource) if resource in _COMPUTED and kind in ("", "requests", "limits") else None


def _of(container: Obj, kind: str, resource: str) -> Decimal:
    value = get(container, "resources", kind, resource)
    if value is None and kind == "requests":
        value = get(container, "resources", "limits", resource)
    return amount(value) if value is not None else ZERO


def _owed(hard: Mapping[str, Any], pod: Obj) -> str:
    """What has to be said by each container, as it is limited, and is not."""
    spec = pod["spec"]
    containers = [*spec["containers"], *(spec.get("initContainers") or ())]
    missing: dict[str, list[str]] = {}
    for key in sorted(set(hard) & set(_OWED)):
        kind, resource = _parts(key) or ("", "")
        silent = [
            each["name"]
            for each in containers
            if get(each, "resources", kind, resource) is None
            and (kind == "limits" or get(each, "resources", "limits", resource) is None)
        ]
        if silent:
            missing[key] = sorted(silent)
    return "; ".join(f"{key} for: {','.join(names)}" for key, names in missing.items())


def _is_about(quota: Obj, pod: Obj) -> bool:
    spec = quota.get("spec") or {}
    if spec.get("scopeSelector"):
        return False
    is_best_effort = get(pod, "status", "qosClass") == "BestEffort"
    is_terminating = get(pod, "spec", "activeDeadlineSeconds") is not None
    holds = {
        "BestEffort": is_best_effort,
        "NotBestEffort": not is_best_effort,
        "Terminating": is_terminating,
        "NotTerminating": not is_terminating,
    }
    return all(holds.get(scope, False) for scope in spec.get("scopes") or ())
