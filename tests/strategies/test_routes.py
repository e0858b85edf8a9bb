"""The user's own Istio routes, through every strategy and verb: split while two versions run, and given back as they were."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from mortal import Killed, Mortal
from rollway.cluster.lock import DURATION_S
from rollway.errors import BadInput, Forbidden, Refused
from rollway.health.pods import is_ready
from rollway.kube.objects import DESTINATION_RULE, NAMESPACE, POD, VIRTUAL_SERVICE, Obj, get, kind_of, labels_of
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

POLICY = {"tls": {"mode": "ISTIO_MUTUAL"}, "connectionPool": {"http": {"http1MaxPendingRequests": 10}}}


def istio(kind: str, name: str, spec: Obj, *, version: str = "v1", namespace: str = NAMESPACE_NAME) -> Obj:
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": f"networking.istio.io/{version}", "kind": kind, "metadata": meta, "spec": spec}


def to(subset: str, **more: Any) -> Obj:
    return {"destination": {"host": "shop", "subset": subset}, **more}


def own_rule(*names: str, version: str = "v1") -> Obj:
    subsets = [{"name": name, "labels": {"app": "shop"}, "trafficPolicy": POLICY} for name in names]
    return istio("DestinationRule", "shop-rule", {"host": "shop", "subsets": subsets}, version=version)


def own_routes(*names: str, version: str = "v1") -> Obj:
    *first, last = names
    rules = [{"match": [{"headers": {"x-region": {"exact": name}}}], "route": [to(name)]} for name in first]
    spec = {"hosts": ["shop"], "http": [*rules, {"route": [to(last)]}], "tcp": [{"match": [{"port": 9000}], "route": [to(last)]}]}
    return istio("VirtualService", "shop-routes", spec, version=version)


def shop(tag: str, strategy: str, *more: Obj, **kw: Any) -> Release:
    made = release(tag, strategy=strategy, **kw)
    return dataclasses.replace(made, others=(*made.others, *more))


def put(world: World, *objects: Obj) -> None:
    for obj in objects:
        kind = kind_of(obj["apiVersion"], obj["kind"])
        assert kind is not None
        namespace = obj["metadata"]["namespace"]
        if namespace != NAMESPACE_NAME:
            world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        world.sandbox.api.create(kind, namespace, copy.deepcopy(obj), manager="kubectl-client-side-apply")


def destinations(vs: Obj) -> Iterator[Obj]:
    for kind in ("http", "tls", "tcp"):
        for rule in get(vs, "spec", kind, default=[]):
            yield from (target["destination"] for target in rule["route"])


class Astray:
    """Notes every moment at which a route names a subset that is not there, or one without ready pods where there were some."""

    def __init__(self, world: World) -> None:
        self.seen: list[str] = []
        self._store = world.sandbox.store
        self._store.subscribe(lambda change: self._look() if change.kind in (VIRTUAL_SERVICE, DESTINATION_RULE, POD) else None)

    def _look(self) -> None:
        rules = [rule for rule in self._store.list(DESTINATION_RULE, NAMESPACE_NAME) if rule["spec"]["host"] == "shop"]
        known = {each["name"]: each.get("labels", {}) for rule in rules for each in get(rule, "spec", "subsets", default=[])}
        ready = [labels_of(pod) for pod in self._store.list(POD, NAMESPACE_NAME) if is_ready(pod)]
        for vs in self._store.list(VIRTUAL_SERVICE, NAMESPACE_NAME):
            for subset in filter(None, (destination.get("subset") for destination in destinations(vs))):
                if subset not in known:
                    self.seen.append(f"{subset} is not there")
                elif ready and not any(known[subset].items() <= labels.items() for labels in ready):
                    self.seen.append(f"{subset} has no pods")


def as_written(world: World, *manifests: Obj) -> bool:
    """Whether the live objects hold what the manifests do, and nothing of ours stands beside them."""
    standing = world.standing()
    kinds = ("VirtualService", "DestinationRule", "Gateway")
    live = {name: obj["spec"] for name, obj in standing.items() if name.split()[0] in kinds}
    return live == {f"{obj['kind']} {obj['metadata']['name']}": obj["spec"] for obj in manifests}


@pytest.mark.parametrize("version", ["v1", "v1beta1", "v1alpha3"])
def test_own_subsets_are_split_with_their_policy_and_given_back(version: str) -> None:
    """Also one called `stable`. At every moment each route leads to pods; afterwards rule and routes are as in the manifests."""

    async def story(world: World) -> None:
        astray = Astray(world)
        own = (own_rule("eu", "stable", version=version), own_routes("eu", "stable", version=version))
        await world.ship("apply", shop("v1", "ab", *own))
        assert as_written(world, *own)

        await world.ship("apply", shop("v2", "ab", *own), weight=25)
        standing = world.standing()
        subsets = {each["name"]: each for each in standing["DestinationRule shop-rule"]["spec"]["subsets"]}
        assert all(subsets[each["name"]] == each for each in own[0]["spec"]["subsets"])
        assert subsets["stable-rollway-b"]["trafficPolicy"] == POLICY
        assert subsets["stable-rollway-b"]["labels"] == {"app": "shop", "rollway.dev/track": "b"}
        spec = standing["VirtualService shop-routes"]["spec"]
        assert spec["http"][-1]["route"] == [to("stable-rollway-stable", weight=75), to("stable-rollway-b", weight=25)]
        assert [rule["route"][0]["destination"]["subset"] for rule in spec["http"][::2]] == ["eu-rollway-b", "stable-rollway-b"]
        assert spec["tcp"] == [{"match": [{"port": 9000}], "route": [to("stable-rollway-stable")]}]

        await world.ship("promote", shop("v2", "ab", *own), weight=100)
        assert as_written(world, *own)
        assert (await world.ship("apply", shop("v2", "ab", *own))).plan.is_empty
        assert astray.seen == []

    in_world(story)


@pytest.mark.parametrize("ending", ["rollback", "bad", "killed"])
def test_whatever_ends_the_test_the_routes_are_given_back(ending: str) -> None:
    """A rollback, a variant that never gets ready, a killed run that is taken back."""

    async def story(world: World) -> None:
        astray = Astray(world)
        own = (own_rule("eu", "b"), own_routes("eu", "b"))
        await world.ship("apply", shop("v1", "ab", *own))
        if ending == "killed":
            with pytest.raises(Killed):
                await world.ship("apply", shop("v2", "ab", *own), weight=50, cluster=Mortal(world.cluster, 22))
            await asyncio.sleep(DURATION_S + 1)
        else:
            await world.ship("apply", shop("bad" if ending == "bad" else "v2", "ab", *own), weight=50)
        if ending != "bad":
            await world.ship("rollback", shop("v2", "ab", *own))

        assert as_written(world, *own)
        assert astray.seen == []
        assert world.versions() == {"v1": 4}

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_version_with_other_subsets_loses_nobody(strategy: str) -> None:
    """Its rule gets the new subset before routes name it, and loses the old one after: forth, back, and by every strategy."""

    async def story(world: World) -> None:
        astray = Astray(world)
        old, new = (own_rule("eu", "us"), own_routes("eu", "us")), (own_rule("us", "apac"), own_routes("us", "apac"))
        await world.ship("apply", shop("v1", strategy, *old))
        await world.ship("apply", shop("v2", strategy, *new), weight=100)
        assert as_written(world, *new)
        await world.ship("rollback", shop("v2", strategy, *new))

        assert as_written(world, *old)
        assert astray.seen == []

    in_world(story)


@pytest.mark.parametrize("follows", [True, False], ids=["rule follows", "rule stays"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_subsets_by_version_reach_the_pods_of_both_versions(strategy: str, follows: bool) -> None:
    """A subset by a label that the versions differ in, as Istio's examples have it, is not left without pods half-way: there and
    back, whether the rule's label follows the version or the subset is of several."""

    def version(tag: str) -> Release:
        rule = own_rule("live", "eu")
        for subset, label in zip(rule["spec"]["subsets"], (tag if follows else "v1", tag), strict=True):
            subset["labels"] = {"version": label}
        made = shop(tag, strategy, rule, own_routes("live" if follows else "eu", "eu"))
        made.workload["spec"]["template"]["metadata"]["labels"]["version"] = tag
        return made

    async def story(world: World) -> None:
        astray = Astray(world)
        await world.ship("apply", version("v1"))
        if strategy == "ab":
            await world.ship("apply", version("v2"))
            labels = {
                each["name"]: each["labels"] for each in world.standing()["DestinationRule shop-rule"]["spec"]["subsets"][2:]
            }
            assert labels["eu-rollway-b"] == {"rollway.dev/track": "b"}
        await world.ship("apply", version("v2"), weight=100)
        assert as_written(world, *version("v2").others[1:])
        await world.ship("rollback", version("v2"))

        assert as_written(world, *version("v1").others[1:])
        assert astray.seen == []

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_comes_after_an_abandoned_test_finds_the_routes_as_they_were(strategy: str) -> None:
    """A test that failed and was left standing is put away by whichever strategy is next."""

    async def story(world: World) -> None:
        astray = Astray(world)
        own = (own_rule("eu"), own_routes("eu"))
        await world.ship("apply", shop("v1", "ab", *own))
        await world.ship("apply", shop("crash", "ab", *own), weight=50, goes_back=False)
        await world.ship("apply", shop("v3", strategy, *own), strategy=strategy, weight=100)

        assert as_written(world, *own)
        assert astray.seen == []
        assert world.versions() == {"v3": 4}

    in_world(story)


def test_after_a_test_nothing_of_ours_is_left() -> None:
    """Where the user has neither routes nor rule, the Service alone routes before and after."""

    async def story(world: World) -> None:
        astray = Astray(world)
        await world.ship("apply", shop("v1", "ab"))
        assert as_written(world)
        await world.ship("apply", shop("v2", "ab"))
        await world.ship("promote", shop("v2", "ab"))

        assert as_written(world)
        assert astray.seen == []

    in_world(story)


def test_what_is_reached_from_outside_stays_reached() -> None:
    """With hosts, our gateway and a plain route stand between the tests; the user's own route, once there is one, replaces it."""
    outside = {"ab": {"hosts": ["shop.example.com"]}}

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            await world.ship("apply", shop(tag, "ab", options=outside), weight=100)
        standing = world.standing()
        assert standing["VirtualService shop"]["spec"]["http"] == [{"route": [{"destination": {"host": "shop"}}]}]
        assert "Gateway shop" in standing

        own = (own_rule("eu"), own_routes("eu"))
        await world.ship("apply", shop("v3", "ab", *own, options=outside), weight=50)
        assert "VirtualService shop" not in world.standing()

    in_world(story)


@pytest.mark.parametrize("name", ["shop", "edge"])
def test_calls_from_inside_are_told_apart_where_the_users_route_is_a_gateways(name: str) -> None:
    """The manifests route from outside only: whoever calls the Service inside the mesh must not meet the variant unasked."""

    async def story(world: World) -> None:
        spec = {"hosts": ["shop.example.com"], "gateways": ["edge"], "http": [{"route": [{"destination": {"host": "shop"}}]}]}
        own = istio("VirtualService", name, spec)
        await world.ship("apply", shop("v1", "ab", own))
        await world.ship("apply", shop("v2", "ab", own), weight=25)
        inside = world.standing()[f"VirtualService {'shop-mesh' if name == 'shop' else 'shop'}"]["spec"]
        assert (inside["hosts"], inside.get("gateways")) == (["shop"], None)
        assert inside["http"][-1]["route"] == [to("rollway-stable", weight=75), to("rollway-b", weight=25)]

        await world.ship("promote", shop("v2", "ab", own), weight=100)
        assert as_written(world, own)

    in_world(story)


# who else routes


def theirs(*rules: Obj, kind: str = "VirtualService", namespace: str = NAMESPACE_NAME, version: str = "v1", **spec: Any) -> Obj:
    routed = {"http": list(rules)} if rules else {}
    return istio(kind, "theirs", {**spec, **routed}, namespace=namespace, version=version)


def plain(host: str, **more: Any) -> Obj:
    return {"route": [{"destination": {"host": host}}], **more}


FOREIGN = {
    "its short name": theirs(plain("shop"), hosts=["shop"]),
    "by a gateway": theirs(plain("shop"), hosts=["*"], gateways=["edge"], version="v1beta1"),
    "in another namespace": theirs({"redirect": {"uri": "/"}}, hosts=["shop.shop.svc.cluster.local"], namespace="platform"),
    "by a wildcard": theirs(plain("cart", timeout="3s"), hosts=["*.shop.svc.cluster.local"]),
    "of TCP": theirs(hosts=["shop"], tcp=[plain("shop.shop")]),
    "a delegate": theirs(plain("shop")),
    "a rule": theirs(kind="DestinationRule", host="shop.shop.svc.cluster.local", namespace="clients"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_who_else_routes_the_host_is_refused_by_name(name: str) -> None:
    """Before anything is changed, by plan and apply; the first version alone may come, and says so."""

    async def story(world: World) -> None:
        put(world, FOREIGN[name])
        first = await world.ship("apply", shop("v1", "ab"))
        assert any("theirs" in note for note in first.plan.notes)

        before = world.standing()
        for wanted in (shop("v2", "ab"), shop("v2", "ab", options={"ab": {"weight": 20}})):
            with pytest.raises(Refused, match="theirs") as refused:
                await world.ship("apply", wanted)
            assert refused.value.exit_code == 3
            with pytest.raises(Refused, match="theirs"):
                await shipping.plan(world.cluster, wanted, Request("apply"))
        assert world.standing() == before

    in_world(story)


NEIGHBOURS = {
    "of another host": theirs(plain("cart"), hosts=["cart"]),
    "of a namesake": theirs(plain("shop"), hosts=["shop"], namespace="other"),
    "at a gateway, elsewhere": theirs(plain("cart"), hosts=["*"], gateways=["edge"]),
    "a root of ours": theirs({"delegate": {"name": "shop-routes"}}, hosts=["shop"]),
}


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_a_neighbour_stands_in_nobodys_way(name: str) -> None:
    """Another host's routes, a namesake's in its own namespace, and the platform's root that delegates to ours."""

    async def story(world: World) -> None:
        own = (own_rule("eu"), own_routes("eu"))
        put(world, NEIGHBOURS[name])
        await world.ship("apply", shop("v1", "ab", *own))
        result = await world.ship("apply", shop("v2", "ab", *own))

        assert result.phase == "Paused"

    in_world(story)


def test_a_foreign_route_does_not_keep_a_test_from_its_end() -> None:
    """It came while the test ran: to promote or to roll back is what ends the mixture."""
    for verb, version in (("promote", "v2"), ("rollback", "v1")):

        async def story(world: World, verb: str = verb, version: str = version) -> None:
            await world.ship("apply", shop("v1", "ab"))
            await world.ship("apply", shop("v2", "ab"))
            put(world, FOREIGN["by a gateway"])
            await world.ship(verb, shop("v2", "ab"), weight=100 if verb == "promote" else None)

            assert world.versions() == {version: 4}

        in_world(story)


def test_what_may_not_be_listed_is_said() -> None:
    """An account without the right to list routes releases all the same, and the plan says what it does not know."""

    class Blind:
        def __init__(self, cluster: Any) -> None:
            self._cluster = cluster

        def __getattr__(self, name: str) -> Any:
            return getattr(self._cluster, name)

        async def list(self, kind: Any, namespace: str, **chosen: Any) -> Any:
            if kind == VIRTUAL_SERVICE:
                raise Forbidden(403, "Forbidden", "no")
            return await self._cluster.list(kind, namespace, **chosen)

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", "ab"))
        result = await world.ship("apply", shop("v2", "ab"), cluster=Blind(world.cluster))

        assert result.phase == "Paused"
        assert any("may not be listed" in note for note in result.plan.notes)

    in_world(story)


# what cannot be split

UNFIT = {
    "two rules": ((own_rule("eu"), theirs(kind="DestinationRule", host="shop")), "are both for host shop"),
    "a name of ours": ((own_rule("eu-rollway-b"), own_routes("eu-rollway-b")), "called as a part"),
    "a name too long": ((own_rule("e" * 49), own_routes("e" * 49)), "49 characters"),
    "a subset without a rule": ((own_routes("eu"),), "which no DestinationRule of the manifests has"),
    "no HTTP": ((theirs(hosts=["shop"], tcp=[plain("shop")]),), "no HTTP route"),
    "two regular expressions": (
        (theirs(plain("shop", match=[{"headers": {"cookie": {"regex": ".*a=1.*"}}}]), hosts=["shop"]),),
        "cannot be written as one: header cookie",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_cannot_be_split_is_refused_at_once(name: str) -> None:
    """By name, with the first version already, and nothing is touched."""
    more, message = UNFIT[name]

    async def story(world: World) -> None:
        wanted = shop("v1", "ab", *more, options={"ab": {"match": [{"cookie": {"group": "b"}}]}})
        with pytest.raises(BadInput, match=message):
            await world.ship("apply", wanted)
        assert world.pods() == {}

    in_world(story)
