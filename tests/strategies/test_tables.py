"""How strategies speak and how Deployments stand, over grids of small inputs: one line a case, in tables/*.txt.

`make golden` rewrites them; plans as a whole are told in tests/golden.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from golden import Sections, said, tried
from rollway.kube.objects import Obj
from rollway.plan.observed import Observed
from rollway.plan.revision import Entry, Revision
from rollway.strategies import already, by_name, manifests, stands
from rollway.strategies.manifests import Rolling
from rollway.strategies.stops import stops_of
from shop import STRATEGIES, release

HERE = Path(__file__).parent / "tables"
LIMITS: list[Any] = [
    None,
    {},
    {"type": "Recreate"},
    {"type": "RollingUpdate"},
    {"rollingUpdate": {}},
    {"rollingUpdate": {"maxSurge": 2}},
    {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}},
    {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
]


def workload(strategy: Any = None, **spec: Any) -> Obj:
    return {"spec": {**({} if strategy is None else {"strategy": strategy}), **spec}}


def of_rolling() -> Iterator[str]:
    for limits in LIMITS:
        known = workload(limits)
        rest = [tuple(manifests.at_rest(known, each)) for each in (Rolling(), Rolling(1, 0, 5, 9), Rolling(type="Recreate"))]
        made = release("v1")
        made.workload["spec"].update(known["spec"])
        lacks = [manifests.may_lack(made, pods) for pods in (0, 1, 3, 4, 10)]
        yield f"{said(limits)}: {said(manifests.rolling_of(known))} {said(rest)} {lacks}"
    for rolling, count, is_exact, paused in itertools.product(
        (Rolling(), Rolling(1, 0, 5, 9), Rolling(type="Recreate")), (None, 0, 3), (False, True), (None, False, True)
    ):
        for spec in ({}, {"minReadySeconds": 7, "progressDeadlineSeconds": 8}):
            made = release("v1")
            made.workload["spec"].update(spec)
            out = manifests.stable(made, count, rolling, is_exact=is_exact, paused=paused)
            told = {key: value for key, value in out["spec"].items() if key not in ("template", "selector")}
            marks = out["metadata"].get("annotations"), out["spec"]["template"]["metadata"]["labels"]
            yield f"{tuple(rolling)} {count} {is_exact} {paused} {spec}: {said(told)} {said(marks)}"
    for count, deadline_s in itertools.product((0, 3), (None, 5)):
        out = manifests.second(release("v1"), "green", "g", count, deadline_s=deadline_s)
        out["spec"]["template"]["spec"] = {}
        out["spec"]["template"]["metadata"].pop("annotations")
        yield f"second {count} {deadline_s}: {said(out)}"


def of_namesakes() -> Iterator[str]:
    def with_ports(*ports: Obj, name: str = "a") -> Obj:
        return {"spec": {"template": {"spec": {"containers": [{"name": name, "ports": list(ports)}, {"name": "b"}]}}}}

    ports: list[Obj] = [
        {"name": "http", "containerPort": 80},
        {"name": "http", "containerPort": 81},
        {"containerPort": 80},
        {"name": "x", "containerPort": 81},
    ]
    for one, other, name in itertools.product(ports, ports, ("a", "c")):
        found = manifests.namesakes_apart(with_ports(other, name=name), with_ports(one))
        yield f"{said(one)} beside {said(other)} of {name}: {said(found['spec']['template']['spec']['containers'])}"


BASE = Revision(
    number=2,
    app="shop",
    namespace="shop",
    strategy="canary",
    phase="Paused",
    weight=0,
    version="v2",
    image="i",
    digest="d",
    replicas=4,
    base=1,
    release={},
)
TESTERS = [{"headers": {"x-beta": {"exact": "yes"}}}, {"headers": {"x-team": {"exact": "a"}}}, {"uri": {"prefix": "/n"}}]
OPTIONS: dict[str, Obj] = {
    "none": {},
    "ab": {"ab": {"match": TESTERS[:1]}},
    "ab of three": {"ab": {"match": TESTERS}},
    "twice": {"ab": {"match": [*TESTERS[:1] * 2, TESTERS[1]]}},
    "canary": {
        "canary": {
            "steps": [
                {"mirror": 10},
                {"weight": 5, "match": TESTERS[:2]},
                {"weight": 20, "mirror": 0},
                {"weight": 50, "match": TESTERS[2:]},
            ]
        }
    },
}


def of_words() -> Iterator[str]:
    for strategy, (name, options), weight in itertools.product(STRATEGIES, OPTIONS.items(), (0, 5, 20, 50)):
        revision = BASE.model_copy(update={"strategy": strategy, "weight": weight, "release": {"options": options}})
        yield f"{strategy} {name} {weight}: {stands.at(revision)!r} {stands.to(revision)!r} {stands.matching(revision)!r}"
    for phase, asked, strategy in itertools.product(("Paused", "Promoted", "Failed", "Progressing"), (5, 20, 50), STRATEGIES):
        entry = Entry(at="2026-01-02T03:04:05Z", by="ann", phase=phase, weight=20)
        revision = BASE.model_copy(update={"phase": phase, "weight": 20, "strategy": strategy, "entries": (entry,)})
        refused = already.under_way(release("v3"), revision, "ramped")
        notes = list(already.applied(release("v2"), revision, asked))
        yield f"{phase} {asked} {strategy}: {notes} | {refused.summary} | {refused.hint}"
    yield said([list(already.applied(release("v2"), None, 5)), already.a("ab"), already.a("canary")])


def of_promotions() -> Iterator[str]:
    """What is said where nothing is under way."""
    phases = ("Promoted", "RolledBack", "Failed")
    for history in itertools.chain(
        itertools.product(phases, repeat=1), itertools.product(phases, repeat=2), itertools.product(phases, repeat=3)
    ):
        digest = release("v2").digest
        revisions = tuple(
            BASE.model_copy(update={"number": at, "phase": phase, "version": f"v{at}", "digest": digest if at == 2 else f"d{at}"})
            for at, phase in enumerate(history, 1)
        )
        observed = Observed(history=revisions)

        def told(observed: Observed = observed) -> Any:
            live, notes = already.promoted(release("v2"), observed)
            return [live.number, notes]

        back = [list(already.rolled_back(observed, each)) for each in revisions]
        yield f"{history}: {tried(told)} | back: {said(back)}"
    yield tried(lambda: already.promoted(release("v2"), Observed()))


def of_stops() -> Iterator[str]:
    """Where each strategy stops by itself, for how long, and what share it gives there."""
    canary = {"canary": {"steps": [{"weight": 5, "pause": 60}, {"weight": 30}, {"weight": 100}]}}
    asked = {
        "none": {},
        "steps": canary,
        "no surge": {"canary": {"maxSurge": 0}, "ramped": {"maxSurge": 0, "maxUnavailable": 1}},
        "by hand": {"blueGreen": {"autoPromote": False}, "ab": {"weight": 20}},
    }
    for strategy, (name, options), pods in itertools.product(STRATEGIES, asked.items(), (None, 1, 4)):
        made = by_name(strategy)(release("v2", options=options, replicas=pods))
        stops = [(stop.weight, stop.pause_s, stop.is_last) for stop in stops_of(made)]
        shares = (
            [made.likely_share(weight) for weight in (0, 5, 50)],
            [made.due_share(30, *each) for each in ((1, 3), (0, 3), (2, 0))],
        )
        walk = [made.first_weight(), *(made.next_weight(weight) for weight in (0, 5, 29, 30, 99))]
        refused = [tried(lambda: made.check_weight(weight)) for weight in (-1, 0, 1, 50, 100, 101)]  # noqa: B023
        yield f"{strategy} {name} {pods}: {stops} {shares} {walk} {tuple(made.rolling)}"
        yield f"    {said(refused)}"


def of_manifests() -> Iterator[str]:
    """What is rendered, by kind and number of pods."""
    for strategy, pods, asked in itertools.product(STRATEGIES, (None, 0, 3), (None, 5)):
        made = by_name(strategy)(release("v2", replicas=pods))
        listed = [
            (obj["kind"], obj["metadata"]["name"], obj["spec"].get("replicas") if "spec" in obj else None)
            for obj in made.render(asked)
        ]
        yield f"{strategy} {pods} {asked}: {said(listed)}"


TABLES = {
    made.__name__.removeprefix("of_"): made
    for made in (
        of_rolling,
        of_namesakes,
        of_words,
        of_promotions,
        of_stops,
        of_manifests,
    )
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, request: pytest.FixtureRequest) -> None:
    sections = Sections(HERE / f"{name}.txt", is_rewriting=request.config.getoption("--update-golden"))
    sections.hold(name, list(TABLES[name]()))


def test_every_table_is_looked_at() -> None:
    assert {path.stem for path in HERE.iterdir()} == set(TABLES)
