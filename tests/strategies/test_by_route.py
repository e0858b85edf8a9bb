"""Shares that routes give: the order of what is changed, whatever the router, and what is left when it is done."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import functools
from dataclasses import replace
from random import Random

import pytest
from byroute import (
    COPIED,
    EDGE,
    STEPS,
    TESTERS,
    Followed,
    backends,
    copies,
    http_route,
    routed,
)
from mortal import Killed, Mortal
from permitted import Permitted
from rollway.cli.views.failure_text import failure_lines
from rollway.cli.views.paint import Paint
from rollway.kube.objects import (
    API_GATEWAY,
    HTTP_ROUTE,
    INGRESS,
    SERVICE,
    VIRTUAL_SERVICE,
    Obj,
)
from rollway.plan.steps import Apply, Delete, Hold, Wait
from rollway.release.model import Release
from rollway.routing.nginx import PREFIX
from rollway.sandbox.store.store import Change
from rollway.ship.rights import adopting, rights
from rollway.ship.status import status
from rollway.strategies import stands
from shop import NAMESPACE_NAME, Stand, World, in_world, promoted, stand_of
from users import User, ways_of


def test_one_percent_of_four_pods_and_then_all() -> None:
    """Routes give any share, with one pod; the old version keeps all of its own until the end."""

    async def story(world: World) -> None:
        followed = Followed(world)
        await promoted(world, routed("v1", strategy="canary", options=STEPS))
        wanted = routed("v2", strategy="canary", options=STEPS)
        first = await world.ship("apply", wanted)
        assert (first.phase, first.plan.split.percent, first.plan.router) == ("Paused", 1.0, "gateway")
        assert world.pods() == {"shop v1": 4, "shop-canary v2": 1}
        assert backends(world) == [{"shop": 99, "shop-canary": 1}]
        assert world.routed_versions() == {"v1"}
        assert world.routed_versions("shop-canary") == {"v2"}

        await world.ship("promote", wanted, weight=33)
        assert backends(world) == [{"shop": 67, "shop-canary": 33}]
        assert world.pods() == {"shop v1": 4, "shop-canary v2": 2}

        done = await world.ship("promote", wanted, weight=100)
        assert (done.phase, world.pods(), backends(world)) == ("Promoted", {"shop v2": 4}, [{"shop": 1}])
        assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "shop-canary") is None
        assert "rollway.dev/track" not in world.sandbox.store.get(SERVICE, NAMESPACE_NAME, "shop")["spec"]["selector"]
        assert not world.emptied
        assert not followed.astray
        assert world.peak_pods == 9

    in_world(story)


def test_what_a_route_names_is_there_before_it_and_goes_after_it() -> None:
    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary"))
        wanted = routed("v2", strategy="canary")
        there = await world.ship("apply", wanted)
        order = [
            (type(step).__name__, step.ref.kind, step.ref.name) for step in there.plan.steps if isinstance(step, Apply | Wait)
        ]
        assert order == [
            ("Apply", "Service", "shop-canary"), ("Apply", "Deployment", "shop-canary"), ("Wait", "Deployment", "shop-canary"),
            ("Apply", "HTTPRoute", "shop"), ("Wait", "HTTPRoute", "shop"),
        ]  # fmt: skip
        back = await world.ship("rollback", wanted)
        names = [step.ref.kind for step in back.plan.steps if isinstance(step, Apply | Wait | Delete)]
        assert names.index("HTTPRoute") < names.index("Deployment") < len(names) - 1 - names[::-1].index("Service")
        assert backends(world) == [{"shop": 1}]

    in_world(story)


def test_the_way_back_does_not_wait_for_who_serves_the_routes() -> None:
    """The second Service is bound to the first side: a controller that is gone sends nobody to pods that have left."""

    async def story(world: World) -> None:
        world.sandbox.api.create(API_GATEWAY, NAMESPACE_NAME, copy.deepcopy(EDGE), manager="somebody")
        await promoted(world, routed("v1", strategy="canary", others=(http_route(),)))
        wanted = routed("v2", strategy="canary", others=(http_route(),))
        await world.ship("apply", wanted)
        other = {"spec": {"gatewayClassName": "of-somebody-who-is-gone"}}
        world.sandbox.api.patch(API_GATEWAY, NAMESPACE_NAME, "edge", other, "merge", manager="somebody")
        back = await world.ship("rollback", wanted)
        assert "Gateway shop/edge" in str(back.failure)
        assert (back.plan.steps[0].type, back.phase, world.pods()) == ("route", "RolledBack", {"shop v1": 4})
        assert not world.emptied
        assert (await world.ship("rollback", wanted)).plan.is_empty, (
            "by now nobody speaks of the route, and nothing is to be waited for"
        )

    in_world(story)


def test_a_route_that_nobody_takes_up_ends_the_release_with_the_old_version_untouched() -> None:
    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary"))
        world.sandbox.store.remove(API_GATEWAY, NAMESPACE_NAME, "edge")
        lone = routed("v2", strategy="canary", others=(http_route(),))
        result = await world.ship("apply", lone)
        assert "Gateway shop/edge" in str(result.failure)
        assert "try: `deploy check --live`" in [*failure_lines(result, never_left=True, paint=Paint(False))][-1]
        assert (result.phase, result.way_back_failure, world.versions()) == ("RolledBack", None, {"v1": 4})
        assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "shop-canary") is None

    in_world(story)


def test_testers_first_and_then_everybody() -> None:
    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary", options=TESTERS))
        wanted = routed("v2", strategy="canary", options=TESTERS)
        first = await world.ship("apply", wanted)
        assert (first.phase, first.plan.weight) == ("Paused", 0)
        assert backends(world) == [{"shop": 1}, {"shop-canary": 1}]
        await world.ship("promote", wanted)
        assert backends(world) == [{"shop": 80, "shop-canary": 20}, {"shop-canary": 1}], "testers stay with it"

    in_world(story)


def test_copies_first_and_then_users() -> None:
    """As many pods as the copies need; the copies end where users come."""

    async def story(world: World) -> None:
        followed = Followed(world)
        await promoted(world, routed("v1", strategy="canary", options=COPIED))
        wanted = routed("v2", strategy="canary", options=COPIED)
        first = await world.ship("apply", wanted)
        assert (first.phase, first.plan.weight, first.plan.split.copied) == ("Paused", 0, 50)
        assert (backends(world), copies(world)) == ([{"shop": 1}], [{"shop-canary": 50}])
        assert world.pods() == {"shop v1": 4, "shop-canary v2": 2}
        assert "50% of the requests reach v2, too: those that write, twice" in first.plan.notes
        seen = {side.track: side.told for side in (await status(world.cluster, wanted)).sides}
        assert seen == {"stable": "receives requests", "canary": "receives copies of requests"}
        again = await world.ship("apply", wanted)
        assert again.plan.is_empty
        await world.ship("promote", wanted)
        assert (backends(world), copies(world)) == ([{"shop": 80, "shop-canary": 20}], [{}])
        await world.ship("promote", wanted, weight=100)
        assert (backends(world), copies(world), world.versions()) == ([{"shop": 1}], [{}], {"v2": 4})
        assert not followed.astray

    in_world(story)


def test_a_step_that_is_edited_in_mid_release_is_told_as_it_is_by_then() -> None:
    """More copies by the same release: the history has what it goes on by, for whoever asks without the file."""

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary", options=COPIED))
        await world.ship("apply", routed("v2", strategy="canary", options=COPIED))
        more = {"canary": {"steps": [{"mirror": 60}, {"weight": 30}]}}
        again = await world.ship("apply", routed("v2", strategy="canary", options=more))
        seen = (await status(world.cluster, routed("v2", strategy="canary"))).last
        assert seen
        assert (again.phase, copies(world), stands.at(seen)) == (
            "Paused",
            [{"shop-canary": 60}],
            ": copies of 60% of requests go to v2",
        )
        assert again.plan.new_revisions == ()
        on = await world.ship("promote", Release.from_record(seen.release))
        assert (on.plan.weight, on.plan.options) == (30, None)

    in_world(story)


@pytest.mark.parametrize("router", ["gateway", "istio"])
def test_users_keep_their_side_until_nobody_is_told_apart(router: str) -> None:
    """Through shares of the release file and others; and in a release after that was taken back they are drawn anew."""
    options = {"canary": {"sticky": True, "steps": [{"weight": 1}, {"weight": 50}]}}
    kind, name = (HTTP_ROUTE, "shop") if router == "gateway" else (VIRTUAL_SERVICE, "routes")

    async def story(world: World) -> None:
        def route() -> Obj:
            return world.sandbox.store.get(kind, NAMESPACE_NAME, name)

        await promoted(world, routed("v1", router=router, strategy="canary", options=options))
        before, followed, random = world.standing(), Followed(world), Random(3)
        users, wanted = [User() for _ in range(2000)], routed("v2", router=router, strategy="canary", options=options)
        for weight in (None, 7, 30, 50):
            await world.ship("promote" if weight else "apply", wanted, weight=weight)
            ways = ways_of(route())
            for _ in range(2):
                share = sum(user.visit(ways, random) for user in users) / 20
            assert abs(share - (weight or 1)) < 2
        assert not [user for user in users if user.went_back]
        assert (await world.ship("promote", wanted, weight=50)).plan.is_empty
        await world.ship("rollback", wanted)
        await asyncio.sleep(5)
        assert world.standing() == before, "nobody stays"
        again = await world.ship("apply", wanted)
        assert again.phase == "Paused", again.failure
        assert sum(user.visit(ways_of(route()), random) for user in users) < 60
        assert (await world.ship("promote", wanted, weight=100)).phase == "Promoted"
        assert "rollway-shop" not in str(route()["spec"])
        assert not followed.astray
        assert not world.emptied

    in_world(story)


@pytest.mark.parametrize("router", ["gateway", "istio"])
def test_copies_end_before_anything_else_is_taken_back(router: str) -> None:
    """What is taken back shall not write any more, and nothing be written twice by the version that stays."""

    async def story(world: World) -> None:
        await promoted(world, routed("v1", router=router, strategy="canary", options=COPIED))
        before, followed = world.standing(), Followed(world)
        wanted = routed("v2", router=router, strategy="canary", options=COPIED)
        await world.ship("apply", wanted)
        back = await world.ship("rollback", wanted)
        assert back.phase == "RolledBack", back.failure
        changing = [step for step in back.plan.steps if not isinstance(step, Wait)]
        assert changing[0].ref.kind == ("HTTPRoute" if router == "gateway" else "VirtualService")
        assert changing[0].why == "no copies any more, before anything else"
        await asyncio.sleep(5)
        assert world.standing() == before
        assert not followed.astray
        assert not world.emptied

    in_world(story)


@pytest.mark.parametrize("strategy", ["canary", "ab"])
@pytest.mark.parametrize("router", ["gateway", "istio", "nginx"])
def test_a_strategy_does_not_know_which_router_it_has(strategy: str, router: str) -> None:
    """The same verbs lead to the same ends."""
    options = {"canary": {"steps": [{"weight": 20}]}, "ab": {"weight": 20, "match": [{"headers": {"x-beta": "yes"}}]}}

    async def story(world: World) -> None:
        wanted = [routed(tag, router=router, strategy=strategy, options=options) for tag in ("v1", "v2")]
        await promoted(world, wanted[0])
        followed = Followed(world)
        before = world.standing()
        result = await world.ship("apply", wanted[1])
        assert (result.phase, result.plan.router, result.plan.split.percent) == ("Paused", router, 20.0)
        assert f"router auto: {router}, as the manifests hold " in str(result.plan.notes)
        await world.ship("rollback", wanted[1])
        await asyncio.sleep(5)
        assert world.standing() == before
        await promoted(world, wanted[1])
        assert world.versions() == {"v2": 4}
        assert not world.emptied
        assert not followed.astray

    in_world(story)


def test_nginx_takes_its_share_by_a_canary_beside_the_users_ingress() -> None:
    async def story(world: World) -> None:
        await promoted(world, routed("v1", router="nginx", strategy="canary", options=TESTERS))
        wanted = routed("v2", router="nginx", strategy="canary", options=TESTERS)
        users = world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop")
        await world.ship("apply", wanted)
        made = world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop-canary")
        marks = {
            key.removeprefix(PREFIX): text for key, text in made["metadata"]["annotations"].items() if key.startswith(PREFIX)
        }
        assert marks == {
            "canary": "true", "canary-weight": "0", "canary-by-header": "x-beta", "canary-by-header-value": "yes",
        }  # fmt: skip
        await world.ship("promote", wanted)
        annotations = world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop-canary")["metadata"]["annotations"]
        assert annotations[f"{PREFIX}canary-weight"] == "20"
        done = await world.ship("promote", wanted, weight=100)
        assert [each["metadata"]["name"] for each in world.sandbox.store.list(INGRESS, NAMESPACE_NAME)] == ["shop"]
        assert [step.seconds for step in done.plan.steps if isinstance(step, Hold)] == [5], "nobody says when nginx has heard"
        assert world.sandbox.store.get(INGRESS, NAMESPACE_NAME, "shop") == users
        assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "shop-canary") is None

    in_world(story)


def test_from_a_share_of_routes_to_one_of_pods_and_back_again() -> None:
    """`router` is no part of a version, so that it may be changed under way."""

    async def story(world: World) -> None:
        followed = Followed(world)
        await promoted(world, routed("v1", strategy="canary"))
        by_route = routed("v2", strategy="canary")
        by_pods = replace(routed("v2", strategy="canary"), router="replicas")
        await world.ship("apply", by_route, weight=25)
        await world.ship("apply", by_pods, weight=50)
        assert (backends(world), world.pods()) == ([{"shop": 1}], {"shop v1": 2, "shop-canary v2": 2})
        assert world.routed_versions() == {"v1", "v2"}
        await world.ship("apply", by_route, weight=75)
        assert (backends(world), world.pods()) == ([{"shop": 25, "shop-canary": 75}], {"shop v1": 4, "shop-canary v2": 3})
        await world.ship("promote", by_route, weight=100)
        assert world.pods() == {"shop v2": 4}
        assert not world.emptied
        assert not followed.astray

    in_world(story)


def test_the_next_strategy_starts_clean_from_routes_that_another_one_left() -> None:
    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary"))
        await world.ship("apply", routed("v2", strategy="canary"))
        for strategy in ("ramped", "blue-green"):
            result = await world.ship("apply", routed("v3", strategy=strategy), weight=100, replace=True)
            assert result.phase == "Promoted", result.failure
            assert backends(world) == [{"shop": 1}]
            assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "shop-canary") is None
        assert not world.emptied

    in_world(story)


def test_on_the_way_back_the_second_service_reaches_the_first_sides_pods_by_what_they_call_their_ports() -> None:
    def calling(tag: str, name: str) -> Release:
        """Whose pods call their port, and have a label, otherwise."""
        wanted = routed(tag, strategy="canary")
        wanted.services[0]["spec"]["ports"][0]["targetPort"] = name
        wanted.services[0]["spec"]["selector"]["tier"] = name
        template = wanted.workload["spec"]["template"]
        template["metadata"]["labels"]["tier"] = name
        template["spec"]["containers"][0]["ports"] = [{"name": name, "containerPort": 8080}]
        return wanted

    async def story(world: World) -> None:
        followed = Followed(world)
        await promoted(world, calling("v1", "http"))
        await world.ship("apply", calling("v2", "web"), weight=50)
        targets: list[tuple[str, object]] = []

        def look(change: Change) -> None:
            if change.kind == SERVICE and change.obj["metadata"]["name"] == "shop-canary":
                spec = change.obj["spec"]
                targets.append((spec["selector"]["rollway.dev/track"], spec["ports"][0]["targetPort"]))

        world.sandbox.store.subscribe(look)
        back = await world.ship("rollback", calling("v2", "web"))
        assert back.phase == "RolledBack", back.failure
        assert {target for track, target in targets if track == "stable"} <= {"http", 8080}
        assert targets
        assert not followed.astray
        assert not world.emptied

    in_world(story)


def test_what_is_replaced_may_have_been_routed_by_a_service_of_another_name() -> None:
    def at(tag: str, name: str) -> Release:
        wanted = routed(tag, router="nginx", strategy="canary")
        wanted.services[0]["metadata"]["name"] = name
        wanted.others[-1]["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]["name"] = name
        return wanted

    async def story(world: World) -> None:
        await promoted(world, at("v1", "shop"))
        followed = Followed(world)
        await world.ship("apply", at("v2", "web"), weight=20)
        result = await world.ship("apply", at("v3", "shop"), weight=20, replace=True)
        assert result.phase == "Paused", result.failure
        assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "web-canary") is None
        assert not followed.astray
        assert not world.emptied

    in_world(story)


@functools.cache
def _with_a_route_of_its_own() -> Stand:
    """A release under way whose manifests have a route that no other version's have."""

    async def story(world: World) -> None:
        await promoted(world, routed("v1", strategy="canary"))
        more = (EDGE, http_route(), http_route(name="second"))
        await world.ship("apply", routed("v2", strategy="canary", others=more), weight=20)

    return stand_of(story)


@pytest.mark.parametrize("calls", range(10, 34, 2))
def test_a_run_that_is_killed_while_it_replaces_another_leaves_none_of_its_routes_split(calls: int) -> None:
    async def story(world: World) -> None:
        followed, wanted = Followed(world), routed("v3", strategy="canary")
        with contextlib.suppress(Killed):
            await world.ship("apply", wanted, weight=20, replace=True, cluster=Mortal(world.cluster, calls))
        await asyncio.sleep(60)
        result = await world.ship("apply", wanted, weight=20, replace=True, holder="test@nowhere/1")
        assert result.phase == "Paused", result.failure
        assert backends(world) == [{"shop": 80, "shop-canary": 20}]
        await world.ship("promote", wanted, weight=100)
        assert (backends(world), backends(world, "second")) == ([{"shop": 1}], [{"shop": 1}])
        assert not followed.astray
        assert not world.emptied

    in_world(story, stand=_with_a_route_of_its_own())


@pytest.mark.parametrize("strategy", ["canary", "ab"])
@pytest.mark.parametrize("router", ["gateway", "istio", "nginx"])
def test_a_router_is_granted_what_it_needs_and_of_what_it_makes_nothing_more(strategy: str, router: str) -> None:
    options = {"ab": {"weight": 20, "match": [{"headers": {"x-beta": "yes"}}]}, "canary": STEPS["canary"]}

    async def story(world: World) -> None:
        v1, v2, bad = (routed(tag, router=router, strategy=strategy, options=options) for tag in ("v1", "v2", "bad"))
        granted = rights(v1, [strategy])
        allowed = Permitted(world.cluster, granted)
        await world.ship("apply", v1, cluster=allowed)
        await world.ship("apply", v2, cluster=allowed)
        await world.ship("promote", v2, weight=50, cluster=allowed)
        assert (await world.ship("promote", v2, weight=100, cluster=allowed)).phase == "Promoted"
        assert (await world.ship("rollback", v2, cluster=allowed)).phase == "RolledBack"
        failed = await world.ship("apply", bad, cluster=allowed)
        assert (failed.phase, failed.way_back_failure) == ("RolledBack", None)
        await world.ship("apply", v2, cluster=allowed)
        assert (await world.ship("rollback", v2, cluster=allowed)).phase == "RolledBack"
        made = {"services", "ingresses", "httproutes", "grpcroutes", "virtualservices", "destinationrules"}
        unused = {right for right in granted - adopting(v1, [strategy]) - allowed.used if right.resource in made}
        assert {(right.verb, right.resource, right.name) for right in unused} == set()

    in_world(story)
