"""A share that is held while somebody else scales, loosens or forgets: what is done next neither fails for it nor shifts it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from rollway.errors import TimedOut
from rollway.kube.objects import DEPLOYMENT, HPA, SECRET, ref_of
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, promoted, release


def by_hand(world: World, name: str, spec: dict[str, Any], subresource: str = "") -> None:
    world.sandbox.api.patch(
        DEPLOYMENT, NAMESPACE_NAME, name, {"spec": spec}, type_="merge", subresource=subresource, manager="kubectl"
    )


async def half_way(world: World, strategy: str, options: dict[str, Any] | None = None, weight: int = 50) -> Any:
    await promoted(world, "v1", strategy, options)
    wanted = release("v2", strategy=strategy, options=options)
    result = await world.ship("apply", wanted, weight=weight)
    assert result.phase == "Paused"
    await asyncio.sleep(20)
    return wanted


def test_a_ramped_share_that_somebody_scales_stays_a_share_of_what_there_is() -> None:
    async def story(world: World) -> None:
        wanted = await half_way(world, "ramped")
        by_hand(world, "shop", {"replicas": 6}, "scale")
        await asyncio.sleep(20)
        result = await world.ship("apply", wanted, weight=50)
        assert (result.phase, result.failure) == ("Paused", None)
        assert world.versions() == {"v1": 3, "v2": 3}

    in_world(story)


def test_a_ramped_share_of_what_somebody_scaled_to_nothing_is_refused_and_not_taken_back() -> None:
    async def story(world: World) -> None:
        wanted = await half_way(world, "ramped")
        by_hand(world, "shop", {"replicas": 0}, "scale")
        await asyncio.sleep(20)
        with pytest.raises(Exception, match="shop has 0 pods"):
            await world.ship("apply", wanted, weight=50, force=True)
        assert (await world.history())[-1].phase == "Paused"

    in_world(story)


def test_limits_that_somebody_loosened_are_never_more_pods_than_there_are_to_be() -> None:
    async def story(world: World) -> None:
        wanted = await half_way(world, "ramped")
        by_hand(world, "shop", {"paused": None, "strategy": {"rollingUpdate": {"maxSurge": 4, "maxUnavailable": 4}}})
        await asyncio.sleep(40)
        plan = await shipping.plan(world.cluster, wanted, Request("apply", 50), force=True)
        assert "4 of 4 pods are v2 already, more than 50%: they stay" in plan.notes
        result = await world.ship("apply", wanted, weight=50, force=True)
        assert (result.phase, result.failure) == ("Paused", None)

    in_world(story)


def test_a_rollback_of_ab_whose_own_pods_somebody_took_away_brings_them_back_first() -> None:
    async def story(world: World) -> None:
        wanted = await half_way(world, "ab")
        by_hand(world, "shop", {"replicas": 0}, "scale")
        await asyncio.sleep(20)
        result = await world.ship("rollback", wanted)
        assert (result.phase, result.failure) == ("RolledBack", None)
        assert world.pods() == {"shop v1": 4}
        assert not world.emptied

    in_world(story)


@pytest.mark.parametrize(("action", "version"), [("promote", "v2"), ("rollback", "v1")])
def test_an_autoscaler_that_comes_in_mid_canary_does_not_halve_the_application(action: str, version: str) -> None:
    async def story(world: World) -> None:
        wanted = await half_way(world, "canary")
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        meta = {"name": "shop", "namespace": NAMESPACE_NAME}
        spec = {"minReplicas": 1, "maxReplicas": 9, "scaleTargetRef": target}
        world.sandbox.api.create(
            HPA, NAMESPACE_NAME, {"apiVersion": "autoscaling/v2", "kind": HPA.name, "metadata": meta, "spec": spec}
        )
        result = await world.ship(action, wanted, weight=100 if action == "promote" else None)
        assert result.failure is None
        assert world.pods() == {f"shop {version}": 4}

    in_world(story)


@pytest.mark.parametrize(("strategy", "weight"), [("blue-green", 0), ("canary", 50), ("ab", 50)])
def test_what_stands_in_a_pause_is_known_to_be_under_way_again_where_the_history_was_lost(strategy: str, weight: int) -> None:
    async def story(world: World) -> None:
        options = {"blueGreen": {"autoPromote": False}}
        wanted = await half_way(world, strategy, options, weight)
        for secret in await world.cluster.list(SECRET, NAMESPACE_NAME):
            await world.cluster.delete(ref_of(secret))
        again = await world.ship("apply", wanted, weight=weight)
        assert (again.phase, again.weight) == ("Paused", weight)
        assert (await world.ship("promote", wanted, weight=100)).phase == "Promoted"
        assert world.routed_versions() == {"v2"}

    in_world(story)


def test_what_an_autoscaler_made_of_a_side_that_it_scaled_is_in_nobodys_way() -> None:
    """It scales the other side by now; the one it has left is put away, or used, as if nobody had scaled it."""

    async def story(world: World) -> None:
        options = {"blueGreen": {"scaleDownDelaySeconds": 600}}
        await promoted(world, "v1", "blue-green", options)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        spec = {"minReplicas": 4, "maxReplicas": 9, "scaleTargetRef": target}
        autoscaler = {"apiVersion": "autoscaling/v2", "kind": HPA.name, "metadata": {"name": "shop"}, "spec": spec}
        world.sandbox.api.create(HPA, NAMESPACE_NAME, autoscaler)
        patch = {"spec": {"replicas": 6}}
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, subresource="scale", manager="kube-controller-manager")
        await asyncio.sleep(20)
        with pytest.raises(TimedOut):  # in the hold
            await world.ship("apply", release("v2", strategy="blue-green", options=options), timeout_s=60)

        result = await world.ship("apply", release("v3", strategy="canary"), weight=50)

        assert (result.phase, result.failure) == ("Paused", None)
        assert set(world.versions()) == {"v2", "v3"}
        assert not world.emptied

    in_world(story)
