"""What a run in the cluster tells is read as it was told, and tells nobody a Secret."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hooked import hooked
from rollway.cluster.events import RunBegan, RunEvent, RunFailed, StepMoved
from rollway.errors import BadInput, ClusterError, Refused, RollwayError, TimedOut
from rollway.load.report import Bucket, Latency, Outage, Report
from rollway.load.target import Bound
from rollway.load.verdict import Part, Verdict
from rollway.plan.steps import Scale
from rollway.release.model import Release
from rollway.ship.lines import Erred, Said, decoded, encoded
from rollway.ship.run import Result
from shop import NAMESPACE_NAME, World, in_world, promoted, release

HIDDEN = "c2VjcmV0LXZhbHVl"


def with_secret(tag: str) -> Release:
    made = hooked(tag, "canary")
    secret: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "shop-keys", "namespace": NAMESPACE_NAME},
        "data": {"key": HIDDEN},
    }
    return dataclasses.replace(made, others=(*made.others, secret))


def told(tag: str) -> tuple[list[RunEvent], Result]:
    """All that is told of a canary to its end."""

    async def story(world: World) -> tuple[list[RunEvent], Result]:
        events: list[RunEvent] = []
        await promoted(world, release("v1", strategy="canary"))
        result = await world.ship("apply", with_secret(tag), goes_on=True, emit=events.append)
        return events, result

    return in_world(story)  # type: ignore[no-any-return]


@pytest.mark.parametrize("tag", ["v2", "bad"])
def test_all_that_a_run_tells(tag: str) -> None:
    """Each event comes back of its kind and with its words, on one line; no Secret's data is in any."""
    events, result = told(tag)
    kinds = {type(event) for event in events}
    assert {RunBegan, StepMoved} <= kinds
    assert (RunFailed in kinds) == (tag == "bad")

    lines = [encoded(each) for each in (*events, result)]

    assert not any("\n" in line or HIDDEN in line for line in lines)
    again = [decoded(line) for line in lines]
    assert [type(each) for each in again] == [*(type(event) for event in events), Result]
    assert [encoded(each) for each in again if each] == lines
    end = again[-1]
    assert isinstance(end, Result)
    assert (end.phase, end.weight, end.failure, end.seconds) == (result.phase, result.weight, result.failure, result.seconds)
    assert [step.type for step in end.plan.steps] == [step.type for step in result.plan.steps]


def test_what_was_lost_is_told_by_its_step() -> None:
    """A verdict's parts are marked with steps."""
    _, result = told("v2")
    step = next(step for step in result.plan.steps if isinstance(step, Scale))
    report = Report(
        rate=10.0,
        seconds=3.0,
        sent=30,
        good=29,
        lost=1,
        unanswered=0,
        unsent=0,
        retried=0,
        sent_rate=10.0,
        good_rate=9.7,
        latency=Latency(p50_s=0.01),
        statuses={200: 29},
        errors={"refused": 1},
        examples={},
        versions={"v2": 29},
        outage=Outage(1),
        answer_gap_s=0.2,
        late_p99_s=0.0,
        late_max_s=0.0,
        bucket_s=1.0,
        buckets=(Bucket(0.0, {"v2": 10}),),
    )
    verdict = Verdict("http://shop/", report, Bound(count=0), (Part(step, 10, {"refused": 1}),))

    end = decoded(encoded(dataclasses.replace(result, verdict=verdict)))

    assert isinstance(end, Result)
    assert end.verdict == verdict


@pytest.mark.parametrize("kind", [RollwayError, BadInput, Refused, ClusterError, TimedOut])
def test_errors_keep_their_exit_code(kind: type[RollwayError]) -> None:
    line = decoded(encoded(Erred(kind.exit_code, "it is so", "seen 1", "try it")))

    assert isinstance(line, Erred)
    assert (line.error.exit_code, line.error.summary, line.error.detail, line.error.hint) == (
        kind.exit_code, "it is so", "seen 1", "try it",
    )  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Traceback (most recent call last):",
        "[]",
        "1",
        '{"rollway": "Result"}',
        '{"rollway": 5}',
        '{"rollway": []}',
        "[" * 9999,
    ],
)
def test_any_other_line_is_none(text: str) -> None:
    """A pod's log may hold whatever its image says."""
    assert decoded(text) is None


def test_a_remark_that_moves_the_cursor_is_one_line() -> None:
    """What is shown of it is escaped where it is shown."""
    said = Said("a\nb\x1b[2J\u2028")

    assert encoded(said).isprintable()
    assert decoded(encoded(said)) == said
