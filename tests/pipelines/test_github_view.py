"""What `deploy` says under GitHub Actions, and that nothing of it commands the runner by accident."""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rollway.cli.views.github import annotation, error_annotation, escaped, escaped_property, place_of
from rollway.cli.views.markdown import plain
from rollway.errors import BadInput, Locked
from shell import EXAMPLE, Shell, run, shell

BAD = ("--image", "ghcr.io/acme/shop:3.0.0", "--set", "strategies.canary.progressDeadlineSeconds=5")


@pytest.fixture
def summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job of GitHub Actions: its environment, and the file of its summary."""
    path = tmp_path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(path))
    monkeypatch.setenv("GITHUB_WORKSPACE", str(EXAMPLE.parent))
    return path


@pytest.fixture
def deploy(summary: Path) -> Iterator[Shell]:
    with shell() as deploy:
        yield deploy


def commands(err: str) -> list[str]:
    """The workflow commands that a runner would take from a stream."""
    found, stopped_by = [], ""
    for line in err.splitlines():
        command = line.lstrip()
        if stopped_by:
            stopped_by = "" if command == f"::{stopped_by}::" else stopped_by
        elif command.startswith("::stop-commands::"):
            stopped_by = command.removeprefix("::stop-commands::")
        elif command.startswith("::"):
            found.append(command)
    return found


@given(st.text())
def test_an_escaped_message_is_one_line_and_reads_back(text: str) -> None:
    """Whatever a message holds, it stays on the command's line, and the runner reads what was meant."""
    line = escaped(text)

    assert "\n" not in line
    assert "\r" not in line
    assert line.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") == text


@given(st.text())
def test_an_escaped_property_ends_nowhere_early(text: str) -> None:
    """A property holds neither `,` nor `:`, which would end it."""
    assert not set("\r\n:,") & set(escaped_property(text))


def test_an_annotation_names_its_title_and_its_place() -> None:
    """Properties are escaped as properties, the message as a message; what is empty is left out."""
    said = annotation("50% of 4 pods:\nnone", title="a: b, c", file="k8s/a,b.yaml", line=7, col=0)

    assert said == "::error file=k8s/a%2Cb.yaml,line=7,title=a%3A b%2C c::50%25 of 4 pods:%0Anone"


def test_an_error_is_annotated_with_its_detail_its_hint_and_its_exit_code() -> None:
    """An annotation says what the terminal says."""
    error = Locked("shop is locked", detail="by ci-7\nsince 10:02", hint="wait for it")

    assert error_annotation(error) == "::error title=deploy%2C exit 3::shop is locked%0Aby ci-7%0Asince 10:02%0Atry: wait for it"


def test_a_mistake_in_a_file_is_annotated_at_its_line(tmp_path: Path) -> None:
    """The place is relative to the checkout, as the runner wants it."""
    error = BadInput("no such key", where=f"{tmp_path}/shop/deploy.yaml:7:3")

    assert error_annotation(error, str(tmp_path)).startswith("::error file=shop/deploy.yaml,line=7,col=3,title=")


@pytest.mark.parametrize("where", ["", "deploy.yaml", "deploy.yaml:", "deploy.yaml:x", "--set a.b"])
def test_what_is_no_place_in_a_file_is_no_place(where: str) -> None:
    """An annotation without a line is better than one at a made-up line."""
    assert place_of(where) == {}


@given(st.text())
def test_plain_text_is_one_cell_of_a_table(text: str) -> None:
    """No name or value ends its cell, opens a tag or begins a line."""
    cell = plain(text)

    assert len(cell.splitlines()) <= 1
    assert not re.search(r"(?<!\\)(\\\\)*[|<`]", cell)


def test_the_plan_is_in_the_job_summary(deploy: Shell, summary: Path) -> None:
    """A plan is in the summary as a table, with its way back and its diff; stdout shows what it always does."""
    deploy("apply", "recreate")
    outcome = deploy("plan", "--image", "ghcr.io/acme/shop:2.0.0", "--to", "50%")

    text = summary.read_text()
    assert outcome.out.startswith("shop 1.4.0 → 2.0.0 · canary to 50%")
    assert "### shop 1.4.0 → 2.0.0 · canary to 50%\n\nnamespace shop, context test\n" in text
    assert "| 1 | + | Deployment shop-canary | 2 pods of 2.0.0 | the new version, beside the old |" in text
    assert "- **back** shop" in text
    assert "- **peak** 6 pods (+2)" in text
    assert "```diff\n# Deployment shop-canary\n" in text
    assert text.count("```") == 2


def test_the_summary_comes_with_json_too(deploy: Shell, summary: Path) -> None:
    """`-o json` keeps stdout to one document, and the summary is written all the same."""
    outcome = deploy("plan", "-o", "json")

    assert outcome.document["app"] == "shop"
    assert summary.read_text().startswith("### shop 1.4.0 · canary")


def test_how_a_run_ended_is_in_the_job_summary(deploy: Shell, summary: Path) -> None:
    """Of each verb that releases, also where there was nothing to do, and of a failure with its reason."""
    deploy("apply", "--image", ":1.0.0")
    deploy("apply", "--image", ":2.0.0")
    deploy("promote", "--full")
    deploy("promote", "--full")
    deploy("rollback")
    deploy("apply", "--image", ":3.0.0")
    text = summary.read_text()

    assert text.count("### shop") == 6
    for said in ("paused at 10%", "promoted as revision 2", "nothing to promote", "rolled back to 1.0.0"):
        assert f"✓ {said}" in text.replace("\\", "")
    assert "shop 3.0.0 rolled back" in text
    assert "✗ shop-canary: 0 of 1 pods ready" in text


def test_a_plan_with_nothing_to_do_says_so(deploy: Shell, summary: Path) -> None:
    """An empty plan is told of in the summary, without a table."""
    deploy("apply", "recreate")
    deploy("plan", "recreate")

    assert "|" not in summary.read_text()
    assert "live" in summary.read_text()


def unread(path: Path) -> None:
    os.mkfifo(path)


def full(path: Path) -> None:
    """A pipe whose reader takes nothing. It is left open: it ends with the test's process."""
    os.mkfifo(path)
    os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))


def no_room(path: Path) -> None:
    path.symlink_to("/dev/full")


@pytest.mark.parametrize("made", [Path.mkdir, unread, full, no_room])
def test_a_summary_that_cannot_be_written_stops_nothing(deploy: Shell, summary: Path, made: Callable[[Path], None]) -> None:
    """The summary is an extra: without it a release ends as it would, and does not wait for a reader. It is told of once."""
    made(summary)
    plan, apply = deploy("plan", "recreate"), deploy("apply", "recreate")

    assert (plan.code, apply.code) == (0, 0)
    assert f"the job summary cannot be written to {summary}: " in plan.err
    assert apply.err.count("the job summary cannot be written") == 1


def test_a_failed_release_is_one_annotation(deploy: Shell) -> None:
    """A release that was taken back is an error annotation with the pods' reasons; the log says what it always does."""
    deploy("apply", "recreate")
    outcome = deploy("apply", *BAD)

    assert outcome.code == 1
    assert "try: check what its readiness probe asks for" in outcome.err
    [command] = commands(outcome.err)
    assert command.startswith("::error title=shop 3.0.0 rolled back::shop-canary: 0 of 1 pods ready")
    assert command.endswith("%0Arunning, but not ready%0AReadiness probe failed: HTTP probe failed with statuscode: 503")


def test_what_a_pod_says_is_never_a_command(summary: Path, tmp_path: Path) -> None:
    """A pod's log that looks like a workflow command is shown, and the runner is told not to listen."""
    text = (EXAMPLE.parent / "k8s" / "deployment.yaml").read_text()
    spiked = text.replace("KeyError: 'PAYMENT_URL'", "::set-output name=phase::Promoted")
    (tmp_path / "k8s").mkdir()
    for path in EXAMPLE.parent.glob("k8s/*"):
        (tmp_path / "k8s" / path.name).write_text(spiked if path.name == "deployment.yaml" else path.read_text())
    (tmp_path / "deploy.yaml").write_text(EXAMPLE.read_text())
    with shell(tmp_path / "deploy.yaml") as deploy:
        deploy("apply", "recreate")
        outcome = deploy("apply", *BAD)

    assert "::set-output" in outcome.err
    assert [command.partition(" ")[0] for command in commands(outcome.err)] == ["::error"]


@pytest.mark.parametrize("output", [(), ("-o", "json")])
@pytest.mark.parametrize("words", [("aply",), ("apply", "--to", "150%"), ("status", "-f", "nowhere.yaml")])
def test_every_error_is_annotated(summary: Path, words: tuple[str, ...], output: tuple[str, ...]) -> None:
    """A wrong word, a wrong flag, a missing file: one annotation each, on stderr; with `-o json`, stdout stays one document."""
    outcome = run(*words, *output)

    assert outcome.code == 2
    assert [command.partition("::")[1] for command in commands(outcome.err)] == ["::"]
    assert not output or json.loads(outcome.out)["error"]["exit"] == 2


def test_elsewhere_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without $GITHUB_ACTIONS there is no annotation."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)

    assert "::" not in run("apply", "--to", "150%").err
