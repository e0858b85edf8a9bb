"""The examples below each verb's help."""

from __future__ import annotations

import shlex

import pytest
import typer.main
from rollway.cli.main import app
from rollway.cli.verbs import VERBS

COMMANDS = [command for verb in VERBS for command, _ in verb.examples]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_example_is_understood(command: str) -> None:
    """The verb exists, and so does every flag that is shown with it."""
    program, verb, *arguments = shlex.split(command)
    known = typer.main.get_command(app).commands[verb]  # type: ignore[attr-defined]

    context = known.make_context(verb, arguments)

    assert program == "deploy"
    assert context.args == []


def test_examples_stand_below_the_help_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is wrapped cannot be copied."""
    from rollway.cli.main import main

    main(["promote", "--help"])

    assert "\n    deploy promote canary --to 50%\n" in capsys.readouterr().out
