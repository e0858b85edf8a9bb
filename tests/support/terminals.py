"""An interactive shell at a terminal of its own: keys go in, and what it shows comes out."""

from __future__ import annotations

import contextlib
import os
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

PATIENCE_S = 60
STARTS = {
    "bash": ["bash", "--noprofile", "--rcfile", ".bashrc", "-i"],
    "zsh": ["zsh", "-i"],
    "fish": ["fish", "-i"],
}
TAB, TO_THE_BEGINNING = "\t", "\x01"
_ESCAPES = re.compile(r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[\[(][0-9;?<>=]*[A-Za-z]|\x1b[=>]")
_CONTROLLED = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
"""A new session gets its terminal as the one that it is controlled by: shells that are interactive ask for that."""


class Terminal:
    def __init__(self, master: int) -> None:
        self._master = master
        self._seen = ""

    def completed(self, line: str) -> str:
        """The line as it stands after TAB; it is not run."""
        mark = f"GOT{len(self._seen)}"
        # what the shell has made of the line is read by having it say the line
        os.write(self._master, f"{line}{TAB}{TO_THE_BEGINNING}echo {mark} \n".encode())
        return self.until(rf"[\r\n]{mark} ([^\r\n]*)[\r\n]").strip()

    def until(self, pattern: str) -> str:
        """The first group of what is looked for, once it is shown. Raises AssertionError with what was shown instead."""
        end = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, shown := _ESCAPES.sub("", self._seen))):
            ready, _, _ = select.select([self._master], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"not shown within {PATIENCE_S} s: {pattern}; but {shown[-2000:]!r}"
            self._seen += os.read(self._master, 65536).decode(errors="replace")
        return found[1] if found.groups() else found[0]


@contextlib.contextmanager
def terminal(shell: str, home: Path, environment: Mapping[str, str]) -> Iterator[Terminal]:
    """A shell with the rc files of a home folder, and no others."""
    # where fish finds none of these it begins by reading all man pages of the machine
    (home / ".local" / "share" / "fish" / "generated_completions").mkdir(parents=True, exist_ok=True)
    master, slave = os.openpty()
    given = {**environment, "HOME": str(home), "TERM": "xterm", "PS1": "$ ", "HISTFILE": ""}
    command = [sys.executable, "-c", _CONTROLLED, shutil.which(shell) or shell, *STARTS[shell][1:]]
    with subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, cwd=home, env=given, start_new_session=True
    ) as process:
        os.close(slave)
        try:
            yield Terminal(master)
        finally:
            process.kill()
            os.close(master)
