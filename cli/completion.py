"""`--install-completion` and `--show-completion`, for the shell that is named, else for the one that runs us."""

from __future__ import annotations

import os
from collections.abc import Sequence

from ..errors import BadInput

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


def _running() -> str:
    try:
        import shellingham  # type: ignore[import-untyped]  # comes with Typer

        return str(shellingham.detect_shell()[0])
    except (ImportError, RuntimeError):
        return os.path.basename(os.environ.get("SHELL", ""))
