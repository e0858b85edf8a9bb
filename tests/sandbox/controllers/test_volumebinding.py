"""Volume claims get volumes: those that are there and fit, or new ones of their class; and what becomes of what they leave."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from rollway.kube.objects import EVENT, PERSISTENT_VOLUME_CLAIM, POD, Obj, get
from rollway.sandbox.api.claims import IS_DEFAULT, PERSISTENT_VOLUME, STORAGE_CLASS, fitting
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "default"


def claim(name: str = "data", size: str = "1Gi", **spec: Any) -> Obj:
    asked = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}} | spec
    return {"metadata": {"name": name}, "spec": asked}


def volume(name: str, size: str, **spec: Any) -> Obj:
    has = {"capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/data"}} | spec
    return {"metadata": {"name": name}, "spec": has}


def user(claim_name: str = "data", name: str = "web") -> Obj:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claim_name}}]
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "a", "image": "a"}], "volumes": volumes}}


def class_(name: str, **body: Any) -> Obj:
    return {"metadata": {"name": name}, "provisioner": "example.com/disks"} | body


def told(story: Callable[[Sandbox], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            await story(sandbox)

    run_virtual(run())


def said(sandbox: Sandbox, name: str) -> list[str]:
    return [
        f"{each['reason']}: {each['message']}" for each in sandbox.store.list(EVENT) if each["involvedObject"]["name"] == name
    ]


def phase(sandbox: Sandbox, name: str = "data") -> str:
    return str(get(sandbox.store.get(PERSISTENT_VOLUME_CLAIM, SPACE, name), "status", "phase"))


def test_the_default_class_makes_a_volume_once_a_pod_needs_it() -> None:
    """And it goes with the claim."""

    async def story(sandbox: Sandbox) -> None:
        made = sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim())
        assert made["spec"]["storageClassName"] == "standard"
        await sandbox.settle()
        assert phase(sandbox) == "Pending"
        assert said(sandbox, "data") == ["WaitForFirstConsumer: waiting for first consumer to be created before binding"]
        sandbox.api.create(POD, SPACE, user())
        await asyncio.sleep(10)
        live = sandbox.store.get(PERSISTENT_VOLUME_CLAIM, SPACE, "data")
        assert live["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}}
        assert live["spec"]["volumeName"] == f"pvc-{live['metadata']['uid']}"
        assert get(sandbox.store.get(POD, SPACE, "web"), "status", "phase") == "Running"
        sandbox.api.delete(POD, SPACE, "web", grace_s=0)
        sandbox.api.delete(PERSISTENT_VOLUME_CLAIM, SPACE, "data")
        await asyncio.sleep(60)
        assert not list(sandbox.store.list(PERSISTENT_VOLUME))

    told(story)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"storageClassName": ""}, "FailedBinding: no persistent volumes available for this claim and no storage class is set"),
        ({"storageClassName": "fast"}, 'ProvisioningFailed: storageclass.storage.k8s.io "fast" not found'),
    ],
)
def test_a_claim_that_gets_none_says_why_and_its_pod_waits(spec: Obj, reason: str) -> None:
    """In the real words; a class that comes later makes it good."""

    async def story(sandbox: Sandbox) -> None:
        sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim(**spec))
        sandbox.api.create(POD, SPACE, user())
        await asyncio.sleep(10)
        assert said(sandbox, "data") == [reason]
        why = "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. no new claims to deallocate, "
        assert f"FailedScheduling: {why}preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling." in said(
            sandbox, "web"
        )
        sandbox.api.create(STORAGE_CLASS, "", class_("fast"))
        sandbox.api.create(PERSISTENT_VOLUME, "", volume("left", "5Gi"))
        await asyncio.sleep(10)
        assert phase(sandbox) == "Bound"
        assert get(sandbox.store.get(POD, SPACE, "web"), "status", "phase") == "Running"

    told(story)


def test_a_volume_that_is_there_is_taken_and_left_as_it_says() -> None:
    """The smallest that fits. What it holds is kept: Released is nobody's, until somebody frees it."""

    async def story(sandbox: Sandbox) -> None:
        for name, size in (("large", "10Gi"), ("fits", "2Gi"), ("small", "500Mi")):
            sandbox.api.create(PERSISTENT_VOLUME, "", volume(name, size))
        await sandbox.settle()
        assert {get(each, "status", "phase") for each in sandbox.store.list(PERSISTENT_VOLUME)} == {"Available"}
        sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim(storageClassName=""))
        await sandbox.settle()
        assert sandbox.store.get(PERSISTENT_VOLUME_CLAIM, SPACE, "data")["spec"]["volumeName"] == "fits"
        sandbox.api.delete(PERSISTENT_VOLUME_CLAIM, SPACE, "data")
        await sandbox.settle()
        assert get(sandbox.store.get(PERSISTENT_VOLUME, "", "fits"), "status", "phase") == "Released"
        sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim(storageClassName=""))
        await sandbox.settle()
        assert sandbox.store.get(PERSISTENT_VOLUME_CLAIM, SPACE, "data")["spec"]["volumeName"] == "large"

    told(story)


def test_a_local_class_waits_for_a_volume() -> None:
    """kubernetes.io/no-provisioner: nothing is made; the pod is told."""

    async def story(sandbox: Sandbox) -> None:
        local = class_("local", provisioner="kubernetes.io/no-provisioner", volumeBindingMode="WaitForFirstConsumer")
        sandbox.api.create(STORAGE_CLASS, "", local)
        sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim(storageClassName="local"))
        sandbox.api.create(POD, SPACE, user())
        await asyncio.sleep(5)
        assert "1 node(s) didn't find available persistent volumes to bind" in said(sandbox, "web")[-1]
        sandbox.api.create(PERSISTENT_VOLUME, "", volume("disk", "1Gi", storageClassName="local"))
        await asyncio.sleep(10)
        assert (phase(sandbox), get(sandbox.store.get(POD, SPACE, "web"), "status", "phase")) == ("Bound", "Running")

    told(story)


@pytest.mark.parametrize(
    ("spec", "has"),
    [
        ({}, {"accessModes": ["ReadOnlyMany"]}),
        ({"volumeMode": "Block"}, {}),
        ({"selector": {"matchLabels": {"disk": "ssd"}}}, {}),
        ({"storageClassName": "fast"}, {}),
        ({}, {"claimRef": {"namespace": SPACE, "name": "other"}}),
    ],
)
def test_what_does_not_fit_is_not_taken(spec: Obj, has: Obj) -> None:
    wanted = claim(**spec)
    wanted["metadata"] |= {"namespace": SPACE, "uid": "1"}
    assert fitting(wanted, iter([volume("a", "5Gi", **has)])) is None
    mine = volume("mine", "5Gi", **has | {"claimRef": {"namespace": SPACE, "name": "data"}})
    assert fitting(wanted, iter([volume("a", "1Gi"), mine])) == mine


def test_a_rehearsal_presumes_that_claims_get_what_they_want() -> None:
    """It pays nothing for it."""

    async def run() -> None:
        async with Sandbox(presumes=True) as sandbox:
            sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim(storageClassName="fast"))
            sandbox.api.create(POD, SPACE, user())
            await asyncio.sleep(10)
            assert get(sandbox.store.get(POD, SPACE, "web"), "status", "phase") == "Running"
            assert not list(sandbox.store.list(STORAGE_CLASS))

    run_virtual(run())


def test_the_newest_default_counts() -> None:
    async def story(sandbox: Sandbox) -> None:
        await asyncio.sleep(5)
        sandbox.api.create(
            STORAGE_CLASS, "", class_("newer") | {"metadata": {"name": "newer", "annotations": {IS_DEFAULT: "true"}}}
        )
        assert sandbox.api.create(PERSISTENT_VOLUME_CLAIM, SPACE, claim())["spec"]["storageClassName"] == "newer"

    told(story)
