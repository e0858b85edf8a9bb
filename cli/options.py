"""What the verbs take on the command line, and reading it. A value that cannot be read is BadInput, with a sentence.

Nothing heavy is imported here: `deploy version` has to be quick.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadInput
from ..strategies import NAMES

Strategy = Annotated[str | None, typer.Argument(metavar="STRATEGY", help=f"{' '.join(NAMES)}; default: the file's")]
StrategyOrPlan = Annotated[
    str | None, typer.Argument(metavar="STRATEGY|PLAN.json", help=f"{' '.join(NAMES)}, or a plan saved with `plan --out`")
]
File = Annotated[str, typer.Option("-f", "--file", metavar="FILE", envvar="ROLLWAY_FILE", help="the release file")]
Files = Annotated[
    list[str] | None,
    typer.Option(
        "-f",
        "--file",
        metavar="FILE|FOLDER",
        envvar="ROLLWAY_FILE",
        help="the release file; of a folder, or given several times: all of them",
    ),
]
Parallel = Annotated[
    str,
    typer.Option("--parallel", metavar="N", help="releases at a time, where there are several; default: 4", show_default=False),
]
Namespace = Annotated[
    str | None, typer.Option("-n", "--namespace", metavar="NAME", envvar="ROLLWAY_NAMESPACE", help="default: the release file's")
]
Context = Annotated[
    str | None,
    typer.Option("--context", metavar="NAME", envvar="ROLLWAY_CONTEXT", help="the kubeconfig's context; default: its current"),
]
InSandbox = Annotated[bool, typer.Option("--sandbox", help="the embedded cluster (`deploy sandbox up`)")]
Output = Annotated[str, typer.Option("-o", "--output", metavar="text|json", help="json: one document on stdout")]
Image = Annotated[str | None, typer.Option("--image", metavar="IMAGE", help="the image to release, instead of the file's")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="overrides a key of the release file")]
To = Annotated[str | None, typer.Option("--to", metavar="PERCENT", help="the share of requests to stop at: 50% (or 50)")]
Full = Annotated[bool, typer.Option("--full", help="all the way: the same as --to 100%")]
Auto = Annotated[bool, typer.Option("--auto", help="goes on by itself through every step")]
NoRollback = Annotated[bool, typer.Option("--no-rollback", help="leaves a failed release as it is, instead of taking it back")]
Timeout = Annotated[str | None, typer.Option("--timeout", metavar="DURATION", help="for the whole run: 90s, 5m, 1h")]
Anyway = Annotated[bool, typer.Option("--force", help="releases whatever `deploy check` finds, errors too")]
Force = Annotated[bool, typer.Option("--force-conflicts", help="takes over fields that somebody else manages")]
ToRevision = Annotated[str | None, typer.Option("--to-revision", metavar="N", help="see `deploy history`")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="shows the bookkeeping steps, too")]

DEFAULT_FILE = "deploy.yaml"
MOST_PARALLEL = 100  # each keeps up to three connections open, and a process has about a thousand


@dataclass(frozen=True)
class Where:
    """Which cluster, and which namespace of it. None: the default."""

    context: str | None = None
    namespace: str | None = None
    is_sandbox: bool = False


@dataclass(frozen=True)
class Source:
    """Where the release comes from, and what the command line changes of it. `more`: the other files, of several."""

    file: str = DEFAULT_FILE
    image: str | None = None
    sets: tuple[str, ...] = ()
    more: tuple[str, ...] = ()

    @staticmethod
    def of(files: Sequence[str] | None, image: str | None, sets: Sequence[str] | None) -> Source:
        first, *more = files or (DEFAULT_FILE,)
        return Source(first, image, tuple(sets or ()), tuple(more))

    @property
    def files(self) -> tuple[str, ...]:
        return (self.file, *self.more)

    @property
    def is_many(self) -> bool:
        """Whether several releases are asked for: a folder is, even of one."""
        return bool(self.more) or Path(self.file).is_dir()

    @property
    def is_override(self) -> bool:
        return bool(self.image or self.sets)


def strategy_named(text: str | None) -> str | None:
    if text is None or text in NAMES:
        return text
    raise BadInput(f"{text!r} is no strategy", detail=f"the strategies: {', '.join(NAMES)}", hint=did_you_mean(text, NAMES))


def percent(text: str | None) -> int | None:
    """`50%` and `50` are 50. A whole percentage from 0 to 100, else BadInput."""
    if text is None:
        return None
    digits = text.strip().removesuffix("%")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 9:
        raise BadInput(f"--to {text}: not a whole percentage", hint="write it as --to 50%")
    value = int(digits)
    if value > 100:
        raise BadInput(f"--to {text}: a share of requests is at most 100%", hint="--to 100%, or --full, is all of them")
    return value


def weight(to: str | None, full: bool) -> int | None:
    """The share that --to and --full ask for."""
    value = percent(to)
    if full and value not in (None, 100):
        raise BadInput(f"--to {to} and --full contradict each other", hint="leave one of them out")
    return 100 if full else value


def revision(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise BadInput(f"--to-revision {text}: not a revision's number", hint="see `deploy history`")
    return int(text)


def parallel(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or not 1 <= int(text) <= MOST_PARALLEL:
        raise BadInput(f"--parallel {text}: not a number from 1 to {MOST_PARALLEL}")
    return int(text)


def duration(text: str | None, option: str = "--timeout") -> float | None:
    if text is None:
        return None
    from ..release.options import seconds
    from ..release.wrong import Wrong

    try:
        value = float(seconds(int(text) if text.isdecimal() else text))
    except Wrong as wrong:
        raise BadInput(f"{option}: {wrong}") from wrong
    if not value:
        raise BadInput(f"{option} {text}: no time at all is left to do anything in")
    return value


def output(text: str, known: Sequence[str] = ("text", "json")) -> str:
    if text not in known:
        raise BadInput(f"-o {text}: no such output", hint=did_you_mean(text, known) or " or ".join(known))
    return text


def is_saved_plan(argument: str | None) -> bool:
    return argument is not None and argument not in NAMES and (argument.endswith(".json") or Path(argument).is_file())


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A hint with the nearest of the known words, or an empty one."""
    names = list(known)
    found = difflib.get_close_matches(text.lower(), names, n=1, cutoff=0.5)
    # an abbreviation is further away than a slip of the finger, and as clear
    found = found or [name for name in names if text and name.startswith(text.lower())]
    return f"did you mean {found[0]}?" if found else ""
