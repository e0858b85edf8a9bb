"""What processes print: kept line by line with its moment, in files of bounded size.

A line on disk is `2026-01-01T10:00:00.123456Z what was printed`. The folder is POD-UID/CONTAINER; each start of a container has a
file NUMBER.log, and where that grew too large the part before it as NUMBER.log.1. Only the newest start and the one before it are
kept, and of pods that are gone nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Callable, Container
from datetime import datetime
from pathlib import Path

from ....kube.clock import micro_timestamp

MOST_BYTES = 4 << 20  # of one file
LONGEST_LINE = 16 << 10  # longer ones are broken, as container runtimes do
_CHUNK, _BREATH_S = 64 << 10, 0.02  # who fills the pipe faster than this has to wait, not the API

Key = tuple[str, str, int]  # (pod uid, container, restarts)


class Outputs:
    """All that is kept. (podlogs.Kept)"""

    def __init__(self, root: Path, now: Callable[[], datetime]) -> None:
        self._root, self._now = root, now
        self._live: dict[Key, Output] = {}

    def open(self, key: Key, *, is_terminal: bool = False) -> Output:
        """For a start of a container. Older ones than the one before it go."""
        uid, container, number = key
        folder = self._root / uid / container
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in folder.glob("*.log*"):
            if int(path.name.partition(".")[0]) < number - 1:
                path.unlink(missing_ok=True)
        self._live = {old: output for old, output in self._live.items() if old[:2] != key[:2] or old[2] >= number - 1}
        output = self._live[key] = Output(folder / f"{number}.log", self._now, is_terminal=is_terminal)
        return output

    def read(self, uid: str, container: str, number: int) -> str | None:
        """The lines with their moments; None where nothing was kept of such a container."""
        path = self._path(uid, container, number)
        if not path.parent.exists():
            return None
        return "".join(_text(each) for each in (_older(path), path))

    async def follow(self, uid: str, container: str, number: int) -> AsyncIterator[str]:
        """What is there now, as one piece, then what comes, until the container is over."""
        output = self._live.get((uid, container, number))
        if output is None:
            yield self.read(uid, container, number) or ""
            return
        async for piece in output.follow():
            yield piece

    def remove(self, uid: str) -> None:
        self._live = {key: output for key, output in self._live.items() if key[0] != uid}
        shutil.rmtree(self._root / uid, ignore_errors=True)

    def keep_only(self, uids: Container[str]) -> None:
        for folder in self._root.glob("*"):
            if folder.name not in uids:
                self.remove(folder.name)

    def _path(self, uid: str, container: str, number: int) -> Path:
        return self._root / uid / container / f"{number}.log"


class Output:
    """What one start of a container prints. `writing` is the descriptor for the process, until `begin`; of a terminal `reading`
    is the side that is written to, too. `listeners` are given what is printed from now on, as it comes."""

    def __init__(self, path: Path, now: Callable[[], datetime], *, is_terminal: bool = False) -> None:
        self._path, self._now = path, now
        self._loop = asyncio.get_running_loop()
        self.reading, self.writing = os.openpty() if is_terminal else os.pipe()
        os.set_blocking(self.reading, False)
        self.listeners: set[Callable[[bytes], None]] = set()
        # In pieces, and each as it comes: who reads sees what was printed.
        self._file = open(path, "wb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
        self._rest = b""
        self._before, self._size = 0, 0  # bytes in files before this one, and in this one
        self._changed = asyncio.Event()
        self._breath: asyncio.TimerHandle | None = None
        self.is_closed = False

    def begin(self) -> None:
        """The process has its end of the pipe."""
        os.close(self.writing)
        self.writing = -1
        self._loop.add_reader(self.reading, self._take)

    def close(self) -> None:
        """The process is over: what it left in the pipe is the last."""
        if self.is_closed:
            return
        if self.writing >= 0:
            os.close(self.writing)
        if self._breath is not None:
            self._breath.cancel()
        self._loop.remove_reader(self.reading)
        while chunk := self._read():
            self._heard(chunk)
        if self._rest:
            self._keep(b"\n")
        os.close(self.reading)
        self._file.close()
        self.is_closed = True
        for listener in tuple(self.listeners):
            listener(b"")
        self._tell()

    async def follow(self) -> AsyncIterator[str]:
        """What is there now, as one piece (empty where nothing is), then what comes, until it is closed."""
        position = 0
        while True:
            changed, is_last = self._changed, self.is_closed
            piece = self._from(position)
            position = self._before + self._size
            yield piece
            if is_last:
                return
            await changed.wait()

    def _from(self, position: int) -> str:
        """What was printed after so many bytes, as far as it is kept."""
        if position >= self._before:
            return _text(self._path, position - self._before)
        older = _older(self._path)
        kept_from = self._before - (older.stat().st_size if older.exists() else 0)
        return _text(older, max(position - kept_from, 0)) + _text(self._path)

    def _take(self) -> None:
        chunk = self._read()
        if chunk is None:
            return
        if not chunk:
            self._loop.remove_reader(self.reading)  # it has closed its output, and may run on
            return
        self._heard(chunk)
        if len(chunk) == _CHUNK:
            self._loop.remove_reader(self.reading)
            self._breath = self._loop.call_later(_BREATH_S, self._loop.add_reader, self.reading, self._take)

    def _read(self) -> bytes | None:
        try:
            return os.read(self.reading, _CHUNK)
        except BlockingIOError:
            return None
        except OSError:
            return b""  # a terminal that nobody has open any more

    def _heard(self, chunk: bytes) -> None:
        for listener in tuple(self.listeners):
            listener(chunk)
        self._keep(chunk)

    def _keep(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        while len(self._rest) >= LONGEST_LINE:
            lines.append(self._rest[:LONGEST_LINE])
            self._rest = self._rest[LONGEST_LINE:]
        if not lines:
            return
        stamp = micro_timestamp(self._now()).encode()
        written = b"".join(b"%b %b\n" % (stamp, line) for line in lines)
        if self._size and self._size + len(written) > MOST_BYTES:
            self._turn()
        self._file.write(written)
        self._size += len(written)
        self._tell()

    def _turn(self) -> None:
        if not self._path.exists():
            return  # the pod is gone, and with it what it printed; the process soon is
        self._file.close()
        self._path.replace(_older(self._path))
        self._file = open(self._path, "wb", buffering=0, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
        self._before, self._size = self._before + self._size, 0

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


def _older(path: Path) -> Path:
    return path.with_name(f"{path.name}.1")


def _text(path: Path, position: int = 0) -> str:
    try:
        with path.open("rb") as file:
            file.seek(position)
            return file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
