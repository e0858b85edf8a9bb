"""The process `deploy`, also as `python -m rollway`: one command, and gone."""

from __future__ import annotations

import atexit
import contextlib
import gc
import os
import signal
import sys
import threading

COLLECT_AT = 200_000


def run() -> int:
    """Runs the command line's command, and ends the process; answers its exit code where that cannot be done at once.

    Nothing of what an import makes is garbage, and nothing that is left at the end has to be looked through for it: with Python's
    own pace of collecting, both together are a quarter of a short command's time. A release of a few objects ends with 110,000 of
    what the collector counts, and before COLLECT_AT it looks through none of them. pydantic would look for plugins in the
    metadata of everything that is installed; none is meant for us.

    Before anything has begun, and when all is done, Ctrl-C ends the process without a word, as the system does it.
    """
    _fill_streams()
    is_heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(COLLECT_AT, 20, 100)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from rollway.cli.main import main

    try:
        if is_heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        code = main()
    finally:
        if is_heeded:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        gc.freeze()
    _leave(code)
    return code


def _fill_streams() -> None:
    """Whoever has closed a stream (`>&-`, as daemons do) hears nothing of it. Its number is taken all the same: the
    next connection would get it, and so whatever a process that is started here writes."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115  # as long as the process


def _leave(code: int) -> None:
    """Ends the process without taking apart what is left in it, object by object, which takes longer than some verbs do. What
    was to be done at the end is done first. Nothing where another thread is still at work."""
    if threading.active_count() > 1:
        return
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


if __name__ == "__main__":
    sys.exit(run())
