"""What is not ours is shown as what it is: on a terminal, in a log, to a pipeline's runner, in a document."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from rollway.cli.views import github, sink
from rollway.cli.views.errors_text import error_lines
from rollway.cli.views.failure_text import failure_lines
from rollway.cli.views.json import JsonView
from rollway.cli.views.live import Screen
from rollway.cli.views.paint import MARK, Paint
from rollway.cli.views.progress import Progress
from rollway.cluster.events import Failure, Noticed, RunBegan
from rollway.errors import RollwayError
from rollway.health.pods import Problem
from rollway.plan.plan import Plan, Split
from rollway.ship.run import Result

EVIL = (
    "\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "\x1b]52;c;cm0=\x1b\\", "\r", "\x08", "\x7f", "\x0b", "\u202egnp.exe", "\u200b",
    "\ufeff", "\u2028", "\ud800", "\n::error::by a pod", "##[group]x", "\x00",
)  # fmt: skip
HOSTILE = "boom " + " ".join(EVIL)
SEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202e\u2028\ufeff\ud800-\udfff]")
PLAN = Plan(
    app="shop", namespace="shop", strategy="canary", action="apply", revision=2, from_version="1", to_version=HOSTILE,
    from_weight=0, weight=10, phase="Paused", steps=(), split=Split(stable=1, canary=1, percent=50.0), peak_pods=2, steady_pods=1,
    notes=(HOSTILE,),
)  # fmt: skip
FAILURE = Failure(HOSTILE, (Problem("shop-1", HOSTILE, HOSTILE),), (("shop-1", HOSTILE),), 3.0)
RESULT = Result(PLAN, "Failed", 10, FAILURE)


@contextmanager
def streams() -> Iterator[io.StringIO]:
    out = io.StringIO()
    with redirect_stdout(out), redirect_stderr(out):
        yield out


@pytest.mark.parametrize("evil", EVIL)
def test_a_line_stays_a_line(evil: str) -> None:
    """Nothing in it moves the cursor, sets a title, reaches the clipboard, turns or hides text, or begins another line."""
    shown = sink.shown(f"before {evil} after")

    assert not SEEN.search(shown)
    assert "\n" not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize("line", ["::error::x", "  ::warning title=a::x", "a ##[error]x", "\t::add-mask::x"])
def test_no_line_commands_the_runner(line: str) -> None:
    """GitHub's runner heeds `::` behind spaces, too, and `##[` anywhere."""
    shown = sink.shown(line)

    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown


def test_our_colours_are_ours() -> None:
    """They come after the escaping; what looks like one of them in somebody's text is none."""
    painted = Paint(True)(f"text {HOSTILE}", "bad")
    styled = sink.styled(painted)

    assert styled.startswith("\x1b[31mtext boom")
    assert styled.endswith("\x1b[0m")
    assert not SEEN.search(styled.replace("\x1b[31m", "", 1).removesuffix("\x1b[0m"))
    assert sink.styled(Paint(False)(HOSTILE, "bad")) == sink.shown(HOSTILE)
    assert MARK not in HOSTILE


def test_a_failure_in_the_pods_words() -> None:
    """Reasons, details and logs; each line of theirs is one of ours, indented."""
    with streams() as out:
        for line in failure_lines(RESULT, never_left=True, paint=Paint(False)):
            sink.say(line)
        for line in error_lines(RollwayError(HOSTILE, detail=HOSTILE, hint=HOSTILE), Paint(False)):
            sink.say(line)

    assert not SEEN.search(out.getvalue())
    assert not any(line.lstrip().startswith("::") for line in out.getvalue().splitlines())


def test_a_screen_that_moves() -> None:
    """Titles, notes and remarks on a terminal: no sequence but those that the screen itself needs."""
    screen_out = io.StringIO()
    screen = Screen(Progress(lambda: 0.0), lambda: 0.0, screen_out)
    screen.update(RunBegan(PLAN))
    screen.note(HOSTILE)
    screen.remark(HOSTILE)
    screen.close(is_done=True)

    left = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen_out.getvalue())
    assert Noticed(HOSTILE).message  # the same text as a run would bring it
    assert "\\x1b]0;title" in left
    assert not SEEN.search(left.replace("\r", ""))


def test_a_document_is_the_same_data() -> None:
    """JSON escapes what a terminal would obey; what is read from it is what was meant."""
    with streams() as out:
        sink.put_json({"message": HOSTILE, HOSTILE: 1})

    assert not SEEN.search(out.getvalue())
    assert json.loads(out.getvalue()) == {"message": HOSTILE, HOSTILE: 1}


def test_a_job_summary_holds_no_markup_of_theirs(tmp_path: Path) -> None:
    """Neither Markdown nor HTML, no image, no link, no cell of a table; annotations are one line."""
    summary = tmp_path / "summary.md"
    with streams():
        view = github.GithubView(JsonView(), summary=str(summary), workspace=None)
        view.plan(PLAN.model_copy(update={"notes": (f"{HOSTILE} <img src=x> ![a](http://b) | `c`",)}))
    text = summary.read_text()
    with streams() as out:
        sink.put_command(github.annotation(HOSTILE, title=HOSTILE))

    assert not SEEN.search(text)
    assert not re.search(r"(?<!\\)[<|]img|(?<!\\)!\[|(?<!\\)`", text)
    assert not SEEN.search(out.getvalue())
    assert out.getvalue().count("\n") == 1
