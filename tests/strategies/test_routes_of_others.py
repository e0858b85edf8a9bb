"""Routes, Services and grants that stand in the way of a share by routes: of others, or too full for it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from byroute import (
    COPIED,
    EDGE,
    KEPT,
    STEPS,
    TESTERS,
    TWO_HEADERS,
    backends,
    http_route,
    ingress,
    routed,
)
from rollway.errors import BadInput, Refused
from rollway.kube.objects import (
    HTTP_ROUTE,
    INGRESS,
    NAMESPACE,
    REFERENCE_GRANT,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Obj,
)
from rollway.ship import run as shipping
from rollway.ship.status import status
from rollway.strategies import by_name
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, promoted, release


def full(*, backends: int = 0, headers: int = 0, filters: int = 0) -> Obj:
    """A rule to the Service with so many more of each as a route may hold."""
    copies = [{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": f"m{n}", "port": 80}}} for n in range(filters)]
    asked = [{"name": f"x-{number}", "value": "1"} for number in range(headers)]
    refs = [{"name": "shop", "port": 80}, *({"name": f"s{number}", "port": 80} for number in range(backends))]
    return {
        "backendRefs": refs,
        **({"filters": copies} if copies else {}),
        **({"matches": [{"headers": asked}]} if asked else {}),
    }


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (replace(release("v2", strategy="ab"), router="replicas"), "ab tells requests apart by what they carry"),
        (
            replace(release("v2", strategy="canary"), router="gateway"),
            "no HTTPRoute of the manifests leads to Service shop",
        ),
        (
            replace(release("v2", strategy="canary"), router="nginx"),
            "no Ingress of the manifests has a rule to Service shop",
        ),
        (
            routed("v2", strategy="canary", others=(ingress(), ingress("b", canary="true"))),
            "Ingress b of the manifests is a canary",
        ),
        (routed("v2", router="nginx", strategy="ab", options=TWO_HEADERS), "tells requests apart by one header"),
        (release("v2", strategy="canary", options=TESTERS), "no route of the manifests splits them"),
        (
            replace(routed("v2", strategy="canary", options=TESTERS), router="replicas"),
            "no route of the manifests splits them",
        ),
        (routed("v2", router="nginx", strategy="canary", options=COPIED), "router nginx cannot copy a share of the requests"),
        (routed("v2", router="nginx", strategy="ab", options=KEPT), "router nginx cannot keep users on their side"),
        (release("v2", strategy="canary", options=COPIED), "router replicas cannot copy a share of the requests"),
        (
            routed("v2", strategy="canary", options=STEPS, others=(EDGE, http_route(full(backends=15)))),
            r"HTTPRoute shop would be refused once it is split: spec.rules\[0\].backendRefs: Too many: 17",
        ),
        (routed("v2", strategy="canary", options=TESTERS, others=(EDGE, http_route(full(headers=16)))), "headers: Too many: 17"),
        (routed("v2", strategy="canary", options=COPIED, others=(EDGE, http_route(full(filters=16)))), "filters: Too many: 17"),
    ],
)
def test_what_a_router_cannot_do_is_refused(wanted: object, told: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        moment = world.sandbox.store.version
        with pytest.raises(BadInput, match=told):
            await world.ship("apply", wanted)  # type: ignore[arg-type]
        assert world.changed_since(moment) <= {"Lease"}

    in_world(story)


def test_a_service_of_the_second_ones_name_is_somebodys() -> None:
    mine = release("v1").services[0]
    taken = {**mine, "metadata": {**mine["metadata"], "name": "shop-canary"}, "spec": {"ports": [{"port": 80}]}}

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary"))
        world.sandbox.api.create(SERVICE, NAMESPACE_NAME, taken, manager="somebody")
        with pytest.raises(BadInput, match="Service shop-canary is there already, and not of shop"):
            await world.ship("apply", routed("v2", strategy="canary"))

    in_world(story)


def test_a_route_of_somebody_else_is_told() -> None:
    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary"))
        world.sandbox.api.create(HTTP_ROUTE, NAMESPACE_NAME, http_route(name="theirs"), manager="somebody")
        result = await world.ship("apply", routed("v2", strategy="canary"))
        assert any("HTTPRoute theirs of namespace shop leads to Service shop" in note for note in result.plan.notes)
        assert backends(world, "theirs") == [{"shop": 1}]

    in_world(story)


@pytest.mark.parametrize(("router", "kind"), [("gateway", HTTP_ROUTE), ("istio", VIRTUAL_SERVICE), ("nginx", INGRESS)])
def test_a_route_that_somebody_has_changed_is_told(router: str, kind: Kind) -> None:
    """By name and field; what serves it writes only how it stands."""

    async def story(world: World) -> None:
        wanted = routed("v1", router=router)
        await promoted(world, wanted)
        assert not (await status(world.cluster, wanted)).remarks
        name = "routes" if router == "istio" else "shop"
        theirs = {"spec": {"rules" if router == "nginx" else "hostnames" if router == "gateway" else "hosts": VALUES[router]}}
        await asyncio.sleep(5)
        world.sandbox.api.patch(kind, NAMESPACE_NAME, name, theirs, "merge", manager="kubectl-edit")
        [told] = (await status(world.cluster, wanted)).remarks
        assert told.startswith(f"{kind.name} {name} has been changed since the release by kubectl-edit: ")

    in_world(story)


VALUES: dict[str, list[Any]] = {
    "gateway": ["other.example.com"], "istio": ["shop", "other"], "nginx": [{"host": "other.example.com"}],
}  # fmt: skip


@pytest.mark.parametrize("strategy", ["ramped", "canary"])
def test_a_route_to_a_service_of_that_name_which_is_somebodys_is_left_alone(strategy: str) -> None:
    """Users of other tools call theirs so."""
    both = [{"name": "shop", "port": 80, "weight": 90}, {"name": "shop-canary", "port": 80, "weight": 10}]
    split = http_route({"backendRefs": both})
    mine = release("v1").services[0]
    theirs = {**mine, "metadata": {**mine["metadata"], "name": "shop-canary"}}

    async def story(world: World) -> None:
        world.sandbox.api.create(SERVICE, NAMESPACE_NAME, theirs, manager="somebody")
        await promoted(world, routed("v1", strategy="ramped", others=(EDGE, split)))
        await promoted(world, replace(routed("v2", strategy="ramped", others=(EDGE,)), router="replicas"))
        await promoted(world, replace(routed("v3", strategy=strategy, others=(EDGE,)), router="replicas"))
        assert backends(world) == [{"shop": 90, "shop-canary": 10}]

    in_world(story)


def test_a_canary_ingress_of_somebody_else_for_the_same_path_is_refused() -> None:
    """ingress-nginx heeds one of the two: perhaps nobody would ever meet the new version."""
    theirs = ingress("theirs", canary="true", canary_weight="5")
    theirs["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = "elsewhere"

    async def story(world: World) -> None:
        await promoted(world, routed("v1", router="nginx", strategy="canary"))
        world.sandbox.api.create(INGRESS, NAMESPACE_NAME, theirs, manager="somebody")
        with pytest.raises(Refused, match="Ingress theirs, not in the manifests, is a canary of the same host and path already"):
            await world.ship("apply", routed("v2", router="nginx", strategy="canary"))
        theirs["spec"]["rules"][0]["host"] = "other.example.com"
        world.sandbox.api.patch(INGRESS, NAMESPACE_NAME, "theirs", {"spec": theirs["spec"]}, "merge", manager="somebody")
        wanted = routed("v2", router="nginx", strategy="canary")
        assert (await world.ship("apply", wanted)).phase == "Paused"
        assert (await world.ship("promote", wanted, weight=50)).phase == "Paused", "its own is no rival"

    in_world(story)


@pytest.mark.parametrize(("names", "is_refused"), [(["shop"], True), ([None], False), (["shop", "shop-canary"], False)])
def test_a_grant_that_names_the_service_alone_is_told_before_anything(names: list[str | None], is_refused: bool) -> None:
    """A backend that no grant allows is answered 500 for its share."""
    wanted = routed("v2", strategy="canary", others=(grant_to(*names), AWAY))
    if not is_refused:
        return by_name("canary")(wanted).refuse_unfit()
    with pytest.raises(BadInput, match="ReferenceGrant infra lets HTTPRoute shop lead to Service shop alone"):
        by_name("canary")(wanted).refuse_unfit()
    return None


AWAY = http_route({"backendRefs": [{"name": "shop", "namespace": NAMESPACE_NAME, "port": 80}]}) | {
    "metadata": {"name": "shop", "namespace": "infra"}
}


def grant_to(*names: str | None, name: str = "infra") -> Obj:
    return {
        "apiVersion": REFERENCE_GRANT.api_version, "kind": REFERENCE_GRANT.name,
        "metadata": {"name": name, "namespace": NAMESPACE_NAME},
        "spec": {
            "from": [{"group": HTTP_ROUTE.group, "kind": HTTP_ROUTE.name, "namespace": "infra"}],
            "to": [{"group": "", "kind": "Service", **({"name": each} if each else {})} for each in names],
        },
    }  # fmt: skip


@pytest.mark.parametrize("is_refused", [True, False])
def test_so_is_a_grant_that_is_live_alone(is_refused: bool) -> None:
    """Unless another one lets the route lead to both; of routes beside the Service nobody asks for grants."""

    async def story(world: World) -> None:
        world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "infra"}})
        for obj in (grant_to("shop"), *([] if is_refused else [grant_to(None, name="wide")])):
            await world.cluster.create(obj)
        others = ({**AWAY, "spec": {**AWAY["spec"], "parentRefs": [{"name": "edge", "namespace": NAMESPACE_NAME}]}},)
        await promoted(world, routed("v1", strategy="ramped", others=others))
        wanted, moment = routed("v2", strategy="canary", others=others), world.sandbox.store.version
        planned = shipping.plan(world.cluster, wanted, Request("apply"))
        if not is_refused:
            assert (await planned).router == "gateway"
            return
        with pytest.raises(BadInput, match="ReferenceGrant infra lets HTTPRoute shop lead to Service shop alone"):
            await planned
        assert not world.changed_since(moment)

    in_world(story)
    near = by_name("canary")(routed("v2", strategy="canary"))
    assert REFERENCE_GRANT not in near.routing_kinds
