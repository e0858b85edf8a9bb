"""`--install-completion` and `--show-completion`, for the shell that is named, else for the one that runs us; and the words that
only the cluster knows."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from ..errors import BadInput
from ..strategies import NAMES

if TYPE_CHECKING:
    from .context import Surroundings

INSTALL, SHOW = "--install-completion", "--show-completion"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
VARIABLE = "_DEPLOY_COMPLETE"
HELP = f"{INSTALL} [SHELL] and {SHOW} [SHELL] complete words: {', '.join(SHELLS)}."


def is_asked(words: Sequence[str]) -> bool:
    return bool(words) and words[0].partition("=")[0] in (INSTALL, SHOW)


def prepare() -> None:
    """For a shell that asks how a word may go on."""
    if VARIABLE in os.environ:
        from typer._completion_classes import completion_init

        completion_init()


def complete(words: Sequence[str]) -> int:
    """Raises BadInput for a shell that is not known."""
    from typer._completion_shared import get_completion_script, install

    option, _, attached = words[0].partition("=")
    named = [attached, *words[1:]] if attached else [*words[1:]]
    shell = named[0] if named else _running()
    if shell not in SHELLS or len(named) > 1:
        raise BadInput(f"{option} {' '.join(named) or shell}: no such shell", hint=f"one of {', '.join(SHELLS)}")
    if option == SHOW:
        print(get_completion_script(prog_name="deploy", complete_var=VARIABLE, shell=shell))
        return 0
    _, path = install(shell=shell, prog_name="deploy", complete_var=VARIABLE)
    print(f"{shell} completes `deploy` by {path}, from its next start on")
    return 0


# words that a cluster knows

SHORTLY_S = 3.0
"""Somebody waits for the word, at every press of the key."""


def strategies_and_apps(ctx: typer.Context, incomplete: str) -> list[str]:
    return [*(name for name in NAMES if name.startswith(incomplete)), *apps(ctx, incomplete)]


def apps(ctx: typer.Context, incomplete: str) -> list[str]:
    """What was released in the namespace that is named, else in the context's. None where the cluster does not say so shortly:
    a shell that completes has no place for an error."""
    import asyncio

    from ..errors import RollwayError
    from .context import Surroundings

    surroundings = ctx.find_object(Surroundings) or Surroundings()
    try:
        found: list[str] = surroundings.run(asyncio.wait_for(_apps(surroundings, ctx), SHORTLY_S))
    except (RollwayError, OSError, TimeoutError):
        return []
    return [name for name in found if name.startswith(incomplete)]


async def _apps(surroundings: Surroundings, ctx: typer.Context) -> list[str]:
    from ..cluster.history import apps
    from .options import Where

    words = {key: ctx.params.get(f"where_{key}") for key in ("context", "namespace")}
    async with surroundings.connect(
        Where(**words, is_sandbox=bool(ctx.params.get("where_is_sandbox"))), lambda note: None
    ) as found:
        return await apps(found.cluster, words["namespace"] or found.namespace or "default")


def _running() -> str:
    try:
        import shellingham  # type: ignore[import-untyped]  # comes with Typer

        return str(shellingham.detect_shell()[0])
    except (ImportError, RuntimeError):
        return os.path.basename(os.environ.get("SHELL", ""))
