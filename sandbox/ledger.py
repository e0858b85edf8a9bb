"""The processes that the sandbox has started, on disk: whoever comes after a killed daemon ends what it left behind.

A process is known by its number and the moment of its start: numbers are given out again. It leads a session of its own, and is
ended with all of its group. It is written down before its program begins: until then it waits for a line on its input, which
never comes from a daemon that is dead.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

_GATE = ("/bin/sh", "-c", 'read -r go || exit 1; exec "$@" < /dev/null', "rollway")
_GONE_WITHIN_S = 5.0


class Ledger:
    """A folder, with a file for each process. `forget` what has been waited for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def spawn(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> asyncio.subprocess.Process:
        """Starts it, at the head of a session of its own. A program that cannot be run ends with 126 or 127, as of a shell."""
        process = await asyncio.create_subprocess_exec(
            *_GATE, *command, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr, env=env, cwd=cwd, start_new_session=True
        )
        self.note(process.pid)
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it ended before it began
            process.stdin.write(b"\n")
            process.stdin.close()
            await process.stdin.wait_closed()
        return process

    def note(self, pid: int) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = self._folder / f".{pid}.new"
        fresh.write_text(json.dumps({"pid": pid, "started": _started(pid)}))
        fresh.replace(self._folder / str(pid))

    def forget(self, pid: int) -> None:
        (self._folder / str(pid)).unlink(missing_ok=True)

    def sweep(self) -> int:
        """Ends all that is written down and still lives, at once. Answers how many there were. Blocks until they are gone."""
        ended = 0
        for path in sorted(self._folder.glob("[0-9]*")) if self._folder.is_dir() else ():
            with contextlib.suppress(ValueError, KeyError, FileNotFoundError):
                known = json.loads(path.read_text())
                ended += _end(known["pid"], known["started"])
            path.unlink(missing_ok=True)
        return ended


def end_group(pid: int, number: int = signal.SIGKILL) -> None:
    """Sends a signal to the process and all of its group."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _end(pid: int, started: str) -> bool:
    """The group outlives its leader, and keeps its number from being given out: it is ended even where the leader is gone."""
    if _started(pid) not in (started, "") or not _lives(pid):
        return False
    end_group(pid)
    pause = threading.Event()
    for _ in range(int(_GONE_WITHIN_S / 0.01)):
        if not _lives(pid):
            break
        pause.wait(0.01)
    return True


def _lives(group: int) -> bool:
    """Whether a process of the group runs. Those that have ended and only wait to be waited for do not count."""
    if sys.platform == "linux":
        return any(fields[0] != "Z" and fields[2] == str(group) for fields in map(_stat, os.listdir("/proc")) if fields)
    shown = subprocess.run(["ps", "-A", "-o", "pgid=,stat="], capture_output=True, text=True, check=False)
    return any(line.split()[0] == str(group) and "Z" not in line for line in shown.stdout.splitlines() if line.strip())


def _started(pid: int) -> str:
    """When the process began, in whatever form the system says it; empty where there is none."""
    if sys.platform == "linux":
        fields = _stat(str(pid))
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()} {fields[19]}" if fields else ""
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip()


def _stat(pid: str) -> list[str]:
    """What Linux says of a process, from its state on: its name, in parentheses before that, may hold anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return []
