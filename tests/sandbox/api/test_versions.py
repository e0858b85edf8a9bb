"""A kind in two versions: one object, in the shape that is asked for; and kinds of one name in another group."""

from __future__ import annotations

import json
from typing import Any

from rollway.kube import ssa
from rollway.kube.conversion import METRICS, converted
from rollway.kube.defaults import fill
from rollway.kube.schema import FREE_MAP, Struct

META = {"name": "shop", "namespace": "shop"}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
HALF: dict[str, Any] = {
    "apiVersion": "autoscaling/v1",
    "kind": "HorizontalPodAutoscaler",
    "metadata": META,
    "spec": {"scaleTargetRef": TARGET, "minReplicas": 2, "maxReplicas": 5, "targetCPUUtilizationPercentage": 50},
}


def test_the_share_of_a_cpu_is_a_metric() -> None:
    """v1 has one number for what v2 has a list for; there and back is the same."""
    newer = converted(HALF, "autoscaling/v2")

    target = {"type": "Utilization", "averageUtilization": 50}
    assert newer["spec"]["metrics"] == [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    assert "targetCPUUtilizationPercentage" not in newer["spec"]
    assert converted(newer, "autoscaling/v1") == HALF


def test_an_autoscaler_that_is_told_of_no_metric_holds_to_the_cpu() -> None:
    """In v1 as in v2, as `kubectl autoscale` makes it without a percentage; what v1 has in its annotation is a metric, too."""
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}}
    seen = []
    for notes in ({}, {METRICS: json.dumps([memory])}):
        bare: dict[str, Any] = {
            **HALF,
            "metadata": META | {"annotations": notes},
            "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5},
        }
        fill(bare)
        seen.append(converted(bare, "autoscaling/v2")["spec"]["metrics"])

    cpu = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    assert seen == [[cpu], [memory]]


def test_what_v1_has_no_field_for_is_kept() -> None:
    """In annotations, as the API server keeps it: going there and back loses no metric and no behavior."""
    memory = {"type": "Resource", "resource": {"name": "memory", "target": {"type": "Utilization", "averageUtilization": 70}}}
    behavior = {"scaleDown": {"stabilizationWindowSeconds": 60}}
    newer = {**HALF, "apiVersion": "autoscaling/v2", "spec": {"scaleTargetRef": TARGET, "maxReplicas": 5, "metrics": [memory]}}
    newer["spec"]["behavior"] = behavior

    assert converted(converted(newer, "autoscaling/v1"), "autoscaling/v2") == newer


def test_a_namesake_in_another_group_has_no_known_shape() -> None:
    """Nobody else's Gateway is Istio's, nor is Knative's Service the core one."""
    assert ssa.type_of({"apiVersion": "gateways.example.com/v1", "kind": "Gateway"}) is FREE_MAP
    assert ssa.type_of({"apiVersion": "serving.knative.dev/v1", "kind": "Service"}) is FREE_MAP
    assert ssa.type_of({"apiVersion": "networking.istio.io/v1beta1", "kind": "Gateway"}) is not FREE_MAP


def test_two_known_kinds_of_one_name_have_each_its_own_shape() -> None:
    """The Gateway API's Gateway and Istio's: field by field, in every version that is served."""
    theirs, istio = ("gateway.networking.k8s.io/v1beta1", "listeners"), ("networking.istio.io/v1beta1", "servers")

    for version, field in (theirs, istio):
        shape = ssa.type_of({"apiVersion": version, "kind": "Gateway"})
        assert isinstance(shape, Struct)
        spec = shape.fields["spec"].type
        assert isinstance(spec, Struct)
        assert field in spec.fields
