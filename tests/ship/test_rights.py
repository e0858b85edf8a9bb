"""Least rights: what `deploy rbac` grants is enough and nothing of it too much; what is missing is found before any change."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
from collections.abc import Callable, Collection, Coroutine
from typing import Any

import pytest
from edges import put
from hooked import hook
from mortal import Killed, Mortal
from permitted import Permitted
from rollway.cluster import history
from rollway.cluster.port import Right
from rollway.errors import MissingRights
from rollway.kube.objects import HPA, ref_of
from rollway.release.config import pinned
from rollway.release.gates import Gate
from rollway.release.model import Release
from rollway.release.notify import Notify
from rollway.ship import run as shipping
from rollway.ship.permission import TELLING
from rollway.ship.rights import adopting, guessed, rights
from rollway.ship.roles import manifests, rules
from rollway.ship.saved import bind
from rollway.ship.sight import see
from rollway.ship.status import status, wait_for_phase
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

INSIDE: dict[str, Any] = {"blueGreen": {"scaleDownDelaySeconds": 1}}
OUTSIDE: dict[str, Any] = {**INSIDE, "ab": {"hosts": ["shop.example.com"]}}
HOLDS = ("ramped", "canary", "ab")  # a share


def shop(tag: str, strategy: str, options: dict[str, Any] = INSIDE, *, currency: str = "EUR") -> Release:
    """With settings that its pods read, named by content."""
    plain = release(tag, strategy=strategy, options=options)
    workload = copy.deepcopy(plain.workload)
    workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "shop-settings"}}]
    workload, others = pinned(workload, plain.services, ({**plain.others[0], "data": {"currency": currency}},))
    return dataclasses.replace(plain, workload=workload, others=others)


class Account:
    """Releases the shop with certain rights only. Each method is a scenario."""

    def __init__(self, world: World, granted: Collection[Right], options: dict[str, Any]) -> None:
        self.world = world
        self.cluster = Permitted(world.cluster, granted)
        self._options = options

    def shop(self, tag: str, strategy: str, **more: Any) -> Release:
        return shop(tag, strategy, self._options, **more)

    async def promoted(self, wanted: Release) -> None:
        result = await self.world.ship("apply", wanted, strategy=wanted.strategy, weight=100, cluster=self.cluster)
        assert result.phase == "Promoted", result.failure

    async def releases(self, strategy: str) -> None:
        """The first version, the next by its shares, while somebody waits for it; two bad ones, and all the way back."""
        await self.promoted(self.shop("v1", strategy))
        wanted = self.shop("v2", strategy)
        made = await shipping.plan(self.cluster, wanted, Request("apply"))
        await bind(self.cluster, wanted, Request("apply"), made, strategy=None, is_override=False, force=False)
        await self.world.ship("apply", wanted, cluster=self.cluster)
        await status(self.cluster, wanted)
        await see(self.cluster, wanted)
        if strategy in HOLDS:
            await self.world.ship("promote", wanted, weight=50, cluster=self.cluster)
        await self.promoted(wanted)
        waiting = asyncio.create_task(wait_for_phase(self.cluster, "shop", NAMESPACE_NAME, "RolledBack", timeout_s=None))
        for tag in ("bad", "crash"):
            failed = await self.world.ship("apply", self.shop(tag, strategy), cluster=self.cluster)
            assert failed.phase == "RolledBack", failed.way_back_failure
        assert (await self.world.ship("rollback", wanted, to_revision=1, cluster=self.cluster)).phase == "RolledBack"
        await waiting

    async def is_killed(self, strategy: str) -> None:
        """In the middle of a release, which the same command then finishes."""
        with contextlib.suppress(Killed):
            await self.world.ship("apply", self.shop("v3", strategy), cluster=Mortal(self.cluster, 14), holder="test@nowhere/1")
        await asyncio.sleep(60)
        await self.promoted(self.shop("v3", strategy))

    async def is_scaled(self, strategy: str) -> None:
        """Somebody's autoscaler scales the shop."""
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 8}
        scaler = {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "theirs"}, "spec": spec}
        self.world.sandbox.api.create(HPA, NAMESPACE_NAME, scaler, manager="somebody")
        await self.promoted(self.shop("v4", strategy))
        await self.promoted(self.shop("v5", strategy))

    async def grows_old(self, strategy: str) -> None:
        """More releases than are kept, each with a configuration of its own."""
        for number in range(history.KEPT + 2):
            await self.promoted(self.shop(f"old-{number}", strategy, currency=str(number)))

    async def adopts(self, strategy: str) -> None:
        """What somebody else deployed is taken over, and given back."""
        await self.world.deploy_by_hand()
        wanted = self.shop("v1", strategy)
        await self.world.ship("apply", wanted, cluster=self.cluster)
        await self.promoted(wanted)
        assert (await self.world.ship("rollback", wanted, cluster=self.cluster)).phase == "RolledBack"

    async def takes_up(self, strategy: str) -> None:
        """What somebody else deployed is released as it runs."""
        wanted = self.shop("v1", strategy)
        put(self.world, *wanted.manifests)
        await asyncio.sleep(20)
        await self.world.ship("apply", wanted, cluster=self.cluster)

    async def changes_its_mind(self, strategies: Collection[str]) -> None:
        """From every strategy to every other, in the middle of a release that failed."""
        for number, (one, other) in enumerate((a, b) for a in strategies for b in strategies if a != b):
            await self.promoted(self.shop(f"a{number}", one))
            await self.world.ship("apply", self.shop("crash", one), strategy=one, goes_back=False, cluster=self.cluster)
            await self.promoted(self.shop(f"b{number}", other))


def used_in(story: Callable[[Account], Coroutine[Any, Any, None]], granted: Collection[Right], options: Any) -> set[Right]:
    """The rights that a scenario needs of those that are granted."""

    async def told(world: World) -> set[Right]:
        account = Account(world, granted, options)
        await story(account)
        return account.cluster.used

    used: set[Right] = in_world(told)
    return used


@pytest.mark.parametrize("options", [INSIDE, OUTSIDE], ids=["inside", "outside"])
@pytest.mark.parametrize("strategies", [*((name,) for name in STRATEGIES), STRATEGIES], ids="+".join)
def test_what_is_granted_is_enough_and_all_of_it_is_used(strategies: tuple[str, ...], options: dict[str, Any]) -> None:
    """Every strategy's releases, good and bad, killed and resumed, adopted and pruned, run with these rights only; and there is
    none of them that no scenario needs."""
    granted = rights(shop("v1", strategies[0], options), strategies)
    used: set[Right] = set()

    async def whole_life(account: Account, strategy: str) -> None:
        for scenario in (account.releases, account.is_killed, account.is_scaled, account.grows_old):
            await scenario(strategy)

    for strategy in strategies:
        used |= used_in(lambda account, strategy=strategy: whole_life(account, strategy), granted, options)
        used |= used_in(lambda account, strategy=strategy: account.adopts(strategy), granted, options)
        used |= used_in(lambda account, strategy=strategy: account.takes_up(strategy), granted, options)
    used |= used_in(lambda account: account.changes_its_mind(strategies), granted, options)

    assert rules(granted - used) == []


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_any_missing_right_is_found_before_the_first_change(strategy: str) -> None:
    """Whichever it is, with the first version and with the next, nothing is written but the lock, which is given back."""
    granted = rights(shop("v1", strategy), [strategy])

    async def story(world: World) -> None:
        await world.sandbox.settle()
        for tag in ("v1", "v2"):
            for right in sorted(granted - adopting(shop(tag, strategy), [strategy])):
                if (right.verb, right.resource) in TELLING or (right.verb, right.resource) == ("get", "leases"):
                    continue
                version = world.sandbox.store.version
                account = Account(world, granted - {right}, INSIDE)
                with pytest.raises(MissingRights) as refused:
                    await account.promoted(account.shop(tag, strategy))
                assert right.verb in refused.value.detail
                assert right.resource.partition("/")[0] in refused.value.detail
                assert world.changed_since(version) <= {"Lease"}
                await asyncio.sleep(60)  # who may not delete the lock leaves it to expire
            await Account(world, granted, INSIDE).promoted(shop(tag, strategy))

    in_world(story)


@pytest.mark.parametrize("strategy", ["blue-green", "ab"])
def test_what_only_adoption_needs_is_found_before_it_and_asked_for_by_nothing_else(strategy: str) -> None:
    """Without the rights to label pods an application of somebody else is not touched, and one of ours is released."""
    lacking = adopting(shop("v1", strategy), [strategy])
    granted = rights(shop("v1", strategy), [strategy]) - lacking

    async def story(world: World, *, is_found: bool) -> None:
        account = Account(world, granted, INSIDE)
        if not is_found:
            await account.promoted(shop("v1", strategy))
            await account.promoted(shop("v2", strategy))
            return
        await world.deploy_by_hand()
        version = world.sandbox.store.version
        with pytest.raises(MissingRights, match="nothing was changed") as refused:
            await world.ship("apply", shop("v1", strategy), cluster=account.cluster)
        assert "patch pods" in refused.value.detail
        assert world.changed_since(version) <= {"Lease"}

    for is_found in (True, False):
        in_world(lambda world, is_found=is_found: story(world, is_found=is_found))


def test_all_that_is_missing_is_told_at_once() -> None:
    """Verb, resource and names, and the command that prints the Role; exit 4."""

    async def story(world: World) -> None:
        wanted = shop("v1", "ramped")
        granted = {right for right in rights(wanted, ["canary"]) if right.verb in ("list", "watch") or right.resource == "leases"}
        with pytest.raises(MissingRights) as refused:
            await world.ship("apply", wanted, strategy="canary", cluster=Permitted(world.cluster, granted))

        error = refused.value
        assert error.exit_code == 4
        assert error.detail.splitlines() == [
            "get, create, patch, delete configmaps",
            "create, patch, delete secrets",
            "create services",
            "get, patch services: shop",
            "get, create deployments.apps",
            "patch deployments.apps: shop",
            "patch, delete deployments.apps: shop-canary",
            "patch deployments.apps/scale: shop, shop-canary",
        ]
        assert error.hint.startswith("`deploy rbac --strategy canary | kubectl apply -f -`")

    in_world(story)


def test_what_only_tells_is_not_asked_for() -> None:
    """Who may not read events and logs may release; a failure is then told in fewer words."""

    async def story(world: World) -> None:
        granted = [right for right in rights(shop("v1", "ramped"), ["ramped"]) if (right.verb, right.resource) not in TELLING]
        account = Account(world, granted, INSIDE)
        await account.promoted(shop("v1", "ramped"))
        failed = await world.ship("apply", shop("crash", "ramped"), cluster=account.cluster)

        assert failed.phase == "RolledBack"
        assert failed.failure is not None
        assert "crash loop" in failed.failure.summary

    in_world(story)


def test_going_from_one_strategy_to_another_asks_for_what_that_takes() -> None:
    """Who may do either alone may not put away what the other left standing, and is told to ask for both."""

    async def story(world: World) -> None:
        for tag, strategy in (("v1", "ramped"), ("v2", "canary")):
            await world.ship("apply", shop(tag, strategy), strategy=strategy, weight=100)
        await world.ship("apply", shop("crash", "canary"), strategy="canary", weight=50, goes_back=False)
        account = Account(world, rights(shop("v3", "ramped"), ["ramped"]), INSIDE)
        with pytest.raises(MissingRights) as refused:
            await account.promoted(shop("v3", "ramped"))

        assert refused.value.detail.splitlines() == [
            "delete deployments.apps: shop-canary",
            "patch deployments.apps/scale: shop-canary",
        ]
        assert "--strategy ramped --strategy canary" in refused.value.hint

    in_world(story)


def test_what_others_left_is_looked_at_with_their_rights() -> None:
    """Routes of an earlier ab have to be read before anything else: who may not is told so with all the rest."""

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1", "ab"), strategy="ab")
        account = Account(world, rights(shop("v2", "ramped"), ["ramped"]), INSIDE)
        with pytest.raises(MissingRights) as refused:
            await account.promoted(shop("v2", "ramped"))

        assert "get, patch, delete virtualservices.networking.istio.io: shop" in refused.value.detail
        assert "--strategy ramped --strategy ab" in refused.value.hint

    in_world(story)


def test_objects_of_no_namespace_need_a_cluster_role() -> None:
    """Beside the Role; kinds that only the cluster knows are named as English would have it, and said to be."""
    extra = [("v1", "Namespace", ""), ("acme.example.com/v1", "Policy", "shop"), ("acme.example.com/v1", "Proxy", "shop")]
    others = tuple(
        {"apiVersion": version, "kind": kind, "metadata": {"name": "shop", **({"namespace": place} if place else {})}}
        for version, kind, place in extra
    )
    wanted = dataclasses.replace(release(), others=others)

    made = manifests(wanted, ["recreate"], "ci/deployer")

    assert [obj["kind"] for obj in made] == ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"]
    assert made[2]["rules"] == [
        {"apiGroups": [""], "resources": ["namespaces"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["namespaces"], "resourceNames": ["shop"], "verbs": ["get", "patch"]},
    ]
    assert made[3]["subjects"] == [{"kind": "ServiceAccount", "name": "deployer", "namespace": "ci"}]
    assert guessed(wanted) == {"Policy": "policies", "Proxy": "proxies"}
    granted = [resource for rule in made[0]["rules"] for resource in rule["resources"]]
    assert {"policies", "proxies"} <= set(granted)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_the_manifests_no_longer_have_asks_for_no_right(strategy: str) -> None:
    """A role made anew when an object has gone from them: releases go on, and it is said that it could not be looked at."""

    async def story(world: World) -> None:
        await world.ship("apply", with_old(release("v1", strategy=strategy)), weight=100)
        account = Account(world, rights(shop("v2", strategy), [strategy]), INSIDE)
        result = await world.ship("apply", account.shop("v2", strategy), weight=100, cluster=account.cluster)
        back = await world.ship("rollback", account.shop("v2", strategy), cluster=account.cluster)

        assert (result.phase, back.phase) == ("Promoted", "RolledBack")
        assert any("not to be read by this account: Ingress old" in note for note in result.plan.notes)
        assert world.versions() == {"v1": 4}

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_pruning_is_granted_where_it_is_asked_for(strategy: str) -> None:
    """By the name of what may go, and enough for it."""

    async def story(world: World) -> None:
        before = with_old(release("v1", strategy=strategy))
        granted = rights(before, [strategy], prunes=True)
        cluster = Permitted(world.cluster, granted)
        await world.ship("apply", before, weight=100, cluster=cluster)
        result = await world.ship("apply", release("v2", strategy=strategy), weight=100, prune=True, cluster=cluster)

        more = {(right.verb, right.resource, right.name) for right in granted - rights(before, [strategy])}
        assert {verb for verb, *_ in more} == {"delete"}
        assert more >= {("delete", "services", "shop"), ("delete", "ingresses", "old")}
        assert result.failure is None
        assert await world.cluster.get(ref_of(OLD)) is None

    in_world(story)


OLD: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "old", "namespace": NAMESPACE_NAME},
    "spec": {"defaultBackend": {"service": {"name": "shop", "port": {"name": "http"}}}},
}


def with_old(plain: Release) -> Release:
    return dataclasses.replace(plain, others=(*plain.others, OLD))


def test_hooks_ask_for_jobs_and_nothing_else_does() -> None:
    """What a release with hooks may do beside: enough to be killed and resumed, to fail and to grow old, and all of it used."""

    def with_hooks(tag: str) -> Release:
        hooks = tuple(
            hook(when, name, tag) for when, name in (("before", "migrate"), ("after", "tidy"), ("beforeRollback", "drain"))
        )
        return dataclasses.replace(shop(tag, "ramped"), hooks=hooks)

    class WithHooks(Account):
        def shop(self, tag: str, strategy: str, **more: Any) -> Release:
            return dataclasses.replace(shop(tag, strategy, INSIDE, **more), hooks=with_hooks(tag).hooks)

    plain, granted = rights(shop("v1", "ramped"), ["ramped"]), rights(with_hooks("v1"), ["ramped"])
    asked = granted - plain
    assert {(right.verb, right.resource) for right in asked} == {
        (verb, "jobs") for verb in ("create", "list", "watch", "patch", "delete")
    }

    async def story(world: World) -> set[Right]:
        account = WithHooks(world, granted, INSIDE)
        for scenario in (account.releases, account.is_killed, account.grows_old):
            await scenario("ramped")
        return account.cluster.used

    assert asked <= in_world(story)


def test_secrets_of_those_who_are_told_are_read_by_name() -> None:
    """And nothing else is asked for by it."""
    entry = Notify.model_validate({"slack": {"secret": "notify", "key": "url"}})
    plain, told = (
        rights(shop("v1", "ramped"), ["ramped"]),
        rights(dataclasses.replace(shop("v1", "ramped"), notify=(entry,)), ["ramped"]),
    )
    assert {(right.verb, right.resource, right.name) for right in told - plain} == {("get", "secrets", "notify")}


def test_services_that_gates_ask_inside_the_cluster_are_named() -> None:
    """In the namespace where they are; without them a release goes on all the same, by another way."""
    gates = (
        Gate.model_validate({"name": "a", "prometheus": "http://prometheus.monitoring:9090", "query": "up", "max": 1}),
        Gate.model_validate({"name": "b", "url": {"address": "https://tests:8443/x", "method": "POST", "body": "{}"}, "max": 1}),
        Gate.model_validate({"name": "c", "url": "https://status.example.com/x", "max": 1}),
    )
    wanted = dataclasses.replace(shop("v1", "canary"), gates=gates)
    found = {right for right in rights(wanted, ["canary"]) if right.resource == "services/proxy"}
    roles = [each for each in manifests(wanted, ["canary"], "ci") if each["kind"] == "Role"]

    assert found == {
        Right("get", "", "services/proxy", "prometheus:9090", True, "monitoring"),
        Right("create", "", "services/proxy", "https:tests:8443"),
    }
    assert {(right.verb, right.resource) for right in found} <= TELLING
    assert [each["metadata"]["namespace"] for each in roles] == [NAMESPACE_NAME, "monitoring"]
