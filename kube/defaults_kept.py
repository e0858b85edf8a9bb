"""What the API server fills in of kinds on which nothing acts here: as a table, by kind, and for lists in them by path.

`spec.ports[].protocol` is a field of each item. (Kubernetes 1.36, the defaults of each group.)
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from .objects import Obj

_WEBHOOK = {
    "webhooks[].failurePolicy": "Fail", "webhooks[].matchPolicy": "Equivalent", "webhooks[].namespaceSelector": {},
    "webhooks[].objectSelector": {}, "webhooks[].timeoutSeconds": 10, "webhooks[].rules[].scope": "*",
    "webhooks[].clientConfig.service.port": 443,
}  # fmt: skip
_MATCH = {
    "matchPolicy": "Equivalent", "namespaceSelector": {}, "objectSelector": {}, "resourceRules[].scope": "*",
    "excludeResourceRules[].scope": "*",
}  # fmt: skip
_POLICY = {"spec.failurePolicy": "Fail", **{f"spec.matchConstraints.{path}": value for path, value in _MATCH.items()}}
_BINDING = {f"spec.matchResources.{path}": value for path, value in _MATCH.items()}
_DEFAULTS: Mapping[str, Mapping[str, Any]] = {
    "Endpoints": {"subsets[].ports[].protocol": "TCP"},
    "StorageClass": {"reclaimPolicy": "Delete", "volumeBindingMode": "Immediate"},
    "PersistentVolume": {
        "spec.persistentVolumeReclaimPolicy": "Retain", "spec.volumeMode": "Filesystem", "spec.hostPath.type": "",
        "spec.rbd.pool": "rbd", "spec.rbd.user": "admin", "spec.rbd.keyring": "/etc/ceph/keyring",
        "spec.iscsi.iscsiInterface": "default",
    },
    "CSIDriver": {
        "spec.attachRequired": True, "spec.podInfoOnMount": False, "spec.storageCapacity": False, "spec.requiresRepublish": False,
        "spec.fsGroupPolicy": "ReadWriteOnceWithFSType", "spec.volumeLifecycleModes": ["Persistent"], "spec.seLinuxMount": False,
    },
    "PriorityClass": {"preemptionPolicy": "PreemptLowerPriority"},
    "MutatingWebhookConfiguration": {**_WEBHOOK, "webhooks[].reinvocationPolicy": "Never"},
    "ValidatingWebhookConfiguration": _WEBHOOK,
    "ValidatingAdmissionPolicy": _POLICY,
    "MutatingAdmissionPolicy": {**_POLICY, "spec.reinvocationPolicy": "Never"},
    "ValidatingAdmissionPolicyBinding": _BINDING,
    "MutatingAdmissionPolicyBinding": _BINDING,
    "IngressClass": {"spec.parameters.scope": "Cluster"},
    "APIService": {"spec.service.port": 443},
    "FlowSchema": {"spec.matchingPrecedence": 1000},
    "PriorityLevelConfiguration": {
        "spec.limited.nominalConcurrencyShares": 30, "spec.limited.lendablePercent": 0,
        "spec.limited.limitResponse.queuing.handSize": 8, "spec.limited.limitResponse.queuing.queues": 64,
        "spec.limited.limitResponse.queuing.queueLengthLimit": 50,
    },
}  # fmt: skip
KINDS = tuple(_DEFAULTS)


def fill(obj: Obj) -> None:
    """In place, where the object around a field is there."""
    for path, value in _DEFAULTS[obj["kind"]].items():
        *around, last = path.split(".")
        for place in _places(obj, around):
            if place.get(last) is None:
                place[last] = copy.deepcopy(value)


def _places(value: Any, path: list[str]) -> Iterator[dict[str, Any]]:
    if not path:
        if isinstance(value, dict):
            yield value
        return
    name, is_list = path[0].removesuffix("[]"), path[0].endswith("[]")
    below = value.get(name) if isinstance(value, dict) else None
    for each in below or () if is_list else [below]:
        yield from _places(each, path[1:])
