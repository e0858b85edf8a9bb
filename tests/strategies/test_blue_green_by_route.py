"""blue-green by routes: everybody on one side at every moment, and in the end all as it was."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from byroute import ROUTES, Followed, backends, routed
from cutoff import carried_out
from mortal import Killed, Mortal
from permitted import Permitted
from rollway.cluster.lock import DURATION_S
from rollway.errors import BadInput
from rollway.kube.objects import DEPLOYMENT, HPA, HTTP_ROUTE, SERVICE, Obj
from rollway.plan.steps import Apply, Hold, Route
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.rights import adopting, rights
from rollway.ship.status import status
from rollway.strategies import of_release
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, promoted, release

EACH = pytest.mark.parametrize("router", ROUTES)
QUICK = {"blueGreen": {"scaleDownDelaySeconds": 2}}
STAGED = {"blueGreen": {"scaleDownDelaySeconds": 2, "autoPromote": False}}


def shop(tag: str, router: str = "gateway", options: dict[str, Any] = QUICK, **known: Any) -> Release:
    return replace(routed(tag, router=router, strategy="blue-green", options=options, **known), router=router)


class Sides:
    """What the routes gave the second side, at every moment, as `live` reads it; changes alone."""

    def __init__(self, world: World) -> None:
        self.shares: list[dict[str, int]] = []
        self._world = world
        world.sandbox.store.subscribe(lambda change: self._look() if change.kind == HTTP_ROUTE else None)

    def _look(self) -> None:
        [now] = backends(self._world)
        if self.shares[-1:] != [now]:
            self.shares.append(now)


@EACH
def test_staged_then_everybody_at_once_and_the_routes_are_as_they_were(router: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, shop("v1", router, STAGED))
        before, followed, wanted = world.standing(), Followed(world), shop("v2", router, STAGED)
        first = await world.ship("apply", wanted)
        assert (first.phase, first.plan.router, first.plan.split.percent) == ("Paused", router, 0.0)
        assert world.pods() == {"shop v1": 4, "shop-green v2": 4}
        assert world.routed_versions("shop-preview") == {"v2"}
        seen = {side.track: side.told for side in (await status(world.cluster, wanted)).sides}
        assert seen == {"stable": "receives requests", "green": "receives no requests"}
        assert (await world.ship("rollback", wanted)).phase == "RolledBack"
        await asyncio.sleep(5)
        assert world.standing() == before
        await world.ship("apply", wanted)
        done = await world.ship("promote", wanted)
        assert (done.phase, world.pods()) == ("Promoted", {"shop v2": 4})
        assert [step.seconds for step in done.plan.steps if isinstance(step, Hold)][:1] == [2], "the old side stays warm"
        await asyncio.sleep(5)
        assert world.standing().keys() == before.keys()
        assert (await world.ship("apply", wanted)).plan.is_empty
        assert not world.emptied
        assert not followed.astray

    in_world(story)


def test_no_route_ever_mixes_two_versions() -> None:
    """Forth, and back when the old side is long gone: two switches each, from one side to the other as a whole."""
    forth = [{"shop-green": 1}, {"shop": 1}]

    async def story(world: World) -> None:
        await promoted(world, shop("v1"))
        mixed: list[set[str]] = []

        def look(change: Any) -> None:
            [now] = backends(world)
            seen = {version for service, weight in now.items() if weight for version in world.routed_versions(service)}
            mixed.extend([seen] if len(seen) > 1 else [])

        world.sandbox.store.subscribe(look)
        sides = Sides(world)
        assert (await world.ship("apply", shop("v2"))).phase == "Promoted"
        assert [{name: 1 for name, weight in now.items() if weight} for now in sides.shares[-2:]] == forth
        back = await world.ship("rollback", shop("v2"))
        assert (back.phase, world.pods()) == ("RolledBack", {"shop v1": 4})
        assert [{name: 1 for name, weight in now.items() if weight} for now in sides.shares[-2:]] == forth
        assert not mixed
        assert not world.emptied

    in_world(story)


@EACH
def test_while_the_old_side_is_warm_going_back_waits_for_no_pod(router: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, shop("v1", router))
        before, followed, wanted = (
            world.standing(),
            Followed(world),
            shop("v2", router, {"blueGreen": {"scaleDownDelaySeconds": 60}}),
        )
        run = asyncio.create_task(world.ship("apply", wanted))
        await asyncio.sleep(20)
        assert [each.phase for each in await world.history()] == ["Promoted", "Promoted"]
        assert world.pods() == {"shop v1": 4, "shop-green v2": 4}
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        back = await world.ship("rollback", wanted)
        [first, *_] = [step for step in back.plan.steps if isinstance(step, Route | Apply)]
        assert (back.phase, first.ref.kind) == ("RolledBack", "VirtualService" if router == "istio" else "Service")
        await asyncio.sleep(5)
        assert world.standing() == before
        assert not world.emptied
        assert not followed.astray

    in_world(story)


@pytest.mark.parametrize("weight", [0, 100])
@EACH
def test_by_route_and_by_selector_take_over_from_one_another(router: str, weight: int) -> None:
    """`router` is no part of a version, so that it may be changed under way, wherever a run was cut off."""

    async def story(world: World, lives: int) -> None:
        by_route, by_selector = (shop(tag, router, STAGED) for tag in ("v2", "v2"))
        by_selector = replace(by_selector, router="auto")
        await promoted(world, replace(shop("v1", router), router="auto"))
        followed = Followed(world)
        for at, wanted in enumerate((by_route, by_selector, by_route)):
            try:
                await world.ship("apply", wanted, weight=weight, cluster=Mortal(world.cluster, lives + at))
            except Killed:
                await asyncio.sleep(DURATION_S + 1)
        assert (await world.ship("apply", by_route, weight=100)).phase == "Promoted"
        assert world.pods() == {"shop v2": 4}
        assert world.routed_versions() == {"v2"}
        assert not world.emptied, lives
        assert not followed.astray, lives

    for lives in range(12, 36, 3):
        in_world(lambda world, lives=lives: story(world, lives))


@pytest.mark.parametrize("other", ["ramped", "canary", "ab", "blue-green"])
def test_from_any_strategy_and_to_it(other: str) -> None:
    options = {**QUICK, "ab": {"weight": 20}}

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy=other, options=options))
        followed = Followed(world)
        await world.ship("apply", routed("v2", strategy=other, options=options), weight=0 if other == "blue-green" else 50)
        result = await world.ship("apply", shop("v3", options=STAGED), replace=True)
        assert (result.phase, set(world.versions())) == ("Paused", {"v1", "v3"})
        again = await world.ship("apply", routed("v4", strategy=other, options=options), weight=100, replace=True)
        assert (again.phase, world.versions()) == ("Promoted", {"v4": 4}), again.failure
        assert backends(world) == [{"shop": 1}]
        assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "shop-green") is None
        assert not world.emptied
        assert not followed.astray

    in_world(story)


@pytest.mark.parametrize("tag", ["bad", "crash"])
def test_a_bad_version_meets_nobody(tag: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, shop("v1"))
        before, sides = world.standing(), Sides(world)
        result = await world.ship("apply", shop(tag))
        assert result.phase == "RolledBack"
        await asyncio.sleep(5)
        assert world.standing() == before
        assert not [now for now in sides.shares if now.get("shop-green")]

    in_world(story)


def test_what_somebody_else_deployed_is_what_it_was_after_a_way_back() -> None:
    async def story(world: World) -> None:
        await world.deploy_by_hand(tag="v0")
        found = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")["spec"]["template"]["spec"]
        await promoted(world, shop("v1"))
        assert world.pods() == {"shop v1": 4}
        await world.ship("rollback", shop("v1"))
        assert world.pods() == {"shop v0": 4}
        assert world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")["spec"]["template"]["spec"] == found
        assert not world.emptied

    in_world(story)


def scaler() -> Obj:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 8}
    meta = {"name": "shop", "namespace": NAMESPACE_NAME}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def test_an_autoscaler_goes_with_the_requests_and_comes_back() -> None:
    async def story(world: World) -> None:
        await promoted(world, shop("v1", replicas=None))
        world.sandbox.api.create(HPA, NAMESPACE_NAME, scaler(), manager="somebody")
        await asyncio.sleep(20)
        pods = world.ready_endpoints()
        targets: list[str] = []
        world.sandbox.store.subscribe(
            lambda change: targets.append(change.obj["spec"]["scaleTargetRef"]["name"]) if change.kind == HPA else None
        )
        result = await world.ship("apply", shop("v2", replicas=None))
        assert result.phase == "Promoted", result.failure
        assert list(dict.fromkeys(targets)) == ["shop-green", "shop"]
        assert world.pods() == {"shop v2": pods}
        assert not world.emptied

    in_world(story)


@EACH
def test_it_is_granted_what_it_needs_and_of_what_it_makes_nothing_more(router: str) -> None:
    async def story(world: World) -> None:
        v1, v2, bad = (shop(tag, router, STAGED) for tag in ("v1", "v2", "bad"))
        granted = rights(v1, ["blue-green"])
        allowed = Permitted(world.cluster, granted)
        await world.ship("apply", v1, cluster=allowed)
        await world.ship("apply", v2, cluster=allowed)
        assert (await world.ship("promote", v2, cluster=allowed)).phase == "Promoted"
        assert (await world.ship("rollback", v2, cluster=allowed)).phase == "RolledBack"
        failed = await world.ship("apply", bad, cluster=allowed)
        assert (failed.phase, failed.way_back_failure) == ("RolledBack", None)
        made = {"services", "ingresses", "httproutes", "virtualservices", "destinationrules"}
        unused = {right for right in granted - adopting(v1, ["blue-green"]) - allowed.used if right.resource in made}
        assert {(right.verb, right.resource, right.name) for right in unused} == set()

    in_world(story)


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (replace(release("v2", strategy="blue-green"), router="gateway"), "no HTTPRoute of the manifests leads to Service shop"),
        (replace(release("v2", strategy="blue-green"), router="nginx"), "no Ingress of the manifests has a rule"),
    ],
)
def test_a_router_without_routes_is_refused(wanted: Release, told: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        moment = world.sandbox.store.version
        with pytest.raises(BadInput, match=told):
            await world.ship("apply", wanted)
        assert world.changed_since(moment) <= {"Lease"}

    in_world(story)


def test_by_the_selector_where_no_router_is_named() -> None:
    """Routes in the manifests alone ask for nothing: the selector needs no second rollout."""

    async def story(world: World) -> None:
        await promoted(world, replace(shop("v1"), router="auto"))
        result = await world.ship("apply", replace(shop("v2"), router="auto"))
        assert (result.plan.router, world.pods()) == ("", {"shop v1": 0, "shop-green v2": 4})

    in_world(story)


@pytest.mark.parametrize("router", ["gateway", "nginx"])
def test_a_service_of_another_name_is_left_and_come_back_to(router: str) -> None:
    """The routes that everybody is led home by are those that led everybody away."""

    def named(made: Release, name: str) -> Release:
        text = json.dumps([made.services, made.others])
        services, others = json.loads(
            text.replace('"name": "shop"', f'"name": "{name}"').replace('"host": "shop"', f'"host": "{name}"')
        )
        return replace(made, services=tuple(services), others=tuple(others))

    async def story(world: World) -> None:
        first, second = shop("v1", router), named(shop("v2", router), "shop-two")
        await promoted(world, first)
        followed = Followed(world)
        assert (await world.ship("apply", second)).phase == "Promoted"
        await asyncio.sleep(20)
        assert (await world.ship("rollback", second)).phase == "RolledBack"
        await asyncio.sleep(20)
        assert followed.astray == []
        assert world.pods() == {"shop v1": 4}

    in_world(story)


@EACH
def test_wherever_it_is_cut_off_a_way_back_is_planned_though_the_selector_goes_with_the_version(router: str) -> None:
    """A Service that selects by the version's label reaches one of them; the pods of a side that goes are no stranger's."""

    def told_apart(tag: str) -> Release:
        made = shop(tag, router)
        made.workload["spec"]["template"]["metadata"]["labels"]["version"] = tag
        made.services[0]["spec"]["selector"] = {"app": "shop", "version": tag}
        return made

    async def story(world: World) -> None:
        first, second = told_apart("v1"), told_apart("v2")
        await promoted(world, first)
        plan = await shipping.plan(world.cluster, second, Request("apply"), strategy="blue-green")
        for number in range(1, len(plan.steps)):
            await carried_out(world, plan, second, number)
            back = await world.ship("rollback", second, to_revision=1)
            assert back.is_ok, (number, back.failure)
            await asyncio.sleep(20)
            assert world.pods() == {"shop v1": 4}, number
            plan = await shipping.plan(world.cluster, second, Request("apply"), strategy="blue-green")

    in_world(story)


@EACH
def test_it_replaces_a_release_that_stands_half_way_in_place(router: str) -> None:
    """A rolling update that is held is given up first: half of the own pods are neither side's."""

    async def story(world: World) -> None:
        await promoted(world, shop("v1", router))
        world.emptied.clear()
        assert (await world.ship("apply", shop("v2", router), strategy="ramped", weight=50)).phase == "Paused"
        result = await world.ship("apply", shop("v3", router), replace=True)
        assert (result.failure, result.phase) == (None, "Promoted")
        await asyncio.sleep(20)
        assert (world.pods(), world.emptied) == ({"shop v3": 4}, [])

    in_world(story)


@EACH
def test_without_a_service_it_is_rendered_and_refused_where_it_is_planned(router: str) -> None:
    """What is looked at is no mistake yet."""
    lone = replace(shop("v1", router), services=())
    kinds = [obj["kind"] for obj in of_release("blue-green", lone).render()]

    assert kinds.count("Deployment") == 2
    with pytest.raises(BadInput, match="blue-green has no Service to switch"):
        of_release("blue-green", lone).refuse_unfit()
