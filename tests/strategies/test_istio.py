"""Routes of Istio that an application brings along, or that A/B makes of them."""

from __future__ import annotations

import pytest
from edges import destination_rule, found, service, shop, virtual_service
from rollway.kube.objects import (
    Obj,
    get,
)
from shop import STRATEGIES, World, in_world, release


def test_ab_is_left_with_no_route_to_a_subset() -> None:
    """The user's VirtualService has left the manifests meanwhile: it loses its subsets before their rule goes."""

    async def story(world: World) -> None:
        mesh = virtual_service("shop-mesh", {"destination": {"host": "shop"}})
        mesh["metadata"]["labels"] = {"team": "web"}
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, strategy="ab", more=(mesh,)))
        await world.ship("promote", shop("v2", strategy="ab", more=(mesh,)), weight=100)

        result = await world.ship("apply", release("v3"))

        assert result.phase == "Promoted"
        assert await found(world, "DestinationRule") == []
        assert world.standing()["VirtualService shop-mesh"]["spec"]["http"] == mesh["spec"]["http"]

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_istio_object_of_the_manifests_is_applied(strategy: str) -> None:
    """Two routes to the application, and those of another host: none is left out, whatever the strategy."""

    async def story(world: World) -> None:
        mesh, edge = (virtual_service(name, {"destination": {"host": "shop"}}) for name in ("shop-mesh", "shop-edge"))
        more = (mesh, edge, virtual_service("cart"), destination_rule("shop"), destination_rule("cart"))
        await world.ship("apply", shop("v1", strategy=strategy, more=more))

        assert await found(world, "VirtualService") == ["cart", "shop-edge", "shop-mesh"]
        assert await found(world, "DestinationRule") == ["cart", "shop"]

    in_world(story)


def test_ab_splits_every_route_to_the_application() -> None:
    """From the mesh and from the edge, a share is the same share; and what the manifests change on the way is applied."""

    async def story(world: World) -> None:
        def more(timeout: str) -> tuple[Obj, ...]:
            routes = [virtual_service(name, {"destination": {"host": "shop"}}) for name in ("shop-mesh", "shop-edge")]
            for vs in routes:
                vs["spec"]["http"][0]["timeout"] = timeout
            return tuple(routes)

        await world.ship("apply", shop("v1", strategy="ab", more=more("3s")))
        await world.ship("apply", shop("v2", strategy="ab", more=more("5s")), weight=30)

        for name in ("shop-mesh", "shop-edge"):
            rule = world.standing()[f"VirtualService {name}"]["spec"]["http"][-1]
            assert rule["timeout"] == "5s"
            assert [(get(target, "destination", "subset"), target["weight"]) for target in rule["route"]] == [
                ("rollway-stable", 70),
                ("rollway-b", 30),
            ]

    in_world(story)


def test_a_part_that_goes_elsewhere_keeps_its_share() -> None:
    """90% here, 10% to a legacy service: only our part is told apart."""

    async def story(world: World) -> None:
        targets = [{"destination": {"host": "shop"}, "weight": 90}, {"destination": {"host": "legacy"}, "weight": 10}]
        more = (virtual_service("shop", *targets),)
        await world.ship("apply", shop("v1", strategy="ab", more=more))

        route = world.standing()["VirtualService shop"]["spec"]["http"][0]["route"]
        assert [(target["destination"]["host"], target["weight"]) for target in route] == [("shop", 90), ("legacy", 10)]

    in_world(story)


def test_a_service_that_istio_does_not_split_reaches_the_stable_version() -> None:
    """An application of two Services under ab: the second one's callers never meet the variant."""

    async def story(world: World) -> None:
        both = (*release().services, service("shop-internal"))
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, services=both, strategy="ab"))

        assert (world.routed_versions("shop-internal"), world.ready_endpoints("shop-internal")) == ({"v1"}, 4)

    in_world(story)
