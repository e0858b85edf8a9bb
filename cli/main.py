"""The command `deploy`: its verbs, and the one place where errors become words and an exit code.

Nothing heavy is imported at module level: `deploy version` answers at once.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import itertools
import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from .. import __version__
from ..errors import BadInput, RollwayError
from . import completion, hints
from . import options as given
from .context import Surroundings
from .verb import flat
from .verbs import HIDDEN, VERBS, named
from .views import is_on_github, view_for

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
WIDEST = 110  # columns of a help text
INDENT = 2  # of Click's, before what stands below the options
SANDBOX = "sandbox"  # a group of verbs
OUTPUT_LOST = 74  # EX_IOERR
BROKEN_PIPE = 141  # 128 + SIGPIPE, as a shell tells of it


class Verbs(TyperGroup):
    """Verbs in the order in which one needs them; an unknown one is answered with the nearest."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            near = hints.of_verb(args, ctx.command_path) or given.did_you_mean(args[0], self.commands)
            raise BadInput(f"there is no verb {args[0]!r}", hint=near or f"one of {', '.join(self.commands)}")
        return super().resolve_command(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(self.commands)


class OneVerb(TyperCommand):
    """An option that may stand without its value, none that takes the next option for it, and examples as wide as the help is."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        words = [f"{word}={given.JOB}" if word == "--in-cluster" else word for word in args]
        if not ctx.resilient_parsing:
            self._refuse_swallowed(ctx, words)
        return super().parse_args(ctx, words)

    def _refuse_swallowed(self, ctx: Any, words: Sequence[str]) -> None:
        known = {name: option for option in self.get_params(ctx) for name in option.opts if name.startswith("-")}
        for word, following in itertools.pairwise(itertools.takewhile(lambda each: each != "--", words)):
            option, name = known.get(word), following.partition("=")[0]
            if option and not getattr(option, "is_flag", True) and name in known:
                wanted = getattr(option, "metavar", None) or "value"
                raise BadInput(f"{word} lacks its {wanted}: {name} is an option", hint=f"{ctx.command_path} --help")

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        self.epilog = named(self.name or "").epilog(formatter.width - INDENT)
        super().format_epilog(ctx, formatter)


def command_line(words: Sequence[str] = ()) -> typer.Typer:
    """With the verb that they begin with, and with all where they begin with none: each one's options take their time."""
    app = typer.Typer(
        cls=Verbs,
        no_args_is_help=True,
        rich_markup_mode=None,
        add_completion=False,  # cli.completion heeds the shell that is named
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDEST},
        help="Ships a new version on Kubernetes: recreate, ramped, blue-green, canary or A/B.",
    )
    app.callback(epilog=f"--debug, with any verb, shows the traceback of an error. {completion.HELP}")(deploy)
    known = (*VERBS, *HIDDEN, SANDBOX)
    for name in words[:1] if words[:1] and words[0] in known else known:
        if name == SANDBOX:
            from .verbs import sandbox

            app.add_typer(sandbox.app, name=name, cls=Verbs)
        else:
            verb = named(name)
            app.command(name, cls=OneVerb, hidden=name in HIDDEN)(flat(verb.run))
    return app


def deploy() -> None:
    pass


def _print_version() -> int:
    print(f"rollway {__version__}")
    return 0


def main(arguments: Sequence[str] | None = None, surroundings: Surroundings | None = None) -> int:
    """Runs one command; answers its exit code. `surroundings` is for tests."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    is_debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    if words[:1] == ["help"]:
        words = [*words[1:], "--help"]
    _escape_unwritable()
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
    except OSError as error:
        return _unwritable(error)


def _escape_unwritable() -> None:
    """Where the locale's encoding lacks a character (UTF-8 switched off), it is written as JSON would: \\u2713."""

    def escaped(error: UnicodeError) -> tuple[str | bytes, int]:
        assert isinstance(error, UnicodeEncodeError)
        units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass")
        pairs = (units[index : index + 2].hex() for index in range(0, len(units), 2))
        return "".join(f"\\u{pair}" for pair in pairs), error.end

    codecs.register_error("rollway", escaped)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure") and (stream.encoding or "").lower().replace("-", "") != "utf8":
            stream.reconfigure(errors="rollway")


def _unwritable(error: OSError) -> int:
    """Of a full disk below stdout: what was done is done, and only the report of it is lost."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    with contextlib.suppress(OSError, ValueError):
        print(f"✗ the output cannot be written: {error.strerror}; what was done stays done: see `deploy status`", file=sys.stderr)
    return OUTPUT_LOST


def _checked(words: list[str], surroundings: Surroundings, is_debug: bool) -> int:
    """Runs one command. The only place that catches errors."""
    try:
        if completion.is_asked(words):
            return completion.complete(words)
        completion.prepare()
        app = command_line(words or completion.asked_about())
        answer = app(words, prog_name="deploy", standalone_mode=False, obj=surroundings)
        return answer if isinstance(answer, int) else 0
    except BrokenPipeError:
        raise
    except RollwayError as error:
        return _told(error, error, words, is_debug)
    except SystemExit as exit_:
        # Typer exits by itself after completing a word for the shell, and where nobody reads its output any more
        if completion.VARIABLE in os.environ:
            raise
        raise BrokenPipeError from exit_
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        if isinstance(error, OSError) and error.errno in UNWRITABLE:
            raise
        if hasattr(error, "format_message"):  # what Typer says about the usage
            return _told(_usage_error(error, words), error, words, is_debug)
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


def _usage_error(error: Any, words: Sequence[str]) -> RollwayError:
    """Typer's message in our form: a lower-case sentence, the nearest valid option as the hint."""
    if type(error).__name__ == "NoArgsIsHelpError":
        print(error.format_message(), file=sys.stderr)
        return BadInput("a verb is missing", hint="one of the commands above")
    is_option = type(error).__name__ == "NoSuchOption"
    message = str(error.message if is_option else error.format_message()).rstrip(".")
    hint = _of_option(error) if is_option else _of_argument(message)
    # an option without its value is told of without a context; every other message comes with its own
    named = f"deploy {words[0]}" if words and words[0] in VERBS else "deploy"
    command = getattr(getattr(error, "ctx", None), "command_path", named)
    return BadInput(message[:1].lower() + message[1:], hint=hint or f"{command} --help")


def _of_option(error: Any) -> str:
    """A hint about an option that is none: what it is called here, else the nearest that the verb has."""
    name, ctx = getattr(error, "option_name", ""), getattr(error, "ctx", None)
    # a longer name of the same words is nearer than one of as many letters: --to is --to-revision, not --timeout
    known = [option for each in getattr(getattr(ctx, "command", None), "params", ()) for option in each.opts]
    near = [*(option for option in known if option.startswith(f"{name}-")), *(getattr(error, "possibilities", None) or ())]
    if name in hints.OPTIONS or near:
        return hints.OPTIONS.get(name) or f"did you mean {near[0]}?"
    is_before = isinstance(getattr(ctx, "command", None), Verbs)
    return f"options follow the verb: {ctx.command_path} VERB {name} …" if ctx and is_before else ""


def _of_argument(message: str) -> str:
    extra = re.search(r"unexpected extra argument\(s\) \((\S+)\)", message)
    return (hints.of_argument(extra[1]) or hints.of_number(extra[1])) if extra else ""


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
