"""Which router `auto` takes, and what it says of live routes that it goes past."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest
from byroute import (
    EDGE,
    ROUTES,
    STEPS,
    backends,
    http_route,
    ingress,
    routed,
    virtual_service,
)
from permitted import Permitted
from rollway.kube.objects import (
    NAMESPACE,
)
from rollway.plan.observed import Observed
from rollway.release.model import Release
from rollway.routing.routers import chosen
from rollway.ship import run as shipping
from rollway.ship.checking import check_live
from rollway.ship.rights import rights
from rollway.ship.status import status
from rollway.strategies import by_name, canary
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, promoted, release


def test_which_router_is_chosen_is_looked_for_once_however_much_the_manifests_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """An install of thousands of objects is asked of each whether it is a route."""
    looks: list[Release] = []
    monkeypatch.setattr(canary, "chosen", lambda release, host: looks.append(release) or chosen(release, host))
    plain = routed("v1", strategy="canary")
    settings = tuple(
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": f"set-{at}", "namespace": NAMESPACE_NAME}}
        for at in range(50)
    )
    by_name("canary")(replace(plain, others=(*plain.others, *settings))).plan(Request("apply"), Observed())
    assert len(looks) < 10


def test_an_ingress_that_shows_no_sign_of_nginx_is_not_taken_for_its() -> None:
    """The class alone may be another controller's, which heeds no canary: nobody would ever meet the new version."""
    plain = ingress()
    plain["metadata"]["annotations"] = {}

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary", others=(plain,)))
        result = await world.ship("apply", routed("v2", strategy="canary", others=(plain,)), weight=50)
        assert (result.plan.router, world.pods()) == ("", {"shop v1": 2, "shop-canary v2": 2})

    in_world(story)


def test_the_first_routes_that_the_manifests_have_are_taken() -> None:
    both = routed("v2", strategy="canary", others=(virtual_service(), EDGE, http_route()))

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary", others=(virtual_service(), EDGE, http_route())))
        result = await world.ship("apply", both)
        assert result.plan.router == "gateway"

    in_world(story)


def test_who_may_not_list_ingresses_may_release_and_is_told_what_is_not_known() -> None:
    async def story(world: World) -> None:
        wanted = [routed(tag, router="nginx", strategy="canary") for tag in ("v1", "v2")]
        granted = [right for right in rights(wanted[0], ["canary"]) if (right.verb, right.resource) != ("list", "ingresses")]
        allowed = Permitted(world.cluster, granted)
        assert (await world.ship("apply", wanted[0], cluster=allowed)).phase == "Promoted"
        result = await world.ship("apply", wanted[1], cluster=allowed)
        assert result.phase == "Paused", result.failure
        assert "whether other routes lead to Service shop is not known: they may not be listed" in result.plan.notes

    in_world(story)


UNSEEN = {
    "gateway": "HTTPRoute shop leads to Service shop and is not in the manifests",
    "istio": "VirtualService routes leads to Service shop and is not in the manifests",
    "nginx": "Ingress shop leads to Service shop and is not in the manifests",
}


@pytest.mark.parametrize("router", ROUTES)
def test_auto_tells_of_a_live_route_that_is_not_in_the_manifests(router: str) -> None:
    """In the plan, by `check --live` and in the status; nothing of it is changed, also where it comes in mid-release."""
    options = {"canary": {"steps": [{"weight": 25}, {"weight": 50}]}}

    async def story(world: World) -> None:
        wanted = release("v2", strategy="canary", options=options)
        await promoted(world, release("v1", strategy="canary", options=options))
        first = await world.ship("apply", wanted)
        assert not [note for note in first.plan.notes if "not in the manifests" in note]
        for obj in ROUTES[router]:
            await world.cluster.create(copy.deepcopy(obj))
        before = {name: obj for name, obj in world.standing().items() if name in {f"{o['kind']} shop" for o in ROUTES[router]}}
        assert any(UNSEEN[router] in remark for remark in (await status(world.cluster, wanted)).remarks)
        second = await world.ship("promote", wanted)
        assert [note for note in second.plan.notes if UNSEEN[router] in note]
        assert (second.plan.router, world.pods()) == ("", {"shop v1": 2, "shop-canary v2": 2})
        found = (await check_live(world.cluster, wanted)).findings
        assert [one.id for one in found if UNSEEN[router] in one.message] == ["RW056"]
        await world.ship("promote", wanted, weight=100)
        assert {name: obj for name, obj in world.standing().items() if name in before} == before

    in_world(story)


def test_auto_keeps_the_router_of_its_manifests_whatever_else_is_live() -> None:
    """Others' routes that come in mid-release change no router; those of other namespaces are told, a namesake's are not."""

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary", options=STEPS))
        wanted = routed("v2", strategy="canary", options=STEPS)
        await world.ship("apply", wanted)
        await world.cluster.create(copy.deepcopy(ingress("edge")))
        elsewhere = copy.deepcopy(virtual_service())
        elsewhere["metadata"] |= {"namespace": "team", "name": "theirs"}  # `shop` is Service shop of their own namespace
        full = copy.deepcopy(elsewhere)
        full["metadata"]["name"] = "ours"
        full["spec"]["http"][0]["route"][0]["destination"]["host"] = f"shop.{NAMESPACE_NAME}.svc.cluster.local"
        world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}})
        for obj in (elsewhere, full):
            await world.cluster.create(obj)
        result = await world.ship("promote", wanted)
        told = [note.partition(" leads")[0] for note in result.plan.notes if "by which router auto chooses" in note]
        assert told == ["VirtualService ours of namespace team", "Ingress edge"]
        assert (result.plan.router, backends(world)) == ("gateway", [{"shop": 50, "shop-canary": 50}])
        named = await shipping.plan(world.cluster, replace(wanted, router="gateway"), Request("apply", 70))
        assert not [note for note in named.notes if "router auto" in note]

    in_world(story)


def test_what_may_not_be_listed_keeps_auto_from_nothing() -> None:
    """Whoever may read the application alone plans and releases as before."""

    async def story(world: World) -> None:
        options = {"canary": {"steps": [{"weight": 25}]}}
        await promoted(world, release("v1", strategy="canary", options=options))
        wanted = release("v2", strategy="canary", options=options)
        cluster = Permitted(world.cluster, rights(wanted, ["canary"]))
        assert (await world.ship("apply", wanted, cluster=cluster)).phase == "Paused"

    in_world(story)
