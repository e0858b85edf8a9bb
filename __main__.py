"""The process `deploy`, also as `python -m rollway`: one command, and gone."""

from __future__ import annotations

import gc
import os
import sys


def run() -> int:
    """Runs the command line's command; answers its exit code.

    Nothing of what an import makes is garbage, and nothing that is left at the end has to be looked through for it: with Python's
    own pace of collecting, both together are a quarter of a short command's time. pydantic would look for plugins in the metadata
    of everything that is installed; none is meant for us.
    """
    gc.set_threshold(50_000, 20, 100)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from rollway.cli.main import main

    try:
        return main()
    finally:
        gc.freeze()


if __name__ == "__main__":
    sys.exit(run())
