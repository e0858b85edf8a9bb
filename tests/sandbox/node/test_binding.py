"""Pods that are bound to a node as they come in, where one always fits, and as the scheduler chooses elsewhere."""

from __future__ import annotations

import asyncio

import pytest
from rollway.kube.objects import POD, Obj
from rollway.sandbox.node.behaviour import BEHAVIOUR
from rollway.sandbox.node.binding import placed
from rollway.sandbox.node.nodes import NODE_NAME
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox


def pod(behaviour: str = "{}", **spec: object) -> Obj:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "default", "annotations": {BEHAVIOUR: behaviour}},
        "spec": {"containers": [{"name": "app", "image": "app:1"}], **spec},
    }


def test_a_pod_comes_with_its_node_unless_it_is_to_find_none() -> None:
    assert placed(pod())["spec"]["nodeName"] == NODE_NAME
    assert placed(pod(nodeName="other")) == pod(nodeName="other")
    assert "nodeName" not in placed(pod("fails: unschedulable"))["spec"]


@pytest.mark.parametrize("presumes", [True, False])
def test_it_runs_on_its_node_whoever_bound_it(presumes: bool) -> None:
    """Once it runs there is no difference but in the number of writes."""

    async def lived() -> Obj:
        async with Sandbox(presumes=presumes) as sandbox:
            sandbox.api.create(POD, "default", pod())
            await asyncio.sleep(5)
            return sandbox.store.get(POD, "default", "web")

    live = run_virtual(lived())

    assert (live["spec"]["nodeName"], live["status"]["phase"]) == (NODE_NAME, "Running")
    assert {each["type"]: each["status"] for each in live["status"]["conditions"]}["PodScheduled"] == "True"
    assert live["status"]["startTime"]
