"""The process `deploy`, also as `python -m rollway`: one command, and gone."""

from __future__ import annotations

import gc
import os
import signal
import sys


def run() -> int:
    """Runs the command line's command; answers its exit code.

    Nothing of what an import makes is garbage, and nothing that is left at the end has to be looked through for it: with Python's
    own pace of collecting, both together are a quarter of a short command's time. pydantic would look for plugins in the metadata
    of everything that is installed; none is meant for us.

    Before anything has begun, and when all is done, Ctrl-C ends the process without a word, as the system does it.
    """
    is_heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if is_heeded:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.set_threshold(50_000, 20, 100)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from rollway.cli.main import main

    try:
        if is_heeded:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        return main()
    finally:
        if is_heeded:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        gc.freeze()


if __name__ == "__main__":
    sys.exit(run())
