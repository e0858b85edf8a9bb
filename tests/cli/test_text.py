"""What people read: plans in columns, events line by line, failures in the pods' words."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from rollway.cli.views.human import HumanView
from rollway.cli.views.live import section_lines
from rollway.cli.views.paint import Paint
from rollway.cli.views.plan_text import plan_lines
from rollway.cli.views.progress import Progress
from rollway.cli.views.standing_text import history_lines
from rollway.cli.views.words import duration, stopwatch, value
from rollway.cluster.events import Failure as Failed
from rollway.cluster.events import RunBegan, RunFailed, StepBegan, StepEnded, StepMoved, Waiting
from rollway.plan.plan import Plan
from rollway.plan.revision import Entry
from rollway.plan.steps import Record, Wait
from rollway.ship.run import plan as planned
from rollway.strategies.base import Request
from shell import shell
from shop import World, in_world, promoted, release

GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="module")
def canary() -> Plan:
    """1.0.0 is live on 4 pods; 1.1.0 is to take 50%."""

    async def story(world: World) -> Plan:
        await promoted(world, "1.0.0", "canary")
        return await planned(world.cluster, release("1.1.0"), Request("apply", 50), strategy="canary")

    return in_world(story)


@pytest.mark.parametrize("width", [None, 110, 70])
def test_the_plan_of_a_canary_to_half(canary: Plan, width: int | None, request: pytest.FixtureRequest) -> None:
    """Numbered steps in columns, fitted to the terminal; the way back, the peak, the diff."""
    lines = plan_lines(canary, where="context prod", width=width, paint=Paint(False), diff=width is None, verbose=False)
    text = "\n".join(lines) + "\n"

    golden = GOLDEN / f"canary_50_{width or 'pipe'}.txt"
    if request.config.getoption("--update-golden"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    if width:
        assert max(len(line) for line in text.splitlines()) <= width


def test_bookkeeping_is_shown_with_v_only(canary: Plan) -> None:
    def shown(*, verbose: bool) -> str:
        return "\n".join(plan_lines(canary, where="", width=None, paint=Paint(False), diff=False, verbose=verbose))

    assert "revision 2" not in shown(verbose=False)
    assert "revision 2" in shown(verbose=True)


@pytest.mark.parametrize("width", [None, 60])
def test_a_plan_that_only_writes_the_history_is_shown(canary: Plan, width: int | None) -> None:
    """As the rollback of what somebody has taken back by hand: there is no row to fit the columns to."""
    only = canary.model_copy(update={"steps": tuple(step for step in canary.steps if isinstance(step, Record)), "undo": ()})
    lines = list(plan_lines(only, where="", width=width, paint=Paint(False), diff=True, verbose=False))
    assert "shop 1.0.0 → 1.1.0" in lines[0]
    assert "only the history is written: all else is as it is to be" in " ".join(lines)


def test_a_pipeline_reads_one_plain_line_an_event() -> None:
    """No colour, no movement; the result on stdout, the way on stderr."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        outcome = deploy("apply", "--image", ":2.0.0")
        plan = deploy("plan", "--promote")

    assert outcome.out == "paused at 10%, by pods 20% (1 of 5) as revision 2 · on: deploy promote · back: deploy rollback\n"
    assert outcome.err.splitlines() == [
        "shop 1.0.0 → 2.0.0 · canary to 10%",
        "  note: router auto: replicas, as the manifests hold no route that can be split",
        "  + Deployment shop-canary: 1 pod of 2.0.0 (the new version, beside the old)",
        "  … shop-canary: until 1 of 1 is ready (nothing shrinks before)",
        "    shop-canary: 0 of 1 pods available",
        "    shop-canary: 1 of 1 pods available",
        "  ✓ shop-canary: done after 3 s",
    ]
    assert not re.search(r"[\x1b\r]", outcome.out + outcome.err + plan.out)


def test_a_failure_says_why_what_was_done_and_what_to_try() -> None:
    """Exit 1; nothing on stdout."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        outcome = deploy("apply", "--image", ":3.0.0", "--set", "strategies.canary.progressDeadlineSeconds=20")

    told = outcome.err[outcome.err.index("✗ shop-canary: 0 of 1 pods ready after") :].splitlines()
    assert (outcome.code, outcome.out) == (1, "")
    assert re.fullmatch(r"  shop-canary-\w+-\w+   running, but not ready", told[1])
    assert told[2:4] == [
        "      Readiness probe failed: HTTP probe failed with statuscode: 503",
        "      KeyError: 'PAYMENT_URL'   (last line of its log)",
    ]
    assert told[4].startswith("  traffic never left 1.0.0 (")
    assert told[5].startswith("  try: ")


def test_what_needs_no_doing_is_said_plainly() -> None:
    """Exit 0."""
    with shell() as deploy:
        deploy("apply", "--image", ":1.0.0")
        again = deploy("apply", "--image", ":1.0.0")
        status = deploy("status")

    assert (again.code, again.out) == (0, "1.0.0 is live already\n")
    assert "  ✓ shop   1.0.0   4/4 ready   receives requests\n" in status.out


def test_history_reads_from_the_newest() -> None:
    with shell() as deploy:
        nothing = deploy("history")
        deploy("apply", "--image", ":1.0.0")
        deploy("apply", "ramped", "--image", ":2.0.0")
        deploy("rollback")
        lines = deploy("history").out.splitlines()

    assert nothing.out.startswith("shop has no history in namespace shop")
    assert re.fullmatch(r"2          2.0.0     ramped     rolled back      \d{4}-\d\d-\d\d \d\d:\d\d:\d\d   \S+@.*", lines[1])
    assert re.fullmatch(r"1          1.0.0     canary     promoted, live   \d{4}-\d\d-\d\d \d\d:\d\d:\d\d   \S+@.*", lines[2])


def test_history_on_a_narrow_terminal(canary: Plan) -> None:
    """No line is broken: a revision takes as many as it needs."""
    came = Entry(at="2026-01-01T10:00:00Z", by="ada@laptop", phase="Promoted", weight=100)
    went = Entry(at="2026-01-02T10:00:00Z", by="ada@laptop", phase="Failed", weight=0)
    first = canary.new_revisions[-1].model_copy(update={"number": 1, "version": "1.0.0", "phase": "Promoted", "entries": (came,)})
    second = first.model_copy(
        update={
            "number": 2,
            "version": "2.0.0",
            "phase": "Failed",
            "entries": (went,),
            "message": "shop-canary: 0 of 1 pods ready",
        }
    )

    assert list(history_lines("shop", "shop", [first, second], Paint(False), 60)) == [
        "2   2.0.0   canary   failed",
        "    2026-01-02 10:00:00 UTC by ada@laptop",
        "    shop-canary: 0 of 1 pods ready",
        "1   1.0.0   canary   promoted, live",
        "    2026-01-01 10:00:00 UTC by ada@laptop",
    ]
    assert len(list(history_lines("shop", "shop", [first, second], Paint(False), 120))) == 3
    # the columns alone would fit, and of the message hardly a word
    assert "    shop-canary: 0 of 1 pods ready" in list(history_lines("shop", "shop", [first, second], Paint(False), 85))


def test_history_keeps_what_came_after(canary: Plan) -> None:
    """A rollback that another one followed, and why gates were not asked, stand below their revision; on demand every turn."""

    def entry(day: int, phase: Any, weight: int, **more: Any) -> Entry:
        return Entry(at=f"2026-01-0{day}T10:00:00Z", by="ada@laptop", phase=phase, weight=weight, **more)

    turns = (
        entry(1, "Progressing", 50), entry(1, "Paused", 50), entry(2, "Promoted", 100, note="known: #12"),
        entry(3, "RolledBack", 0, to=1), entry(4, "Promoted", 100),
    )  # fmt: skip
    kept = canary.new_revisions[-1].model_copy(update={"number": 2, "phase": "Promoted", "entries": turns})
    shown = [
        line.strip()
        for width in (60, 120)
        for line in history_lines("shop", "shop", [kept], Paint(False), width)
        if " by " in line
    ]
    every = list(history_lines("shop", "shop", [kept], Paint(False), every=True))

    noted = [
        "2026-01-03 10:00:00 UTC rolled back to revision 1 by ada@laptop",
        "2026-01-02 10:00:00 UTC promoted by ada@laptop; its gates were not asked: known: #12",
    ]
    assert shown == ["2026-01-04 10:00:00 UTC by ada@laptop", *noted, *noted]
    assert [line.strip() for line in every[2:]] == [
        "2026-01-04 10:00:00 UTC promoted by ada@laptop", *noted, "2026-01-01 10:00:00 UTC paused at 50% by ada@laptop",
        "2026-01-01 10:00:00 UTC on its way to 50% by ada@laptop",
    ]  # fmt: skip


@pytest.mark.parametrize("width", [60, 72, 80])
def test_a_run_on_a_narrow_terminal(canary: Plan, width: int) -> None:
    """Nothing is cut at the end of a line, where the seconds and the new version's share stand."""
    progress = Progress(lambda: 0.0)
    progress.take(RunBegan(canary.model_copy(update={"from_version": "2026.11.27", "to_version": "2026.11.28"})))
    progress.take(StepBegan(1, canary.steps[1]))
    progress.take(StepMoved(1, canary.steps[1], "a long word from the pods, as they have it", 0, 0))
    progress.sections[0].lines[0].what = "1.0.0 → 1.1.0, 2 → 4 pods, held on the way"
    _, line, bar = section_lines(progress.sections[0], 0.0, width, Paint(False))

    assert bar.endswith("%")
    assert line.endswith("   0:00")
    assert "…" in line.removeprefix("  …")
    assert max(map(len, (line, bar))) <= width


def test_a_change_and_its_wait_are_one_line_on_the_screen(canary: Plan) -> None:
    """With ready and wanted pods, the seconds, and the share of each version, which moves one way."""
    clock, shares = [0.0], []
    progress = Progress(lambda: clock[0])
    progress.take(RunBegan(canary))
    for index, step in enumerate(canary.steps):
        progress.take(StepBegan(index, step))
        for ready in range(step.pods + 1) if isinstance(step, Wait) else ():
            clock[0] += 1
            progress.take(StepMoved(index, step, "", ready, step.pods))
            shares.append(progress.percent)
        progress.take(StepEnded(index, step, 1.0))
    progress.finish(is_done=True)

    assert shares == sorted(shares)
    assert list(section_lines(progress.sections[0], clock[0], 80, Paint(False))) == [
        "shop 1.0.0 → 1.1.0 · canary to 50%                                          0:06",
        "  ✓ shop-canary   2 pods of 1.1.0   2/2 ready   0:03",
        "  ✓ shop          4 → 2 pods        2/2 ready   0:03",
        "  1.0.0 ██████████░░░░░░░░░░▏ 50%     1.1.0 ██████████░░░░░░░░░░▏ 50%",
    ]


def test_what_keeps_pods_from_coming_is_seen_while_they_are_waited_for(canary: Plan) -> None:
    """Below its line, as long as it lasts: ready counts alone leave one guessing for minutes."""
    wait = next(step for step in canary.steps if isinstance(step, Wait))
    progress = Progress(lambda: 0.0)
    progress.take(RunBegan(canary))
    progress.take(StepBegan(2, wait))
    progress.take(StepMoved(2, wait, "0 of 2 pods available; Unschedulable: 0/3 nodes are available", 0, 2))
    hindered = list(section_lines(progress.sections[0], 0.0, 80, Paint(False)))
    progress.take(StepMoved(2, wait, "1 of 2 pods available", 1, 2))
    freed = list(section_lines(progress.sections[0], 0.0, 80, Paint(False)))

    assert hindered[2] == "      Unschedulable: 0/3 nodes are available"
    assert not any("nodes" in line for line in freed)


def test_a_promotion_that_begins_in_a_pause_shows_it(canary: Plan) -> None:
    """What is left of the pause comes before there is a plan: it may be hours."""
    progress = Progress(lambda: 0.0)
    progress.take(Waiting(3600.0, 50))

    assert list(section_lines(progress.sections[0], 0.0, 80, Paint(False))) == [
        "in a pause" + " " * 66 + "0:00",
        "  … pause   at 50%, 1 h      0:00",
    ]
    assert progress.percent_peak == 50
    progress.take(RunBegan(canary))
    assert progress.sections[0].lines[0].state == "done"


def test_a_pipeline_reads_the_pause_that_it_waits_for(capfd: pytest.CaptureFixture[str]) -> None:
    async def story(world: World) -> None:
        await promoted(world, release("1.0.0", strategy="canary"))
        steps = {"canary": {"steps": [{"weight": 50, "pause": "5m"}]}}
        wanted = release("1.1.0", strategy="canary", options=steps)
        await world.ship("apply", wanted)
        await world.ship("promote", wanted, goes_on=True, emit=HumanView().event)

    in_world(story)
    assert capfd.readouterr().err.splitlines()[0].startswith("  ∥ 50% for ")


def test_a_failed_line_stays_and_the_way_back_begins_below(canary: Plan) -> None:
    progress = Progress(lambda: 0.0)
    progress.take(RunBegan(canary))
    progress.take(StepBegan(1, canary.steps[1]))
    progress.take(RunFailed(Failed("it does not come")))
    progress.take(RunBegan(canary.model_copy(update={"action": "rollback", "to_version": "1.0.0"}), is_way_back=True))

    assert [section.title for section in progress.sections] == ["shop 1.0.0 → 1.1.0 · canary to 50%", "back to 1.0.0"]
    assert progress.sections[0].lines[0].state == "failed"
    assert progress.percent_peak == 0


def test_a_gate_that_failed_in_the_pause_before_leaves_the_way_back_alone_on_the_screen(canary: Plan) -> None:
    """Nothing of the next plan begins: there is no heading of it, and the share that was given is known."""
    progress, back = Progress(lambda: 0.0), canary.model_copy(update={"action": "rollback", "from_weight": 50, "steps": ()})
    progress.take(RunFailed(Failed("gate errors failed")))
    progress.take(RunBegan(back, is_way_back=True))

    assert [section.title for section in progress.sections] == [f"back to {canary.to_version}"]
    assert progress.percent_peak == 50


def test_what_is_cut_off_stays_as_far_as_it_has_come(canary: Plan) -> None:
    """Ctrl-C, or the time limit: neither done nor failed, and the share is not that of the plan's end."""
    progress = Progress(lambda: 0.0)
    progress.take(RunBegan(canary))
    progress.take(StepBegan(1, canary.steps[1]))
    progress.finish(is_done=False)

    assert [line.state for line in progress.sections[0].lines] == ["stopped"]
    assert progress.percent == 0


def test_words() -> None:
    """The little pieces."""
    assert [duration(s) for s in (0, 0.4, 59, 60, 3600, 5430)] == ["0 s", "0 s", "59 s", "1 m", "1 h", "1 h 30 m 30 s"]
    assert [stopwatch(s) for s in (0, 9.9, 61)] == ["0:00", "0:09", "1:01"]
    assert [value(v) for v in (True, None, 3, "a\n b", {"a": [1]})] == ["true", "null", "3", "a b", '{"a": [1]}']
    assert value("x" * 100) == "x" * 69 + "…"


@pytest.mark.parametrize("name", ["NO_COLOR", "CI"])
def test_the_environment_can_ask_for_plain_output(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Even on a terminal."""
    from rollway.cli.views.paint import is_lively

    for each in ("NO_COLOR", "CI", "TERM"):
        monkeypatch.delenv(each, raising=False)
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w", encoding="utf-8") as stream:
        assert is_lively(stream)
        monkeypatch.setenv(name, "1")
        assert not is_lively(stream)
    os.close(controller)
