"""How ready objects are, and why not, over grids of what their status may say: one line a case, in tables/*.txt.

`make golden` rewrites them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import Sections, said
from rollway.health import deployment, pods, routes, workloads
from rollway.kube.objects import Obj, Ref

HERE = Path(__file__).parent / "tables"


def deployed(asked: int | None = 3, surge: Any = 1, generation: int | None = 2, **status: Any) -> Obj:
    spec: Obj = {"strategy": {"rollingUpdate": {"maxSurge": surge}}}
    if asked is not None:
        spec["replicas"] = asked
    meta = {"name": "shop", **({"generation": generation} if generation is not None else {})}
    return {"metadata": meta, "spec": spec, "status": {"observedGeneration": 2, **status}}


def of_counts() -> Iterator[str]:
    """(all, updated, ready, available) of 3 pods, as each wait sees them."""
    for counts in itertools.product((0, 2, 3, 4), (0, 1, 3), (0, 3, 4), (2, 3)):
        status = dict(zip(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), counts, strict=True))
        seen = [deployment.progress(deployed(**status), until, 3) for until in ("rolled-out", "held", "drained")]
        yield f"{counts}: {said(seen)}"


def of_waits() -> Iterator[str]:
    done = {"replicas": 3, "updatedReplicas": 3, "readyReplicas": 3, "availableReplicas": 3}
    late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
    cases: dict[str, Obj | None] = {
        "absent": None,
        "empty": {"metadata": {"name": "x"}, "spec": {}},
        "behind": deployed(generation=3, **done),
        "no generation": deployed(generation=None, **done),
        "no count": deployed(None, **done),
        "one": deployed(None, replicas=1, updatedReplicas=1),
        "percent": deployed(surge="25%", **done),
        "late": deployed(**{**done, "availableReplicas": 1}, conditions=[late]),
        "late and done": deployed(**done, conditions=[late]),
        "a surge": deployed(**{**done, "replicas": 4, "readyReplicas": 4}),
        "other conditions": deployed(**done, conditions=[{**late, "type": "Available"}, {**late, "reason": "x"}]),
    }
    for (name, obj), until, count, scaled in itertools.product(
        cases.items(), ("rolled-out", "held", "drained"), (1, 3, 4), (False, True)
    ):
        yield f"{name}, {until} {count} {scaled}: {said(deployment.progress(obj, until, count, is_autoscaled=scaled))}"
    yield said([deployment.deadline_passed(obj) for obj in cases.values() if obj])


def of_refusals() -> Iterator[str]:
    words = ["exceeded quota", *deployment.UNANSWERED, "Failed Calling Webhook x", ""]
    for word, state, generation in itertools.product(words, ("True", "False"), (2, 3)):
        condition = {"type": "ReplicaFailure", "status": state, **({"message": word} if word else {})}
        obj = deployed(generation=generation, conditions=[{"type": "Available", "status": "True"}, condition])
        found = [deployment.refusal(obj, each) for each in (None, obj, deployed(conditions=[{**condition, "message": "x"}]))]
        yield f"{word!r} {state} {generation}: {said(found)}"
    yield f"{deployment.refusal(None)} {deployment.refusal(deployed())} {deployment.failure_of(None)}"
    for paused, managers in itertools.product((True, False, None), ([], ["a"], ["a", "b"])):
        entries = [{"manager": each, "fieldsV1": {"f:spec": {"f:paused": {}}}} for each in managers]
        meta = {"name": "x", "managedFields": [*entries, {"manager": "other", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]}
        yield f"{paused} {managers}: {deployment.paused_by({'metadata': meta, 'spec': {'paused': paused}})!r}"


STATES: dict[str, Obj] = {
    **{
        reason: {"state": {"waiting": {"reason": reason, "message": "m"}}, "image": "i:1"}
        for reason in (
            "ErrImagePull",
            "ImagePullBackOff",
            "InvalidImageName",
            "ErrImageNeverPull",
            "CreateContainerConfigError",
            "CreateContainerError",
            "RunContainerError",
            "CrashLoopBackOff",
            "ContainerCreating",
            "PodInitializing",
            "Other",
        )
    },
    "no image": {"state": {"waiting": {"reason": "ErrImagePull"}}},
    "running": {"state": {"running": {}}},
    "ready": {"state": {"running": {}}, "ready": True},
    "nothing": {},
    "ended well": {"state": {"terminated": {"exitCode": 0}}},
    **{
        f"ended {code} {why}, {times}": {
            "state": {"terminated": {"exitCode": code, "reason": why, "message": "m"}},
            "restartCount": times,
        }
        for code, why, times in itertools.product((1, 137), ("Error", "OOMKilled"), (0, 1, 2))
    },
    **{
        f"loop {times}": {
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "restartCount": times,
            "lastState": {"terminated": {"exitCode": 3, "reason": "Error"}},
        }
        for times in (0, 1, 2, 3)
    },
    "running after": {"state": {"running": {}}, "lastState": {"terminated": {"exitCode": 9}}},
}
EVENTS = [
    {"involvedObject": {"name": "p"}, "reason": "FailedMount", "message": "first"},
    {"involvedObject": {"name": "p"}, "reason": "FailedMount", "message": "mount"},
    {"involvedObject": {"name": "q"}, "reason": "FailedMount", "message": "another's"},
    {"involvedObject": {"name": "p"}, "reason": "Unhealthy", "message": "once"},
    {"involvedObject": {"name": "p"}, "reason": "Unhealthy", "message": "probe"},
    {"involvedObject": {"name": "q"}, "reason": "Unhealthy"},
    {"involvedObject": {"name": "p"}, "reason": "Pulled"},
]


def pod(*statuses: Obj, conditions: tuple[Obj, ...] = (), init: tuple[Obj, ...] = (), **meta: Any) -> Obj:
    listed = [{"name": f"c{place}", **status} for place, status in enumerate(statuses)]
    status: Obj = {"conditions": list(conditions), "containerStatuses": listed}
    if init:
        status["initContainerStatuses"] = [{"name": f"i{place}", **each} for place, each in enumerate(init)]
    return {"metadata": {"name": "p", **meta}, "spec": {"containers": [{"image": "i:1"}]}, "status": status}


def of_problems() -> Iterator[str]:
    for name, state in STATES.items():
        yield f"{name}: {said(pods.problem_of(pod(state)))} | {said(pods.hindrance_of(pod(state)))}"
        two = pods.problem_of(pod(STATES["running"], state), EVENTS[3:])
        yield f"    with events: {said(pods.problem_of(pod(state), EVENTS))}; two: {said(two)}"
        yield f"    before it: {said(pods.problem_of(pod(STATES['ready'], init=(state,)), EVENTS[:3]))}"
    for message in (*pods.GONE_FOR_GOOD, *pods.MAY_PASS, "Not Found, proxyconnect", ""):
        found = []
        for reason in ("ErrImagePull", "CreateContainerError", "InvalidImageName"):
            problem = pods.problem_of(pod({"state": {"waiting": {"reason": reason, "message": message}}}))
            found.append(problem and problem.is_final)
        yield f"{message!r}: {found}"
    for conditions in (
        ({"type": "Ready", "status": "True"},),
        ({"type": "Ready", "status": "False"},),
        ({"type": "PodScheduled", "status": "False"},),
        ({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"},),
        ({"type": "PodScheduled", "status": "False", "reason": "Unschedulable"},),
        ({"type": "Other", "status": "True", "reason": "Unschedulable"},),
    ):
        for meta in ({}, {"deletionTimestamp": "t"}):
            made = pod(STATES["running"], conditions=conditions, **meta)
            found = pods.problem_of(made), pods.hindrance_of(made)
            yield f"{said(conditions)} {meta}: {pods.is_ready(made)} {said(found)}"
    bare = {"metadata": {"name": "p"}, "spec": {"containers": []}}
    yield f"bare: {pods.is_ready(bare)} {pods.problem_of(bare, EVENTS)}"


def of_templates() -> Iterator[str]:
    made = {"metadata": {"labels": {"app": "a", "x": "y"}}, "spec": {"containers": [{"image": "i:1"}, {"image": "s:1"}]}}
    for labels, images in itertools.product(
        ({"app": "a"}, {"app": "b"}, {}), (["i:1"], ["i:1", "s:1"], ["s:1"], ["i:1", "s:1", "t:1"])
    ):
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"image": image} for image in images]}}
        yield f"{labels} {images}: {pods.is_of_template(made, {'spec': {'template': template}})}"


def condition(type_: str, status: str = "True", seen: int | None = 2, **more: Any) -> Obj:
    return {"type": type_, "status": status, **({"observedGeneration": seen} if seen is not None else {}), **more}


ACCEPTED, RESOLVED = condition("Accepted"), condition("ResolvedRefs")
VERDICTS: dict[str, list[Obj]] = {
    "both": [ACCEPTED, RESOLVED],
    "none": [],
    "accepted": [ACCEPTED],
    "resolved": [RESOLVED],
    "old": [condition("Accepted", seen=1), RESOLVED],
    "no generation": [condition("Accepted", seen=None), condition("ResolvedRefs", seen=None)],
    "refused": [condition("Accepted", "False", reason="NoMatch", message="no"), RESOLVED],
    "unknown": [ACCEPTED, condition("ResolvedRefs", "Unknown")],
    "refused without a word": [ACCEPTED, condition("ResolvedRefs", "False")],
    "in part": [ACCEPTED, RESOLVED, condition("PartiallyInvalid", reason="R", message="m")],
    "in part before": [ACCEPTED, RESOLVED, condition("PartiallyInvalid", seen=1)],
    "not in part": [ACCEPTED, RESOLVED, condition("PartiallyInvalid", "False")],
}
GATEWAYS: dict[str, Obj | None] = {
    "absent": None,
    "new": {"metadata": {"name": "edge"}},
    "programmed": {"metadata": {"name": "edge", "generation": 2}, "status": {"conditions": [condition("Programmed")]}},
    "behind": {"metadata": {"name": "edge", "generation": 3}, "status": {"conditions": [condition("Programmed")]}},
    "refused": {
        "metadata": {"name": "edge", "generation": 3},
        "status": {"conditions": [condition("Programmed", "False", reason="R", message="m")]},
    },
    "no generation": {
        "metadata": {"name": "edge", "generation": 3},
        "status": {"conditions": [condition("Programmed", seen=None)]},
    },
}


def route(*parents: Obj, said_of: tuple[tuple[Obj, list[Obj]], ...] = (), generation: int = 2, namespace: str = "shop") -> Obj:
    status = {"parents": [{"parentRef": parent, "conditions": found} for parent, found in said_of]}
    return {
        "metadata": {"name": "r", "generation": generation, "namespace": namespace},
        "spec": {"parentRefs": list(parents)},
        "status": status,
    }


EDGE: Obj = {"name": "edge"}
SAME: list[Obj] = [
    EDGE,
    {"name": "edge", "namespace": "shop", "kind": "Gateway", "group": "gateway.networking.k8s.io"},
    {"name": "edge", "sectionName": "a"},
    {"name": "edge", "port": 80},
    {"name": "edge", "namespace": "far"},
    {"name": "mesh", "kind": "Service", "group": ""},
    {"name": "x", "kind": "Other"},
]


def of_routes() -> Iterator[str]:
    for (name, verdict), (label, gateway) in itertools.product(VERDICTS.items(), GATEWAYS.items()):
        made = route(EDGE, said_of=((EDGE, verdict),))
        yield f"{name}, gateway {label}: {said(routes.waits(made, {('shop', 'edge'): gateway}))}"
    for name, verdict in VERDICTS.items():
        twice = route(EDGE, said_of=((EDGE, verdict), (EDGE, VERDICTS["both"])))
        newer = route(EDGE, said_of=((EDGE, verdict),), generation=3)
        yield f"{name}: {said(routes.taken_up(twice))} {said(routes.taken_up(newer))}"
    for one, other in itertools.product(SAME, SAME):
        made = route(one, EDGE, one, said_of=((other, VERDICTS["both"]),))
        yield f"{said(one)} told as {said(other)}: {said(routes.taken_up(made))} {said(routes.gateways_of(made))}"
    yield said(routes.waits({"metadata": {"name": "r"}, "spec": {"parentRefs": [EDGE]}}, {("", "edge"): None}))
    for api_version, kind in (
        ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        ("gateway.networking.k8s.io/v1beta1", "GRPCRoute"),
        ("v1", "HTTPRoute"),
    ):
        yield f"{api_version} {kind}: {routes.is_route(Ref(api_version, kind, 'shop', 'r'))}"


def of_workloads() -> Iterator[str]:
    grids: dict[str, tuple[list[str], list[Obj]]] = {
        "stateful_set": (
            ["replicas", "readyReplicas", "updatedReplicas", "currentRevision"],
            [
                {},
                {"replicas": 3},
                {"replicas": 3, "updateStrategy": {"type": "OnDelete"}},
                {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}},
                {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 5}}},
            ],
        ),
        "daemon_set": (
            ["desiredNumberScheduled", "numberAvailable", "updatedNumberScheduled"],
            [{}, {"updateStrategy": {"type": "OnDelete"}}],
        ),
        "replication_controller": (["replicas", "readyReplicas"], [{}, {"replicas": 3}]),
        "job": (["succeeded"], [{}, {"completions": 3}, {"suspend": True}]),
    }
    kinds = dict(zip(grids, workloads.WORKLOADS.values(), strict=True))
    for name, (fields, specs) in grids.items():
        for spec, values in itertools.product(
            specs, itertools.product((0, 1, 3) if len(fields) < 4 else (1, 3), repeat=len(fields))
        ):
            status = dict(zip(fields, values, strict=True))
            if name == "stateful_set":
                status |= {"updateRevision": 1}
            found = kinds[name]({"metadata": {"name": "x"}, "spec": spec, "status": {"observedGeneration": 1, **status}})
            yield f"{name} {said(spec)} {values}: {said(found)}"
        behind = {"metadata": {"generation": 2}, "spec": {}, "status": {"observedGeneration": 1}}
        yield f"{name} behind: {said(kinds[name](behind))}"
        yield f"{name} bare: {said(kinds[name]({'metadata': {'name': 'x'}, 'spec': {}}))}"
    for type_, state, more in itertools.product(
        ("Failed", "FailureTarget", "Complete", "Other"), ("True", "False"), ({"message": "m"}, {"reason": "R"})
    ):
        made = {"metadata": {}, "spec": {}, "status": {"conditions": [{"type": type_, "status": state, **more}]}}
        yield f"job {type_} {state} {more}: {said(workloads.job(made))}"
    yield said(list(map(list, workloads.WORKLOADS)))


TABLES = {
    made.__name__.removeprefix("of_"): made
    for made in (
        of_counts,
        of_waits,
        of_refusals,
        of_problems,
        of_templates,
        of_routes,
        of_workloads,
    )
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, request: pytest.FixtureRequest) -> None:
    sections = Sections(HERE / f"{name}.txt", is_rewriting=request.config.getoption("--update-golden"))
    sections.hold(name, list(TABLES[name]()))


def test_every_table_is_looked_at() -> None:
    assert {path.stem for path in HERE.iterdir()} == set(TABLES)
