"""One gate, and how it stands."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.gates.figures import Both, Counts, Outcome, Phase, Value
from rollway.gates.judges import fits, judge_of
from rollway.measure.port import NoFigure, Quiet, Side, Unmeasured, Window
from rollway.plan.evidence import Evidence
from rollway.release.gates import Gate
from rollway.ship.watched import LONGEST_WINDOW_S, Instant, Span, Watched, begun

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
    assert one.miss(later(20), Unmeasured("cannot be reached"))
    assert not one.miss(later(30), Unmeasured("cannot be reached"))  # told once
    assert not one.lets_go
    one.miss(later(40), NoFigure("the query answers no sample"))
    assert not one.lets_go  # it answers, and what happened meanwhile is not known
    one.take(later(50), FIGURES, WINDOW)
    assert one.lets_go


def test_that_nobody_asks_speaks_against_nothing() -> None:
    one = taken_up(gate(**COUNTED))
    one.take(later(10), FIGURES, WINDOW)
    assert not one.miss(later(20), Quiet("no request of either version"))
    assert one.lets_go


def test_one_that_is_back_and_says_that_nobody_asked_since_holds_no_longer() -> None:
    """It was asked of all the time since the last measurement, in which it was away for a while; of a time that is longer than
    what it is asked of nobody knows."""
    soon, late = taken_up(gate(**COUNTED)), taken_up(gate(**COUNTED))
    for one, back_s in ((soon, 600.0), (late, 2 * LONGEST_WINDOW_S)):
        one.take(later(10), FIGURES, WINDOW)
        one.miss(later(20), Unmeasured("cannot be reached"))
        assert not one.lets_go
        one.miss(later(back_s), Quiet("no request of either version"))
    assert soon.lets_go
    assert not late.lets_go


def test_an_answer_without_a_figure_holds_and_is_no_fault() -> None:
    """Who answers nothing any more knows nothing of what has happened since."""
    one = taken_up(gate(query="up", max=1))
    one.take(later(10), Value(0.5), WINDOW)
    assert one.lets_go
    assert not one.miss(later(20), NoFigure("the query answers no sample"), ["up"])
    assert not one.lets_go
    assert (one.evidence.missed, one.evidence.asks, one.evidence.phase) == ("the query answers no sample", ("up",), Phase.RUNNING)


@pytest.mark.parametrize(
    ("keys", "lets_go"), [({}, False), ({"noData": "pass"}, True), ({"onFail": "report"}, True)], ids=["wait", "pass", "report"]
)
def test_what_cannot_be_measured_any_more_is_what_the_gate_says(keys: dict[str, str], lets_go: bool) -> None:
    one = taken_up(gate(**COUNTED, **keys))
    one.take(later(10), FIGURES, WINDOW)
    one.miss(later(20), Unmeasured("cannot be reached"))
    assert one.lets_go is lets_go


def test_a_run_after_another_one_looks_before_it_goes_on() -> None:
    """What was good in the evening need not be so in the morning."""
    first = taken_up(gate(**COUNTED))
    first.take(NOW, FIGURES, WINDOW)
    soon, late = (taken_up(first.gate, first.evidence, later(seconds)) for seconds in (4.0, 30_000.0))
    assert (soon.lets_go, soon.next_s) == (True, NOW.loop_s + 10.0)
    assert (late.lets_go, late.next_s) == (False, NOW.loop_s + 30_000.0)
    assert late.span(later(30_000.0)) == Span(2, LONGEST_WINDOW_S, is_first=False)
    late.take(later(30_000.0), FIGURES, WINDOW)
    assert late.lets_go


def test_one_that_was_away_when_its_run_was_killed_is_still_away() -> None:
    first = taken_up(gate(**COUNTED))
    first.take(NOW, FIGURES, WINDOW)
    first.miss(later(5), Unmeasured("cannot be reached"))
    assert not taken_up(first.gate, first.evidence, later(6)).lets_go


STATES = [
    {},
    {"tally": [1]},
    {"tally": "1"},
    {"logs": [0.0], "stable": [0] * 6, "new": [0] * 6},
    {"logs": [0.0] * 5, "stable": [0] * 6},
    {"logs": [0.0] * 5, "stable": [0] * 6, "new": [None] * 5},
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


def test_the_first_look_is_of_all_so_far_and_no_later_one() -> None:
    one = taken_up(gate(pods={"log": "panic"}, max=0, prometheus=None))
    assert one.span(later(10)).is_first
    one.take(later(10), Value(0.0), WINDOW)
    assert not one.span(later(20)).is_first
    one.begin_course("10@1", later(15))
    assert not one.span(later(20)).is_first


def test_what_comes_between_the_last_look_and_a_pause_is_of_the_pause_s_first_look() -> None:
    always, at_pauses = (
        taken_up(gate(pods={"log": "panic"}, max=0, prometheus=None, when=when)) for when in ("always", "pauses")
    )
    for one in (always, at_pauses):
        one.take(later(10), Value(0.0), WINDOW)
        one.begin_course("10@1", later(17))
    assert always.span(later(20)).seconds == pytest.approx(10)
    assert at_pauses.span(later(20)).seconds == pytest.approx(3)


def test_an_initial_delay_leaves_out_what_was_counted_in_it() -> None:
    one = taken_up(gate(**COUNTED, initialDelay="1m"))
    assert one.next_s == pytest.approx(NOW.loop_s + 70)
    span = one.span(later(70))
    assert span.seconds == pytest.approx(10)
    assert not span.is_first
