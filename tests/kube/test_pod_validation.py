"""What the API server refuses in the parts of a pod that hardly anybody looks at before, in its own words."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.defaults import fill
from rollway.kube.objects import POD, Obj
from rollway.kube.validation import dispatch

REQUIRED, PREFERRED = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"


def told(**spec: Any) -> list[str]:
    spec = {"containers": [{"name": "a", "image": "a"}]} | spec
    pod: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a", "namespace": "default"}, "spec": spec}
    fill(pod)
    return [f"{each.field.removeprefix('spec.')}: {each.text}" for each in dispatch.problems(POD, pod)]


def node(*expressions: Obj) -> Obj:
    return {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}}}


EXPRESSION = f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms[0].matchExpressions[0]"


@pytest.mark.parametrize(
    ("affinity", "why"),
    [
        (
            node({"key": "a", "operator": "in", "values": ["b"]}),
            f'{EXPRESSION}.operator: Invalid value: "in": not a valid selector operator',
        ),
        (
            node({"key": "a", "operator": "Gt", "values": ["1", "2"]}),
            f"{EXPRESSION}.values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
        ),
        (
            {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": []}}},
            f"affinity.nodeAffinity.{REQUIRED}.nodeSelectorTerms: Required value: must have at least one node selector term",
        ),
        (
            {"podAntiAffinity": {PREFERRED: [{"podAffinityTerm": {"topologyKey": "zone"}}]}},
            f"affinity.podAntiAffinity.{PREFERRED}[0].weight: Invalid value: 0: must be in the range 1-100",
        ),
        (
            {"nodeAffinity": {PREFERRED: [{"weight": 101, "preference": {}}]}},
            f"affinity.nodeAffinity.{PREFERRED}[0].weight: Invalid value: 101: must be in the range 1-100",
        ),
    ],
    ids=["operator", "two values", "no term", "no weight", "too much weight"],
)  # fmt: skip
def test_affinity(affinity: Obj, why: str) -> None:
    assert told(affinity=affinity) == [why]


def test_affinity_to_nothing_in_particular() -> None:
    first, *_ = told(affinity={"podAffinity": {REQUIRED: [{"labelSelector": {"matchLabels": {"app": "web"}}}]}})
    assert first == f"affinity.podAffinity.{REQUIRED}[0].topologyKey: Required value: can not be empty"


def test_affinity_that_is_well() -> None:
    """Of each kind, with every operator."""
    expressions = [
        {"key": "a", "operator": "Gt", "values": ["3"]},
        {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]},
        {"key": "b", "operator": "DoesNotExist"},
    ]
    pods = {
        REQUIRED: [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}],
        PREFERRED: [{"weight": 100, "podAffinityTerm": {"topologyKey": "topology.kubernetes.io/zone"}}],
    }
    assert told(affinity={**node(*expressions), "podAffinity": pods, "podAntiAffinity": pods}) == []
    assert told(affinity={"nodeAffinity": {PREFERRED: [{"weight": 1, "preference": {"matchExpressions": expressions}}]}}) == []


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ({"path": "/x", "type": "directory"}, 'type: Unsupported value: "directory": supported values: '),
        ({"path": ""}, "path: Required value"),
        ({"path": "/a/../b"}, "path: Invalid value: \"/a/../b\": must not contain '..'"),
    ],
)
def test_a_path_of_the_node(source: Obj, why: str) -> None:
    (found,) = told(volumes=[{"name": "v", "hostPath": source}])
    assert found.startswith(f"volumes[0].hostPath.{why}")


def test_paths_of_the_node_that_are_well() -> None:
    for type_ in ("", "Directory", "FileOrCreate", "Socket"):
        assert told(volumes=[{"name": "v", "hostPath": {"path": "/a..b", "type": type_}}]) == []


def test_variables_from_two_places_at_once() -> None:
    both = {"configMapRef": {"name": "a"}, "secretRef": {"name": "b"}}
    assert told(containers=[{"name": "a", "image": "a", "envFrom": [both]}]) == [
        'containers[0].envFrom[0]: Invalid value: "": may not have more than one field specified at a time'
    ]
