"""What the manifests have no more is named, and goes where that is asked, if rollway applied it."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
from besides import api, config, ingress, with_others
from rollway.kube.objects import CONFIG_MAP, INGRESS
from rollway.ship import run as shipping
from rollway.ship.status import status
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

EACH = pytest.mark.parametrize("strategy", STRATEGIES)


@EACH
def test_what_the_manifests_no_longer_have_is_named_and_stays(strategy: str) -> None:
    """Until --prune: then it goes in the end, what needs others first, and the way back brings it back."""

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", with_others("v1", config("old"), ingress(), strategy=strategy), weight=100)
        await world.ship("apply", with_others("v2", strategy=strategy), weight=100)
        told = await shipping.plan(world.cluster, with_others("v3", strategy=strategy), Request("apply", 100))

        assert any("no longer in the manifests: ConfigMap old, Ingress shop; left as they are" in note for note in told.notes)
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old")

        result = await world.ship("apply", with_others("v2", strategy=strategy), weight=100, prune=True)
        assert [step.ref.kind for step in result.plan.steps if step.type == "delete"] == ["Ingress", "ConfigMap"]
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old") is None
        assert store.find(INGRESS, NAMESPACE_NAME, "shop") is None

        await world.ship("rollback", release("v2", strategy=strategy))
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old")
        assert store.find(INGRESS, NAMESPACE_NAME, "shop")

    in_world(story)


@EACH
def test_what_has_been_gone_for_several_releases_is_still_named_and_pruned(strategy: str) -> None:
    """As long as the history knows of it: whoever learns of --prune later has it taken away, too. What somebody else has made of
    that name meanwhile is theirs, and nobody speaks of it."""

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", with_others("v1", config("old"), config("theirs"), strategy=strategy), weight=100)
        for tag in ("v2", "v3"):
            await world.ship("apply", with_others(tag, strategy=strategy), weight=100)
        world.sandbox.api.delete(CONFIG_MAP, NAMESPACE_NAME, "theirs")
        world.sandbox.api.create(CONFIG_MAP, NAMESPACE_NAME, config("theirs"), manager="kubectl-create")

        result = await world.ship("apply", with_others("v4", strategy=strategy), weight=100)
        assert "no longer in the manifests: ConfigMap old; left as they are (--prune removes them)" in result.plan.notes
        again = await shipping.plan(world.cluster, with_others("v4", strategy=strategy), Request("apply", 100))
        assert again.steps == ()
        assert any("no longer in the manifests: ConfigMap old" in note for note in again.notes)
        result = await world.ship("apply", with_others("v5", strategy=strategy), weight=100, prune=True)
        assert [step.ref.name for step in result.plan.steps if step.type == "delete" and step.ref.kind == "ConfigMap"] == ["old"]
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "old") is None
        assert store.find(CONFIG_MAP, NAMESPACE_NAME, "theirs")

    in_world(story)


@EACH
def test_status_names_what_rollway_has_put_there_and_no_version_wants(strategy: str) -> None:
    """As a Service of a version that failed: it may be asked for ever, and nothing answers behind it. What goes or is somebody
    else's is named no more."""

    async def story(world: World) -> None:
        async def left(tag: str) -> list[str]:
            seen = await status(world.cluster, with_others(tag, strategy=strategy))
            return [remark for remark in seen.remarks if "not in the manifests" in remark]

        await world.ship("apply", with_others("v1", strategy=strategy), weight=100)
        assert await left("v1") == []
        failed = await world.ship("apply", with_others("bad", config("newer"), strategy=strategy), weight=100)
        assert failed.phase == "RolledBack"
        named = "ConfigMap newer (`deploy apply --prune` removes what it may)"
        assert await left("v1") == [f"not in the manifests of v1: {named}"]
        await world.ship("apply", with_others("v2", strategy=strategy), weight=100)
        assert await left("v2") == [f"not in the manifests of v2: {named}"]
        await world.ship("apply", with_others("v3", strategy=strategy), weight=100, prune=True)
        assert await left("v3") == []

    in_world(story)


@EACH
def test_a_way_back_names_what_the_version_that_is_given_up_has_brought(strategy: str) -> None:
    """It stays, as whatever is gone from the manifests: it may hold something, or be somebody's by now. Nor does the way back of
    a release that failed take it."""

    async def story(world: World) -> None:
        store = world.sandbox.store
        await world.ship("apply", with_others("v1", strategy=strategy), weight=100)
        await world.ship("apply", with_others("v2", config("new"), ingress(), strategy=strategy), weight=100)
        back = await world.ship("rollback", with_others("v2", config("new"), ingress(), strategy=strategy))
        told = "not in the manifests of v1: ConfigMap new, Ingress shop; left as they are (`deploy apply --prune` removes them)"
        assert told in back.plan.notes
        failed = await world.ship("apply", with_others("bad", config("newer"), strategy=strategy), weight=100)
        assert failed.way_back is not None
        assert any("ConfigMap new, ConfigMap newer, Ingress shop; left" in note for note in failed.way_back.notes)
        again = await world.ship("rollback", with_others("bad", config("newer"), strategy=strategy))
        assert again.plan.steps == ()

        await world.ship("apply", with_others("v1", strategy=strategy), weight=100, prune=True)
        assert [store.find(CONFIG_MAP, NAMESPACE_NAME, name) for name in ("new", "newer")] == [None, None]

    in_world(story)


def test_a_service_that_has_long_been_gone_from_the_manifests_goes_on_following_the_live_side() -> None:
    """As long as it is there, whoever asks by it is answered, however often the sides have taken turns since."""

    async def story(world: World) -> None:
        made = release("v1", strategy="blue-green")
        second = copy.deepcopy(made.services[0])
        second["metadata"]["name"] = "former"
        await world.ship("apply", dataclasses.replace(made, services=(*made.services, second)))
        for tag in ("v2", "v3", "v4", "v5"):
            assert (await world.ship("apply", release(tag, strategy="blue-green"))).is_ok
            assert world.routed_versions("former") == {tag}
        assert "former" not in world.emptied

    in_world(story)


def test_only_what_rollway_applied_is_pruned() -> None:
    """What somebody else made, or has made anew since, and what more hangs on, stays."""

    async def story(world: World) -> None:
        claim: dict[str, Any] = {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": NAMESPACE_NAME},
            "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
        }  # fmt: skip
        await world.ship("apply", with_others("v1", config("theirs"), claim))
        world.sandbox.api.delete(CONFIG_MAP, NAMESPACE_NAME, "theirs")
        world.sandbox.api.create(CONFIG_MAP, NAMESPACE_NAME, config("theirs"), manager="kubectl-create")
        result = await world.ship("apply", with_others("v2"), prune=True)

        assert [step for step in result.plan.steps if step.type == "delete"] == []
        assert any("which --prune does not take" in note for note in result.plan.notes)
        assert world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, "theirs")

    in_world(story)


def test_what_another_application_has_taken_up_is_not_left_over() -> None:
    """An object that moved from one application's manifests to another's, or that both have, is the other's."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", config("shared")))
        other = api("v1")
        other["metadata"]["labels"] = {"app": "api"}
        await world.ship(
            "apply", dataclasses.replace(with_others("v1", config("shared")), app="api", workload=other, services=())
        )
        result = await world.ship("apply", with_others("v2"), prune=True)

        assert [step for step in result.plan.steps if step.type == "delete"] == []
        assert not any("no longer in the manifests" in note for note in result.plan.notes)
        assert world.sandbox.store.find(CONFIG_MAP, NAMESPACE_NAME, "shared")

    in_world(story)
