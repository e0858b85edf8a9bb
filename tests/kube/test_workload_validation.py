"""What only one kind of workload is refused for, in its own words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rollway.errors import Invalid
from rollway.kube.defaults import fill
from rollway.kube.objects import DAEMON_SET, JOB, STATEFUL_SET, Kind, Obj
from rollway.kube.validation import dispatch
from rollway.kube.validation.jobpolicies import indexes_in

LABELS = {"app": "web"}


def workload(kind: Kind, name: str = "web", pod: Obj | None = None, **spec: Any) -> Obj:
    template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "a", "image": "a"}]} | (pod or {})}
    body = {"selector": {"matchLabels": LABELS}, "template": template} | spec
    obj = {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name}, "spec": body}
    fill(obj)
    return obj


def told(kind: Kind, obj: Obj) -> str:
    return ", ".join(f"{each.field}: {each.text}" for each in dispatch.problems(kind, obj))


def test_pods_without_an_end_have_no_deadline() -> None:
    for kind in (STATEFUL_SET, DAEMON_SET):
        why = f"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in {kind.name} is not Supported"
        assert told(kind, workload(kind, pod={"activeDeadlineSeconds": 5})) == why


def test_a_set_s_name_is_a_label_as_its_pods_names_are() -> None:
    assert 'metadata.name: Invalid value: "a.b": a lowercase RFC 1123 label' in told(STATEFUL_SET, workload(STATEFUL_SET, "a.b"))
    assert told(DAEMON_SET, workload(DAEMON_SET, "a.b")) == ""


def test_a_daemon_set_s_strategy() -> None:
    seen = '{"Type":"Recreate","RollingUpdate":null}'
    why = f'spec.updateStrategy: Unsupported value: {seen}: supported values: "RollingUpdate", "OnDelete"'
    assert told(DAEMON_SET, workload(DAEMON_SET, updateStrategy={"type": "Recreate"})) == why


@pytest.mark.parametrize(
    ("kind", "status", "why"),
    [
        (
            STATEFUL_SET,
            {"replicas": 1, "readyReplicas": 2},
            "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
        ),
        (DAEMON_SET, {"numberReady": -1}, "status.numberReady: Invalid value: -1: must be greater than or equal to 0"),
        (JOB, {"active": 1, "ready": 2}, "status.ready: Invalid value: 2: cannot set more ready pods than active"),
    ],
    ids=lambda value: value.name if isinstance(value, Kind) else "",
)
def test_a_status_that_contradicts_itself(kind: Kind, status: Obj, why: str) -> None:
    obj = workload(kind)
    with pytest.raises(Invalid) as caught:
        dispatch.refuse_status(kind, obj | {"status": status}, obj)
    assert caught.value.message.endswith(why)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "1-2-3",
            "the fragment \"1-2-3\" violates the requirement that an index interval can have at most two parts separated by '-'",
        ),
        ("x", 'cannot convert string to integer for index: "x"'),
        ("9", 'too large index: "9"'),
        ("3,1", "non-increasing order, previous: 3, current: 1"),
        ("3-2", "non-increasing order, previous: 3, current: 2"),
    ],
)
def test_indexes_that_are_none(text: str, why: str) -> None:
    assert indexes_in("0,2,4-5", 6) == 4
    assert indexes_in("", 6) == 0
    with pytest.raises(ValueError, match=re.escape(why)):
        indexes_in(text, 6)
