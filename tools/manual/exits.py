"""The page of exit codes: each that the code has, with its meaning."""

from __future__ import annotations

from collections.abc import Iterator

from ...cli import context, main
from ...errors import RollwayError
from .markdown import code, defined, page, prose

MEANING = {
    0: "done; or paused, where a release stops by itself",
    1: "the release failed, and what was done about it is said; or `check` found an error, `probe` a loss, `gates` a failure",
    2: "bad input: a file, a flag or a state that cannot be released; nothing was touched",
    3: "refused: somebody holds the lock, owns a field, or the plan is stale; nothing was touched",
    4: "the cluster cannot be reached, or forbids it",
    5: "timed out: the release is left as it is, and can go on",
    main.OUTPUT_LOST: "the output could not be written, as the disk is full: nothing was begun, or what was done stays done",
    context.HungUp.exit_code: "the terminal is gone (SIGHUP); nothing is locked",
    context.Interrupted.exit_code: "Ctrl-C (SIGINT); nothing is locked, and what is done stays done",
    main.BROKEN_PIPE: "whoever read the output has seen enough",
    context.Terminated.exit_code: "stopped by SIGTERM, as a pipeline that is cancelled sends it; nothing is locked",
}


def codes() -> set[int]:
    """All that an error of the code exits with."""
    return {kind.exit_code for kind in _kinds(RollwayError)}


def _kinds(top: type[RollwayError]) -> Iterator[type[RollwayError]]:
    yield top
    for each in top.__subclasses__():
        yield from _kinds(each)


def exits_page() -> str:
    """Raises LookupError for a code that nobody has described."""
    if unknown := codes() - set(MEANING):
        raise LookupError(f"exit codes without a meaning in {__name__}.MEANING: {sorted(unknown)}")
    return page(
        "# Exit codes",
        "What a pipeline has to know of a command stands in its exit code; why, on stderr and, with `-o json`, as `error` in the"
        " document.",
        defined((code(str(number)), prose(told) + ".") for number, told in MEANING.items()),
        "An unhealthy release is an outcome (1), not an error: errors mean that rollway could not find out, or did not start.",
    )
