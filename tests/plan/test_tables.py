"""What changes, agrees, is lent and is remembered, over grids of small inputs: one line a case, in tables/*.txt.

`make golden` rewrites them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import Sections, said
from rollway.errors import FieldConflict
from rollway.kube import ssa
from rollway.kube.objects import Obj, Ref, get
from rollway.plan import agreement, drift, lending, marks
from rollway.plan.diff import changes, inside
from rollway.plan.evidence import MOST_POINTS, Evidence, Point, by_gate
from rollway.plan.observed import Observed, scales
from rollway.plan.plan import Plan, Split, is_change
from rollway.plan.revision import Entry, HookRun, Revision, before, in_flight_of, live_of, unsettled_of
from rollway.plan.steps import (
    Apply,
    Change,
    Delete,
    GiveBack,
    Hold,
    Label,
    Loan,
    Patch,
    Pause,
    Record,
    Route,
    Run,
    Scale,
    Step,
    Wait,
)

HERE = Path(__file__).parent / "tables"
SHOP = Ref("apps/v1", "Deployment", "shop", "shop")
SERVICE = Ref("v1", "Service", "far", "shop")


def deployment(replicas: int = 4, **spec: Any) -> Obj:
    meta = {"name": "shop", "namespace": "shop", "labels": {"app": "shop"}}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": {"replicas": replicas, **spec}}


# what differs


OBJECTS: list[Obj] = [
    {},
    {
        "metadata": {
            "name": "x",
            "namespace": "y",
            "uid": "u",
            "resourceVersion": "1",
            "generation": 2,
            "creationTimestamp": "t",
            "selfLink": "l",
            "managedFields": [],
            "labels": {"a/b": "c"},
        },
        "status": {"a": 1},
    },
    {
        "spec": {
            "replicas": 0,
            "paused": False,
            "resources": {"limits": {"cpu": "1"}},
            "list": [{"name": "a", "v": 1}, {"name": "b"}],
        }
    },
    {"spec": {"replicas": 1, "paused": True, "resources": {"limits": {"cpu": "1000m"}}, "list": [{"name": "b", "v": 2}]}},
    {"spec": {"replicas": 1.0, "resources": {"limits": {"cpu": "x"}}, "list": [{"name": "a"}, {"name": "a"}], "empty": {}}},
    {"spec": {"hard": {"pods": "1k"}, "list": [1, 2], "nested": {"a": {"b": {}}, "c": []}, "text": "1"}},
    {"spec": {"hard": {"pods": "1000"}, "list": [], "nested": None, "text": 1}},
    {"kind": "Secret", "data": {"a": "QQ=="}, "stringData": {"b": "x"}, "metadata": {"annotations": {"c": "QQ=="}}},
    {"kind": "Secret", "data": {"a": "Qg=="}, "type": "x"},
    {"spec": {"replicas": 1, "list": "text"}},
    {"spec": {"list": None}},
]
INSIDE: list[Any] = [
    None,
    1,
    "a",
    [],
    {},
    [1, 2],
    [2, 3, 4],
    {"a": 1, "b.c": [1]},
    {"a": 2},
    [{"name": "x", "v": 1}, {"name": "y"}],
    [{"name": "y", "v": 2}, {"name": "z"}],
    [{"k": 1}, {"k": 2}, {"k": 3}],
    [{"k": 0}, {"k": 2}],
]


def of_changes() -> Iterator[str]:
    for one, other in itertools.product((None, *OBJECTS), OBJECTS):
        yield f"{said(one)} -> {said(other)}: {said(changes(one, other))}"


def of_insides() -> Iterator[str]:
    for one, other in itertools.product(INSIDE, INSIDE):
        yield f"{said(one)} -> {said(other)}: {said(list(inside(Change('.f', one, other))))}"


# two plans

APPLY = Apply(manifest=deployment(paused=False), creates=False, changes=(Change(".spec.replicas", 1, 4),), why="w")
LOAN = Loan(ref=SHOP, manager="kubectl", operation="Update", api_version="apps/v1", path=("f:spec",), was="x")
STEPS: list[Step] = [
    Record(number=2, phase="Progressing", weight=10, message="m"),
    APPLY,
    Apply(
        manifest={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b" * 80}},
        creates=True,
        why="w",
    ),
    Patch(ref=SHOP, patch={"spec": {"paused": None}}, why="w"),
    Label(ref=SHOP, labels={"a": "b"}, pods=4, deadline_s=1, why="w"),
    Scale(ref=SHOP, replicas=3, was=4, why="w"),
    Wait(ref=SHOP, until="rolled-out", pods=4, deadline_s=9, why="w"),
    Route(ref=SERVICE, selector={"a": "b"}, was={}, min_ready=4, former_pods=2, why="w"),
    Hold(seconds=3, why="w"),
    Run(
        manifest={"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}},
        number=2,
        moment="before",
        hook="h",
        mark="m",
        deadline_s=5,
        why="w",
    ),
    GiveBack(ref=SHOP, loans=(LOAN,), why="w"),
    Delete(ref=SHOP, why="w"),
    Pause(seconds=None, why="w"),
]
OTHER: dict[str, Any] = {
    "number": 7,
    "phase": "Paused",
    "weight": 11,
    "message": "n",
    "to": 1,
    "pause_s": 4,
    "creates": True,
    "why": "x",
    "patch": {"spec": None},
    "changes": (Change(".spec.replicas", 2, 4), Change(".spec.x", None, [1])),
    "labels": {"a": "c", "d": "e"},
    "pods": 5,
    "deadline_s": 2,
    "replicas": 2,
    "was": 9,
    "until": "drained",
    "is_autoscaled": True,
    "ready_for_s": 3,
    "selector": {"b": "c"},
    "ports": ({"port": 1},),
    "min_ready": 1,
    "former": SHOP,
    "former_pods": 3,
    "side": SHOP,
    "seconds": 8,
    "moment": "after",
    "hook": "i",
    "mark": "n",
    "goes_on": True,
    "loans": (),
    "takes_over": (FieldConflict("f", "kubectl"),),
    "manifest": deployment(5, minReadySeconds=3, extra="x" * 70),
    "ref": Ref("apps/v1", "Deployment", "far", "other"),
}
PLAN = Plan(
    app="shop",
    namespace="shop",
    strategy="canary",
    action="apply",
    revision=2,
    from_version="v1",
    to_version="v2",
    from_weight=0,
    weight=10,
    phase="Paused",
    steps=tuple(STEPS),
    split=Split(stable=4, canary=1, percent=20.0),
    peak_pods=5,
    steady_pods=4,
)
HEADS: dict[str, Any] = {
    "app": "x",
    "namespace": "x",
    "strategy": "ab",
    "action": "promote",
    "revision": 3,
    "from_version": "v0",
    "to_version": "v3",
    "from_weight": 5,
    "weight": 20,
    "phase": "Promoted",
    "peak_pods": 9,
    "notes": ("n",),
}


def of_agreements() -> Iterator[str]:
    def told(saved: Plan, now: Plan) -> str:
        plain, scaled = (agreement.differences(saved, now, is_autoscaled=each) for each in (False, True))
        rest = [agreement.is_rest(saved, now, is_autoscaled=each) for each in (False, True)]
        return f"{said(plain)}{'' if plain == scaled else f' | scaled: {said(scaled)}'} | rest: {rest}"

    yield f"the same: {told(PLAN, PLAN)}"
    for name, value in HEADS.items():
        yield f"{name}: {told(PLAN, PLAN.model_copy(update={name: value}))}"
    for place, step in enumerate(STEPS):
        for name in (name for name in type(step).model_fields if name in OTHER):
            steps = [*STEPS[:place], step.model_copy(update={name: OTHER[name]}), *STEPS[place + 1 :]]
            yield f"{step.type} {name}: {told(PLAN, PLAN.model_copy(update={'steps': tuple(steps)}))}"
    for name, steps in {
        "without the first": STEPS[1:],
        "without a wait": [each for each in STEPS if each.type != "wait"],
        "none": [],
        "turned": [STEPS[1], STEPS[0]],
        "a wait first": [STEPS[6], *STEPS[:6]],
        "twice": [STEPS[0], STEPS[0]],
        "another number of pods": [APPLY.model_copy(update={"manifest": deployment(9, paused=False)})],
        "without a word": [APPLY.model_copy(update={"manifest": deployment()})],
    }.items():
        now = PLAN.model_copy(update={"steps": tuple(steps)})
        yield f"{name}: {told(PLAN, now)} || {told(now, PLAN)}"


def of_steps() -> Iterator[str]:
    for step in STEPS:
        plan = PLAN.model_copy(update={"steps": (step,)})
        yield f"{step.type}: {is_change(step)} {plan.is_empty} {plan.pause is not None}"
    plan = PLAN.model_copy(update={"steps": ()})
    yield f"none: {plan.is_empty} {plan.pause}"
    takes = [FieldConflict("f", "b"), FieldConflict("g", "a"), FieldConflict("h", "b")]
    yield said(APPLY.model_copy(update={"takes_over": tuple(takes)}).former_owners)


# what is remembered

BEGUN = Revision(
    number=2,
    app="shop",
    namespace="shop",
    strategy="canary",
    phase="Progressing",
    weight=0,
    version="v2",
    image="shop:v2",
    digest="d",
    replicas=4,
    base=1,
    release={"workload": {"a": 1}, "services": [{"b": 1}], "others": [{"c": 1}]},
)
PHASES = ("Progressing", "Paused", "Promoted", "RolledBack", "Failed")
RUNS = tuple(
    HookRun(moment=moment, name="h", mark="m", job=f"j-{moment}", phase="Complete")
    for moment in ("before", "after", "beforeRollback")
)


def of_revisions() -> Iterator[str]:
    told = BEGUN.model_copy(update={"message": "why", "told": ("said",), "hooks": RUNS, "started": "S", "by": "ann"})
    for was, phase, message in itertools.product(PHASES, PHASES, ("", "now")):
        entry = Entry(at="AT", by="bob", phase=phase, weight=7, note="n")
        for begun in (told, BEGUN):
            after = begun.model_copy(update={"phase": was}).entered(entry, pause_s=9, message=message)
            hooks = [run.is_past for run in after.hooks]
            seen = after.model_dump(
                include={"phase", "weight", "started", "by", "ended", "paused_at", "pause_s", "was_promoted", "message"}
            )
            yield f"{was} -> {phase} {message}: {said(seen)} {after.told} {hooks} {after.is_in_flight} {after.standing}"
    yield said(Entry(at="a", by="b", phase="Paused", weight=1).model_dump())
    yield said(BEGUN.model_dump(exclude={"release"}))
    many = BEGUN
    for at in range(25):
        many = many.entered(Entry(at=str(at), by="b", phase="Paused", weight=at), exact_at="exact")
    yield f"{[entry.at for entry in many.entries]} {many.paused_at} {many.objects}"
    for at, by in itertools.product(("", "2026-01-02T03:04:05.678"), ("", "ann")):
        entered = BEGUN.model_copy(update={"entries": (Entry(at=at, by=by, phase="Paused", weight=1),)})
        yield f"{entered.standing!r} {BEGUN.model_copy(update={'ended': at, 'started': 'S'}).standing!r}"


def of_runs() -> Iterator[str]:
    past = RUNS[0].model_copy(update={"is_past": True, "job": "old"})
    held = BEGUN.model_copy(update={"hooks": (past, *RUNS, RUNS[0].model_copy(update={"job": "new"}))})
    for moment, name in itertools.product(("before", "after", "beforeRollback"), ("h", "i")):
        found = held.run_of(moment, name)  # type: ignore[arg-type]
        yield f"{moment} {name}: {found and found.job}"
    again = held.with_run(RUNS[0].model_copy(update={"phase": "Failed"}))
    yield said([(run.job, run.phase) for run in again.hooks])
    lent = BEGUN.with_loans([LOAN])
    more = lent.with_loans([LOAN.model_copy(update={"was": "y"}), LOAN.model_copy(update={"manager": "helm"})])
    yield f"{[(loan.manager, loan.was) for loan in more.loans]} {lent.with_loans([LOAN]) is lent} {LOAN.key}"


def of_histories() -> Iterator[str]:
    for phases in itertools.product(PHASES, repeat=3):
        revisions = [BEGUN.model_copy(update={"number": at, "phase": phase}) for at, phase in enumerate(phases, 1)]
        found = [each and each.number for each in (live_of(revisions), in_flight_of(revisions), before(revisions, 3))]
        yield f"{' '.join(phases)}: {found} {[each.number for each in unsettled_of(revisions)]}"
    yield f"none: {live_of([])} {in_flight_of([])} {before([], 1)} {unsettled_of([])}"


def of_evidence() -> Iterator[str]:
    found = Evidence(gate="g", digest="d", began_s=0, until_s=1)
    for count in (0, 1, MOST_POINTS - 1, MOST_POINTS):
        full = found.model_copy(update={"points": tuple(Point(float(at), None, "") for at in range(count))})
        yield f"{count}: {[point.at_s for point in full.with_point(Point(-1.0, 1.0, 's'))]}"
    yield said(list(by_gate((found,))))
    yield said(found.model_dump(mode="json"))


# who holds what

NOW = "2026-01-01T00:00:10Z"


def held() -> Iterator[tuple[str, Obj]]:
    """One object, as several have written it."""
    ours = ssa.apply(None, deployment(4, paused=False), "rollway", now=NOW)
    yield "ours", ours
    theirs = ssa.apply(None, deployment(2), "kubectl", now="2026-01-01T00:00:05Z")
    yield "theirs", theirs
    yield "taken", ssa.apply(theirs, deployment(4), "rollway", force=True, now=NOW)
    yield "shared", ssa.apply(theirs, deployment(2), "rollway", now=NOW)
    for manager, subresource, now in itertools.product(
        ("kubectl-edit", "kube-controller-manager", "rollway"), ("", "scale", "status"), (NOW, "2026-01-01T00:00:20Z", "")
    ):
        after = {
            **ours,
            "spec": {**ours["spec"], "replicas": 9, "minReadySeconds": 3},
            "metadata": {**ours["metadata"], "labels": {"x": "y"}},
        }
        entries = ssa.track_update(ours, after, manager, now=now, subresource=subresource)
        yield f"by {manager} {subresource} {now}", {**after, "metadata": {**after["metadata"], "managedFields": entries}}
    for manager in ("rollway", "kubectl"):
        entries = ssa.track_update(None, deployment(), manager, now=NOW)
        alone = {**deployment(), "metadata": {**deployment()["metadata"], "managedFields": entries}}
        yield f"made by {manager}", alone
        yield f"made by {manager}, and applied", ssa.apply(alone, deployment(), "rollway", now=NOW)
    yield "nobody's", deployment()


def of_drift() -> Iterator[str]:
    for name, obj in held():
        for since in ("", NOW, "2026-01-01T00:00:15Z"):
            yield f"{name}, since {since}: {said(drift.changed_since(obj, since))}"
        marked = marks.track_of(obj), marks.is_ours(obj, "shop"), marks.applied_by_us(obj), marks.owns_replicas(obj)
        yield f"    {said(marked)} {marks.digest_of(obj)!r} {marks.digest_of(None)!r}"


def of_loans() -> Iterator[str]:
    for name, found in held():
        for after, entirely in itertools.product(
            (deployment(4), deployment(6, paused=True), deployment(2, minReadySeconds=3)), (False, True)
        ):
            written = ssa.apply(found, after, "rollway", force=True, now=NOW)
            loans = list(lending.taken(found, found, written, entirely=entirely))
            listed = [(loan.manager, loan.operation, ".".join(loan.path), loan.is_shared) for loan in loans]
            yield f"{name} -> {said(after['spec'])} {entirely}: {said(listed)}"
            for label, live in (("as it was", {**written, "spec": found["spec"]}), ("as it is", written)):
                entries = lending.given_back(live, loans)
                owners = entries and [(each["manager"], each["operation"], get(each, "fieldsV1", "f:spec")) for each in entries]
                yield f"    back {label}: {said(owners)} {[lending.is_as_found(live, loan) for loan in loans]}"


def of_observed() -> Iterator[str]:
    hpa = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "shop"}}
    targets = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"},
        {"kind": "Deployment", "name": "shop"},
        {"apiVersion": "apps/v1beta1", "kind": "Deployment", "name": "shop"},
        {"apiVersion": "x/v1", "kind": "Deployment", "name": "shop"},
        {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "shop"},
        {"apiVersion": "apps/v1", "kind": "Deployment", "name": "x"},
    ]
    for target in targets:
        scaler = {**hpa, "spec": {"scaleTargetRef": target}}
        ref = Ref(scaler["apiVersion"], scaler["kind"], "shop", "h")
        seen = Observed({ref: scaler, Ref("v1", "Service", "shop", "none"): None})
        yield f"{said(target)}: {scales(scaler, 'shop')} {seen.is_autoscaled('shop')} {len(seen.autoscalers_of('shop'))}"
    labelled = deployment()
    labelled["metadata"]["labels"]["rollway.dev/app"] = "shop"
    seen = Observed(
        {SHOP: labelled, SERVICE: {**labelled, "kind": "Service"}, Ref("apps/v1", "Deployment", "shop", "gone"): None}
    )
    yield f"{[obj['kind'] for obj in seen.workloads('shop')]} {list(seen.workloads('x'))} {seen.revision(1)}"
    yield f"{Observed().is_claimed_anywhere} {Observed().elsewhere}"
    known = Observed(history=(BEGUN.model_copy(update={"number": 1, "phase": "Promoted"}), BEGUN))
    yield f"{known.live and known.live.number} {known.in_flight and known.in_flight.number} {(known.revision(2) or BEGUN).number}"


TABLES = {
    made.__name__.removeprefix("of_"): made
    for made in (
        of_changes,
        of_insides,
        of_agreements,
        of_steps,
        of_revisions,
        of_runs,
        of_histories,
        of_evidence,
        of_drift,
        of_loans,
        of_observed,
    )
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, request: pytest.FixtureRequest) -> None:
    sections = Sections(HERE / f"{name}.txt", is_rewriting=request.config.getoption("--update-golden"))
    sections.hold(name, list(TABLES[name]()))


def test_every_table_is_looked_at() -> None:
    assert {path.stem for path in HERE.iterdir()} == set(TABLES)
