"""Saved plans: bound to their cluster, computed again, refused where that gives another plan."""

from __future__ import annotations

import asyncio
import copy
import functools
from typing import Any

import pytest
from mortal import Counted, Killed, Mortal
from rollway.cluster.port import Cluster
from rollway.errors import Forbidden, StalePlan
from rollway.kube.objects import DEPLOYMENT, HPA, NAMESPACE, Obj, Ref
from rollway.plan.plan import Action
from rollway.plan.steps import Apply
from rollway.release.model import Release
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.ship.saved import SavedPlan, bind
from rollway.strategies.base import Request
from savedplans import APPLY, another_object, carried_out, edited, saved
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release, stand_of


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_saved_plan_does_what_it_says(strategy: str) -> None:
    """It ends where applying directly does; so do a saved promotion and a saved rollback after it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        plan = await saved(world, strategy)
        result = await carried_out(world, plan)
        assert result.failure is None
        assert (result.phase, result.weight) == (plan.phase, plan.weight)
        if result.phase == "Paused":
            result = await carried_out(world, await saved(world, strategy, Request("promote", 100)))
        assert [r.version for r in await world.history()] == ["v1", "v2"]
        assert result.phase == "Promoted"
        back = await carried_out(world, await saved(world, strategy, Request("rollback")))

        assert (back.phase, world.versions()) == ("RolledBack", {"v1": 4})

    in_world(story)


def test_a_saved_plan_goes_on_by_itself_where_asked() -> None:
    """With --auto its pause is only the first of the way."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        result = await carried_out(world, await saved(world, "canary"), goes_on=True)

        assert (result.phase, world.versions()) == ("Promoted", {"v2": 4})

    in_world(story)


def test_a_stale_plan_is_refused() -> None:
    """What would be done differently is told, step by step, and nothing is touched."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        plan = await saved(world, "canary")
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 8}}, manager="rollway")
        moment = world.sandbox.store.version
        with pytest.raises(StalePlan) as refused:
            await carried_out(world, plan)

        assert "scale Deployment shop: now, and not in the plan" in refused.value.detail
        assert {change.kind.name for change in world.sandbox.store.since(moment) or ()} <= {"Lease", *SELF_MOVING}

    in_world(story)


SELF_MOVING = {"Pod", "ReplicaSet", "Deployment", "EndpointSlice", "Event"}


@pytest.mark.parametrize("action", ["apply", "rollback"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_plan_that_was_carried_out_does_nothing_more(strategy: str, action: Action) -> None:
    """The job that applies it may be retried: the second time says what was done, and touches nothing."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        if action == "rollback":
            await promoted(world, "v2", strategy)
        plan = await saved(world, strategy, Request(action))
        once = await carried_out(world, plan)
        await asyncio.sleep(60)
        moment = world.sandbox.store.version
        again = await carried_out(world, plan)

        assert (again.failure, again.plan.is_empty, again.phase, again.weight) == (None, True, once.phase, once.weight)
        assert again.plan.notes
        assert world.changed_since(moment) <= {"Lease"}

    in_world(story)


STEPS = {"canary": {"steps": [{"weight": 25}, {"weight": 50}, {"weight": 75}]}}


async def next_step(world: World) -> tuple[Release, SavedPlan]:
    """What is released, at its first step, and the promotion to its second, saved."""
    await promoted(world, "v1", "canary", STEPS)
    wanted = release("v2", strategy="canary", options=STEPS)
    await world.ship("apply", wanted)
    return wanted, await saved(world, "canary", Request("promote"), wanted)


def test_a_saved_promotion_that_was_carried_out_does_nothing_more() -> None:
    """Though another promotion would go on by a step: what was agreed on is the share that the plan leads to."""

    async def story(world: World) -> None:
        _, plan = await next_step(world)
        once = await carried_out(world, plan)
        moment = world.sandbox.store.version
        again = await carried_out(world, plan)

        assert (once.phase, once.weight) == (again.phase, again.weight) == ("Paused", 50)
        assert again.plan.is_empty
        assert any("paused already at 50%" in note for note in again.plan.notes)
        assert world.changed_since(moment) <= {"Lease", *SELF_MOVING}

    in_world(story)


def test_a_saved_plan_that_others_have_overtaken_is_refused_with_how_it_stands() -> None:
    """Nobody has begun a run of it, and nobody has edited it."""

    async def story(world: World) -> None:
        wanted, plan = await next_step(world)
        await world.ship("promote", wanted, weight=75)
        with pytest.raises(StalePlan, match="v2 has gone on since the plan was made: it is paused at 75% by now"):
            await carried_out(world, plan, goes_on=True)

    in_world(story)


@pytest.mark.parametrize("weight", [100, 50])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_saved_rollback_that_was_cut_off_is_finished(strategy: str, weight: int) -> None:
    """Wherever that was: of a release that is live, and of one under way. The second run does what is left, if anything."""
    if weight == 50 and strategy == "recreate":
        pytest.skip("it holds no share")

    async def released(world: World) -> None:
        await promoted(world, "v1", strategy)
        share = 0 if strategy == "blue-green" and weight < 100 else weight
        await world.ship("apply", release("v2", strategy=strategy), weight=share)

    async def undisturbed(world: World) -> Counted:
        cluster = Mortal(world.cluster)
        await carried_out(world, await saved(world, strategy, Request("rollback")), cluster)  # type: ignore[arg-type]
        return cluster.counted

    async def story(world: World, lives: int) -> None:
        plan = await saved(world, strategy, Request("rollback"))
        with pytest.raises(Killed):
            await carried_out(world, plan, Mortal(world.cluster, lives))  # type: ignore[arg-type]
        await asyncio.sleep(60)
        result = await carried_out(world, plan)
        assert (result.failure, result.phase, world.versions()) == (None, "RolledBack", {"v1": 4}), f"killed after call {lives}"

    stand = stand_of(released)
    counted = in_world(undisturbed, stand=stand)
    assert counted.calls > 11
    for lives in counted.deaths:
        in_world(functools.partial(story, lives=lives), stand=stand)


def test_a_saved_rollback_is_refused_where_something_else_is_left() -> None:
    """Cut off, and another image set by somebody before it was run again: that is not what was agreed on."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        plan = await saved(world, "canary", Request("rollback"))
        with pytest.raises(Killed):
            await carried_out(world, plan, Mortal(world.cluster, 10))  # type: ignore[arg-type]
        hotfix = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/shop:fix"}]}}}}
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", hotfix, "strategic", manager="kubectl-set")
        await asyncio.sleep(60)
        with pytest.raises(StalePlan):
            await carried_out(world, plan)

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_plan_that_was_cut_off_is_finished(strategy: str) -> None:
    """What is left of it are steps that were agreed on; one that somebody has edited meanwhile adds none."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        plan = await saved(world, strategy)
        killed = Mortal(world.cluster, {"ab": 23, "canary": 15}.get(strategy, 11))  # its first step is done by then
        with pytest.raises(Killed):
            await carried_out(world, plan, killed)  # type: ignore[arg-type]
        await asyncio.sleep(60)
        assert [r.phase for r in await world.history()][1:] == ["Progressing"]
        result = await carried_out(world, edited(plan, another_object))

        assert (result.failure, result.phase, result.weight) == (None, plan.phase, plan.weight)
        assert "RoleBinding" not in {step.ref.kind for step in result.plan.steps if isinstance(step, Apply)}

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_changes_no_step_makes_no_plan_stale(strategy: str) -> None:
    """Somebody's annotation does not, and how many pods there are, where an autoscaler says so, does not either."""

    async def story(world: World) -> None:
        plain = release("v1", strategy=strategy, replicas=None)
        await world.ship("apply", plain, weight=100)
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
        spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9}
        scaler = {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "shop"}, "spec": spec}
        world.sandbox.api.create(HPA, NAMESPACE_NAME, scaler, manager="somebody")
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"replicas": 4}}, manager="autoscaler")
        wanted = release("v2", strategy=strategy, replicas=None)
        made = await shipping.plan(world.cluster, wanted, APPLY)
        plan = await bind(world.cluster, wanted, APPLY, made, strategy=None, is_override=False, force=False)
        note = {"metadata": {"annotations": {"team": "checkout"}}, "spec": {"replicas": 6}}
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", note, manager="autoscaler", subresource="")

        result = await carried_out(world, plan)

        assert result.failure is None
        assert result.plan.revision == 2

    in_world(story)


def test_a_plan_is_for_one_cluster() -> None:
    """Two clusters may look alike to the last object: the plan of one is refused on the other, by either uid."""

    async def story(world: World) -> None:
        plan = await saved(world, "ramped")
        async with Sandbox(seed=99) as other:
            other.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE_NAME}})
            for cluster in (other.client(), Blind(other.client(), "kube-system")):
                with pytest.raises(StalePlan, match="another cluster"):
                    await carried_out(world, plan, cluster)  # type: ignore[arg-type]

        assert (await carried_out(world, plan, Blind(world.cluster, "kube-system"))).phase == "Promoted"  # type: ignore[arg-type]

    in_world(story)


def test_a_plan_that_cannot_be_bound_is_not_saved() -> None:
    """And one that cannot be checked is not carried out."""

    async def story(world: World) -> None:
        plan = await saved(world, "ramped")
        blind = Blind(world.cluster, "kube-system", NAMESPACE_NAME)
        with pytest.raises(Forbidden, match="bound to its cluster"):
            await bind(
                blind,
                plan.release,
                Request("apply"),
                plan,
                strategy=None,
                is_override=False,
                force=False,  # type: ignore[arg-type]
            )
        with pytest.raises(StalePlan, match="nothing tells"):
            await carried_out(world, plan, blind)  # type: ignore[arg-type]

    in_world(story)


class Blind:
    """An account that may not read some namespaces."""

    def __init__(self, cluster: Cluster, *unread: str) -> None:
        self._cluster, self._unread = cluster, unread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def get(self, ref: Ref) -> Obj | None:
        if ref.kind == "Namespace" and ref.name in self._unread:
            raise Forbidden(403, "Forbidden", f"namespaces {ref.name} is forbidden")
        return copy.deepcopy(await self._cluster.get(ref))
