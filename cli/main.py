"""The command `deploy`: its verbs, and the one place where errors become words and an exit code.

Nothing heavy is imported at module level: `deploy version` answers at once.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from .. import __version__
from ..errors import BadInput, RollwayError
from . import options as given
from .context import Surroundings
from .verb import flat
from .verbs import VERBS, sandbox
from .views import is_on_github, view_for

BROKEN_PIPE = 141  # 128 + SIGPIPE, as a shell tells of it


class Verbs(TyperGroup):
    """Verbs in the order in which one needs them; an unknown one is answered with the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = given.did_you_mean(args[0], self.commands)
            raise BadInput(f"there is no verb {args[0]!r}", hint=near or f"one of {', '.join(self.commands)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    help="Ships a new version on Kubernetes: recreate, ramped, blue-green, canary or A/B.",
)


@app.callback(epilog="--debug, with any verb, shows the traceback of an error.")
def deploy() -> None:
    pass


for verb in VERBS:
    app.command(verb.name, epilog=verb.epilog)(flat(verb.run))
app.add_typer(sandbox.app, name="sandbox", cls=Verbs)


def _print_version() -> int:
    print(f"rollway {__version__}")
    return 0


def main(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Runs one command; answers its exit code. `surroundings` is for tests."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    try:
        # Typer loads pydantic to read the options of a verb, whatever they are: what has none is answered before
        code = (
            _print_version()
            if words in (["version"], ["--version"])
            else _checked(words, surroundings or Surroundings(), is_debug)
        )
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # whoever read has seen enough; what is still buffered must not complain at the exit
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE


def _checked(words: list[str], surroundings: Surroundings, is_debug: bool) -> int:
    """Runs one command. The only place that catches errors."""
    try:
        answer = app(words, prog_name="deploy", standalone_mode=False, obj=surroundings)
        return answer if isinstance(answer, int) else 0
    except BrokenPipeError:
        raise
    except RollwayError as error:
        return _told(error, error, words, is_debug)
    except SystemExit as exit_:
        # Typer exits by itself after completing a word for the shell, and where nobody reads its output any more
        if "_DEPLOY_COMPLETE" in os.environ:
            raise
        raise BrokenPipeError from exit_
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if hasattr(error, "format_message"):  # what Typer says about the usage
            return _told(_usage_error(error), error, words, is_debug)
        bug = RollwayError(
            f"this is a bug in rollway: {type(error).__name__}: {_first_line(error)}",
            hint="run the same command with --debug, and report what it prints",
        )
        return _told(bug, error, words, is_debug)


def _told(error: RollwayError, cause: Exception, words: list[str], is_debug: bool) -> int:
    from .views.sink import say

    if is_debug:
        import traceback

        for line in "".join(traceback.format_exception(cause)).splitlines():
            say(line)
    if _wants_json(words) or is_on_github():
        view_for("json" if _wants_json(words) else "text").error(error)
    else:
        # not by the human view, which is heavy to load: a wrong flag is told of at once
        from .views.errors_text import error_lines
        from .views.paint import Paint, is_lively

        for line in error_lines(error, Paint(is_lively(sys.stderr))):
            say(line)
    return error.exit_code


def _wants_json(words: Sequence[str]) -> bool:
    """Whether the user asked for JSON, as far as can be seen of a command that may not even have been understood."""
    pairs = zip(words, [*words, ""][1:], strict=True)
    return any(
        (word in ("-o", "--output") and following == "json") or word in ("-ojson", "-o=json", "--output=json")
        for word, following in pairs
    )


def _usage_error(error: Any) -> RollwayError:
    """Typer's message in our form: a lower-case sentence, the nearest valid option as the hint."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return BadInput("a verb is missing", hint="one of the commands above")
    # a wrong option's possibilities become the hint; every other message comes with its context
    is_option = type(error).__name__ == "NoSuchOption"
    message = str(error.message if is_option else error.format_message()).rstrip(".")
    ctx = getattr(error, "ctx", None)
    # a longer name of the same words is nearer than one of as many letters: --to is --to-revision, not --timeout
    known = [name for option in getattr(getattr(ctx, "command", None), "params", ()) for name in option.opts] if is_option else []
    longer = [name for name in known if name.startswith(f"{getattr(error, 'option_name', '')}-")]
    near = [*longer, *(getattr(error, "possibilities", None) or ())]
    command = getattr(ctx, "command_path", "deploy")
    hint = f"did you mean {near[0]}?" if near else f"{command} --help"
    return BadInput(message[:1].lower() + message[1:], hint=hint)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
