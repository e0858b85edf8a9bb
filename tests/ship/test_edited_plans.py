"""Saved plans that somebody has edited: whatever is written into one, it is told as one, refused, or read as a plan."""

from __future__ import annotations

import contextlib
import copy
import functools
import json
import operator
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from rollway.errors import BadInput, RollwayError, StalePlan
from rollway.plan.agreement import differences
from rollway.plan.plan import Action
from rollway.ship import run as shipping
from rollway.ship.saved import SavedPlan, document, of_document, seal_of
from rollway.strategies.base import Request
from savedplans import another_object, carried_out, edited, saved
from shop import STRATEGIES, World, in_world, promoted


def another_image(plan: Any) -> None:
    for step in plan["steps"]:
        if step["type"] == "apply" and step["manifest"]["kind"] == "Deployment":
            step["manifest"]["spec"]["template"]["spec"]["containers"][0]["image"] = "evil.example/shop:v2"


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
