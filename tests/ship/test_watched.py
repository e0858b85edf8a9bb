"""One gate, and how it stands."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.gates.figures import Both, Counts, Outcome, Phase, Value
from rollway.gates.judges import fits, judge_of
from rollway.measure.port import Side, Window
from rollway.plan.evidence import Evidence
from rollway.release.gates import Gate
from rollway.ship.watched import LONGEST_WINDOW_S, Instant, Watched, begun

SIDE = Side("shop", "canary", "v2", "shop-.*", ("shop-1",))
WINDOW = Window("shop", "shop", "shop", "app", 2, 10, 10.0, 1, SIDE, SIDE)
NOW = Instant(1_000.0, 50.0)
COUNTED = {"requests": 'r{p="{{pods}}"}', "errors": 'e{p="{{pods}}"}'}
FIGURES = Both(Counts(300.0, 1.0), Counts(30.0, 1.0))


class Nowhere:
    """A source that nobody asks."""

    async def measure(self, window: Window) -> Value:
        raise AssertionError

    def asks(self, window: Window) -> list[str]:
        return ["what is asked"]

    async def close(self) -> None:
        pass


def gate(**keys: Any) -> Gate:
    return Gate.model_validate({"name": "errors", "prometheus": "http://prometheus:9090", **keys})


def taken_up(gate: Gate, kept: Evidence | None = None, now: Instant = NOW) -> Watched:
    return Watched.taken_up(gate, Nowhere(), kept, now)


def later(seconds: float) -> Instant:
    return Instant(NOW.wall_s + seconds, NOW.loop_s + seconds)


def test_one_whose_source_goes_away_lets_nothing_go_on_until_it_is_back() -> None:
    one = taken_up(gate(**COUNTED))
    assert not one.lets_go
    one.take(later(10), FIGURES, WINDOW)
    assert one.lets_go
    assert one.miss(later(20), "cannot be reached", is_fault=True)
    assert not one.miss(later(30), "cannot be reached", is_fault=True)  # told once
    assert not one.lets_go
    one.miss(later(40), "the query answers no sample", is_fault=False)
    assert not one.lets_go  # it answers, and what happened meanwhile is not known
    one.take(later(50), FIGURES, WINDOW)
    assert one.lets_go


def test_no_figure_is_no_fault() -> None:
    """Nobody asked for anything in ten seconds: that speaks against nothing."""
    one = taken_up(gate(**COUNTED))
    one.take(later(10), FIGURES, WINDOW)
    assert not one.miss(later(20), "no request of either version", is_fault=False)
    assert one.lets_go


@pytest.mark.parametrize(
    ("keys", "lets_go"), [({}, False), ({"noData": "pass"}, True), ({"onFail": "report"}, True)], ids=["wait", "pass", "report"]
)
def test_what_cannot_be_measured_any_more_is_what_the_gate_says(keys: dict[str, str], lets_go: bool) -> None:
    one = taken_up(gate(**COUNTED, **keys))
    one.take(later(10), FIGURES, WINDOW)
    one.miss(later(20), "cannot be reached", is_fault=True)
    assert one.lets_go is lets_go


def test_a_run_after_another_one_looks_before_it_goes_on() -> None:
    """What was good in the evening need not be so in the morning."""
    first = taken_up(gate(**COUNTED))
    first.take(NOW, FIGURES, WINDOW)
    soon, late = (taken_up(first.gate, first.evidence, later(seconds)) for seconds in (4.0, 30_000.0))
    assert (soon.lets_go, soon.next_s) == (True, NOW.loop_s + 10.0)
    assert (late.lets_go, late.next_s) == (False, NOW.loop_s + 30_000.0)
    assert late.span(later(30_000.0)) == (2, LONGEST_WINDOW_S)
    late.take(later(30_000.0), FIGURES, WINDOW)
    assert late.lets_go


def test_one_that_was_away_when_its_run_was_killed_is_still_away() -> None:
    first = taken_up(gate(**COUNTED))
    first.take(NOW, FIGURES, WINDOW)
    first.miss(later(5), "cannot be reached", is_fault=True)
    assert not taken_up(first.gate, first.evidence, later(6)).lets_go


STATES = [
    {},
    {"tally": [1]},
    {"tally": "1"},
    {"logs": [0.0], "stable": [0] * 5, "new": [0] * 5},
    {"logs": [0.0] * 5, "stable": [0] * 5},
    {"logs": [0.0] * 5, "stable": [0] * 5, "new": [None] * 5},
    {"measured": 4, "series": {"other": [[], []]}},
]
GATES = {
    "sequential": gate(**COUNTED),
    "threshold": gate(query="up", max=1),
    "kayenta": gate(compare='m{p="{{pods}}"}'),
}


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("state", STATES, ids=str)
def test_what_its_judge_cannot_read_counts_for_nothing(name: str, state: dict[str, Any]) -> None:
    """Another version wrote it, or somebody else: the gate begins anew, and does not stop the release."""
    fresh = begun(GATES[name], NOW.wall_s)
    odd = fresh.model_copy(update={"state": state, "measured": 7, "phase": Phase.PASSED})
    assert taken_up(GATES[name], odd).evidence == fresh


@pytest.mark.parametrize("name", GATES)
def test_what_its_judge_wrote_it_reads(name: str) -> None:
    judge = judge_of(GATES[name].chosen_judge, GATES[name].asked)
    assert judge.__class__.__name__.lower() == name
    assert fits(judge.begin(), judge)
    if name == "kayenta":
        assert fits({"measured": 1, "series": {"value": [[1.0, None], [2.0]]}}, judge)
    else:
        assert fits(judge.take(judge.begin(), 0.0, FIGURES if name == "sequential" else Value(0.5)), judge)


def test_a_pause_is_decided_anew_and_evidence_on_a_version_is_not() -> None:
    smoke = taken_up(Gate.model_validate({"name": "smoke", "job": "smoke:1"}))
    smoke.begin_course("25@noon", NOW)
    smoke.take(NOW, Outcome(is_good=True), WINDOW)
    assert smoke.is_settled
    smoke.begin_course("25@noon", later(10))
    assert smoke.is_settled
    smoke.begin_course("50@one", later(20))
    assert (smoke.is_settled, smoke.evidence.number, len(smoke.evidence.points)) == (False, 1, 1)

    errors = taken_up(gate(**COUNTED))
    errors.take(NOW, FIGURES, WINDOW)
    before = errors.evidence
    errors.begin_course("50@one", later(20))
    assert errors.evidence == before
