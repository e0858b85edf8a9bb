"""Objects in another namespace than the application's, as a metrics server's RoleBinding in kube-system."""

from __future__ import annotations

import asyncio
import dataclasses

import pytest
from byroute import EDGE, http_route
from permitted import Permitted
from rollway.errors import BadInput, Forbidden, MissingRights, NotFound
from rollway.kube.objects import API_GATEWAY, CONFIG_MAP, HTTP_ROUTE, NAMESPACE, REFERENCE_GRANT, SECRET, Obj
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.rights import rights
from rollway.ship.roles import manifests
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

EACH = pytest.mark.parametrize("strategy", STRATEGIES)


def board(value: str, namespace: str = "kube-system", name: str = "shop-board") -> Obj:
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": namespace}, "data": {"board": value},
    }  # fmt: skip


def shop(tag: str, *others: Obj, strategy: str = "ramped") -> Release:
    plain = release(tag, strategy=strategy)
    return dataclasses.replace(plain, others=(*plain.others, *others)).with_namespace(NAMESPACE_NAME)


def found(world: World, namespace: str = "kube-system", name: str = "shop-board") -> str | None:
    live = world.sandbox.store.find(CONFIG_MAP, namespace, name)
    return live["data"]["board"] if live else None


@EACH
def test_it_is_applied_there_said_and_taken_back(strategy: str) -> None:
    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", board("one"), strategy=strategy), weight=100)
        assert (found(world), found(world, NAMESPACE_NAME)) == ("one", None)
        plan = await shipping.plan(world.cluster, shop("v2", board("two"), strategy=strategy), Request("apply", 100))
        assert "changed elsewhere: ConfigMap shop-board in namespace kube-system" in plan.notes
        await world.ship("apply", shop("v2", board("two"), strategy=strategy), weight=100)
        assert found(world) == "two"
        await asyncio.sleep(30)
        result = await world.ship("rollback", shop("v2", board("two"), strategy=strategy))
        assert (result.failure, found(world)) == (None, "one")

    in_world(story)


@EACH
def test_one_that_is_gone_from_the_manifests_is_told_and_pruned_where_it_is(strategy: str) -> None:
    """Its namesake in the application's own namespace stays."""

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", board("one"), board("own", NAMESPACE_NAME), strategy=strategy), weight=100)
        without = shop("v2", board("own", NAMESPACE_NAME), strategy=strategy)
        plan = await shipping.plan(world.cluster, without, Request("apply", 100))
        assert any("no longer in the manifests: ConfigMap shop-board" in note for note in plan.notes)
        await world.ship("apply", without, weight=100, prune=True)
        assert (found(world), found(world, NAMESPACE_NAME)) == (None, "own")

    in_world(story)


def test_what_the_same_application_elsewhere_has_is_not_pruned() -> None:
    """Staging and production in one cluster share an object of neither's namespace."""

    async def story(world: World) -> None:
        world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "staging"}})
        there = shop("v1", board("one"))
        objects = {"workload": there.workload, "services": there.services[0], "others": there.others[0]}
        staged = {key: {**obj, "metadata": {**obj["metadata"], "namespace": "staging"}} for key, obj in objects.items()}
        other = dataclasses.replace(
            there,
            namespace="staging",
            workload=staged["workload"],
            services=(staged["services"],),
            others=(staged["others"], board("one")),
        )
        await world.ship("apply", there)
        await world.ship("apply", other)
        await world.ship("apply", shop("v2"), prune=True)
        assert found(world) == "one"

    in_world(story)


def test_who_may_not_know_what_others_have_prunes_nothing_elsewhere_and_says_so() -> None:
    class OwnOnly(Permitted):
        async def list(self, kind, namespace, **more):  # type: ignore[no-untyped-def]
            if kind == SECRET and not namespace:
                raise Forbidden(403, "Forbidden", "secrets is forbidden at the cluster scope")
            return await self._cluster.list(kind, namespace, **more)

        def _granting(self, asked):  # type: ignore[no-untyped-def]
            return asked

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", board("one")))
        result = await world.ship("apply", shop("v2"), prune=True, cluster=OwnOnly(world.cluster, ()))
        assert found(world) == "one"
        assert "no longer in the manifests: ConfigMap shop-board; which --prune does not take" in result.plan.notes

    in_world(story)


@EACH
def test_the_rights_for_it_are_granted_and_asked_for_there(strategy: str) -> None:
    async def story(world: World) -> None:
        wanted = shop("v1", board("one"), strategy=strategy)
        granted = rights(wanted, [strategy])
        refused = Permitted(world.cluster, [right for right in granted if not right.namespace])
        await asyncio.sleep(5)
        before = world.sandbox.store.version
        with pytest.raises(MissingRights) as missing:
            await world.ship("apply", wanted, strategy=strategy, cluster=refused)
        assert "configmaps: shop-board (in namespace kube-system)" in missing.value.detail
        assert world.changed_since(before) <= {"Lease"}
        await world.ship("apply", wanted, strategy=strategy, cluster=Permitted(world.cluster, granted))
        assert found(world) == "one"
        places = {(obj["kind"], obj["metadata"]["namespace"]) for obj in manifests(wanted, [strategy], "ci")}
        assert {("Role", "kube-system"), ("RoleBinding", "kube-system"), ("Role", NAMESPACE_NAME)} <= places

    in_world(story)


def test_a_namespace_that_is_not_there_is_told_before_anything_is_touched() -> None:
    async def story(world: World) -> None:
        await asyncio.sleep(5)
        before = world.sandbox.store.version
        with pytest.raises(NotFound, match="nowhere"):
            await world.ship("apply", shop("v1", board("one", "nowhere")))
        assert world.changed_since(before) <= {"Lease"}

    in_world(story)


@pytest.mark.parametrize("kind", ["Deployment", "Service"])
def test_what_the_application_is_made_of_is_not_elsewhere(kind: str) -> None:
    plain = release("v1")
    moved = [
        {**obj, "metadata": {**obj["metadata"], "namespace": "other"}} if obj["kind"] == kind else obj
        for obj in (plain.workload, *plain.services)
    ]
    with pytest.raises(BadInput, match=f"{kind} shop is in namespace other, the release in shop"):
        dataclasses.replace(plain, workload=moved[0], services=tuple(moved[1:])).with_namespace(NAMESPACE_NAME)


def test_a_route_elsewhere_is_watched_there() -> None:
    """Its Gateway is a platform team's, in a namespace of its own."""
    place = {"namespace": "infra"}
    edge = {**EDGE, "metadata": {**EDGE["metadata"], **place}}
    route = http_route({"backendRefs": [{"name": "shop", "namespace": NAMESPACE_NAME, "port": 80}]})
    route["metadata"] |= place
    grant: Obj = {
        "apiVersion": REFERENCE_GRANT.api_version, "kind": REFERENCE_GRANT.name, "metadata": {"name": "infra"},
        "spec": {
            "from": [{"group": HTTP_ROUTE.group, "kind": HTTP_ROUTE.name, **place}], "to": [{"group": "", "kind": "Service"}],
        },
    }  # fmt: skip

    async def story(world: World) -> None:
        infra = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "infra"}}
        world.sandbox.api.create(NAMESPACE, "", infra)
        world.sandbox.api.create(API_GATEWAY, "infra", edge, manager="somebody")
        wanted = [shop(tag, route, grant, strategy="canary") for tag in ("v1", "v2")]
        allowed = Permitted(world.cluster, rights(wanted[0], ["canary"]))
        assert (await world.ship("apply", wanted[0], cluster=allowed)).phase == "Promoted"
        first = await world.ship("apply", wanted[1], cluster=allowed)
        assert (first.phase, first.plan.router) == ("Paused", "gateway")
        assert (await world.ship("rollback", wanted[1], cluster=allowed)).phase == "RolledBack"

    in_world(story)
