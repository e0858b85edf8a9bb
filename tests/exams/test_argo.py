"""What Argo Rollouts makes of measurements, row by row."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from exams import each_row, exam, number
from rollway.gates.documents import Unreadable, value_at
from rollway.gates.figures import Phase
from rollway.gates.judges.threshold import Limits, Tally, evaluate
from rollway.gates.schedule import due_in, worst

TABLE = exam("argo-analysis")
SEQUENCES = exam("argo-sequences").get("cases", [])
PHASES = {
    "Successful": Phase.PASSED, "Failed": Phase.FAILED, "Inconclusive": Phase.INCONCLUSIVE, "Error": Phase.ERROR,
    "Running": Phase.RUNNING,
}  # fmt: skip
NOT_OURS = {
    "When_sendingBodyWithGet_Then_Failure": "refused when the release file is read",
    "When_sending_BothBodyAndJsonBodyWithGet_Then_Failure": "there is one key for a body",
    "When_RejectedByOAuthServer_Then_Failure": "OAuth2 client credentials are not offered: a token from the environment is",
}


def rows(part: str) -> pytest.MarkDecorator:
    return each_row(TABLE.get(part, []))


def limits_of(metric: dict[str, Any]) -> Limits:
    endless = metric.get("interval") is not None
    return Limits(
        count=metric.get("count") or (None if endless else 1),
        failure=metric.get("failureLimit", 0),
        inconclusive=metric.get("inconclusiveLimit", 0),
        errors_in_a_row=metric.get("consecutiveErrorLimit", 4),
        successes_in_a_row=metric.get("consecutiveSuccessLimit", 0),
    )


@rows("evaluate")
def test_conditions(row: dict[str, Any]) -> None:
    phase, why = evaluate(
        number(row["result"]) if isinstance(row["result"], str) else row["result"],
        row["successCondition"],
        row["failureCondition"],
    )
    assert phase == PHASES[row["expect"]["phase"]]
    assert row["expect"].get("messageContains", "") in why


@rows("assess")
def test_a_run_of_measurements(row: dict[str, Any]) -> None:
    limits, seen = limits_of(row["metric"]), row["counters"]
    if seen is None:
        assert row["expect"] == {"running": "Pending", "terminating": "Successful"}
        assert limits.assess(Tally(), is_over=True) == Phase.PASSED
        return
    tally = Tally(
        seen["count"],
        seen["successful"],
        seen["failed"],
        seen["inconclusive"],
        seen["consecutiveError"],
        seen["consecutiveSuccess"],
    )
    assert limits.assess(tally) == PHASES[row["expect"]["running"]]
    assert limits.assess(tally, is_over=True) == PHASES[row["expect"]["terminating"]]


@rows("run")
def test_all_gates_together(row: dict[str, Any]) -> None:
    if "order" in row:
        known = [PHASES[phase] for phase in row["order"] if phase in PHASES]
        assert all(worst([better, worse]) == worse for better, worse in itertools.pairwise(known))
    else:
        assert worst(PHASES[phase] for phase in row["metrics"] if phase in PHASES) == PHASES[row["expect"]]


@rows("invalid")
def test_limits_that_cannot_be_meant(row: dict[str, Any]) -> None:
    metric = row["metric"]
    limits = limits_of({"interval": "", **metric})
    assert limits.wrong(has_interval="interval" in metric) == row["message"]


@rows("schedule")
def test_when_it_is_measured(row: dict[str, Any]) -> None:
    metric, last = row["metric"], row["last"]
    interval_s = _seconds(metric.get("interval"))
    limits = limits_of(metric)
    left_s = due_in(
        interval_s=interval_s, initial_delay_s=_seconds(metric.get("initialDelay")) or 0.0, started_ago_s=row.get("startedAgo"),
        last=PHASES[last["phase"]] if last else None, last_ago_s=last["finishedAgo"] if last else 0.0,
        is_done=bool(limits.count and row.get("count", 0) >= limits.count),
    )  # fmt: skip
    if "due" in row:
        assert (left_s is not None and left_s <= 0) is row["due"]
    else:
        assert left_s == row["nextIn"]


def _seconds(text: str | None) -> float | None:
    units = {"s": 1, "m": 60, "h": 3600}
    return None if text is None else float(text[:-1]) * units[text[-1]]


@rows("web")
def test_what_a_server_answers(row: dict[str, Any]) -> None:
    if row["name"] in NOT_OURS:
        pytest.skip(NOT_OURS[row["name"]])
    wanted = row["expect"]
    if not 200 <= row["status"] < 300:
        assert wanted["phase"] == "Error"  # no figure is taken from it, whatever it says (tests/measure)
        return
    try:
        value = value_at(row["body"].encode(), row["jsonPath"] or "{$}")
    except Unreadable:
        assert wanted["phase"] == "Error"
        return
    assert evaluate(value, row["successCondition"], row["failureCondition"]).phase == PHASES[wanted["phase"]]
    text = (
        value if isinstance(value, str) and wanted["value"] == value else json.dumps(value, sort_keys=True, separators=(",", ":"))
    )
    assert text == wanted["value"]


@pytest.mark.parametrize("row", SEQUENCES, ids=range(len(SEQUENCES)))
def test_sequences(row: dict[str, Any]) -> None:
    """After how many measurements it ends, as what, and when."""
    limits, tally, at_s, expect = limits_of(row["metric"]), Tally(), 0.0, row["expect"]
    for place, word in enumerate(row["measurements"], start=1):
        tally = tally.and_one(PHASES[word])
        if (phase := limits.assess(tally)) != Phase.RUNNING:
            assert (place, phase, at_s) == (expect["after"], PHASES[expect["phase"]], expect["atSeconds"])
            return
        at_s += due_in(interval_s=30.0, last=PHASES[word], last_ago_s=0.0) or 0.0
    assert expect["after"] is None
    assert limits.assess(tally) == PHASES[expect["phase"]]
    assert limits.assess(tally, is_over=True) == PHASES[expect["terminated"]]
