"""Shares that routes give, of an application that an autoscaler scales."""

from __future__ import annotations

import asyncio

import pytest
from byroute import (
    Followed,
    routed,
)
from rollway.kube.objects import (
    DEPLOYMENT,
    HPA,
    Obj,
)
from shop import NAMESPACE_NAME, World, in_world, promoted


@pytest.mark.parametrize("verb", ["promote", "rollback"])
@pytest.mark.parametrize("router", ["gateway", "istio", "nginx"])
def test_pods_that_an_autoscaler_took_are_back_before_everybody_is(router: str, verb: str) -> None:
    """At half of the requests it has halved the Deployment that it scales."""

    async def story(world: World) -> None:
        wanted = [routed(tag, router=router, strategy="canary", replicas=None) for tag in ("v1", "v2")]
        await promoted(world, wanted[0])
        world.sandbox.api.create(HPA, NAMESPACE_NAME, scaler(), manager="somebody")
        await scaled(world, 8)
        await world.ship("apply", wanted[1], weight=50)
        await scaled(world, 4)
        done = await world.ship(verb, wanted[1], weight=100 if verb == "promote" else None)
        assert not done.failure
        assert world.pods() == {f"shop {'v2' if verb == 'promote' else 'v1'}": 8}
        order = [step.type for step in done.plan.steps if getattr(step, "ref", None) and step.ref.name in ("shop", "shop-canary")]
        assert order.index("scale") < order.index("delete")

    in_world(story)


def scaler() -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 8}
    return {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "theirs"}, "spec": spec}


async def scaled(world: World, pods: int) -> None:
    """By its autoscaler, as far as that goes."""
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": pods}}, "merge", manager="hpa")
    await asyncio.sleep(20)


@pytest.mark.parametrize("router", ["gateway", "istio", "nginx"])
def test_what_an_autoscaler_scales_is_never_without_requests(router: str) -> None:
    """It would scale idle pods away, and then everybody would come back to the few that are left."""

    async def story(world: World) -> None:
        wanted = [routed(tag, router=router, strategy="canary", replicas=None) for tag in ("v1", "v2")]
        await promoted(world, wanted[0])
        world.sandbox.api.create(HPA, NAMESPACE_NAME, scaler(), manager="somebody")
        await scaled(world, 4)
        followed = Followed(world)
        await world.ship("apply", wanted[1], weight=20)
        done = await world.ship("promote", wanted[1], weight=100)
        assert (done.phase, world.pods()) == ("Promoted", {"shop v2": 4})
        assert not [step for step in done.plan.steps if "for everybody" in step.why]
        assert [note for note in done.plan.notes if "an HPA scales shop: it is rolled in place" in note]
        assert not followed.astray
        assert not world.emptied

    in_world(story)
