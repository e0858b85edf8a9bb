"""HorizontalPodAutoscalers that the API server refuses, in its words."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.defaults import declared
from rollway.kube.objects import HPA
from rollway.kube.validation.dispatch import problems

TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}


def refused(**spec: Any) -> list[str]:
    obj = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "web", "namespace": "shop"}}
    whole = declared({**obj, "spec": {"scaleTargetRef": TARGET, "minReplicas": 1, "maxReplicas": 3, **spec}})
    return [f"{each.field}: {each.text}" for each in problems(HPA, whole)]


AT = "spec.metrics[0]"
SHARE = {"type": "Utilization", "averageUtilization": 80}


@pytest.mark.parametrize(("metric", "refusals"), [
    ({"type": "Resource", "resource": {"name": "cpu", "target": SHARE}}, []),
    ({"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "100"}}}, []),
    ({"type": "Resource"}, [f"{AT}.resource: Required value: must populate information for the given metric source"]),
    ({"type": "CPU", "resource": {"name": "cpu", "target": SHARE}}, [
        f'{AT}.type: Unsupported value: "CPU": supported values: "ContainerResource", "External", "Object", "Pods", "Resource"',
    ]),
    ({"type": "Resource", "resource": {"name": "cpu"}}, [
        f"{AT}.resource.target.type: Required value: must specify a metric target type",
        f"{AT}.resource.target.averageUtilization: Required value: must set either a target raw value or a target utilization",
    ]),
    ({"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Percent", "averageUtilization": 0}}}, [
        f'{AT}.resource.target.type: Invalid value: "Percent": must be either Utilization, Value, or AverageValue',
        f"{AT}.resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
    ]),
    ({"type": "Resource", "resource": {"name": "cpu", "target": {**SHARE, "averageValue": "500m"}}}, [
        f"{AT}.resource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization",
    ]),
    ({"type": "Pods", "resource": {"name": "cpu", "target": SHARE}}, [
        f"{AT}.resource: Forbidden: must populate the given metric source only",
        f"{AT}.pods: Required value: must populate information for the given metric source",
    ]),
    ({"type": "External", "external": {"metric": {"name": "queue"}, "target": {"type": "Value"}}}, [
        f"{AT}.external.target.averageValue: Required value: must set either a target value for metric or a per-pod target",
    ]),
    ({"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "Value", "value": "0"}}}, [
        f'{AT}.pods.target.value: Invalid value: "0": must be positive',
        f"{AT}.pods.target.averageValue: Required value: must specify a positive target averageValue",
    ]),
])  # fmt: skip
def test_the_metrics_of_an_autoscaler(metric: dict[str, Any], refusals: list[str]) -> None:
    assert refused(metrics=[metric]) == refusals


DOWN = "spec.behavior.scaleDown"


@pytest.mark.parametrize(("rules", "refusals"), [
    ({}, []),
    ({"stabilizationWindowSeconds": 3600}, []),
    ({"stabilizationWindowSeconds": 3601}, [
        f"{DOWN}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600",
    ]),
    ({"stabilizationWindowSeconds": -1}, [
        f"{DOWN}.stabilizationWindowSeconds: Invalid value: -1: must be greater than or equal to zero",
    ]),
    ({"selectPolicy": "max"}, [f'{DOWN}.selectPolicy: Unsupported value: "max": supported values: "Disabled", "Max", "Min"']),
    ({"policies": [{"type": "percent", "value": 0, "periodSeconds": 3600}]}, [
        f'{DOWN}.policies[0].type: Unsupported value: "percent": supported values: "Percent", "Pods"',
        f"{DOWN}.policies[0].value: Invalid value: 0: must be greater than zero",
        f"{DOWN}.policies[0].periodSeconds: Invalid value: 3600: must be less than or equal to 1800",
    ]),
])  # fmt: skip
def test_the_behaviour_of_an_autoscaler(rules: dict[str, Any], refusals: list[str]) -> None:
    assert refused(behavior={"scaleDown": rules}) == refusals
