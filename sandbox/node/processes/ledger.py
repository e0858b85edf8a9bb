"""The processes that the sandbox has started: each on disk before its program runs, so that none outlives the sandbox.

A process is a session, hence a group, of its own. It begins as a shell that waits for a word on its stdin; the word comes once
its number is on disk, and if the daemon dies before, the shell ends. A daemon that is killed leaves a guardian behind, which
sees its stdin close and kills what is written down; should that one be killed too, the next daemon does it before anything else.
Who has left the group is found by a mark in its environment (where the system shows other processes' environments: Linux).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple
from zlib import crc32

MARK = "ROLLWAY_SANDBOX_CONTAINER"
_GATE = ("/bin/sh", "-c", 'read -r go || exit 125; exec "$@" </dev/null', "rollway")
_SIDE_GATE = ("/bin/sh", "-c", 'read -r go <"$1" || exit 125; shift; exec "$@"', "rollway")
_TERMINAL_GATE = ("/bin/sh", "-c", 'read -r go <"$1" || exit 125; on=$2; shift 2; exec "$@" <"$on" >"$on" 2>&1', "rollway")
"""The word comes by another descriptor than stdin, which is the program's. Who opens a terminal first is controlled by it."""
_UMASK = 0o022
"""A pod's, as in a container; the daemon's own keeps everybody else out."""
_WORD = b"go\n"
_GONE_WITHIN_S = 5.0
_POLL_S = 0.05  # where the system cannot tell of a process' end by a descriptor
_ROUNDS = 5  # of looking for marked processes: one that forks, or becomes another program, meanwhile is found in the next


class _Entry(NamedTuple):
    """A process as it was written down. `started` tells it from a later one of the same number."""

    pid: int
    started: str
    mark: str


class Ledger:
    """The processes that are started through it, a file each in a folder of its own below `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        # Other ledgers of this very process are not those of somebody dead.
        self._mine = f"{os.getpid()}-{crc32(started(os.getpid()).encode()):08x}-"
        self._folder = root / f"{self._mine}{secrets.token_hex(4)}"
        self._guardian: subprocess.Popen[bytes] | None = None
        self._marks: dict[int, str] = {}

    def sweep(self) -> int:
        """Kills what processes before this one have left. Answers how many there were. Blocks until they are gone."""
        return reap(folder for folder in self._root.glob("*") if not folder.name.startswith(self._mine))

    def start(
        self,
        argv: Sequence[str],
        *,
        output: int | IO[bytes],
        errors: int | None = None,
        stdin: int | None = None,
        terminal: str = "",
        env: Mapping[str, str] | None = None,
        folder: str | Path = "/",
        mark: str = "",
    ) -> subprocess.Popen[bytes]:
        """Starts a program (an absolute path and its arguments) that writes to `output`, a file or its descriptor, and what is
        wrong there, too, or to `errors`. It reads from `stdin`, or nothing; a `terminal`, by its path, is for all three.

        `mark` is what it and all that it starts are known by. Once it is `over`: `end`, or `forget`. Raises OSError.
        """
        reading, writing = os.pipe()
        is_beside = stdin is not None or bool(terminal)
        gate = [*_TERMINAL_GATE, f"/dev/fd/{reading}", terminal] if terminal else [*_SIDE_GATE, f"/dev/fd/{reading}"]
        try:
            child = subprocess.Popen(
                [*(gate if is_beside else _GATE), *argv],
                env=self._marked(env, mark),
                cwd=folder,
                stdin=(subprocess.DEVNULL if stdin is None else stdin) if is_beside else reading,
                stdout=output,
                stderr=output if errors is None else errors,
                start_new_session=True,
                umask=_UMASK,
                pass_fds=(reading,) if is_beside else (),
            )
            self._note(child.pid, mark)
            os.write(writing, _WORD)
        finally:
            os.close(reading)
            os.close(writing)
        return child

    async def spawn(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | str | None = None,
        stdout: int | IO[bytes] = subprocess.DEVNULL,
        stderr: int | IO[bytes] = subprocess.DEVNULL,
    ) -> asyncio.subprocess.Process:
        """The same as asyncio's process, to be waited for by itself and to be forgotten then.

        A program that cannot be run ends with 126 or 127, as of a shell.
        """
        process = await asyncio.create_subprocess_exec(
            *_GATE,
            *command,
            stdin=subprocess.PIPE,
            stdout=stdout,
            stderr=stderr,
            env=self._marked(env, ""),
            cwd=cwd,
            start_new_session=True,
            umask=_UMASK,
        )
        self._note(process.pid, "")
        assert process.stdin is not None
        with contextlib.suppress(OSError):  # it ended before it began
            process.stdin.write(_WORD)
            process.stdin.close()
            await process.stdin.wait_closed()
        return process

    def end(self, child: subprocess.Popen[bytes]) -> int:
        """Kills a process, if it is not over, and what is left of it: its children and theirs. Answers its code."""
        end_group(child.pid)  # the number is still taken: nobody has waited for it
        kill_marked({self._marks.get(child.pid, "")})
        code = child.wait()
        self.forget(child.pid)
        return code

    def forget(self, pid: int) -> None:
        """A process that has been waited for, whatever it left running."""
        self._marks.pop(pid, None)
        (self._folder / str(pid)).unlink(missing_ok=True)

    def close(self) -> None:
        """Everything has ended."""
        if self._guardian is not None:
            self._guardian.communicate()
            self._guardian = None
        if self._folder.exists():
            with contextlib.suppress(OSError):
                self._folder.rmdir()

    def _marked(self, env: Mapping[str, str] | None, mark: str) -> dict[str, str]:
        self._guard()
        return {**(os.environ if env is None else env), MARK: self._whole(mark)}

    def _whole(self, mark: str) -> str:
        """Another sandbox may have a pod of the same uid."""
        return f"{self._folder.name}/{mark}"

    def _note(self, pid: int, mark: str) -> None:
        self._marks[pid] = self._whole(mark)
        fresh = self._folder / f".{pid}.new"
        fresh.write_text(json.dumps(_Entry(pid, started(pid), self._whole(mark))))
        fresh.replace(self._folder / str(pid))

    def _guard(self) -> None:
        if self._guardian is not None and self._guardian.poll() is None:
            return
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        command = [sys.executable, "-m", __name__, str(self._folder)]
        self._guardian = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True, cwd="/"
        )


def count(root: Path) -> int:
    """How many there are, of those that were started with a mark."""
    known = [entry for folder in root.glob("*") for entry in _entries(folder) if not entry.mark.endswith("/")]
    return len({entry.mark for entry in known if started(entry.pid) == entry.started})


def reap(folders: Iterable[Path]) -> int:
    """Kills what is written down in these folders and still there, and removes the folders."""
    killed = 0
    for folder in list(folders):
        entries = list(_entries(folder))
        # Another process may have the number by now: then it is not ours, and nor is its group.
        ours = [entry for entry in entries if entry.started and started(entry.pid) == entry.started]
        marks = {entry.mark for entry in entries}
        known = {entry.pid for entry in ours} | {pid for pid, mark in _marked() if mark in marks}
        for entry in ours:
            end_group(entry.pid)
        killed += len(known | kill_marked(marks))
        pause = threading.Event()
        for _ in range(int(_GONE_WITHIN_S / 0.01)):  # until then they have their ports
            if not any(started(entry.pid) == entry.started for entry in ours):
                break
            pause.wait(0.01)
        for path in folder.glob("*"):
            path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            folder.rmdir()
    return killed


async def over(child: subprocess.Popen[bytes]) -> None:
    """Until the process has ended. Its number stays taken where the system can tell without freeing it."""
    try:
        descriptor = os.pidfd_open(child.pid)
    except (AttributeError, OSError):
        while child.poll() is None:  # noqa: ASYNC110  (nothing else tells)
            await asyncio.sleep(_POLL_S)
        return
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def end_group(pid: int, number: int = signal.SIGKILL) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS denies where all of the group are zombies
        os.killpg(pid, number)


def kill_marked(marks: set[str]) -> set[int]:
    """Kills the processes that carry one of these marks, also those in sessions of their own. Answers which."""
    killed: set[int] = set()
    for number in range(_ROUNDS):
        found = {pid for pid, mark in _marked() if mark in marks} - killed
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        killed |= found
        if not found and number:
            break
    return killed


def started(pid: int) -> str:
    """When the process began, in whatever way this system says it; empty where there is none, or only its remains."""
    try:
        # After the name, which may hold anything: the state, and 19 fields on the ticks since the machine's start.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] == "Z" else f"{_boot()}/{fields[19]}"
    except ProcessLookupError:
        return ""
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return ""
    asked = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return asked.stdout.strip()


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _entries(folder: Path) -> Iterator[_Entry]:
    for path in folder.glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ValueError, TypeError):  # ended meanwhile, or cut off: it never ran
            yield _Entry(*json.loads(path.read_text()))


def mark_of(pid: int) -> str:
    """What the process was marked with as it was started (`Ledger.start`); empty where it was not, or is no more."""
    return _whole_mark(Path(f"/proc/{pid}/environ")).partition("/")[2]


def _marked() -> Iterator[tuple[int, str]]:
    for path in Path("/proc").glob("[0-9]*/environ"):
        if mark := _whole_mark(path):
            yield int(path.parent.name), mark


def _whole_mark(environ: Path) -> str:
    wanted = f"{MARK}=".encode()
    with contextlib.suppress(OSError):
        for line in environ.read_bytes().split(b"\0"):
            if line.startswith(wanted):
                return line[len(wanted) :].decode(errors="replace")
    return ""


def main(arguments: list[str]) -> int:
    """`python -m rollway.sandbox.node.processes.ledger FOLDER`: waits until its stdin is closed, then kills what is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.stdin.buffer.read()
    reap([Path(arguments[0])])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
