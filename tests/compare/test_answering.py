"""Gates in rehearsals: they decide by what the modelled traffic did."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from byroute import routed
from rollway.compare.answering import Answering, assumed, rehearsed
from rollway.compare.comparing import compared
from rollway.compare.lives import Answers, Latency, PodLife, Stint
from rollway.compare.proxies import Routing, Target, Told
from rollway.compare.results import Comparison, Run
from rollway.compare.scenario import Scenario
from rollway.compare.traffic import Load, Recording
from rollway.gates.figures import Both, Histograms, Outcome, Pairs, Value
from rollway.measure.port import NoFigure, Side, Window
from rollway.release.gates import Gate
from shop import release

STEPS = {"canary": {"steps": [{"weight": 25, "pause": "60s"}, {"weight": 50, "pause": "60s"}]}}


UP = Gate.model_validate({"name": "up", "pods": "restarts", "max": 0})


def gate(name: str = "errors", **keys: Any) -> Gate:
    return Gate.model_validate({"name": name, "prometheus": "http://nowhere.invalid:9090", **(keys or {"use": "istio"})})


def shown(scenario: Scenario, *gates: Gate, strategy: str = "canary", **how: Any) -> Comparison:
    return compared(replace(release("v2", options=STEPS), gates=gates), scenario, strategies=[strategy], **{"seeds": 2, **how})


def run_of(scenario: Scenario, *gates: Gate, strategy: str = "canary") -> Run:
    return shown(scenario, *gates, strategy=strategy, is_alone=True).outcomes[0].typical


# whole releases


@pytest.mark.parametrize(
    ("scenario", "asked"),
    [
        (Scenario(bad="500s"), gate()),
        (Scenario(bad="500s", bad_share=0.2), gate()),
        (Scenario(bad="slow"), gate(use="istio", of="latency")),
    ],
    ids=["500s", "20% 500s", "slow"],
)
def test_a_bad_version_is_gone_before_anybody_notices(scenario: Scenario, asked: Gate) -> None:
    watched, unwatched = run_of(scenario, asked), run_of(scenario)

    assert {watched.phase, unwatched.phase} == {"RolledBack"}
    assert watched.failure.startswith("gate errors failed")
    assert watched.back_s < 45 < 60 < unwatched.back_s
    assert watched.toll.met_new < unwatched.toll.met_new


@pytest.mark.parametrize("router", ["gateway", "istio"])
def test_a_bad_version_is_found_by_copies_before_anybody_meets_it(router: str) -> None:
    options = {"canary": {"steps": [{"mirror": 50, "pause": "60s"}, {"weight": 50, "pause": "60s"}]}}
    wanted = replace(routed("v2", router=router, strategy="canary", options=options), gates=(gate(),))
    found = compared(wanted, Scenario(bad="500s"), strategies=["canary"], seeds=2, is_alone=True).outcomes[0].typical
    assert (found.phase, found.toll.met_new, found.toll.failed) == ("RolledBack", 0, 0)
    assert found.failure.startswith("gate errors failed")


def test_a_good_version_goes_its_way_and_may_be_taken_back_from_each_pause() -> None:
    found, plain = (shown(Scenario(), *gates).outcomes[0] for gates in ((gate(), UP), ()))
    assert {run.phase for run in found.runs} == {"Promoted"}
    assert (
        [way.after for way in found.ways_back] == [way.after for way in plain.ways_back] == ["holds 25%", "holds 50%", "the end"]
    )
    assert all(way.traffic_s.median > 0 for way in found.ways_back)
    assert found.typical.duration_s == pytest.approx(plain.typical.duration_s, abs=2)
    assert shown(Scenario(), gate()) == shown(Scenario(), gate())


def test_what_is_missed_by_gates_is_noticed_by_somebody_as_ever() -> None:
    """Slow answers are no errors."""
    watched, unwatched = run_of(Scenario(bad="slow"), gate()), run_of(Scenario(bad="slow"))
    assert (watched.phase, watched.failure) == ("RolledBack", "")
    assert watched.back_s == pytest.approx(unwatched.back_s, abs=2)


def test_a_pause_lasts_until_its_gates_have_decided() -> None:
    values = gate("cpu", compare='cpu{pod=~"{{ pods }}"}', count=30)
    run = run_of(Scenario(), values)
    assert run.phase == "Promoted"
    assert run.command_s > 2 * 29 * 10
    assert any("taken for good: cpu" in each for each in shown(Scenario(), values, is_alone=True).assumed)


def test_a_release_that_its_gates_hold_stays_where_it_is() -> None:
    """Before blue-green's switch nobody asks the new version: there is nothing to be decided by."""
    run = run_of(Scenario(), gate(use="istio", when="before", deadline="2m"), strategy="blue-green")
    assert run.phase == "Paused"
    assert "gate errors is undecided after its deadline" in run.failure


# sources

LOAD = Load(100.0, 2.0, {"old": Answers(Latency((0.02, 0.2))), "new": Answers(Latency((0.02,)), error_share=0.1)})
SIDE = Side("shop", "stable", "v1", "shop-.*")


def window(seconds: float, *, stable: Side | None = SIDE) -> Window:
    return Window("shop", "shop", "shop", "app", 2, 50, seconds, 1, SIDE, stable)


def so_far(seconds: float) -> Recording:
    """One pod of each version, for ever."""
    lives = {version: PodLife(version, version, (Stint(-math.inf),)) for version in ("old", "new")}  # type: ignore[arg-type]
    told = tuple(Told(-100.0, "shop", version, "ready") for version in lives)
    return Recording(lives, told, (Routing(-100.0, (Target(1.0, "shop"),)),), 0.0, seconds)


def copied(seconds: float) -> Recording:
    """The old version has all of it, and the new one copies of a fifth."""
    lives = {version: PodLife(version, version, (Stint(-math.inf),)) for version in ("old", "new")}  # type: ignore[arg-type]
    told = tuple(Told(-100.0, f"shop-{version}", version, "ready") for version in lives)
    users, copies = (Routing(-100.0, (Target(part, group),)) for part, group in ((1.0, "shop-old"), (0.2, "shop-new")))
    return Recording(lives, told, (users,), 0.0, seconds, copies=(copies,))


def measured(asked: Gate, seconds: float = 10.0, seen: Callable[[float], Recording] = so_far, **how: Any) -> Any:
    source = Answering(seen, LOAD, Random(1))(asked, None, "shop")  # type: ignore[arg-type]
    return asyncio.run(source.measure(window(seconds, **how)))  # type: ignore[arg-type]


def test_requests_and_errors_are_those_of_the_traffic() -> None:
    both = measured(gate(), 100.0)
    assert isinstance(both, Both)
    assert both.stable.requests == pytest.approx(5000, rel=0.1)
    assert both.new.requests == pytest.approx(5000, rel=0.1)
    assert both.stable.errors == 0
    assert both.new.errors == pytest.approx(500, rel=0.2)


def test_copies_are_measured_at_the_pods_like_any_request() -> None:
    both = measured(gate(), 100.0, copied)
    assert both.stable.requests == pytest.approx(10_000, rel=0.1)
    assert both.new.requests == pytest.approx(2000, rel=0.1)
    assert both.new.errors == pytest.approx(200, rel=0.3)


def test_how_long_they_took_is_what_the_application_takes() -> None:
    times = measured(gate(use="istio", of="latency"), 100.0)
    assert isinstance(times, Histograms)
    assert times.stable[0.025] == pytest.approx(times.stable[math.inf] / 2, rel=0.1)
    assert times.stable[0.25] == times.stable[math.inf]
    assert times.new[0.01] == 0 < times.new[0.025] == times.new[math.inf]


def test_without_another_version_there_is_nothing_to_compare() -> None:
    with pytest.raises(NoFigure):
        measured(gate(), stable=None)


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        (Gate.model_validate({"name": "smoke", "job": "smoke:1"}), Outcome(is_good=True)),
        (gate(query="queue", max=7), Value(7.0)),
        (gate(query="ratio", min=0.5), Value(0.5)),
    ],
    ids=["job", "max", "min"],
)
def test_what_nobody_can_model_is_taken_for_good(asked: Gate, wanted: Any) -> None:
    assert rehearsed([asked]) == (asked,)
    assert measured(asked) == wanted


def test_values_of_both_versions_are_alike() -> None:
    pairs = measured(gate(compare={"a": 'a{p="{{pods}}"}', "b": 'b{p="{{pods}}"}'}))
    assert isinstance(pairs, Pairs)
    assert list(pairs.by_name) == ["a", "b"]
    assert all(pair.stable == pair.new for pair in pairs.by_name.values())


def test_what_cannot_even_be_taken_for_good_holds_nothing() -> None:
    odd = gate("odd", query="x", success="len(result) > 3")
    assert [each.on_fail for each in rehearsed([odd, gate()])] == ["report", "rollback"]
    with pytest.raises(NoFigure):
        measured(odd)


def test_what_is_taken_for_granted_is_said() -> None:
    asked = [gate(), gate("cpu", compare='c{p="{{pods}}"}'), UP]
    assert list(assumed(asked)) == ["measured of the modelled traffic: errors, up", "taken for good: cpu"]
    assert list(assumed([])) == []
