"""Several releases at a time: what starts when, what a failure stops, and what becomes of each."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mortal import Mortal
from rollway.errors import BadInput, Locked, TimedOut, Unreachable
from rollway.kube.objects import LEASE
from rollway.load.trial import silence
from rollway.load.verdict import Verdict
from rollway.release.several import App, linked, load_all
from rollway.ship import many
from rollway.ship.many import Ended, Outcome, Started
from rollway.ship.run import Options
from rollway.ship.schedule import Schedule
from rollway.strategies.base import Request
from services import service
from shop import NAMESPACE_NAME, World, in_world
from tallied import report_of

# what depends on what; how many at once; what fails -> what starts in each round, and what is skipped
SCHEDULES: dict[str, tuple[Mapping[str, Sequence[str]], int, set[str], list[str], dict[str, str]]] = {
    "none": ({}, 4, set(), [], {}),
    "all at once": ({"a": (), "b": (), "c": ()}, 4, set(), ["a b c"], {}),
    "two at once": ({"a": (), "b": (), "c": ()}, 2, set(), ["a b", "c"], {}),
    "a chain": ({"c": "b", "b": "a", "a": ()}, 4, set(), ["a", "b", "c"], {}),
    "a diamond": ({"a": (), "b": "a", "c": "a", "d": "bc"}, 4, set(), ["a", "b c", "d"], {}),
    "named twice": ({"a": (), "b": "aa"}, 4, set(), ["a", "b"], {}),
    "a failure stops what is behind it": (
        {"a": (), "b": "a", "c": "b", "d": ()}, 4, {"a"}, ["a d"],
        {"b": "depends on a, which failed", "c": "depends on b, which was skipped"},
    ),
    "half of what one needs": ({"a": (), "b": (), "c": "ab"}, 4, {"b"}, ["a b"], {"c": "depends on b, which failed"}),
    "two failures, told of once": ({"a": (), "b": (), "c": "ab"}, 4, {"a", "b"}, ["a b"], {"c": "depends on a, which failed"}),
    "a slot that a failure frees": ({"a": (), "b": "a", "c": ()}, 1, {"a"}, ["a", "c"], {"b": "depends on a, which failed"}),
}  # fmt: skip


@pytest.mark.parametrize("name", SCHEDULES)
def test_what_starts_when(name: str) -> None:
    """In rounds: all that runs ends before the next ones start."""
    after, at_once, failing, rounds, skipped = SCHEDULES[name]
    schedule = Schedule(after, at_once)
    seen: list[str] = []
    left: dict[str, str] = {}
    while not schedule.is_over:
        started = schedule.start()
        seen.append(" ".join(started))
        for each in started:
            left |= dict(schedule.ended(each, "failed" if each in failing else ""))

    assert (seen, left) == (rounds, skipped)


def test_nothing_starts_after_a_stop() -> None:
    """What runs goes on; the rest is answered, once."""
    schedule = Schedule({"a": (), "b": (), "c": "a"}, 1)
    schedule.start()

    assert schedule.stop("no cluster") == [("b", "no cluster"), ("c", "no cluster")]
    assert schedule.ended("a", "failed") == []
    assert (schedule.start(), schedule.is_over) == ([], True)


@st.composite
def _runs(draw: st.DrawFn) -> tuple[dict[int, list[int]], int, set[int], list[int]]:
    """Links without a circle in any order of writing, how many at once, who fails, and in what order those that run end."""
    count = draw(st.integers(1, 12))
    links = {n: draw(st.lists(st.integers(0, n - 1), max_size=3)) if n else [] for n in range(count)}
    written = draw(st.permutations(range(count)))
    ends = draw(st.lists(st.integers(0, 100), min_size=count, max_size=count))
    return {n: links[n] for n in written}, draw(st.integers(1, 5)), draw(st.sets(st.integers(0, count - 1), max_size=3)), ends


@given(_runs())
@settings(max_examples=300, deadline=None)
def test_each_runs_after_what_it_depends_on(run: tuple[dict[int, list[int]], int, set[int], list[int]]) -> None:
    """Never more than so many at once; nothing behind a failure; all else, exactly once."""
    after, at_once, failing, ends = run
    schedule = Schedule(after, at_once)
    running: list[int] = []
    done: list[int] = []
    skipped: list[int] = []
    while not schedule.is_over:
        running += schedule.start()
        assert 0 < len(running) <= at_once
        for each in running:
            assert all(link in done and link not in failing for link in after[each])
        ended = running.pop(ends[len(done)] % len(running))
        done.append(ended)
        skipped += [name for name, _ in schedule.ended(ended, "failed" if ended in failing else "")]

    doomed: set[int] = set()
    for each in range(len(after)):
        if any(link in failing or link in doomed for link in after[each]):
            doomed.add(each)
    assert sorted(done) == sorted(set(after) - doomed)
    assert sorted(skipped) == sorted(doomed)


class Seen:
    """How many ran at a time, and what started and ended, in order."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.running = self.most = 0

    def __call__(self, event: many.ManyEvent) -> None:
        if isinstance(event, Started):
            self.told.append(f"+{event.app.name}")
            self.running += 1
            self.most = max(self.most, self.running)
        elif isinstance(event, Ended):
            self.told.append(f"-{event.app.name}")
            self.running -= not event.outcome.skipped


async def released(
    world: World, folder: Path, *, cluster: Any = None, weight: int | None = None, **how: Any
) -> dict[str, Outcome]:
    """All of the folder, by name."""
    written = load_all([str(folder)])
    emit, at_once = how.pop("emit", lambda event: None), how.pop("at_once", 4)
    watch_for = how.pop("watch_for", lambda release: None)
    outcomes = await many.run(
        cluster or world.cluster, [one.release for one in written], linked(written), Request("apply", weight),
        at_once=at_once, emit=emit, watch_for=watch_for, options=Options(holder="test@nowhere/0", **how),
    )  # fmt: skip
    return {outcome.app.name: outcome for outcome in outcomes}


def test_all_are_released_each_after_what_it_depends_on(tmp_path: Path) -> None:
    """And a second run finds nothing to do."""
    service(tmp_path, "web", after=["api", "db"])
    service(tmp_path, "api", after=["db"])
    service(tmp_path, "db")
    service(tmp_path, "docs")
    seen = Seen()

    async def story(world: World) -> None:
        first = await released(world, tmp_path, emit=seen)
        again = await released(world, tmp_path)

        assert {name: outcome.phase for name, outcome in first.items()} == dict.fromkeys(first, "Promoted")
        assert seen.told.index("-db") < seen.told.index("+api") < seen.told.index("-api") < seen.told.index("+web")
        assert all(outcome.result and outcome.result.plan.is_empty for outcome in again.values())
        assert (many.exit_code(list(first.values())), many.phase(list(again.values()))) == (0, "Promoted")
        assert world.sandbox.store.find(LEASE, NAMESPACE_NAME, "rollway-db") is None

    in_world(story)


def test_at_most_so_many_at_once(tmp_path: Path) -> None:
    """As many as allowed, and no more; the time goes down with it."""
    for number in range(6):
        service(tmp_path, f"app-{number}")

    def took(at_once: int) -> float:
        async def story(world: World) -> float:
            seen, began = Seen(), asyncio.get_running_loop().time()
            await released(world, tmp_path, emit=seen, at_once=at_once)
            assert seen.most == at_once
            return asyncio.get_running_loop().time() - began

        return float(in_world(story))

    assert took(6) < took(2) < took(1)


def test_a_failed_one_stops_what_depends_on_it_and_nothing_else(tmp_path: Path) -> None:
    """What is behind it is skipped with the reason, all the way; the others end; the exit code is that of the failure."""
    service(tmp_path, "db", tag="bad")
    service(tmp_path, "api", after=["db"])
    service(tmp_path, "web", after=["api"])
    service(tmp_path, "docs")

    async def story(world: World) -> None:
        outcomes = await released(world, tmp_path)

        assert {name: outcome.phase for name, outcome in outcomes.items()} == {
            "api": None, "db": "Failed", "docs": "Promoted", "web": None,
        }  # fmt: skip
        assert outcomes["api"].skipped == "depends on shop/db, which failed"
        assert outcomes["web"].skipped == "depends on shop/api, which was skipped"
        assert many.exit_code(list(outcomes.values())) == 1
        assert many.phase(list(outcomes.values())) == "Failed"
        assert set(world.pods()) == {"db bad", "docs 1.0.0"}

    in_world(story)


def test_what_depends_on_a_paused_one_waits_for_its_promotion(tmp_path: Path) -> None:
    """A pause is no failure: exit 0. After the promotion the same command goes on."""
    service(tmp_path, "db", strategy="canary")
    service(tmp_path, "api")

    async def story(world: World) -> None:
        await released(world, tmp_path)
        service(tmp_path, "db", tag="2.0.0", strategy="canary")
        service(tmp_path, "api", tag="2.0.0", after=["db"])
        paused = await released(world, tmp_path)
        promoted = await released(world, tmp_path, weight=100)

        assert paused["db"].phase == "Paused"
        assert paused["api"].skipped.startswith("depends on shop/db, which is paused at ")
        assert (many.exit_code(list(paused.values())), many.phase(list(paused.values()))) == (0, "Paused")
        assert many.phase(list(promoted.values())) == "Promoted"

    in_world(story)


def test_a_refusal_is_of_one_release(tmp_path: Path) -> None:
    """Somebody else holds the lock of one: exit 3, the others are done."""
    for name in ("db", "docs"):
        service(tmp_path, name)

    async def story(world: World) -> None:
        spec = {"holderIdentity": "bob@far/1", "leaseDurationSeconds": 30, "renewTime": "2026-01-01T00:00:00.000000Z"}
        lease = {"apiVersion": LEASE.api_version, "kind": LEASE.name, "metadata": {"name": "rollway-db"}, "spec": spec}
        world.sandbox.api.create(LEASE, NAMESPACE_NAME, lease)
        outcomes = await released(world, tmp_path)

        assert isinstance(outcomes["db"].error, Locked)
        assert outcomes["docs"].phase == "Promoted"
        assert (many.exit_code(list(outcomes.values())), many.phase(list(outcomes.values()))) == (3, "Progressing")

    in_world(story)


def test_the_time_is_for_all_together(tmp_path: Path) -> None:
    """What runs then is left as it is, what waits is not started: exit 5."""
    for number in range(4):
        service(tmp_path, f"app-{number}")

    async def story(world: World) -> None:
        began = asyncio.get_running_loop().time()
        outcomes = await released(world, tmp_path, at_once=1, timeout_s=0.5)

        assert asyncio.get_running_loop().time() - began == pytest.approx(0.5, abs=0.1)
        assert [outcome.phase for outcome in outcomes.values()] == ["Promoted", "Progressing", None, None]
        assert [isinstance(outcome.error, TimedOut) for outcome in outcomes.values()] == [False, True, True, True]
        assert many.exit_code(list(outcomes.values())) == 5

    in_world(story)


def test_where_nothing_answers_nothing_more_is_started(tmp_path: Path) -> None:
    """Instead of two hundred releases that find out one by one."""
    for number in range(9):
        service(tmp_path, f"app-{number}")

    class Gone(Mortal):
        async def create(self, obj: Any) -> Any:
            raise Unreachable("no answer")

    async def story(world: World) -> None:
        outcomes = await released(world, tmp_path, cluster=Gone(world.cluster), at_once=2)

        assert sum(isinstance(outcome.error, Unreachable) for outcome in outcomes.values()) == 2
        assert sum(outcome.skipped == "the cluster cannot be reached" for outcome in outcomes.values()) == 7
        assert many.exit_code(list(outcomes.values())) == 4

    in_world(story)


def test_a_url_that_answers_nothing_is_one_release_s_own_trouble(tmp_path: Path) -> None:
    """The others have the same cluster, and it is there."""
    for name in "ab":
        service(tmp_path, name)

    class Unanswered:
        """A watch that finds nothing."""

        async def start(self, *, is_up: bool) -> None:
            raise silence("http://a.test", report_of([], 1))

        async def stop(self) -> Verdict:
            return Verdict("http://a.test", None)

        def mark(self, moment: object) -> None: ...

        async def rest(self) -> None: ...

        @property
        def alarm(self) -> asyncio.Future[str]:
            return asyncio.get_running_loop().create_future()

    async def story(world: World) -> None:
        outcomes = await released(
            world, tmp_path, at_once=1, watch_for=lambda release: Unanswered() if release.app == "a" else None
        )

        assert (outcomes["a"].exit_code, outcomes["b"].skipped, outcomes["b"].phase) == (4, "", "Promoted")

    in_world(story)


def test_a_share_that_one_cannot_hold_is_refused_before_any_is_touched(tmp_path: Path) -> None:
    """By the names of all that cannot."""
    service(tmp_path, "db", strategy="recreate")
    service(tmp_path, "docs")

    async def story(world: World) -> None:
        await world.sandbox.settle()
        before = world.sandbox.store.version
        with pytest.raises(BadInput, match="50% is no share that all of them can hold") as refused:
            await released(world, tmp_path, weight=50)
        assert refused.value.detail.startswith("db: ")
        assert world.changed_since(before) == set()

    in_world(story)


def test_a_run_that_is_cut_off_gives_all_its_locks_back(tmp_path: Path) -> None:
    """As on Ctrl-C."""
    for name in ("db", "docs"):
        service(tmp_path, name)

    async def story(world: World) -> None:
        task = asyncio.create_task(released(world, tmp_path))
        await asyncio.sleep(0.3)
        assert len([*world.sandbox.store.list(LEASE, NAMESPACE_NAME)]) == 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [*world.sandbox.store.list(LEASE, NAMESPACE_NAME)] == []

    in_world(story)


def test_plans_come_in_the_order_of_what_depends_on_what(tmp_path: Path) -> None:
    """One each, and nothing is changed."""
    service(tmp_path, "api", after=["db"])
    service(tmp_path, "db")

    async def story(world: World) -> None:
        written = load_all([str(tmp_path)])
        await world.sandbox.settle()
        before = world.sandbox.store.version
        planned = await many.plan(world.cluster, [one.release for one in written], linked(written), Request("apply"))

        assert [one.release.app for one in planned] == ["db", "api"]
        assert [one.plan.phase for one in planned if one.plan] == ["Promoted", "Promoted"]
        assert world.changed_since(before) == set()

    in_world(story)


def test_the_names_of_applications() -> None:
    assert (str(App("shop", "db")), str(App("", "db"))) == ("shop/db", "db")
