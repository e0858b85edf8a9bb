"""Pods that are bound to a node as they come in, where one always fits, and as the scheduler chooses elsewhere."""

from __future__ import annotations

import asyncio

import pytest
from rollway.errors import Conflict, Invalid
from rollway.kube.objects import EVENT, POD, Obj
from rollway.sandbox.api.bindings import check_binding
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


def test_a_pod_of_another_scheduler_waits_until_that_one_binds_it() -> None:
    """What a Binding notes on it is on the pod; who chose tells of it, so nobody here does."""

    async def lived() -> tuple[Obj, Obj, list[Obj]]:
        async with Sandbox() as sandbox:
            sandbox.api.create(POD, "default", pod(schedulerName="own"))
            await asyncio.sleep(60)
            before = sandbox.store.get(POD, "default", "web")
            told = {"metadata": {"name": "web", "annotations": {"chosen": "yes"}}, "target": {"name": NODE_NAME}}
            sandbox.api.bind("default", check_binding(told, "web"), dry_run=True)
            assert "nodeName" not in sandbox.store.get(POD, "default", "web")["spec"]
            sandbox.api.bind("default", check_binding(told))
            await asyncio.sleep(5)
            return before, sandbox.store.get(POD, "default", "web"), list(sandbox.store.list(EVENT, "default"))

    before, after, events = run_virtual(lived())

    assert ("nodeName" in before["spec"], before["status"]["phase"]) == (False, "Pending")
    assert (after["spec"]["nodeName"], after["status"]["phase"]) == (NODE_NAME, "Running")
    assert after["metadata"]["annotations"]["chosen"] == "yes"
    reasons = {each["reason"] for each in events}
    assert ("WaitsForScheduler" in reasons, "Scheduled" in reasons) == (True, False)


@pytest.mark.parametrize(
    ("spec", "target", "error", "said"),
    [
        ({"nodeName": "n"}, {"name": "m"}, Conflict, 'pods/binding "web": pod web is already assigned to node "n"'),
        ({"schedulingGates": [{"name": "a"}]}, {"name": "m"}, Conflict, "pod web has non-empty .spec.schedulingGates"),
        ({"schedulerName": "own"}, {}, Invalid, "target.name: Required value"),
        ({"schedulerName": "own"}, {"kind": "Rack", "name": "m"}, Invalid, 'target.kind: Unsupported value: "Rack"'),
    ],
)
def test_a_binding_that_cannot_be_is_refused_in_the_real_words(spec: Obj, target: Obj, error: type[Exception], said: str) -> None:
    async def lived() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(POD, "default", pod(**spec))
            with pytest.raises(error, match=said):
                sandbox.api.bind("default", check_binding({"metadata": {"name": "web"}, "target": target}))

    run_virtual(lived())
