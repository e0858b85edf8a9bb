"""The history that a plan reads, and objects that are written in unusual ways."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

import pytest
from edges import found, put
from rollway.errors import ClusterError
from rollway.kube.objects import (
    DEPLOYMENT,
    POD,
    SECRET,
    SERVICE_ACCOUNT,
    Ref,
    get,
)
from rollway.release.model import Release
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release


def test_an_unreadable_revision_is_named_with_what_to_do() -> None:
    """Whatever broke the Secret, it is an error in the product's words; nothing is changed."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        good = base64.b64decode(world.sandbox.store.get(SECRET, NAMESPACE_NAME, "rollway.shop.v1")["data"]["revision"])
        for broken in (b"hello", good[:40] + b"\xff" * 20 + good[60:], good[:-9]):
            data = {"data": {"revision": base64.b64encode(broken).decode()}}
            world.sandbox.api.patch(SECRET, NAMESPACE_NAME, "rollway.shop.v1", data)
            with pytest.raises(ClusterError, match=r"Secret rollway\.shop\.v1 is no readable revision") as refused:
                await world.ship("apply", release("v2"))
            assert "kubectl delete secret rollway.shop.v1" in refused.value.hint
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_what_is_live_can_be_repaired_though_its_predecessor_is_forgotten() -> None:
    """The Secret of the version before was deleted: there is no way back to it, and no more than that."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        await promoted(world, "v2", "ramped")
        for kind, name in (("Secret", "rollway.shop.v1"), ("ConfigMap", "shop-settings")):
            await world.cluster.delete(Ref("v1", kind, NAMESPACE_NAME, name))
        result = await world.ship("apply", release("v2"))

        assert result.plan.undo == ()
        assert await found(world, "ConfigMap") == ["shop-settings"]

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_account_that_only_one_version_names_goes_with_it(strategy: str) -> None:
    """The API server keeps an older name of the field in step, which nobody holds: an apply without a word of it leaves the
    account as it was. There and back, each version's pods run under its own, and what is said again changes nothing."""

    async def story(world: World) -> None:
        world.sandbox.api.create(SERVICE_ACCOUNT, NAMESPACE_NAME, {"metadata": {"name": "robot"}})
        named = release("v2", strategy=strategy)
        named.workload["spec"]["template"]["spec"]["serviceAccountName"] = "robot"
        await promoted(world, "v1", strategy)
        assert (await world.ship("apply", named, weight=100)).is_ok
        assert accounts(world) == {("v2", "robot")}
        assert (await world.ship("rollback", named)).is_ok
        assert accounts(world) == {("v1", "default")}
        assert (await world.ship("apply", release("v1", strategy=strategy), weight=100)).plan.is_empty
        assert (await world.ship("apply", named, weight=100)).is_ok
        await promoted(world, "v3", strategy)
        assert accounts(world) == {("v3", "default")}

    in_world(story)


def accounts(world: World) -> set[tuple[str, str]]:
    """(version, account) of all pods that stay."""
    pods = [pod for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if "deletionTimestamp" not in pod["metadata"]]
    return {(pod["spec"]["containers"][0]["image"].partition(":")[2], pod["spec"]["serviceAccountName"]) for pod in pods}


def test_a_key_may_hold_nothing() -> None:
    """An empty value is a value: a ConfigMap that gains one is applied."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        after = release("v2")
        after.others[0]["data"]["FEATURES"] = ""
        await world.ship("apply", after)

        assert world.standing()["ConfigMap shop-settings"]["data"] == {"currency": "EUR", "FEATURES": ""}

    in_world(story)


def test_what_was_found_with_recreate_comes_back_with_it() -> None:
    """A rollback to what somebody else deployed leaves the Deployment's own way of replacing pods."""

    async def story(world: World) -> None:
        before = release("v0")
        before.workload["spec"]["strategy"] = {"type": "Recreate"}
        put(world, *before.others, *before.services, before.workload)
        await asyncio.sleep(20)
        await promoted(world, "v1", "ramped")
        await world.ship("rollback", release("v1"), to_revision=1)

        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
        assert live["spec"]["strategy"] == {"type": "Recreate"}
        assert world.versions() == {"v0": 4}

    in_world(story)


def test_the_last_label_may_go() -> None:
    """A ConfigMap had labels in v1 and has none in v2: its name stays."""

    async def story(world: World) -> None:
        before = release("v1")
        before.others[0]["metadata"]["labels"] = {"team": "web"}
        await world.ship("apply", before)
        result = await world.ship("apply", release("v2"))

        assert result.phase == "Promoted"
        assert "labels" not in world.standing()["ConfigMap shop-settings"]["metadata"]

    in_world(story)


@pytest.mark.parametrize(("policy", "is_mixed"), [(None, False), ("TerminationComplete", False), ("TerminationStarted", True)])
def test_recreate_says_when_new_pods_do_not_wait_for_old_ones(policy: str | None, is_mixed: bool) -> None:
    """podReplacementPolicy decides on it (KEP-5882)."""

    def policed(tag: str) -> Release:
        made = release(tag, strategy="recreate")
        made.workload["spec"] |= {"podReplacementPolicy": policy} if policy else {}
        return made

    async def story(world: World) -> None:
        await promoted(world, policed("v1"))
        together: list[bool] = []

        def look(change: Any) -> None:
            pods = world.sandbox.store.list(POD, NAMESPACE_NAME)
            running = [
                pod for pod in pods if "running" in get(pod, "status", "containerStatuses", default=[{}])[0].get("state", {})
            ]
            together.append(len({pod["spec"]["containers"][0]["image"] for pod in running}) > 1)

        world.sandbox.store.subscribe(look)
        result = await world.ship("apply", policed("v2"))
        assert result.phase == "Promoted"
        assert any(together) is is_mixed
        assert any("TerminationStarted" in note for note in result.plan.notes) is is_mixed

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_annotation_of_nothing_is_released_and_taken_back(strategy: str) -> None:
    """As kubectl takes it: `sidecar.istio.io/inject:` without a value is an empty text to the API server."""

    def wanted(tag: str) -> Release:
        made = release(tag, strategy=strategy)
        for head in (made.workload, made.workload["spec"]["template"], *made.services):
            head["metadata"]["annotations"] = {"example.com/nothing": None}
        return made

    async def story(world: World) -> None:
        for tag in ("v1", "v2", "v3"):
            forward = await world.ship("apply", wanted(tag), weight=100)
            assert (forward.phase, forward.failure) == ("Promoted", None)
        back = await world.ship("rollback", wanted("v3"))
        assert (back.phase, back.failure) == ("RolledBack", None)

    in_world(story)
