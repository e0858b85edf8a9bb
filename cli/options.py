"""What the verbs take on the command line, and reading it. A value that cannot be read is BadInput, with a sentence.

Nothing heavy is imported here: `deploy version` has to be quick.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadInput
from ..strategies import NAMES
from . import completion, hints

DEFAULT_FILE = "deploy.yaml"
MOST_PARALLEL = 100  # each keeps up to three connections open, and a process has about a thousand

Strategy = Annotated[
    str | None,
    typer.Argument(metavar="STRATEGY", help=f"{' '.join(NAMES)}; default: the file's", autocompletion=completion.strategies),
]
StrategyOrPlan = Annotated[
    str | None,
    typer.Argument(
        metavar="STRATEGY|PLAN.json",
        help=f"{' '.join(NAMES)}, or a plan saved with `plan --out`",
        autocompletion=completion.strategies,
    ),
]
App = Annotated[
    str | None,
    typer.Argument(
        metavar="APP", help="of what was released, by its name: needs no release file", autocompletion=completion.apps
    ),
]
StrategyOrApp = Annotated[
    str | None,
    typer.Argument(
        metavar="STRATEGY|APP",
        help=f"{' '.join(NAMES)}; any other word is the application",
        autocompletion=completion.strategies_and_apps,
    ),
]
File = Annotated[str, typer.Option("-f", "--file", metavar="FILE", envvar="ROLLWAY_FILE", help="the release file")]
if TYPE_CHECKING:
    Files = list[str] | None
else:  # of texts, those in the environment would be parted at spaces, which the names of folders may hold
    Files = Annotated[
        list[Path] | None,
        typer.Option(
            "-f",
            "--file",
            metavar="FILE|FOLDER",
            envvar="ROLLWAY_FILE",
            path_type=str,
            help="the release file; of a folder, or given several times: all of them",
        ),
    ]
Parallel = Annotated[
    str,
    typer.Option("--parallel", metavar="N", help="releases at a time, where there are several; default: 4", show_default=False),
]
Namespace = Annotated[
    str | None,
    typer.Option(
        "-n",
        "--namespace",
        metavar="NAME",
        envvar="ROLLWAY_NAMESPACE",
        help="default: the release file's",
        autocompletion=completion.namespaces,
    ),
]
Context = Annotated[
    str | None,
    typer.Option(
        "--context",
        metavar="NAME",
        envvar="ROLLWAY_CONTEXT",
        help="the kubeconfig's context; default: its current",
        autocompletion=completion.contexts,
    ),
]
InSandbox = Annotated[
    bool, typer.Option("--sandbox", envvar="ROLLWAY_SANDBOX", help="the embedded cluster (`deploy sandbox up`)")
]
Output = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        metavar="text|json",
        help="json: one document on stdout",
        autocompletion=completion.outputs("text", "json"),
    ),
]
Image = Annotated[str | None, typer.Option("--image", metavar="IMAGE", help="the image to release, instead of the file's")]
Sets = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="overrides a key of the release file")]
To = Annotated[str | None, typer.Option("--to", metavar="PERCENT", help="the share of requests to stop at: 50% (or 50)")]
Full = Annotated[bool, typer.Option("--full", help="all the way: the same as --to 100%")]
Replace = Annotated[
    bool, typer.Option("--replace", help="takes back a release of something else that is under way, and releases this instead")
]
Prune = Annotated[
    bool, typer.Option("--prune", help="in the end removes what rollway has applied and the manifests no longer have")
]
ComeHome = Annotated[
    bool, typer.Option("--come-home", help="blue-green ends on the manifests' own Deployment, not on the other side")
]
RerunHooks = Annotated[
    bool, typer.Option("--rerun-hooks", help="runs hooks again that have run for this very release, or failed")
]
Auto = Annotated[bool, typer.Option("--auto", help="goes on by itself through every step")]
NoRollback = Annotated[bool, typer.Option("--no-rollback", help="leaves a failed release as it is, instead of taking it back")]
SkipGates = Annotated[
    str | None, typer.Option("--skip-gates", metavar="REASON", help="asks no gate; why is written into the history")
]
InCluster = Annotated[
    str | None,
    typer.Option(
        "--in-cluster", metavar="[=tick]", help="a Job in the cluster does it, and goes on whatever becomes of this command"
    ),
]
Detach = Annotated[bool, typer.Option("--detach", help="with --in-cluster: ends as soon as it has begun")]
Timeout = Annotated[str | None, typer.Option("--timeout", metavar="DURATION", help="for the whole run: 90s, 5m, 1h")]
Anyway = Annotated[bool, typer.Option("--force", help="releases whatever `deploy check` finds, errors too")]
Force = Annotated[bool, typer.Option("--force-conflicts", help="takes over fields that somebody else manages")]
ToRevision = Annotated[
    str | None, typer.Option("--to-revision", metavar="N", help="see `deploy history`", autocompletion=completion.revisions)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="shows the bookkeeping steps, too")]


@dataclass(frozen=True)
class Where:
    """Which cluster, and which namespace of it. None: the default. Raises BadInput for a namespace that there cannot be."""

    context: Context = None
    namespace: Namespace = None
    is_sandbox: InSandbox = False

    def __post_init__(self) -> None:
        if self.namespace is not None:
            from ..release.names import refuse_namespace

            refuse_namespace(self.namespace)


@dataclass(frozen=True)
class Source:
    """The release file; a folder, or several: all of them."""

    named: Files = None
    """As they were written."""

    @property
    def file(self) -> str:
        return self.files[0]

    @property
    def files(self) -> tuple[str, ...]:
        return tuple(self.named or (DEFAULT_FILE,))

    @property
    def is_many(self) -> bool:
        """Whether several releases are asked for: a folder is, even of one."""
        return len(self.files) > 1 or Path(self.file).is_dir()


@dataclass(frozen=True)
class Override:
    """What the command line changes of the release."""

    image: Image = None
    sets: Sets = None

    def __bool__(self) -> bool:
        return bool(self.image or self.sets)


NO_OVERRIDE = Override()


@dataclass(frozen=True)
class Share:
    """The share of requests to stop at."""

    to: To = None
    full: Full = False

    @property
    def weight(self) -> int | None:
        """Raises BadInput for what is no share."""
        value = percent(self.to)
        if self.full and value not in (None, 100):
            raise BadInput(f"--to {self.to} and --full contradict each other", hint="leave one of them out")
        return 100 if self.full else value


@dataclass(frozen=True)
class Besides:
    """What an apply may do besides what its release file says."""

    replace: Replace = False
    prune: Prune = False
    come_home: ComeHome = False
    rerun_hooks: RerunHooks = False

    @property
    def asked(self) -> dict[str, bool]:
        """As a request has them."""
        return {
            "replace": self.replace,
            "prune": self.prune,
            "come_home": self.come_home,
            "reruns_hooks": self.rerun_hooks,
        }

    def __bool__(self) -> bool:
        return any(self.asked.values())


@dataclass(frozen=True)
class Pace:
    """How far a run goes by itself."""

    auto: Auto = False
    no_rollback: NoRollback = False
    skip_gates: SkipGates = None


JOB, TICK = "job", "tick"


@dataclass(frozen=True)
class Remote:
    """Whether it is done by a runner in the cluster, and how. Raises BadInput for a way that is none."""

    way: InCluster = None
    detach: Detach = False

    def __post_init__(self) -> None:
        if self.way not in (None, JOB, TICK):
            raise BadInput(f"--in-cluster={self.way}: no such way", hint="--in-cluster alone, or --in-cluster=tick")
        if self.detach and not self.way:
            raise BadInput("--detach goes with --in-cluster: what runs here ends with its command")

    def __bool__(self) -> bool:
        return self.way is not None

    @property
    def named(self) -> dict[str, object]:
        return {"--in-cluster": self.way}


@dataclass(frozen=True)
class Limits:
    """What a run may take: time, and fields of others."""

    timeout: Timeout = None
    force: Force = False

    @property
    def timeout_s(self) -> float | None:
        return duration(self.timeout)


def strategy_named(text: str | None) -> str | None:
    if text is None or text in NAMES:
        return text
    raise BadInput(
        f"{text!r} is no strategy",
        detail=f"the strategies: {', '.join(NAMES)}",
        hint=hints.of_strategy(text) or hints.of_number(text) or did_you_mean(text, NAMES),
    )


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
    from ..release.strict import seconds
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


def is_there(path: str) -> bool:
    return os.path.exists(path)


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """A hint with the nearest of the known words, or an empty one."""
    names = list(known)
    found = difflib.get_close_matches(text.lower(), names, n=1, cutoff=0.5)
    # an abbreviation is further away than a slip of the finger, and as clear
    found = found or [name for name in names if text and name.startswith(text.lower())]
    return f"did you mean {found[0]}?" if found else ""
