"""What admission and the registry add on create: nobody owns these fields."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from ...kube.codec import amount
from ...kube.objects import POD, SERVICE_ACCOUNT, Obj, get
from ..store.refusals import forbidden
from ..store.store import Store
from .names import suffix

_TOLERATIONS = tuple(
    {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for what in ("not-ready", "unreachable")
)


def admit_pod(pod: Obj, random: Random, *, account_mounts: bool = True) -> None:
    """What admission adds to a new pod, in place: the service account and its token, priority, tolerations, QoS class."""
    spec = pod["spec"]
    account = spec.get("serviceAccountName") or "default"
    spec["serviceAccountName"] = spec["serviceAccount"] = account
    if spec.get("automountServiceAccountToken", account_mounts):
        _mount_token(spec, random)
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    tolerations = list(spec.get("tolerations") or [])
    for wanted in _TOLERATIONS:
        if not any(_tolerates(mine, wanted) for mine in tolerations):
            tolerations.append(dict(wanted))
    spec["tolerations"] = tolerations
    pod["status"] = {"phase": "Pending", "qosClass": qos_class(spec)}


def check_account(store: Store, pod: Obj) -> None:
    """The account `default` comes with the namespace; any other has to be there before the pod. Raises ApiError (403)."""
    account, meta = get(pod, "spec", "serviceAccountName", default="default"), pod["metadata"]
    if account != "default" and store.find(SERVICE_ACCOUNT, meta["namespace"], account) is None:
        why = f'serviceaccount "{account}" not found'
        raise forbidden(POD, meta["name"], f"error looking up service account {meta['namespace']}/{account}: {why}")


def _tolerates(mine: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return mine.get("key", "") in ("", wanted["key"]) and mine.get("effect", "") in ("", "NoExecute")


_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


def _mount_token(spec: Obj, random: Random) -> None:
    name = f"kube-api-access-{suffix(random)}"
    is_used = False
    for container in (spec.get("containers") or []) + (spec.get("initContainers") or []):
        mounts = container.setdefault("volumeMounts", [])
        if not any(mount["mountPath"] == _TOKEN_PATH for mount in mounts):
            mounts.append({"name": name, "readOnly": True, "mountPath": _TOKEN_PATH})
            is_used = True
    if is_used:
        sources = [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}},
                    ]
                }
            },
        ]
        volume = {"name": name, "projected": {"sources": sources, "defaultMode": 0o644}}
        spec["volumes"] = [*(spec.get("volumes") or []), volume]


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
