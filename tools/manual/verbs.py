"""The pages of the commands: a page each, from what `--help` is made of."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from typer.main import get_command

from ...cli import completion
from ...cli.main import command_line
from ...cli.verb import Example
from ...cli.verbs import every
from ...cli.verbs.sandbox import VERBS as SANDBOX
from .exits import MEANING
from .markdown import block, code, defined, manual, on_site, page, prose

ROOT = "deploy"
ELSEWHERE = {"ROLLWAY_IMAGE": "the image of the runner that `--in-cluster` starts, where the release file names none"}
"""What the environment says beside options."""


@dataclass(frozen=True)
class Command:
    """`words`: as one types it. `asked`: Click's command and its context."""

    words: tuple[str, ...]
    asked: Any
    context: Any
    examples: tuple[Example, ...] = ()

    @property
    def name(self) -> str:
        """Of its page, and of its man page."""
        return "-".join(self.words)

    @property
    def told(self) -> str:
        """In a line, as a sentence without its full stop."""
        return " ".join((self.asked.help or "").partition("\n\n")[0].split()).rstrip(".")

    @property
    def below(self) -> tuple[Command, ...]:
        """The verbs of a group."""
        named = getattr(self.asked, "commands", {})
        return tuple(_command((*self.words, name), one, self.context) for name, one in named.items() if not one.hidden)


def root() -> Command:
    return _command((ROOT,), get_command(command_line()), None)


def _command(words: tuple[str, ...], asked: Any, above: Any) -> Command:
    known = {(ROOT, each.name): each for each in every()} | {(ROOT, "sandbox", each.name): each for each in SANDBOX}
    context = asked.make_context(words[-1], [], parent=above, resilient_parsing=True)
    return Command(words, asked, context, known[words].examples if words in known else ())


def commands(top: Command) -> Iterator[Command]:
    """It, and all below it."""
    yield top
    for each in top.below:
        yield from commands(each)


def command_page(one: Command) -> str:
    """In the order of a manual's page: what it is, how it is written, what it does, its options, examples."""
    line = " ".join((*one.words, *one.asked.collect_usage_pieces(one.context)))
    more = [prose(part) for part in (one.asked.help or "").split("\n\n")[1:]]
    parts = [f"# {' '.join(one.words)}", on_site(prose(one.told) + "."), "## Synopsis", block("text", line)]
    parts += ["## Description", *more] if more else []
    given = one.asked.get_params(one.context)
    parts += _listed("Arguments", [each for each in given if each.param_type_name == "argument"], one)
    parts += _listed("Options", [each for each in given if each.param_type_name == "option"], one)
    if one.below:
        verbs = [(manual(each.name), prose(each.told) + ".") for each in one.below]
        parts += ["## Commands", defined(verbs)]
    if one.examples:
        parts += ["## Examples", defined((code(command), prose(remark)) for command, remark in one.examples)]
    parts += _of_all(one) if len(one.words) == 1 else ()
    near = [manual("-".join(one.words[:count])) for count in range(1, len(one.words))]
    return page(*parts, "## See also", ", ".join((*near, manual("deploy.yaml", 5))))


def _listed(title: str, parameters: list[Any], one: Command) -> list[str]:
    records = [each.get_help_record(one.context) for each in parameters if not getattr(each, "hidden", False)]
    rows = [(code(re.sub(r" <\w+>$", "", names)), prose(told)) for names, told in filter(None, records)]  # Click's name of a type
    return [f"## {title}", defined(rows)] if rows else []


def _of_all(top: Command) -> list[str]:
    """What holds for each verb."""
    named = {each.envvar: prose(each.help or "") for one in commands(top) for each in one.asked.params if each.envvar}
    variables = {**named, **{name: prose(told) for name, told in ELSEWHERE.items()}}
    exits = [(code(str(number)), prose(told)) for number, told in MEANING.items()]
    return [
        f"{code('--debug')}, with any verb, shows the traceback of an error. {prose(completion.HELP)}",
        "## Environment",
        defined((code(name), told) for name, told in sorted(variables.items())),
        "## Exit codes",
        defined(exits),
    ]
