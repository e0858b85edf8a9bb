"""What a comparison does, in counts: writes, walks, draws. No clock: growth is caught wherever it runs."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from types import CodeType, FrameType
from typing import Any, NamedTuple

import pytest
from rehearsed import STOPPED, At, comparison, outcome
from rollway.compare.comparing import compared
from rollway.compare.improving import improvements
from rollway.compare.lives import fate_of
from rollway.compare.rehearsal import base_of, earlier, walked
from rollway.compare.scenario import Scenario
from rollway.compare.story import THE_END, Point
from rollway.compare.walking import Again, Ground, Job, Tree, Variant, Walk
from rollway.release.model import Release
from shop import STRATEGIES, release

STEPS = {"canary": {"steps": [{"weight": 50, "pause": "5s"}]}}
A_POD = {"recreate": 8, "ramped": 12, "blue-green": 8, "canary": 13}
"""Writes of its whole life: made, runs, ready, deleted, stopped, gone; and its share of what counts it. A canary makes half as
many again for its second side, and none of the old version; coming home pod by pod it took 29."""
CALLS_A_POD = {"recreate": 2220, "ramped": 3120, "canary": 3160}
"""Of Python functions, of a pod's whole life, four draws of its traffic included; with a few percent more."""
EVENTS_A_POD = 9  # callbacks of the event loop, of its whole life
OTHERS = 60  # writes of all else of a release of few pods: Deployments and what they count, the lock, the history


def shop(pods: int) -> Release:
    return release("v2", options=STEPS, replicas=pods)


def writes(pods: int, strategy: str, rate: float = 100.0) -> int:
    made = shop(pods)
    base = base_of(earlier(made), 0)
    return walked(base, made, strategy, Scenario(rate=rate), 0)[0].writes


@pytest.mark.parametrize("strategy", A_POD)
def test_writes_grow_with_the_pods_and_no_faster(strategy: str) -> None:
    """Every pod is replaced once: what is written is what a pod's life takes, and a rest that does not grow."""
    few, many = writes(8, strategy), writes(64, strategy)

    assert (many - few) / (64 - 8) <= A_POD[strategy]
    assert few <= 8 * A_POD[strategy] + 2 * OTHERS


def called(what: Callable[[], object]) -> Counter[CodeType]:
    """How often each Python function was called meanwhile."""
    calls = Counter[CodeType]()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code] += 1

    sys.setprofile(note)
    try:
        what()
    finally:
        sys.setprofile(None)
    return calls


class Counts(NamedTuple):
    """Of a walk: what the store took, and what the event loop had to do."""

    writes: int
    events: int


def counted(monkeypatch: pytest.MonkeyPatch, pods: int) -> Counts:
    made, events = shop(pods), Counter[str]()
    base = base_of(earlier(made), 0)
    run = asyncio.Handle._run  # type: ignore[attr-defined]

    def noted(self: asyncio.Handle) -> None:
        events["all"] += 1
        run(self)

    monkeypatch.setattr(asyncio.Handle, "_run", noted)
    writes = walked(base, made, "blue-green", Scenario(), 0)[0].writes
    monkeypatch.setattr(asyncio.Handle, "_run", run)
    return Counts(writes, events["all"])


def test_a_pod_of_a_thousand_costs_what_one_of_ten_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or less, as what happens at the same moment is seen at once. No write and no event hangs on how many others there are."""
    few, more, most = (counted(monkeypatch, pods) for pods in (10, 100, 1_000))

    assert (more.writes - few.writes) / 90 <= A_POD["blue-green"]
    assert (more.events - few.events) / 90 <= EVENTS_A_POD
    assert (most.writes - more.writes) / 900 <= 1.02 * (more.writes - few.writes) / 90
    assert (most.events - more.events) / 900 <= 1.02 * (more.events - few.events) / 90


def test_the_rate_adds_nothing() -> None:
    assert writes(4, "ramped", rate=10) == writes(4, "ramped", rate=1_000_000)


def test_nobody_is_told_what_nobody_asks() -> None:
    """Of Events warnings alone are kept, which a release looks for: here that probes failed at first."""
    base = base_of(earlier(shop(4)), 0)
    events = base.snapshot.objects.get(("", "Event"), {}).values()

    assert {event["reason"] for event in events} <= {"Unhealthy"}


def test_draws_cost_no_writes() -> None:
    made = shop(4)
    base = base_of(earlier(made), 0)
    runs = walked(base, made, "ramped", Scenario(), 0, draws=4)

    assert len({run.writes for run in runs}) == 1
    assert runs[:1] == walked(base, made, "ramped", Scenario(), 0)
    assert len({run.toll.ok["new"] for run in runs}) > 1


def test_what_a_pod_does_is_found_once_for_all_draws() -> None:
    """What differs by draw are the proxies and the requests, not when a pod listens and stops."""
    made = shop(4)
    base = base_of(earlier(made), 0)

    def looks(draws: int) -> int:
        return called(lambda: walked(base, made, "ramped", Scenario(), 0, draws=draws))[fate_of.__code__]

    assert looks(4) == looks(1) > 0


@pytest.mark.parametrize("strategy", CALLS_A_POD)
def test_what_a_pod_costs_is_counted(strategy: str) -> None:
    """In calls, which are the same on every machine: writes alone would not tell that each of them costs more."""

    def calls(pods: int) -> int:
        made = shop(pods)
        base = base_of(earlier(made), 0)
        return called(lambda: walked(base, made, strategy, Scenario(), 0, draws=4)).total()

    few, many = [(calls(pods), calls(pods))[1] for pods in (16, 48)]  # what is remembered from one walk to the next is no pod's
    assert (many - few) / (48 - 16) <= CALLS_A_POD[strategy]


def test_a_walk_is_asked_at_each_point_once() -> None:
    made, asked = shop(4), list[Point]()
    base = base_of(earlier(made), 0)

    def note(point: Point) -> bool:
        asked.append(point)
        return False

    walked(base, made, "canary", Scenario(), 0, turns=note)

    assert [point.after for point in asked] == ["holds 50%", "the end"]


def test_a_comparison_walks_as_often_as_it_says() -> None:
    """By default far less than seeds times strategies."""
    found = compared(shop(4), Scenario(), seeds=20, stops_early=True, is_alone=True)

    assert [outcome.strategy for outcome in found.outcomes] == list(STRATEGIES)
    assert sum(outcome.walks for outcome in found.outcomes) <= 5 * 8


@pytest.mark.parametrize(("lost", "tried"), [(0, False), (1, False), (2, True)])
def test_a_fix_is_walked_only_where_fewer_losses_could_be_told(lost: int, tried: bool) -> None:
    """With a median of none or one there is no less that anybody would be told of, however the walks went."""
    jobs: list[Job] = []
    made = release("v2")
    del made.workload["spec"]["template"]["spec"]["containers"][0]["lifecycle"]
    found = comparison(outcomes=(outcome("ramped", [At(-2)], done_s=9.0, lost={STOPPED: lost}),))

    def walk_all(asked: Sequence[Job]) -> list[object]:
        jobs.extend(asked)
        return [[] for _ in asked]

    improvements(walk_all, [Variant("ramped", "ramped", made)], found, range(3))

    assert bool(jobs) is tried


def jobs_of(monkeypatch: pytest.MonkeyPatch, **how: Any) -> list[tuple[Walk | Again, Tree]]:
    """What a comparison walks, in this process."""
    done: list[tuple[Walk | Again, Tree]] = []

    def noting(walk: Callable[[Any, Ground], Tree]) -> Callable[[Any, Ground], Tree]:
        def noted(self: Any, ground: Ground) -> Tree:
            done.append((self, walk(self, ground)))
            return done[-1][1]

        return noted

    for kind in (Walk, Again):
        monkeypatch.setattr(kind, "done", noting(kind.done))
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0}, raising=False)
    compared(shop(4), Scenario(), **how)
    return done


def test_ways_back_leave_the_second_walk_and_the_end_of_the_third(monkeypatch: pytest.MonkeyPatch) -> None:
    """No way is walked twice for them, and a further one only where those from the slowest point are too few or do not agree."""
    done = jobs_of(monkeypatch, seeds=20, stops_early=True)

    assert len({(walk.label, walk.seed) for walk, _ in done}) == len(done)
    for strategy in STRATEGIES:
        backs = {walk.seed: tuple(tree.backs) for walk, tree in done if walk.label == strategy and tree.backs}
        assert {1, 2} <= backs.keys() <= {1, 2, 3}
        assert backs[2] == (THE_END,) == backs[1][-1:]
        assert len(backs.get(3, ())) <= 1


def test_the_only_walk_tells_where_to_leave_it_and_is_left_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is done once more for that, and goes back itself from the last of the points: no way is gone back twice."""
    done = jobs_of(monkeypatch, seeds=1)
    walked, again = ([(job, tree) for job, tree in done if isinstance(job, kind)] for kind in (Walk, Again))
    backs = Counter((job.label, point) for job, tree in done for point in tree.backs)

    assert [job.label for job, _ in walked] == list(STRATEGIES)
    assert sorted(job.label for job, _ in again) == ["blue-green", "ramped", "recreate"]
    assert not any(tree.runs for _, tree in again)
    assert set(backs.values()) == {1}
    assert {point for label, point in backs if label == "ramped"} == {Point("half-way", 50), THE_END}
