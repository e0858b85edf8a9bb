"""Services under blue-green: which side they lead to, whatever else has become of them."""

from __future__ import annotations

import dataclasses

import pytest
from edges import STAGED, service, shop
from rollway.errors import BadInput
from rollway.kube.objects import (
    SERVICE,
    Obj,
)
from rollway.plan.observed import TRACK_LABEL
from rollway.plan.steps import Route
from shop import World, in_world, promoted, release


def test_blue_green_needs_a_service() -> None:
    """Without one there is nothing to switch, and the new version would be scaled away: refused."""

    async def story(world: World) -> None:
        with pytest.raises(BadInput, match="no Service to switch"):
            await world.ship("apply", shop("v1", services=(), strategy="blue-green"))
        assert world.pods() == {}

    in_world(story)


@pytest.mark.parametrize("tag", ["v3", "bad"])
def test_a_new_service_does_not_hide_which_side_is_live(tag: str) -> None:
    """Green is live; the next version brings a Service that is listed first and not bound yet. The way back keeps green."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        await promoted(world, "v2", "blue-green")
        after = shop(tag, strategy="blue-green", options=STAGED)
        after = dataclasses.replace(after, services=(service("admin"), *after.services))

        result = await world.ship("apply", after)
        if result.phase == "Paused":
            result = await world.ship("rollback", after)

        assert result.phase == "RolledBack"
        assert (world.routed_versions(), world.ready_endpoints(), world.emptied) == ({"v2"}, 4, [])

    in_world(story)


def test_a_service_that_left_the_manifests_follows_the_switch() -> None:
    """It is live, and somebody may call it: it is never left on the side that is scaled to 0."""

    async def story(world: World) -> None:
        kw = {"strategy": "blue-green"}
        both = (*release().services, service("shop-old"))
        await world.ship("apply", shop("v1", services=both, **kw))
        await world.ship("apply", release("v2", strategy="blue-green"))

        assert (world.routed_versions("shop-old"), world.ready_endpoints("shop-old"), world.emptied) == ({"v2"}, 4, [])

    in_world(story)


@pytest.mark.parametrize(("verb", "version"), [("rollback", "v1"), ("promote", "v3")])
def test_the_release_under_way_counts_and_not_the_file_of_today(verb: str, version: str) -> None:
    """The file has lost a Service and changed its version since: the Service of the record is switched with the others."""

    async def story(world: World) -> None:
        both = (*release().services, service("shop-old"))
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, services=both, strategy="blue-green"))
        if verb == "promote":
            await world.ship("apply", shop("v3", services=both, strategy="blue-green", options=STAGED))

        await world.ship(verb, release("v9", strategy="blue-green"))

        assert {world.ready_endpoints("shop"), world.ready_endpoints("shop-old")} == {4}
        assert world.routed_versions("shop") == world.routed_versions("shop-old") == {version}
        assert world.emptied == []

    in_world(story)


def test_a_port_moves_together_with_the_selector() -> None:
    """The new version listens elsewhere: no request meets the old pods on the new port, or the new ones on the old."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        seen: set[tuple[str, int]] = set()

        def look(live: Obj) -> None:
            if live["metadata"]["name"] == "shop":
                seen.add((live["spec"]["selector"].get(TRACK_LABEL, "any"), live["spec"]["ports"][0]["targetPort"]))

        world.sandbox.store.subscribe(lambda change: look(change.obj) if change.kind == SERVICE else None)
        moved = service("shop", ports=[{"name": "http", "port": 80, "targetPort": 9090}])
        result = await world.ship("apply", shop("v2", services=(moved,), strategy="blue-green"))

        switch = next(step for step in result.plan.steps if isinstance(step, Route) and step.selector[TRACK_LABEL] == "green")
        assert switch.ports is not None
        assert seen - {("any", 8080)} <= {("stable", 8080), ("green", 9090)}
        assert ("green", 9090) in seen

    in_world(story)
