"""What a comparison does, in counts: writes, walks, draws. No clock: growth is caught wherever it runs."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from typing import Any, NamedTuple

import pytest
from rollway.compare.comparing import compared
from rollway.compare.rehearsal import base_of, earlier, walked
from rollway.compare.scenario import Scenario
from rollway.compare.story import THE_END, Point
from rollway.compare.walking import Ground, Tree, Walk
from rollway.release.model import Release
from shop import STRATEGIES, release

STEPS = {"canary": {"steps": [{"weight": 50, "pause": "5s"}]}}
A_POD = {"recreate": 8, "ramped": 12, "blue-green": 8}
"""Writes of its whole life: made, runs, ready, deleted, stopped, gone; and its share of what counts it."""
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


def jobs_of(monkeypatch: pytest.MonkeyPatch, **how: Any) -> list[tuple[Walk, Tree]]:
    """What a comparison walks, in this process."""
    done: list[tuple[Walk, Tree]] = []
    walk = Walk.done

    def noted(self: Walk, ground: Ground) -> Tree:
        done.append((self, walk(self, ground)))
        return done[-1][1]

    monkeypatch.setattr(Walk, "done", noted)
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
    done = jobs_of(monkeypatch, seeds=1)
    walked = Counter(walk.label for walk, _ in done)

    assert walked == {"recreate": 2, "ramped": 2, "blue-green": 2, "canary": 1, "ab": 1}
