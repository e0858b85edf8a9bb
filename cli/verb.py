"""A verb of `deploy`: one function in a file of its own, whose options come in groups, and commands as one types it."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from dataclasses import MISSING, dataclass, fields, is_dataclass
from typing import Any, get_type_hints

from .views.sink import fitted

SPACE = "\0"
"""Stands for one that no line ends at."""
GOES_ON = " \\"
Example = tuple[str, str]
"""A command, and what it is for. A test sees to it that every one is understood."""


@dataclass(frozen=True)
class Verb:
    """`run` takes groups of options (dataclasses whose fields are Typer's) and options of its own; its docstring is the help."""

    run: Callable[..., int]
    examples: tuple[Example, ...]

    @property
    def name(self) -> str:
        return self.run.__name__.rstrip("_")  # one that Python has a meaning for

    def epilog(self, width: int) -> str | None:
        """The examples as Click prints them unchanged: a paragraph that begins with \\b. In so many columns: a command that is
        longer goes on below, as a shell reads it."""
        lines = [
            line for command, remark in self.examples for line in (*_command(command, width), *fitted(f"      {remark}", width))
        ]
        return "\b\nExamples:\n" + "\n".join(lines) if lines else None


def _command(command: str, width: int) -> Iterator[str]:
    """Broken between the words of a shell: what stands in quotes is one."""
    whole = re.sub(r"'[^']*'|\"[^\"]*\"", lambda quoted: quoted[0].replace(" ", SPACE), command)
    *first, last = fitted(f"  {whole}", width - len(GOES_ON))
    yield from (f"{line}{GOES_ON}".replace(SPACE, " ") for line in first)
    yield last.replace(SPACE, " ")


def verb(*examples: Example) -> Callable[[Callable[..., int]], Verb]:
    return lambda run: Verb(run, examples)


def flat(run: Callable[..., int]) -> Callable[..., int]:
    """The function as Typer reads it: each group of options laid out flat, in its place."""
    hints = get_type_hints(run, include_extras=True)
    groups: dict[str, Any] = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
    own = inspect.signature(run).parameters
    parameters: list[inspect.Parameter] = []
    for name, parameter in own.items():
        if name in groups:
            parameters += _options(name, groups[name])
        else:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints[name]))

    def called(**values: Any) -> int:
        made = {name: group(**{f.name: values[f"{name}_{f.name}"] for f in fields(group)}) for name, group in groups.items()}
        return run(**{name: made.get(name, values.get(name)) for name in own})

    called.__name__, called.__doc__ = run.__name__, run.__doc__
    called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {each.name: each.annotation for each in parameters}
    return called


def _options(name: str, group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f"{name}_{field.name}",
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=hints[field.name],
        )
        for field in fields(group)
    ]
