"""What others have beside the application, under names that it would take."""

from __future__ import annotations

import copy

import pytest
from edges import _object, destination_rule, put, service, shop, told, virtual_service
from rollway.errors import BadInput
from rollway.kube.objects import (
    VIRTUAL_SERVICE,
)
from shop import World, in_world, promoted, release


def test_a_neighbours_routes_of_our_name_stay() -> None:
    """A VirtualService and a DestinationRule called like the application, which rollway did not make."""

    async def story(world: World) -> None:
        put(world, virtual_service("shop"), destination_rule("shop"))
        before = world.standing()
        gateway = _object(VIRTUAL_SERVICE.api_version, "Gateway", "gw", {"selector": {"istio": "ingressgateway"}, "servers": []})
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, more=(gateway,)))

        after = world.standing()
        assert all(after[name] == before[name] for name in ("VirtualService shop", "DestinationRule shop"))

    in_world(story)


def test_a_neighbours_preview_service_stays() -> None:
    """Blue-green would need its name: refused, and left as it is."""

    async def story(world: World) -> None:
        put(world, service("shop-preview", selector={"app": "preview-env"}))
        before = world.standing()["Service shop-preview"]
        await promoted(world, "v1", "ramped")
        with pytest.raises(BadInput, match="Service shop-preview is there already"):
            await world.ship("apply", release("v2", strategy="blue-green"))
        await promoted(world, "v3", "canary")

        assert world.standing()["Service shop-preview"] == before

    in_world(story)


@pytest.mark.parametrize(("strategy", "name"), [("canary", "shop-canary"), ("blue-green", "shop-green"), ("ab", "shop-b")])
def test_a_neighbours_deployment_stays(strategy: str, name: str) -> None:
    """Another application is called as our second Deployment would be: the plan refuses, and no step of ours touches it."""

    async def story(world: World) -> None:
        neighbour = copy.deepcopy(release("v9").workload)
        neighbour["metadata"] |= {"name": name, "labels": {"app": name}}
        neighbour["spec"]["selector"] = {"matchLabels": {"app": name}}
        neighbour["spec"]["template"]["metadata"]["labels"] = {"app": name}
        put(world, neighbour)
        before = world.standing()[f"Deployment {name}"]
        await promoted(world, "v1", strategy)
        with pytest.raises(BadInput, match=f"Deployment {name} is there already, and not of shop") as refused:
            await world.ship("apply", release("v2", strategy=strategy))

        assert "choose a strategy without a second Deployment" in refused.value.hint
        assert await told(world) == [("v1", "Promoted")]
        assert world.standing()[f"Deployment {name}"] == before
        assert (world.routed_versions(), world.emptied) == ({"v1"}, [])

    in_world(story)
