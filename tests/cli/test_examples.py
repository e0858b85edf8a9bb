"""The examples below each verb's help."""

from __future__ import annotations

import shlex

import pytest
import typer.main
from rollway.cli.main import command_line
from rollway.cli.verbs import every

COMMANDS = [command for verb in every() for command, _ in verb.examples]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_understood(command: str) -> None:
    """The verb exists, and so does every flag that is shown with it."""
    program, verb, *arguments = shlex.split(command)
    known = typer.main.get_command(command_line([verb])).commands[verb]  # type: ignore[attr-defined]

    context = known.make_context(verb, arguments)

    assert program == "deploy"
    assert context.args == []


@pytest.mark.parametrize("columns", [50, 60, 80])
def test_on_a_narrow_terminal_an_example_is_broken_as_a_shell_reads_it(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between words, and within the width: what is copied is the command. One word may be longer than the terminal."""
    monkeypatch.setenv("COLUMNS", str(columns))
    for verb in every():
        known = typer.main.get_command(command_line([verb.name])).commands[verb.name]  # type: ignore[attr-defined]
        shown = known.get_help(typer.Context(known)).partition("Examples:\n")[2]

        assert all(len(line) <= max(columns, 50) or len(line.split()) <= 2 for line in shown.splitlines())
        commands = [line for line in shown.replace("\\\n", "").splitlines() if line.startswith("    deploy")]
        assert [shlex.split(line) for line in commands] == [shlex.split(command) for command, _ in verb.examples]


def test_examples_stand_below_the_help_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is wrapped cannot be copied."""
    from rollway.cli.main import main

    main(["promote", "--help"])

    assert "\n    deploy promote canary --to 50%\n" in capsys.readouterr().out
