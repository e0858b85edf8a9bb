"""What goes with its owner: background, foreground and orphan deletion, and namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from rollway.kube.clock import now
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, NAMESPACE, POD, REPLICA_SET, SECRET, Kind, Obj
from rollway.sandbox.api.deletion import Propagation, delete
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "shop"
WEB: Obj = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": SPACE, "generation": 1},
    "spec": {
        "replicas": 3,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": "a:1"}]}},
    },
}


def on_sandbox(story: Callable[[Sandbox], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(NAMESPACE, "", {"metadata": {"name": SPACE}})
            sandbox.store.create(DEPLOYMENT, WEB)
            await asyncio.sleep(2)
            await story(sandbox)

    run_virtual(run())


def gone(sandbox: Sandbox, propagation: Propagation) -> None:
    delete(sandbox.store, DEPLOYMENT, SPACE, "web", now=now(), propagation=propagation)


def count(sandbox: Sandbox, kind: Kind) -> int:
    return len(list(sandbox.store.list(kind, SPACE)))


def test_in_the_background_the_owner_goes_first() -> None:
    """The Deployment and its ReplicaSet are gone at once, the pods when they have stopped."""

    async def story(sandbox: Sandbox) -> None:
        gone(sandbox, "Background")
        await sandbox.settle()
        assert (count(sandbox, DEPLOYMENT), count(sandbox, REPLICA_SET), count(sandbox, POD)) == (0, 0, 3)
        await asyncio.sleep(2)
        assert count(sandbox, POD) == 0

    on_sandbox(story)


def test_in_the_foreground_the_owner_goes_last() -> None:
    """The Deployment waits for its ReplicaSet, which waits for its pods."""

    async def story(sandbox: Sandbox) -> None:
        gone(sandbox, "Foreground")
        await sandbox.settle()
        assert (count(sandbox, DEPLOYMENT), count(sandbox, REPLICA_SET), count(sandbox, POD)) == (1, 1, 3)
        assert all("deletionTimestamp" in pod["metadata"] for pod in sandbox.store.list(POD, SPACE))
        await asyncio.sleep(2)
        assert (count(sandbox, DEPLOYMENT), count(sandbox, REPLICA_SET), count(sandbox, POD)) == (0, 0, 0)

    on_sandbox(story)


def test_orphans_stay_and_are_adopted() -> None:
    """Orphaned, the ReplicaSet runs on without an owner; a new Deployment of the same labels takes it up."""

    async def story(sandbox: Sandbox) -> None:
        gone(sandbox, "Orphan")
        await sandbox.settle()
        assert (count(sandbox, DEPLOYMENT), count(sandbox, REPLICA_SET), count(sandbox, POD)) == (0, 1, 3)
        before = [pod["metadata"]["uid"] for pod in sandbox.store.list(POD, SPACE)]
        sandbox.store.create(DEPLOYMENT, WEB)
        await asyncio.sleep(2)
        assert [pod["metadata"]["uid"] for pod in sandbox.store.list(POD, SPACE)] == before
        assert sandbox.store.get(DEPLOYMENT, SPACE, "web")["status"]["availableReplicas"] == 3

    on_sandbox(story)


def test_a_name_can_be_taken_again_at_once() -> None:
    """Deleted and created in one breath, the Deployment has pods of its own; the former ones stop."""

    async def story(sandbox: Sandbox) -> None:
        before = {pod["metadata"]["uid"] for pod in sandbox.store.list(POD, SPACE)}
        gone(sandbox, "Background")
        sandbox.store.create(DEPLOYMENT, WEB)
        await asyncio.sleep(3)
        after = {pod["metadata"]["uid"] for pod in sandbox.store.list(POD, SPACE)}
        assert len(after) == 3
        assert not before & after

    on_sandbox(story)


def test_who_has_another_living_owner_stays() -> None:
    """Only the reference to the owner that is gone goes."""

    async def story(sandbox: Sandbox) -> None:
        one, two = (sandbox.store.create(CONFIG_MAP, small("ConfigMap", name)) for name in ("one", "two"))
        child = small("Secret", "child")
        child["metadata"]["ownerReferences"] = [reference(one), reference(two)]
        sandbox.store.create(SECRET, child)

        delete(sandbox.store, CONFIG_MAP, SPACE, "one", now=now())
        await sandbox.settle()
        assert sandbox.store.get(SECRET, SPACE, "child")["metadata"]["ownerReferences"] == [reference(two)]

        delete(sandbox.store, CONFIG_MAP, SPACE, "two", now=now())
        await sandbox.settle()
        assert sandbox.store.find(SECRET, SPACE, "child") is None

    on_sandbox(story)


def test_who_is_born_to_an_owner_that_is_gone_goes() -> None:
    """A reference to a uid that does not live is as good as none living."""

    async def story(sandbox: Sandbox) -> None:
        child = small("Secret", "child")
        child["metadata"]["ownerReferences"] = [reference({**WEB, "metadata": {"name": "web", "uid": "long-gone"}})]
        sandbox.store.create(SECRET, child)
        await sandbox.settle()
        assert sandbox.store.find(SECRET, SPACE, "child") is None

    on_sandbox(story)


@pytest.mark.parametrize("through_api", [True, False])
def test_a_namespace_goes_when_it_is_empty(*, through_api: bool) -> None:
    """Terminating, it takes its content with it, and is gone once the pods have stopped."""

    async def story(sandbox: Sandbox) -> None:
        if through_api:
            sandbox.api.delete(NAMESPACE, "", SPACE)
            await sandbox.settle()
            assert sandbox.store.get(NAMESPACE, "", SPACE)["status"]["phase"] == "Terminating"
        else:
            delete(sandbox.store, NAMESPACE, "", SPACE, now=now())
        await asyncio.sleep(3)
        assert sandbox.store.find(NAMESPACE, "", SPACE) is None
        assert (count(sandbox, DEPLOYMENT), count(sandbox, REPLICA_SET), count(sandbox, POD)) == (0, 0, 0)

    on_sandbox(story)


def small(kind: str, name: str) -> Obj:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": SPACE}}


def reference(owner: Obj) -> Obj:
    meta = owner["metadata"]
    return {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"]}
