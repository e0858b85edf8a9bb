"""What a release takes of fields that others manage, and gives back when it is done with them."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import Mapping
from typing import Any

import pytest
from byroute import EDGE, ROUTED_WAYS, by_way, http_route, routed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mortal import Killed, Mortal
from rollway.errors import ApplyConflict
from rollway.kube import fieldset, ssa
from rollway.kube.fieldset import Path
from rollway.kube.objects import (
    DEPLOYMENT,
    DESTINATION_RULE,
    HTTP_ROUTE,
    INGRESS,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Obj,
    as_manifest,
    kind_of,
)
from rollway.plan import lending
from rollway.plan.steps import GiveBack
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, Stand, World, in_world, release, stand_of

ARGO = "argocd-controller"
STEPS = {"canary": {"steps": [{"weight": 10}, {"weight": 50}]}}


def applied(world: World, manifest: Obj, *, by: str = ARGO) -> Obj:
    """As a GitOps tool applies it. Raises ApplyConflict where it meets another's field."""
    kind = kind_of(manifest["apiVersion"], manifest["kind"])
    assert kind is not None
    api, name = world.sandbox.api, manifest["metadata"]["name"]
    return api.patch(kind, NAMESPACE_NAME, name, copy.deepcopy(manifest), "apply", manager=by)


def stand(wanted: Release) -> Stand:
    """The application as a GitOps tool has deployed it, before anybody heard of rollway."""

    async def story(world: World) -> None:
        for manifest in (*wanted.others, *wanted.services, wanted.workload):
            applied(world, manifest)
        await asyncio.sleep(20)

    return stand_of(story)


def holders(live: Obj) -> Mapping[Path, set[str]]:
    return {path: {owner.manager for owner in owners} for path, owners in ssa.owners_of(live).items()}


def live(world: World, kind: Kind, name: str = "shop") -> Obj:
    return world.sandbox.store.get(kind, NAMESPACE_NAME, name)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_is_as_it_was_found_is_its_owners_again(strategy: str) -> None:
    """Of every object, after every strategy, and so that the owner may change it next without a conflict."""
    found = release("v1", strategy=strategy)

    async def story(world: World) -> None:
        kinds = (DEPLOYMENT, SERVICE)
        before = {kind.name: live(world, kind) for kind in kinds}
        wanted = release("v2", strategy=strategy, options=STEPS)
        result = await world.ship("apply", wanted)
        if result.phase == "Paused":
            result = await world.ship("promote", wanted, weight=100)
        assert result.phase == "Promoted", result.failure
        await asyncio.sleep(60)

        for kind in kinds:
            was, now = before[kind.name], live(world, kind)
            held = holders(now)
            same = [
                path
                for path, owners in holders(was).items()
                if path[0] == "f:spec" and ARGO in owners and fieldset.value_at(was, path) == fieldset.value_at(now, path)
            ]
            assert len(same) > 3
            assert [path for path in same if ARGO not in held.get(path, set())] == []

    in_world(story, stand=stand(found))


ROUTES: dict[str, tuple[Kind, str, Path]] = {
    "gateway": (HTTP_ROUTE, "shop", ("f:spec", "f:rules")),
    "istio": (VIRTUAL_SERVICE, "routes", ("f:spec", "f:http")),
}


@pytest.mark.parametrize("verb", ["promote", "rollback"])
@pytest.mark.parametrize(("router", "strategy"), [("gateway", "canary"), ("gateway", "ab"), ("istio", "canary"), ("istio", "ab")])
def test_a_route_is_its_owners_when_the_release_is_over(router: str, strategy: str, verb: str) -> None:
    kind, name, rules = ROUTES[router]
    options = {**STEPS, "ab": {"match": [{"headers": {"x-beta": "yes"}}]}}
    found = routed("v1", router=router, strategy=strategy, options=options)

    async def story(world: World) -> None:
        before = live(world, kind, name)
        wanted = routed("v2", router=router, strategy=strategy, options=options)
        paused = await world.ship("apply", wanted)
        assert paused.phase == "Paused", paused.failure
        assert holders(live(world, kind, name))[rules] == {"rollway"}

        result = await world.ship(verb, wanted, **({"weight": 100} if verb == "promote" else {}))
        assert [step.ref.kind for step in result.plan.steps if isinstance(step, GiveBack)][-1:] == [kind.name]
        await asyncio.sleep(30)
        after = live(world, kind, name)
        assert after["spec"] == before["spec"]
        assert holders(after)[rules] == {ARGO}

        changed = as_manifest(before)
        changed["spec"]["hostnames" if router == "gateway" else "hosts"] = ["shop.example.com"]
        changed["spec"][rules[1][2:]][0]["name"] = "everything"
        assert applied(world, changed)["spec"][rules[1][2:]][0]["name"] == "everything"

    in_world(story, stand=stand(found))


@pytest.mark.parametrize("back", [False, True])
@pytest.mark.parametrize("way", ROUTED_WAYS)
def test_every_router_leaves_every_object_with_its_managers(way: str, back: bool) -> None:
    """Whoever managed a field of a route or an Ingress before manages it after, and nobody else; rollway nothing of it."""
    kinds = (HTTP_ROUTE, VIRTUAL_SERVICE, INGRESS)

    async def story(world: World) -> None:
        found = [obj for kind in kinds for obj in world.sandbox.store.list(kind, NAMESPACE_NAME)]
        before = {(obj["kind"], obj["metadata"]["name"]): (obj["spec"], holders(obj)) for obj in found}
        wanted = by_way("v2", way, options=STAGED)
        first = await world.ship("apply", wanted)
        assert first.phase == "Paused", first.failure
        done = await (world.ship("rollback", wanted) if back else world.ship("promote", wanted, weight=100))
        assert done.is_ok, done.failure
        await asyncio.sleep(30)
        found = [obj for kind in kinds for obj in world.sandbox.store.list(kind, NAMESPACE_NAME)]
        assert {(obj["kind"], obj["metadata"]["name"]): (obj["spec"], holders(obj)) for obj in found} == before

    in_world(story, stand=stand(by_way("v1", way, options=STAGED)))


STAGED = {
    "blueGreen": {"autoPromote": False, "scaleDownDelaySeconds": 1},
    "canary": {"steps": [{"weight": 25}]},
    "ab": {"weight": 10},
}


def test_without_it_the_owner_would_meet_a_conflict() -> None:
    """What this is for: while the release is under way, the field is rollway's."""
    found = routed("v1", strategy="canary", options=STEPS)

    async def story(world: World) -> None:
        await world.ship("apply", routed("v2", strategy="canary", options=STEPS))
        changed = copy.deepcopy(http_route({"name": "all", "backendRefs": [{"name": "shop", "port": 80}]}))
        with pytest.raises(ApplyConflict, match="rollway"):
            applied(world, changed)

    in_world(story, stand=stand(found))


@pytest.mark.parametrize("calls", range(0, 60, 3))
def test_cut_off_anywhere_it_is_given_back_by_whoever_goes_on(calls: int) -> None:
    kind, name, rules = ROUTES["gateway"]
    found = routed("v1", strategy="canary", options=STEPS)

    async def story(world: World) -> None:
        wanted = routed("v2", strategy="canary", options=STEPS)
        await world.ship("apply", wanted)
        with contextlib.suppress(Killed):
            await world.ship("promote", wanted, weight=100, cluster=Mortal(world.cluster, calls))
        await asyncio.sleep(60)
        await world.ship("promote", wanted, weight=100, holder="test@nowhere/1")
        assert world.versions() == {"v2": 4}
        assert holders(live(world, kind, name))[rules] == {ARGO}
        again = await world.ship("promote", wanted, weight=100, holder="test@nowhere/1")
        assert again.plan.is_empty

    in_world(story, stand=stand(found))


def test_a_field_that_the_release_has_changed_for_good_stays_rollways() -> None:
    """And the way back of it, later, makes it theirs."""
    found = release("v1", strategy="ramped")
    image = next(path for path in holders(found_live(found)) if path[-1] == "f:image")

    async def story(world: World) -> None:
        wanted = release("v2", strategy="ramped")
        await world.ship("apply", wanted)
        assert holders(live(world, DEPLOYMENT))[image] == {"rollway"}
        await world.ship("rollback", wanted)
        assert world.versions() == {"v1": 4}
        assert holders(live(world, DEPLOYMENT))[image] == {ARGO}

    in_world(story, stand=stand(found))


def found_live(wanted: Release) -> Obj:
    async def story(world: World) -> Any:
        return live(world, DEPLOYMENT)

    got: Obj = in_world(story, stand=stand(wanted))
    return got


def test_what_somebody_writes_meanwhile_is_not_overwritten() -> None:
    """The patch is tied to the object as it was read, and done again."""
    kind, name, rules = ROUTES["gateway"]
    found = routed("v1", strategy="canary", options=STEPS)

    class Raced:
        """Somebody annotates the route each time before its managers are patched, twice."""

        def __init__(self, world: World) -> None:
            self._world, self.races = world, 0

        def __getattr__(self, attribute: str) -> Any:
            return getattr(self._world.cluster, attribute)

        async def patch(self, ref: Any, patch: Any, **options: Any) -> Any:
            if isinstance(patch, list) and patch[-1]["path"] == "/metadata/managedFields" and self.races < 2:
                self.races += 1
                note = {"metadata": {"annotations": {"race": str(self.races)}}}
                self._world.sandbox.api.patch(kind, NAMESPACE_NAME, name, note, manager="somebody")
            return await self._world.cluster.patch(ref, patch, **options)

    async def story(world: World) -> None:
        wanted = routed("v2", strategy="canary", options=STEPS)
        await world.ship("apply", wanted)
        raced = Raced(world)
        await world.ship("promote", wanted, weight=100, cluster=raced)
        after = live(world, kind, name)
        assert raced.races == 2
        assert after["metadata"]["annotations"]["race"] == "2"
        assert holders(after)[rules] == {ARGO}
        assert "somebody" in set().union(*holders(after).values())

    in_world(story, stand=stand(found))


def test_nothing_is_given_back_where_nothing_was_taken() -> None:
    """An application that rollway alone has ever written costs nothing more."""

    async def story(world: World) -> None:
        for tag in ("v1", "v2"):
            plan = await shipping.plan(
                world.cluster, routed(tag, strategy="ramped", others=(EDGE, http_route())), Request("apply", 100)
            )
            assert not [step for step in plan.steps if isinstance(step, GiveBack)]
            assert plan.loans == ()
            await world.ship("apply", routed(tag, strategy="ramped", others=(EDGE, http_route())))

    in_world(story)


def test_istios_rules_are_given_back_too() -> None:
    rule = {
        "apiVersion": DESTINATION_RULE.api_version, "kind": DESTINATION_RULE.name,
        "metadata": {"name": "shop", "namespace": NAMESPACE_NAME},
        "spec": {"host": "shop", "subsets": [{"name": "all", "labels": {"app": "shop"}}]},
    }  # fmt: skip
    route = {
        "apiVersion": VIRTUAL_SERVICE.api_version, "kind": VIRTUAL_SERVICE.name,
        "metadata": {"name": "routes", "namespace": NAMESPACE_NAME},
        "spec": {"hosts": ["shop"], "http": [{"route": [{"destination": {"host": "shop", "subset": "all"}}]}]},
    }  # fmt: skip
    options = {"ab": {"match": [{"headers": {"x-beta": "yes"}}]}}
    found = routed("v1", others=(rule, route), strategy="ab", options=options)

    async def story(world: World) -> None:
        wanted = routed("v2", others=(rule, route), strategy="ab", options=options)
        await world.ship("apply", wanted)
        await world.ship("promote", wanted, weight=100)
        assert holders(live(world, DESTINATION_RULE))[("f:spec", "f:subsets")] == {ARGO}
        assert live(world, DESTINATION_RULE)["spec"] == rule["spec"]

    in_world(story, stand=stand(found))


FIELDS = st.dictionaries(st.sampled_from("abcd"), st.integers(0, 3), min_size=1)


def thing(spec: dict[str, int]) -> Obj:
    return {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "x", "namespace": "y"}, "spec": spec}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(theirs=FIELDS, ours=FIELDS)
def test_taken_and_put_back_leaves_who_manages_what(theirs: dict[str, int], ours: dict[str, int]) -> None:
    """Whatever was changed in between: with the values as before, the managers are, too; and who holds more than one field keeps
    the others."""
    found = ssa.apply(None, thing(theirs), "them", now="2026-01-01T00:00:00Z")
    during = ssa.apply(found, thing({**theirs, **ours}), "rollway", force=True, now="2026-01-02T00:00:00Z")
    loans = list(lending.taken(found, found, during))
    after = ssa.apply(during, thing(theirs), "rollway", force=True, now="2026-01-03T00:00:00Z")
    entries = lending.given_back(after, loans)
    back = after if entries is None else {**after, "metadata": {**after["metadata"], "managedFields": entries}}
    spec = {path: names for path, names in holders(back).items() if path[0] == "f:spec"}
    assert all("them" in names for names in spec.values())
    changed = {("f:spec", f"f:{key}") for key, value in ours.items() if key in theirs and theirs[key] != value}
    assert {path for path, names in spec.items() if names == {"them"}} == changed
    assert lending.given_back(back, loans) is None
    other = {**back, "spec": {key: value + 1 for key, value in back["spec"].items()}}
    assert lending.given_back({**other, "metadata": after["metadata"]}, loans) is None, "another value is nobody's to give"


def test_what_they_have_taken_again_since_an_earlier_release_is_given_back_as_it_is_now() -> None:
    """The earlier one took the number of pods for good; by then it was another one."""
    replicas = ("f:spec", "f:replicas")

    async def story(world: World) -> None:
        earlier = release("v2", strategy="canary", options=STEPS, replicas=5)
        await world.ship("apply", earlier)
        await world.ship("promote", earlier, weight=100)
        assert holders(live(world, DEPLOYMENT))[replicas] == {"rollway"}
        theirs = copy.deepcopy(earlier.workload)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", theirs, "apply", manager=ARGO, force=True)
        await asyncio.sleep(60)
        assert ARGO in holders(live(world, DEPLOYMENT))[replicas]

        wanted = release("v3", strategy="canary", options=STEPS, replicas=5)
        await world.ship("apply", wanted, weight=50)
        assert ARGO not in holders(live(world, DEPLOYMENT))[replicas]
        result = await world.ship("promote", wanted, weight=100)
        assert result.phase == "Promoted", result.failure
        assert ARGO in holders(live(world, DEPLOYMENT))[replicas]

    in_world(story, stand=stand(release("v1", strategy="canary")))


def test_a_field_that_two_have_held_is_both_theirs_again() -> None:
    """As after a switch from kubectl to a GitOps tool."""
    found = ssa.apply(None, thing({"a": 1}), "kubectl", now="2026-01-01T00:00:00Z")
    found = ssa.apply(found, thing({"a": 1}), "argocd", now="2026-01-01T00:00:00Z")
    during = ssa.apply(found, thing({"a": 2}), "rollway", force=True, now="2026-01-02T00:00:00Z")
    after = ssa.apply(during, thing({"a": 1}), "rollway", force=True, now="2026-01-03T00:00:00Z")
    entries = lending.given_back(after, list(lending.taken(found, found, during)))
    back = {**after, "metadata": {**after["metadata"], "managedFields": entries}}
    assert holders(back)[("f:spec", "f:a")] == {"kubectl", "argocd"}


def test_an_object_that_somebody_has_made_anew_is_nobodys_to_give_back() -> None:
    found = ssa.apply(None, thing({"a": 1}), "them", now="2026-01-01T00:00:00Z")
    during = ssa.apply(found, thing({"a": 2}), "rollway", force=True, now="2026-01-02T00:00:00Z")
    anew = ssa.apply(None, thing({"a": 1}), "others", now="2026-01-03T00:00:00Z")
    assert lending.given_back(anew, lending.taken(found, found, during)) is None


def test_both_ways_in_which_a_manager_has_held_a_field_are_given_back() -> None:
    """By an apply and by an update: each has an entry of its own."""
    found = ssa.apply(None, thing({"a": 1}), "them", now="2026-01-01T00:00:00Z")
    entries = ssa.track_update(None, thing({"a": 1}), "them", now="2026-01-01T00:00:00Z")
    found = {**found, "metadata": {**found["metadata"], "managedFields": [*found["metadata"]["managedFields"], *entries]}}
    during = ssa.apply(found, thing({"a": 2}), "rollway", force=True, now="2026-01-02T00:00:00Z")
    loans = {loan.key: loan for loan in lending.taken(found, found, during)}
    after = ssa.apply(during, thing({"a": 1}), "rollway", force=True, now="2026-01-03T00:00:00Z")
    back = {**after, "metadata": {**after["metadata"], "managedFields": lending.given_back(after, loans.values())}}
    assert sorted(owner.operation for owner in ssa.owners_of(back)[("f:spec", "f:a")]) == ["Apply", "Update"]
