"""ReplicationControllers through the API, with the node's own pods."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rollway.errors import Invalid
from rollway.kube.objects import NAMESPACE, POD, REPLICA_SET, REPLICATION_CONTROLLER, Obj, labels_of
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"


def controller(**spec: Any) -> Obj:
    pod = {"containers": [{"name": "a", "image": "a:1"}]}
    return {
        "metadata": {"name": "rc"},
        "spec": {"replicas": 2, "template": {"metadata": {"labels": {"a": "rc"}}, "spec": pod}} | spec,
    }


def pods_of(sandbox: Sandbox) -> list[Obj]:
    return [pod for pod in sandbox.store.list(POD, SPACE) if "deletionTimestamp" not in pod["metadata"]]


async def settled(sandbox: Sandbox) -> Obj:
    await asyncio.sleep(30)
    return sandbox.api.get(REPLICATION_CONTROLLER, SPACE, "rc")


def test_it_keeps_as_many_pods_as_wanted() -> None:
    """There, scaled up, and scaled down; the selector is the template's labels where there is none."""

    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(REPLICATION_CONTROLLER, SPACE, controller())
            live = await settled(sandbox)
            assert live["spec"]["selector"] == {"a": "rc"}
            assert live["status"] == {
                "replicas": 2, "fullyLabeledReplicas": 2, "readyReplicas": 2, "availableReplicas": 2, "observedGeneration": 1,
            }  # fmt: skip
            for wanted in (4, 1, 0):
                sandbox.api.patch(REPLICATION_CONTROLLER, SPACE, "rc", {"spec": {"replicas": wanted}})
                live = await settled(sandbox)
                assert (live["status"]["replicas"], len(pods_of(sandbox))) == (wanted, wanted)

    run_virtual(story())


def test_a_new_template_is_for_new_pods_only() -> None:
    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(REPLICATION_CONTROLLER, SPACE, controller())
            await settled(sandbox)
            pod = {"containers": [{"name": "a", "image": "a:2"}]}
            sandbox.api.patch(REPLICATION_CONTROLLER, SPACE, "rc", {"spec": {"template": {"spec": pod}}})
            await settled(sandbox)
            first, second = pods_of(sandbox)
            assert {each["spec"]["containers"][0]["image"] for each in (first, second)} == {"a:1"}
            sandbox.api.delete(POD, SPACE, first["metadata"]["name"])
            await settled(sandbox)
            images = sorted(each["spec"]["containers"][0]["image"] for each in pods_of(sandbox))
            assert images == ["a:1", "a:2"]

    run_virtual(story())


def test_it_takes_up_pods_of_nobody_and_lets_go_of_those_with_other_labels() -> None:
    """Also of those that were there before it; a ReplicaSet's of the same labels are not its own."""

    async def story() -> None:
        async with Sandbox() as sandbox:
            alone = {"metadata": {"name": "alone", "labels": {"a": "rc"}}, "spec": controller()["spec"]["template"]["spec"]}
            sandbox.api.create(POD, SPACE, alone)
            chosen = controller()["spec"] | {"replicas": 1, "selector": {"matchLabels": {"a": "rc"}}}
            sandbox.api.create(REPLICA_SET, SPACE, {"metadata": {"name": "rs"}, "spec": chosen | {"replicas": 2}})
            sandbox.api.create(POD, SPACE, alone | {"metadata": {"name": "other", "labels": {"b": "x"}}})
            await asyncio.sleep(30)
            sandbox.api.create(REPLICATION_CONTROLLER, SPACE, controller(selector={"b": "x"}, template={
                "metadata": {"labels": {"b": "x"}}, "spec": controller()["spec"]["template"]["spec"]}))  # fmt: skip
            await settled(sandbox)
            own = [each for each in pods_of(sandbox) if labels_of(each) == {"b": "x"}]
            assert "other" in [each["metadata"]["name"] for each in own]
            assert {each["metadata"]["ownerReferences"][0]["name"] for each in own} == {"rc"}
            assert len(own) == 2

            sandbox.api.patch(POD, SPACE, "other", {"metadata": {"labels": {"b": "y"}}})
            await settled(sandbox)
            assert not sandbox.store.get(POD, SPACE, "other")["metadata"].get("ownerReferences")
            assert len(pods_of(sandbox)) == 2 + 2 + 1

    run_virtual(story())


@pytest.mark.parametrize(("propagation", "left"), [("", 2), ("Background", 0), ("Foreground", 0), ("Orphan", 2)])
def test_what_becomes_of_its_pods(propagation: Any, left: int) -> None:
    """v1 leaves them where the request does not say."""

    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(REPLICATION_CONTROLLER, SPACE, controller())
            await settled(sandbox)
            sandbox.api.delete(REPLICATION_CONTROLLER, SPACE, "rc", propagation=propagation)
            await asyncio.sleep(60)
            assert sandbox.store.find(REPLICATION_CONTROLLER, SPACE, "rc") is None
            assert len(pods_of(sandbox)) == left
            assert not any(pod["metadata"].get("ownerReferences") for pod in pods_of(sandbox))

    run_virtual(story())


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"template": None}, "spec.template: Required value"),
        ({"selector": {"a": "other"}}, "`selector` does not match template `labels`"),
        ({"template": {"spec": {"containers": [{"name": "a", "image": "a"}]}}}, "spec.selector: Required value"),
    ],
)
def test_what_is_refused(spec: Any, message: str) -> None:
    async def story() -> None:
        async with Sandbox() as sandbox:
            with pytest.raises(Invalid) as refused:
                sandbox.api.create(REPLICATION_CONTROLLER, SPACE, controller(**spec))
            assert message in str(refused.value)

    run_virtual(story())


def test_its_namespace_takes_it_along() -> None:
    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(NAMESPACE, "", {"metadata": {"name": "n"}})
            sandbox.api.create(REPLICATION_CONTROLLER, "n", controller())
            await asyncio.sleep(30)
            sandbox.api.delete(NAMESPACE, "", "n")
            await asyncio.sleep(60)
            assert sandbox.store.find(NAMESPACE, "", "n") is None
            assert list(sandbox.store.list(POD, "n")) == []

    run_virtual(story())
