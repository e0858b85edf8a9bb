"""What `kubectl get` shows of the kinds that no recording has: the columns of the real server, in its order."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from rollway.kube.objects import KINDS, Obj
from rollway.sandbox.serving import tables

AT = datetime(2026, 1, 1, 12, 0, 10, tzinfo=UTC)
META = {"name": "x", "creationTimestamp": "2026-01-01T12:00:00Z"}
SUBJECTS = [
    {"kind": "User", "name": "ann"},
    {"kind": "User", "name": "bob"},
    {"kind": "Group", "name": "ops"},
    {"kind": "ServiceAccount", "name": "robot", "namespace": "shop"},
]
TEMPLATE = {"metadata": {"labels": {"b": "2", "a": "1"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
QUEUING = {"queues": 64, "handSize": 6, "queueLengthLimit": 50}
RAN = {"terminated": {"finishedAt": "2026-01-01T11:59:10Z"}}


def shown(kind: str, obj: Obj) -> dict[str, Any]:
    """What stands under each column, wide ones too."""
    (known,) = [each for each in KINDS if each.name == kind and "istio" not in each.group]
    made = tables.table(tables.printer_of(known), [{"metadata": META} | obj], AT)
    names = [each["name"] for each in made["columnDefinitions"]]
    cells = made["rows"][0]["cells"]
    assert len(cells) == len(names)
    return dict(zip(names, cells, strict=True))


@pytest.mark.parametrize(
    ("kind", "obj", "cells"),
    [
        (
            "RoleBinding",
            {"roleRef": {"kind": "Role", "name": "r"}, "subjects": SUBJECTS},
            {"Name": "x", "Role": "Role/r", "Age": "10s", "Users": "ann, bob", "Groups": "ops", "ServiceAccounts": "shop/robot"},
        ),
        ("PodTemplate", {"template": TEMPLATE}, {"Name": "x", "Containers": "c", "Images": "i", "Pod Labels": "a=1,b=2"}),
        (
            "FlowSchema",
            {"spec": {"priorityLevelConfiguration": {"name": "p"}, "matchingPrecedence": 1},
             "status": {"conditions": [{"type": "Dangling", "status": "False"}]}},
            {"Name": "x", "PriorityLevel": "p", "MatchingPrecedence": 1, "DistinguisherMethod": "<none>", "Age": "10s",
             "MissingPL": "False"},
        ),
        (
            "PriorityLevelConfiguration",
            {"spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 30, "limitResponse": {"queuing": QUEUING}}}},
            {"Name": "x", "Type": "Limited", "NominalConcurrencyShares": 30, "Queues": 64, "HandSize": 6, "QueueLengthLimit": 50,
             "Age": "10s"},
        ),
        (
            "IPAddress",
            {"spec": {"parentRef": {"resource": "services", "namespace": "default", "name": "kubernetes"}}},
            {"Name": "x", "ParentRef": "services/default/kubernetes"},
        ),
        ("ServiceCIDR", {"spec": {"cidrs": ["10.0.0.0/8"]}}, {"Name": "x", "CIDRs": "10.0.0.0/8", "Age": "10s"}),
        ("CSINode", {"spec": {"drivers": [{"name": "d"}]}}, {"Name": "x", "Drivers": 1, "Age": "10s"}),
        ("CSIStorageCapacity", {"storageClassName": "s"}, {"Name": "x", "StorageClassName": "s", "Capacity": "<unset>"}),
        ("VolumeAttributesClass", {"driverName": "d"}, {"Name": "x", "DriverName": "d", "Age": "10s"}),
        ("ResourceClaim", {"status": {}}, {"Name": "x", "State": "pending", "Age": "10s"}),
        ("ResourceClaim", {"status": {"allocation": {}, "reservedFor": [{}]}},
         {"Name": "x", "State": "allocated,reserved", "Age": "10s"}),
        ("ResourceSlice", {"spec": {"nodeName": "n", "driver": "d", "pool": {"name": "p"}}},
         {"Name": "x", "Node": "n", "Driver": "d", "Pool": "p", "Age": "10s"}),
    ],
)  # fmt: skip
def test_what_stands_under_each_column(kind: str, obj: Obj, cells: dict[str, Any]) -> None:
    found = shown(kind, obj)
    assert found == cells
    assert list(found) == list(cells)


@pytest.mark.parametrize(
    ("spec", "status", "external"),
    [
        ({"type": "ClusterIP"}, {}, "<none>"),
        ({"type": "ClusterIP", "externalIPs": ["1.2.3.4"]}, {}, "1.2.3.4"),
        ({"type": "LoadBalancer"}, {}, "<pending>"),
        ({"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"hostname": "a.test"}]}}, "5.6.7.8,a.test"),
        ({"type": "ExternalName", "externalName": "a.example"}, {}, "a.example"),
    ],
)  # fmt: skip
def test_where_a_service_is_reached_from_outside(spec: Obj, status: Obj, external: str) -> None:
    """Also where somebody has written the load balancer's address into its status."""
    assert shown("Service", {"spec": spec, "status": status})["External-IP"] == external


def test_restarts_say_when_the_last_was() -> None:
    states = [{"restartCount": 3, "lastState": RAN}, {"restartCount": 1}]
    assert shown("Pod", {"spec": {}, "status": {"containerStatuses": states}})["Restarts"] == "4 (60s ago)"
    assert shown("Pod", {"spec": {}, "status": {"containerStatuses": [{"restartCount": 2}]}})["Restarts"] == "2"


@pytest.mark.parametrize(("ready", "word"), [("True", "Running"), ("False", "NotReady")])
def test_a_pod_of_which_a_part_has_ended_still_runs(ready: str, word: str) -> None:
    states = [{"state": {"terminated": {"reason": "Completed"}}}, {"ready": True, "state": {"running": {}}}]
    conditions = [{"type": "Ready", "status": ready}]
    assert shown("Pod", {"spec": {}, "status": {"containerStatuses": states, "conditions": conditions}})["Status"] == word
