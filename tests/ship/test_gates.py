"""Gates around a release, on the embedded cluster in virtual time. What is measured the test says."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest
from gated import COUNTED, VALUE, Told, gate, go, shop, split
from rollway.cluster import findings
from rollway.cluster.events import Measured, Noticed, RunBegan
from rollway.errors import Refused
from rollway.gates.figures import Both, Counts, Figures, Outcome, Pair, Pairs, Phase, Value
from rollway.measure.port import Window
from rollway.release.gates import Gate
from rollway.ship.gauging import gauge
from rollway.ship.run import plan
from rollway.strategies.base import Request
from shop import STRATEGIES, World, in_world


def test_a_bad_version_goes_back_by_itself() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        began = asyncio.get_running_loop().time()
        result, source, seen = await go(world, shop("v2", gate(**COUNTED)), split(0.05, 0.005))
        took = asyncio.get_running_loop().time() - began
        kept = await findings.load(world.cluster, "shop", "shop", 2)
        return result, source, seen, took, await world.history(), world.routed_versions(), kept

    result, source, seen, took, history, routed, kept = in_world(story)
    begun = [(event.plan.weight, event.is_way_back) for event in seen if isinstance(event, RunBegan)]
    assert begun == [(25, False), (0, True)]  # the plan behind the pause never began
    assert result.phase == "RolledBack"
    assert "gate errors failed: errors: 5% of" in result.failure.summary
    assert routed == {"v1"}
    assert took < 60
    assert history[-1].phase == "RolledBack"
    assert history[-1].message.startswith("gate errors failed")
    assert kept[0].phase == Phase.FAILED
    assert kept[0].asks == ("errors of " + source.windows[-1].new.pods,)
    assert result.gates == kept


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_good_version_is_promoted_by_every_strategy(strategy: str) -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1", strategy=strategy))
        result, source, _ = await go(world, shop("v2", gate(**COUNTED), strategy=strategy), split(0.005, 0.005))
        return result, source, world.routed_versions()

    result, source, routed = in_world(story)
    assert (result.phase, result.failure) == ("Promoted", None)
    assert routed == {"v2"}
    for window in source.windows:
        assert all(name.startswith("shop") for name in window.new.names)


@pytest.mark.parametrize(("factor", "phase"), [(1.0, "Promoted"), (2.0, "RolledBack")])
def test_values_of_both_versions_decide_when_enough_are_there(factor: float, phase: str) -> None:
    def answers(window: Window) -> Pairs:
        wave = 1.0 + (window.number % 7) / 20
        return Pairs({"value": Pair(wave, (1.0 + (window.number % 5) / 20) * factor)})

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        began = asyncio.get_running_loop().time()
        result, source, _ = await go(world, shop("v2", gate(compare='cpu{p=~"{{pods}}"}', count=12)), answers)
        return result, source, asyncio.get_running_loop().time() - began, world.routed_versions()

    result, source, took, routed = in_world(story)
    assert result.phase == phase
    assert routed == {"v2" if factor == 1.0 else "v1"}
    assert len(source.windows) >= 12
    assert took >= 110  # not before the twelfth measurement


def test_windows_follow_each_other_without_a_gap() -> None:
    """Each measurement is of the time since the one before: nothing is counted twice, and nothing is left out."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        moments: list[tuple[float, float]] = []

        def answers(window: Window) -> Both:
            moments.append((asyncio.get_running_loop().time(), window.seconds))
            return split(0.0, 0.0)(window)

        await go(world, shop("v2", gate(**COUNTED)), answers)
        return moments

    moments = in_world(story)
    assert len(moments) > 8
    for (before, _), (at, seconds) in itertools.pairwise(moments):
        assert at - before == pytest.approx(seconds, abs=0.01)


def test_a_gate_that_pauses_holds_it_where_it_is() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        target = shop("v2", gate(**VALUE, onFail="pause"))
        with pytest.raises(Refused) as refused:
            await go(world, target, lambda window: Value(0.2))
        with pytest.raises(Refused) as again:
            await go(world, target, lambda window: Value(0.01), "promote", goes_on=False)
        before = await world.history()
        result, _, _ = await go(world, target, lambda window: Value(0.2), "promote", goes_on=False, skip_gates="known: #12")
        return refused.value, again.value, before, result, await world.history()

    refused, again, before, result, after = in_world(story)
    assert "shop stays at 25%: gate errors failed: 0.2, wanted at most 0.05" in str(refused)
    assert "--skip-gates" in refused.hint
    assert "gate errors failed" in str(again)  # what was found stays found
    assert (before[-1].phase, before[-1].weight) == ("Paused", 25)
    assert (result.phase, result.weight) == ("Paused", 50)
    assert after[-1].entries[-1].note == "known: #12"


def test_a_gate_of_the_stable_version_asks_it_and_never_takes_the_new_one_back() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        with pytest.raises(Refused) as refused:
            await go(world, shop("v2", gate(**VALUE, side="stable")), answers)
        return refused.value, (await world.history())[-1]

    asked = list[Window]()

    def answers(window: Window) -> Value:
        asked.append(window)
        return Value(0.2)

    refused, kept = in_world(story)
    assert {(window.new.version, window.new.track) for window in asked} == {("v1", "stable")}
    assert not any(window.is_first for window in asked)  # what it printed last week is not of this release
    assert "shop stays at 25%: gate errors (of the stable version) failed: 0.2" in str(refused)
    assert (kept.phase, kept.weight) == ("Paused", 25)


def test_a_gate_that_only_reports_changes_nothing() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        return await go(world, shop("v2", gate(**VALUE, onFail="report")), lambda window: Value(0.2))

    result, _, seen = in_world(story)
    assert result.phase == "Promoted"
    assert any(isinstance(event, Noticed) and "only told" in event.message for event in seen)
    assert result.gates[0].phase == Phase.FAILED


def test_a_job_decides_each_pause_anew() -> None:
    """Failing at the second one takes the release back; the first was not asked again."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        smoke = Gate.model_validate({"name": "smoke", "job": "smoke:{{ version }}"})
        return await go(world, shop("v2", smoke), lambda window: Outcome(window.weight < 50, "GET / 500"))

    result, source, _ = in_world(story)
    assert result.phase == "RolledBack"
    assert "gate smoke failed: GET / 500" in result.failure.summary
    assert [window.weight for window in source.windows] == [25, 50]
    assert [window.number for window in source.windows] == [1, 2]


def test_a_step_s_gate_is_asked_at_its_step_alone() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        return await go(world, shop("v2", gate(**VALUE, when=[50])), lambda window: Value(0.0))

    result, source, _ = in_world(story)
    assert result.phase == "Promoted"
    assert {window.weight for window in source.windows} == {50}


def test_blue_green_is_asked_before_the_switch_and_while_the_old_side_is_warm() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1", strategy="blue-green"))
        before = gate(name="before", **VALUE, when="before", count=3)
        result, source, _ = await go(world, shop("v2", before, strategy="blue-green"), lambda window: Value(0.0))
        bad = gate(name="after", **VALUE, when="after")
        second, late, _ = await go(world, shop("v3", bad, strategy="blue-green"), lambda window: Value(1.0))
        return result, source, second, late, world.routed_versions()

    result, source, second, late, routed = in_world(story)
    assert result.phase == "Promoted"
    assert [window.weight for window in source.windows] == [0, 0, 0]
    assert second.phase == "RolledBack"
    assert [window.weight for window in late.windows] == [100]
    assert routed == {"v2"}


def test_evidence_outlives_the_run() -> None:
    """A run that is killed in its pause is followed by one that goes on where the gate stood."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        target = shop("v2", gate(**COUNTED))
        first: list[Window] = []

        def slow(window: Window) -> Both:
            first.append(window)
            return Both(Counts(300.0, 1.5), Counts(10.0, 0.2))

        run = asyncio.create_task(go(world, target, slow))
        await asyncio.sleep(50)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)
        kept = await findings.load(world.cluster, "shop", "shop", 2)
        result, source, _ = await go(world, target, lambda window: Both(Counts(300.0, 1.5), Counts(10.0, 0.0)), "promote")
        return kept, first, source, result

    kept, first, source, result = in_world(story)
    assert kept[0].measured == len(first)
    assert source.windows[0].number == len(first) + 1
    assert result.phase == "Promoted"
    assert result.gates[0].measured == len(first) + len(source.windows)


def test_a_changed_gate_begins_anew_and_makes_no_revision() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        await go(world, shop("v2", gate(**VALUE)), lambda window: Value(0.01), goes_on=False)
        first = await findings.load(world.cluster, "shop", "shop", 2)
        result, _, _ = await go(world, shop("v2", gate(**(VALUE | {"max": 0.5}))), lambda window: Value(0.3), "promote")
        return first, result, await world.history()

    _, result, history = in_world(story)
    assert result.phase == "Promoted"
    assert [revision.number for revision in history] == [1, 2]


def test_what_is_measured_is_told_and_its_writes_are_few() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        writes: list[str] = []
        world.sandbox.store.subscribe(
            lambda change: (
                writes.append(change.obj["metadata"]["name"]) if change.obj.get("type") == findings.SECRET_TYPE else None
            )
        )
        result, source, seen = await go(world, shop("v2", gate(**COUNTED)), split(0.0, 0.0))
        return result, source, seen, writes, asyncio.get_running_loop().time()

    result, source, seen, writes, _ = in_world(story)
    assert len([event for event in seen if isinstance(event, Measured)]) == len(source.windows)
    steps = 3
    assert len(writes) <= steps + result.gates[0].measured * 10 / 30 + 2
    assert result.gates[0].points


def test_a_plan_says_which_gates_hold_its_pause() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        gates = (
            gate(**COUNTED),
            gate(**VALUE, name="told", onFail="report"),
            gate(**VALUE, name="later", when="before"),
            gate(**VALUE, name="here", when=[25]),
        )
        made = await plan(world.cluster, shop("v2", *gates), Request("apply"))
        return [step.why for step in made.steps if step.type == "pause"]

    assert in_world(story) == ["until `deploy promote`; held by gates errors, here"]


def test_each_look_runs_a_job_of_its_own() -> None:
    """One that is kept for its log answers for what it saw then, not for now."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        smoke = Gate.model_validate({"name": "smoke", "job": "smoke:1"})
        sources = Told(lambda window: Outcome(is_good=True))
        for _ in range(2):
            await gauge(world.cluster, shop("v1", smoke), with_jobs=True, source_of=lambda *_: sources)
            await asyncio.sleep(1)
        return [window.number for window in sources.windows]

    first, second = in_world(story)
    assert first != second
    assert max(first, second) < 0  # and none that a release's measurement has


@pytest.mark.parametrize("good_until", [25, 50, 100])
def test_a_pause_without_a_length_is_decided_anew_too(good_until: int) -> None:
    """What a Job has said at the pause before says nothing of this one, even where nothing else is waited for."""

    class Slow(Told):
        async def measure(self, window: Window) -> Figures:
            await asyncio.sleep(45)
            return await super().measure(window)

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        source = Slow(lambda window: Outcome(window.weight < good_until))
        target = shop(
            "v2", Gate.model_validate({"name": "smoke", "job": "s:1"}), canary={"steps": [{"weight": 25}, {"weight": 50}]}
        )
        result, _, _ = await go(world, target, lambda window: Value(0), source_of=lambda *_: source)
        return result, [window.weight for window in source.windows], (await world.history())[-1].entries

    result, weights, entries = in_world(story)
    assert weights == ([25] if good_until == 25 else [25, 50])
    assert result.phase == ("Promoted" if good_until == 100 else "RolledBack")
    assert ("Promoted" in {entry.phase for entry in entries}) is (good_until == 100)
