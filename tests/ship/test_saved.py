"""Saved plans: bound to their cluster, computed again, refused where that gives another plan."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
import functools
import json
import operator
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mortal import Counted, Killed, Mortal
from pydantic import ValidationError
from rollway.cluster.port import Cluster
from rollway.errors import BadInput, Forbidden, RollwayError, StalePlan
from rollway.kube.objects import DEPLOYMENT, HPA, NAMESPACE, Obj, Ref
from rollway.plan.agreement import differences
from rollway.plan.plan import Action
from rollway.plan.steps import Apply
from rollway.release.model import Release
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.ship.run import Result
from rollway.ship.saved import SavedPlan, bind, document, of_document, run_saved, seal_of
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release, stand_of

APPLY = Request("apply")
OPTIONS = shipping.Options(holder="test@nowhere/0")


async def saved(world: World, strategy: str, request: Request = APPLY, wanted: Release | None = None) -> SavedPlan:
    """Read back from its file."""
    wanted = wanted or release("v2", strategy=strategy)
    made = await shipping.plan(world.cluster, wanted, request, strategy=strategy)
    bound = await bind(world.cluster, wanted, request, made, strategy=strategy, is_override=False, force=False)
    return SavedPlan.model_validate_json(bound.model_dump_json())


async def carried_out(world: World, plan: SavedPlan, cluster: Cluster | None = None, **more: Any) -> Result:
    return await run_saved(cluster or world.cluster, plan.release, plan, options=dataclasses.replace(OPTIONS, **more))


def edited(plan: SavedPlan, edit: Callable[[Any], object]) -> SavedPlan:
    """As somebody with an editor leaves its file."""
    data = plan.model_dump(mode="json")
    edit(data)
    return SavedPlan.model_validate(data)


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


def another_image(plan: Any) -> None:
    for step in plan["steps"]:
        if step["type"] == "apply" and step["manifest"]["kind"] == "Deployment":
            step["manifest"]["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example/shop:v2"


def another_object(plan: Any) -> None:
    meta = {"name": "x", "namespace": "kube-system"}
    manifest: Obj = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": meta}
    plan["steps"].insert(1, {"type": "apply", "creates": True, "manifest": manifest, "why": "labels"})


def a_deletion(plan: Any) -> None:
    plan["steps"].append({"type": "delete", "ref": ["v1", "Namespace", "", "payments"], "why": "tidy"})


def no_waiting(plan: Any) -> None:
    plan["steps"] = [step for step in plan["steps"] if step["type"] != "wait"]


def another_version(plan: Any) -> None:
    plan["to_version"] = "v1.0.0-reviewed"


def another_namespace(plan: Any) -> None:
    for step in plan["steps"]:
        if step["type"] == "apply":
            step["manifest"]["metadata"]["namespace"] = "payments"


def another_group(plan: Any) -> None:
    for step in plan["steps"]:
        if step["type"] == "apply":
            step["manifest"]["apiVersion"] = f"evil.example/{step['manifest']['apiVersion'].rpartition('/')[2]}"


def the_release_alone(plan: Any) -> None:
    plan["asked"]["release"]["workload"]["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example/shop:v2"


EDITS = (
    another_image,
    another_object,
    a_deletion,
    no_waiting,
    another_version,
    another_namespace,
    another_group,
    the_release_alone,
)


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_an_edited_plan_is_refused(strategy: str, edit: Callable[[Any], object]) -> None:
    """Only what is computed is ever carried out, and that has to be what the file says."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        plan = edited(await saved(world, strategy), edit)
        with pytest.raises(StalePlan):
            await carried_out(world, plan)

        assert world.versions() == {"v1": 4}
        assert [r.version for r in await world.history()] == ["v1"]

    in_world(story)


def places(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Of all that a document holds, however deep."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inside in items:
        yield (*path, key)
        yield from places(inside, (*path, key))


@pytest.mark.parametrize("action", ["apply", "rollback"])
def test_an_edit_of_any_place_is_told_as_one(action: Action) -> None:
    """Of a word that no step depends on, of the way back, of the release that is carried along, too: a reader has read another
    file. Written anew by a program, with its keys in another order and 30 in place of 30.0, it is the same plan."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        if action == "rollback":
            await promoted(world, "v2", "canary")
        plan = await saved(world, "canary", Request(action))
        text = json.dumps(document(plan), indent=1, sort_keys=True)
        assert ".0," in text
        assert of_document(json.loads(text.replace(".0,", ",")), "plan.json") == plan
        file = json.loads(text)
        assert of_document(file, "plan.json") == plan
        for place in places(file):
            changed = copy.deepcopy(file)
            holder = functools.reduce(lambda inside, key: inside[key], place[:-1], changed)
            for edit in (
                functools.partial(operator.setitem, holder, place[-1], "edited"),
                functools.partial(holder.pop, place[-1]),
            ):
                edit()
                with pytest.raises(StalePlan, match="somebody has edited"):
                    of_document(changed, "plan.json")

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


VALUES: tuple[object, ...] = (None, True, -1, 1.5, "", "x", [], [None], ["x"], [{}], {}, {"x": None}, {"name": 5}, 10**30)


@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "ab"])
def test_whatever_is_written_into_a_plan_and_sealed_is_a_plan_or_refused(strategy: str) -> None:
    """Any value at any place of the release that it carries and of its steps, a key that is missing, too: never a traceback."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        plan = await saved(world, strategy)
        file = document(plan)
        draw = random.Random(strategy)
        of_release = [place for place in places(file) if place[0] == "asked"]
        every = [place for place in places(file) if place[0] != "seal"]
        for place in (*draw.sample(of_release, min(len(of_release), 100)), *draw.sample(every, 50)):
            changed = copy.deepcopy(file)
            holder = functools.reduce(lambda inside, key: inside[key], place[:-1], changed)
            if draw.random() < 0.25:
                del holder[place[-1]]
            else:
                holder[place[-1]] = draw.choice(VALUES)
            if (read := sealed(changed)) is None:
                continue
            with contextlib.suppress(RollwayError):
                made = await shipping.plan(world.cluster, read.release, read.asked.request, strategy=read.asked.strategy)
                differences(read, made, is_autoscaled=False)

    in_world(story)


def sealed(raw: dict[str, Any]) -> SavedPlan | None:
    """The document read as a plan with a seal of its own; None where it is refused."""
    try:
        return load_again(raw)
    except (BadInput, ValidationError):
        return None


def load_again(raw: dict[str, Any]) -> SavedPlan:
    """As somebody seals it who has edited it."""
    rest = {key: value for key, value in raw.items() if key != "seal"}
    return of_document({**rest, "seal": seal_of(rest)}, "plan.json")


MISSHAPEN: list[tuple[tuple[str | int, ...], object, str]] = [
    (("workload", "kind"), None, r"asked\.release\.workload\.kind: kind is empty; it takes a text"),
    (("workload", "kind"), "Pod", r"asked\.release\.workload\.kind: Pod shop is no Deployment, StatefulSet or DaemonSet"),
    (
        ("workload", "spec", "template", "spec", "containers", 0, "ports"),
        "x",
        r"containers\[0\]\.ports is the text \"x\"; it takes a",
    ),
    (
        ("workload", "spec", "template", "spec", "containers", 0, "ports"),
        [{}],
        r"containers\[0\]\.ports\[0\] has no containerPort",
    ),
    (("workload", "spec", "template", "spec", "containers", 0, "image"), "", r"container shop has no image"),
    (("services", 0, "spec", "ports"), [None], r"asked\.release\.services\[0\]\.spec\.ports\[0\]: .* is empty"),
    (("services", 0, "spec", "selector"), {}, r"asked\.release\.services\[0\]\.spec\.selector: Service shop selects no pods"),
    (("services",), {}, r"asked\.release\.services: is a mapping; it takes a list"),
    (("others",), ["x"], r"asked\.release\.others\[0\]: is a text; it takes an object"),
    (("app",), 5, r"asked\.release\.app: is a number; it takes a text"),
    (("router",), "x", r"asked\.release\.router: unknown router 'x'"),
    (("hooks",), [{"name": "a", "job": "x"}], r"asked\.release\.hooks\[0\]: is no hook"),
]


@pytest.mark.parametrize(("place", "value", "told"), MISSHAPEN)
def test_what_a_plan_carries_that_is_no_release_is_told_with_its_place(
    place: tuple[str | int, ...], value: object, told: str
) -> None:
    """Before anything is asked of a cluster."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        file = document(await saved(world, "ramped"))
        holder = functools.reduce(lambda inside, key: inside[key], place[:-1], file["asked"]["release"])
        holder[place[-1]] = value

        with pytest.raises(BadInput, match=told):
            load_again(file)

    in_world(story)
