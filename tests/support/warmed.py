"""A `deploy` that starts quickly (warm.py), for as long as a block lasts."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from warm import CALLER

WARM = Path(__file__).with_name("warm.py")


@contextlib.contextmanager
def warmed(folder: Path, environment: Mapping[str, str] | None = None) -> Iterator[Path]:
    """The command, in a `bin` of that folder. `environment` is what it is forked from; a caller's own is the one that counts."""
    caller, listens_at = folder / "bin" / "deploy", folder / "socket"
    caller.parent.mkdir(parents=True)
    caller.write_text(CALLER.format(python=sys.executable, path=str(listens_at)))
    caller.chmod(0o755)
    server = subprocess.Popen(
        [sys.executable, WARM, str(listens_at)], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        yield caller
    finally:
        server.kill()
        server.communicate()
