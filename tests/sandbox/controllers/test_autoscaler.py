"""The autoscaler, in virtual time: how many pods it asks for, how fast, and what it says; by the rules of the real one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest
from rollway.errors import Invalid
from rollway.kube.objects import DEPLOYMENT, EVENT, HPA, Obj
from rollway.sandbox.api.unacted import METRICS
from rollway.sandbox.controllers.autoscaling import Past, Pods, Unmeasured, allowed, given, proposal, tolerances_of
from rollway.sandbox.controllers.index import condition_of
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"
LABELS = {"app": "shop"}
CPU = "cpu resource utilization (percentage of request)"


def on_cpu(percent: int) -> Obj:
    return {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}


def outside(**target: str) -> Obj:
    return {"type": "External", "external": {"metric": {"name": "messages"}, "target": target}}


class Shop:
    """A Deployment whose pods request 200m, and an autoscaler from 1 to 10 that says what the annotation says."""

    def __init__(self, sandbox: Sandbox, said: str | None, replicas: int = 2, **spec: Any) -> None:
        self.sandbox = sandbox
        container = {"name": "app", "image": "shop:1", "resources": {"requests": {"cpu": "200m"}}}
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
        made = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
        sandbox.api.create(DEPLOYMENT, SPACE, {"metadata": {"name": "shop"}, "spec": made})
        ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        scaling = {"scaleTargetRef": ref, "minReplicas": 1, "maxReplicas": 10, "metrics": [on_cpu(50)]} | spec
        annotations = {METRICS: said} if said is not None else {}
        sandbox.api.create(HPA, SPACE, {"metadata": {"name": "shop", "annotations": annotations}, "spec": scaling})

    @property
    def replicas(self) -> int:
        return int(self.sandbox.api.get(DEPLOYMENT, SPACE, "shop")["spec"]["replicas"])

    @property
    def hpa(self) -> Obj:
        return self.sandbox.api.get(HPA, SPACE, "shop")

    def says(self, metrics: str) -> None:
        self.sandbox.api.patch(HPA, SPACE, "shop", {"metadata": {"annotations": {METRICS: metrics}}})

    def told(self) -> list[str]:
        return [f"{each['reason']}: {each['message']}" for each in self.sandbox.store.list(EVENT) if about(each)]


def about(event: Obj) -> bool:
    return bool(event["involvedObject"]["kind"] == "HorizontalPodAutoscaler")


def on_a_cluster(story: Callable[[Sandbox], Awaitable[None]]) -> None:
    async def told() -> None:
        async with Sandbox() as sandbox:
            await story(sandbox)

    run_virtual(told())


def test_pods_that_work_too_hard_get_more_and_later_less() -> None:
    """To twice as many at once, every 15 s; as few again five minutes after the last time that so many were asked for. The number
    is the controller's, by the scale subresource; events and conditions have the real words."""

    async def story(sandbox: Sandbox) -> None:
        shop = Shop(sandbox, "cpu: 100%")
        await asyncio.sleep(16)
        assert shop.replicas == 4
        deployment = sandbox.api.get(DEPLOYMENT, SPACE, "shop")
        (entry,) = [each for each in deployment["metadata"]["managedFields"] if each.get("subresource") == "scale"]
        assert (entry["manager"], entry["operation"]) == ("kube-controller-manager", "Update")
        assert deployment["metadata"]["generation"] == 2
        assert (
            "SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target" in shop.told()
        )
        current = shop.hpa["status"]["currentMetrics"][0]["resource"]["current"]
        assert current == {"averageUtilization": 100, "averageValue": "200m"}
        assert condition_of(shop.hpa, "ScalingActive") == {
            "type": "ScalingActive", "status": "True", "reason": "ValidMetricFound",
            "message": f"the HPA was able to successfully calculate a replica count from {CPU}",
            "lastTransitionTime": shop.hpa["status"]["lastScaleTime"],
        }  # fmt: skip
        shop.says("cpu: 25%")
        await asyncio.sleep(290)
        assert shop.replicas == 4
        assert (condition_of(shop.hpa, "AbleToScale") or {})["reason"] == "ScaleDownStabilized"
        await asyncio.sleep(30)
        assert shop.replicas == 2
        assert "SuccessfulRescale: New size: 2; reason: All metrics below target" in shop.told()

    on_a_cluster(story)


def test_it_stays_within_its_bounds() -> None:
    """What is outside is brought inside without asking metrics; what is asked for beyond the most is the most, and said."""

    async def story(sandbox: Sandbox) -> None:
        shop = Shop(sandbox, "cpu: 300%", replicas=8, maxReplicas=3)
        await asyncio.sleep(16)
        assert shop.replicas == 3
        assert "SuccessfulRescale: New size: 3; reason: Current number of replicas above Spec.MaxReplicas" in shop.told()
        await asyncio.sleep(30)
        assert shop.replicas == 3
        assert (condition_of(shop.hpa, "ScalingLimited") or {})["reason"] == "TooManyReplicas"

    on_a_cluster(story)


@pytest.mark.parametrize(
    ("metrics", "spec", "why"),
    [
        ("memory: 1Gi", {}, f"FailedGetResourceMetric: cpu is not among the metrics given by the annotation {METRICS}"),
        ("cpu: much", {}, f"InvalidMetrics: the annotation {METRICS}: cpu: 'much' is neither a quantity nor a share such as 80%"),
        ("[cpu]", {}, f"InvalidMetrics: the annotation {METRICS}: should be a mapping, is ['cpu']"),
        (
            "cpu: 10%",
            {"metrics": [{"type": "ContainerResource", "containerResource": on_cpu(50)["resource"] | {"container": "none"}}]},
            "FailedGetContainerResourceMetric: failed to get cpu utilization: container none not present in metrics for pod ",
        ),
        (
            "cpu: 10%",
            {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "other"}},
            'FailedGetScale: deployments.apps "other" not found',
        ),
        (
            "{cpu: 10%}",
            {"metrics": [on_cpu(50), outside(type="Value", value="1")]},
            f"FailedGetExternalMetric: messages is not among the metrics given by the annotation {METRICS}",
        ),
    ],
)  # fmt: skip
def test_what_it_cannot_know_changes_nothing_and_is_told(metrics: str, spec: Obj, why: str) -> None:
    """Of several metrics one that is not known is enough to keep it from asking for fewer."""

    async def story(sandbox: Sandbox) -> None:
        shop = Shop(sandbox, metrics, **spec)
        await asyncio.sleep(400)
        assert shop.replicas == 2
        assert any(each.startswith(why) for each in shop.told()), shop.told()

    on_a_cluster(story)


def test_without_metrics_nothing_is_done_and_said_once() -> None:
    async def story(sandbox: Sandbox) -> None:
        shop = Shop(sandbox, None)
        await asyncio.sleep(100)
        assert shop.replicas == 2
        why = f"nothing here acts on a HorizontalPodAutoscaler without metrics, as the annotation {METRICS} gives them"
        assert shop.told() == [f"NotSimulated: kept as it is: {why}"]
        shop.says("cpu: 100%")
        await asyncio.sleep(16)
        assert shop.replicas == 4
        sandbox.api.delete(HPA, SPACE, "shop")
        await asyncio.sleep(60)
        assert shop.replicas == 4

    on_a_cluster(story)


def test_who_is_scaled_to_none_stays_there() -> None:
    async def story(sandbox: Sandbox) -> None:
        shop = Shop(sandbox, "cpu: 100%", replicas=0)
        await asyncio.sleep(40)
        assert shop.replicas == 0
        assert (condition_of(shop.hpa, "ScalingActive") or {})["reason"] == "ScalingDisabled"

    on_a_cluster(story)


# the arithmetic

NEAR = {"scaleUp": Decimal("0.1"), "scaleDown": Decimal("0.1")}


def pods(ready: int, unready: int = 0) -> Pods:
    return Pods(ready, unready, lambda resource, container: Decimal("0.2"))


def of_pods(value: str) -> Obj:
    return {"type": "Pods", "pods": {"metric": {"name": "queued"}, "target": {"type": "AverageValue", "averageValue": value}}}


def of_ingress(**target: str) -> Obj:
    return {"type": "Object", "object": {"metric": {"name": "hits"}, "describedObject": {"kind": "Ingress"}, "target": target}}


@pytest.mark.parametrize(
    ("metric", "said", "there", "replicas", "name"),
    [
        (on_cpu(50), {"cpu": "54%"}, pods(4), 4, CPU),
        (on_cpu(50), {"cpu": "56%"}, pods(4), 5, CPU),
        (on_cpu(50), {"cpu": "150m"}, pods(4), 6, CPU),
        (on_cpu(50), {"cpu": "100%"}, pods(2, 2), 4, CPU),
        (on_cpu(50), {"cpu": "200%"}, pods(2, 2), 8, CPU),
        (of_pods("100"), {"queued": "250"}, pods(4), 10, "pods metric queued"),
        (of_ingress(value="1k"), {"hits": "1500"}, pods(4), 6, "Ingress metric hits"),
        (of_ingress(averageValue="200"), {"hits": "1500"}, pods(4), 8, "Ingress metric hits"),
        (outside(averageValue="30"), {"messages": "125"}, pods(4), 4, "external metric messages(nil)"),
        (outside(averageValue="30"), {"messages": "150"}, pods(4), 5, "external metric messages(nil)"),
    ],
)
def test_what_a_metric_asks_for(metric: Obj, said: dict[str, str], there: Pods, replicas: int, name: str) -> None:
    """The share of the target times the ready pods, rounded up, and nothing within a tenth of it. Pods that are not ready count
    as idle, where more would be asked for; of what is measured as a whole, each pod has its part."""
    found = proposal(metric, said, there, 4, NEAR)
    assert (found.replicas, found.name) == (replicas, name)


@pytest.mark.parametrize(
    ("behavior", "asked", "replicas", "why"),
    [
        (None, 40, 20, "ScaleUpLimit"),
        (None, 1, 1, "DesiredWithinRange"),
        ({"scaleUp": {"policies": [{"type": "Pods", "value": 2, "periodSeconds": 60}]}}, 20, 11, "ScaleUpLimit"),
        ({"scaleUp": {"selectPolicy": "Disabled"}}, 20, 10, "ScaleUpLimit"),
        (
            {"scaleUp": {"selectPolicy": "Min", "policies": [
                {"type": "Pods", "value": 8, "periodSeconds": 15}, {"type": "Percent", "value": 10, "periodSeconds": 15}]}},
            20, 11, "ScaleUpLimit",
        ),
        ({"scaleDown": {"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}}, 2, 8, "ScaleDownLimit"),
        ({}, 20, 20, "DesiredWithinRange"),
    ],
)  # fmt: skip
def test_how_fast_it_may_go(behavior: Obj | None, asked: int, replicas: int, why: str) -> None:
    """From ten pods, of which one came half a minute ago: policies count what was done in their period, and the most of them
    counts unless it says Min. Without a `behavior` to the double."""
    past = Past(asked=[(0.0, 10)], changes={"scaleUp": [(970.0, 1)], "scaleDown": []})
    spec = {"minReplicas": 1, "maxReplicas": 50} | ({"behavior": behavior} if behavior is not None else {})
    found = allowed(spec, 10, asked, past, 1000.0)
    assert (found.replicas, found.limited[1]) == (replicas, why)


def test_what_was_asked_for_lately_holds_it() -> None:
    """Down for five minutes, up as long as the autoscaler says."""
    spec = {"maxReplicas": 50, "behavior": {"scaleUp": {"stabilizationWindowSeconds": 60}}}
    past = Past(asked=[(650.0, 30), (950.0, 12)])
    assert allowed(spec, 10, 20, past, 1000.0).replicas == 12
    assert allowed(spec, 10, 5, Past(asked=[(800.0, 8)]), 1000.0).replicas == 8


def test_the_annotation_is_read_as_text() -> None:
    assert given("cpu: 90%\nrequests: 1200") == {"cpu": "90%", "requests": "1200"}
    assert given("") == {}


RESOURCE = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Value", "value": "5"}}}
ALIASES = "a: &a [x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 8)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("said", "metric", "reason"),
    [
        ("messages: 5", outside(type="Value", value="0"), "FailedGetExternalMetric"),
        ("messages: 5", outside(type="AverageValue", averageValue="0"), "FailedGetExternalMetric"),
        ("messages: 5", outside(type="Value"), "FailedGetExternalMetric"),
        ("messages: 5", {"type": "External", "external": {"metric": {"name": "messages"}}}, "FailedGetExternalMetric"),
        ("cpu: 90%", on_cpu(0), "FailedGetResourceMetric"),
        ("cpu: 90%", {"type": "Resource"}, "FailedGetResourceMetric"),
        ("cpu: 5", RESOURCE, "FailedGetResourceMetric"),
    ],
)
def test_what_names_no_target_is_refused_and_scales_nothing_where_it_is_there(said: str, metric: Obj, reason: str) -> None:
    """As a state on disk may have it, of a time when nothing refused it."""

    async def story(sandbox: Sandbox) -> None:
        with pytest.raises(Invalid, match=r"spec\.metrics"):
            Shop(sandbox, said, metrics=[metric])

    on_a_cluster(story)
    with pytest.raises(Unmeasured) as unmeasured:
        proposal(metric, given(said), Pods(2, 0, lambda resource, container: Decimal(1)), 2, tolerances_of({}))
    assert unmeasured.value.reason == reason


@pytest.mark.parametrize(
    ("said", "metric", "reason"),
    [
        ("cpu: 1e40", on_cpu(50), "InvalidMetrics"),
        ("cpu: -90%", on_cpu(50), "InvalidMetrics"),
        ("cpu: {a: b}", on_cpu(50), "InvalidMetrics"),
        (f"{ALIASES}cpu: *i", on_cpu(50), "InvalidMetrics"),
        (f"- {{{ALIASES.replace(chr(10), ', ')}}}", on_cpu(50), "InvalidMetrics"),
    ],
)
def test_what_nobody_can_measure_by_is_said_and_scales_nothing(said: str, metric: Obj, reason: str) -> None:
    """Whatever the autoscaler and its annotation hold: the other controllers go on."""

    async def story(sandbox: Sandbox) -> None:
        shop = Shop(sandbox, said, metrics=[metric])
        await asyncio.sleep(40)
        assert shop.replicas == 2
        condition = condition_of(shop.hpa, "ScalingActive") or {}
        assert (condition["status"], condition["reason"]) == ("False", reason)
        assert len(condition["message"]) < 500
        assert shop.told()

    on_a_cluster(story)


def test_pods_that_request_nothing_have_no_utilization() -> None:
    """A request of 0 is none to compare with; the real one says so in these words."""
    pods = Pods(2, 0, lambda resource, container: Decimal(0))
    with pytest.raises(Unmeasured, match="no metrics returned matched known pods"):
        proposal(on_cpu(50), given("cpu: 90%"), pods, 2, tolerances_of({}))
