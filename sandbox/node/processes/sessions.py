"""Somebody beside a container that is a process: a command of theirs in its surroundings (exec), or a hold of its own streams
(attach). What is read and written are descriptors of this machine, pipes or a terminal."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .ledger import Ledger, end_group, over
from .output import Output

_CHUNK = 32 << 10
_HELD = 256  # pieces that somebody attached has not taken yet: of more the oldest are lost


class Session(Protocol):
    """`outputs` are read to their end each, `feed` takes nothing as the end of the input. Once `ended` answers the exit code
    (None: there is none to tell), `close`; before it that breaks the session off."""

    outputs: Mapping[str, AsyncIterator[bytes]]

    async def feed(self, data: bytes) -> None: ...

    def resize(self, width: int, height: int) -> None: ...

    async def ended(self) -> int | None: ...

    def close(self) -> None: ...


class Input:
    """The side of a pipe or a terminal that is written to, if there is one. Several may hold it, each writes what it has in one
    piece. Once it is closed nobody writes any more: the number of the descriptor may be another file's by then."""

    def __init__(self, descriptor: int = -1) -> None:
        self._descriptor = descriptor
        self._writing, self._is_ready = asyncio.Lock(), asyncio.Event()
        if descriptor >= 0:
            os.set_blocking(descriptor, False)

    async def write(self, data: bytes) -> None:
        """All of it, as long as somebody reads."""
        async with self._writing:
            while data and self._descriptor >= 0:
                try:
                    data = data[os.write(self._descriptor, data) :]
                except BlockingIOError:
                    await self._until_ready()
                except OSError:
                    return  # it reads no more

    def resize(self, width: int, height: int) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                fcntl.ioctl(self._descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def close(self) -> None:
        if self._descriptor >= 0:
            asyncio.get_running_loop().remove_writer(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1
            self._is_ready.set()

    async def _until_ready(self) -> None:
        loop = asyncio.get_running_loop()
        self._is_ready.clear()
        loop.add_writer(self._descriptor, self._is_ready.set)
        try:
            await self._is_ready.wait()
        finally:
            if self._descriptor >= 0:
                loop.remove_writer(self._descriptor)


@dataclass(eq=False)
class Command:
    """A program of its own that runs beside a container."""

    ledger: Ledger
    child: subprocess.Popen[bytes]
    stdin: Input
    reading: Mapping[str, int]
    is_terminal: bool
    outputs: Mapping[str, AsyncIterator[bytes]] = field(init=False)

    def __post_init__(self) -> None:
        self.outputs = {name: _pieces(descriptor) for name, descriptor in self.reading.items()}

    async def feed(self, data: bytes) -> None:
        if data:
            await self.stdin.write(data)
        elif not self.is_terminal:
            self.stdin.close()

    def resize(self, width: int, height: int) -> None:
        if self.is_terminal:
            self.stdin.resize(width, height)

    async def ended(self) -> int:
        await over(self.child)
        code = self.child.wait()
        self.ledger.forget(self.child.pid)
        return code if code >= 0 else 128 - code

    def close(self) -> None:
        if self.child.poll() is None:
            end_group(self.child.pid, signal.SIGHUP if self.is_terminal else signal.SIGKILL)
            end_group(self.child.pid)
        self.child.wait()
        self.ledger.forget(self.child.pid)
        self.stdin.close()
        for descriptor in self.reading.values():
            asyncio.get_running_loop().remove_reader(descriptor)
            os.close(descriptor)


def command(
    ledger: Ledger, argv: Sequence[str], *, env: Mapping[str, str], folder: str, mark: str, has_stdin: bool, is_terminal: bool
) -> Command:
    """Starts it. Raises OSError, ValueError (a null byte)."""
    if is_terminal:
        master, slave = os.openpty()
        try:
            path, surroundings = os.ttyname(slave), {"TERM": "xterm", **env}
            child = ledger.start(argv, output=slave, terminal=path, env=surroundings, folder=folder, mark=mark)
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        stdin, reading = os.dup(master), {"stdout": master}
    else:
        child, stdin, reading = _piped(ledger, argv, env, folder, mark, has_stdin=has_stdin)
    for descriptor in reading.values():
        os.set_blocking(descriptor, False)
    return Command(ledger, child, Input(stdin), reading, is_terminal)


def _piped(
    ledger: Ledger, argv: Sequence[str], env: Mapping[str, str], folder: str, mark: str, *, has_stdin: bool
) -> tuple[subprocess.Popen[bytes], int, dict[str, int]]:
    ours, theirs = [], []
    for _ in range(2):
        reading, writing = os.pipe()
        ours.append(reading)
        theirs.append(writing)
    input_, stdin = os.pipe() if has_stdin else (-1, -1)
    try:
        child = ledger.start(
            argv, output=theirs[0], errors=theirs[1], stdin=input_ if has_stdin else None, env=env, folder=folder, mark=mark
        )
    except BaseException:
        for descriptor in (*ours, *([stdin] if has_stdin else ())):
            os.close(descriptor)
        raise
    finally:
        for descriptor in (*theirs, *([input_] if has_stdin else ())):
            os.close(descriptor)
    return child, stdin, dict(zip(("stdout", "stderr"), ours, strict=True))


class Attachment:
    """A hold of what a container itself prints from now on, and of its stdin where it has one."""

    def __init__(self, output: Output, stdin: Input, *, is_once: bool) -> None:
        """`is_once`: its stdin ends for good as soon as the first one leaves."""
        self._output, self._stdin, self._is_once = output, stdin, is_once
        self._heard: asyncio.Queue[bytes] = asyncio.Queue()
        self._is_over = asyncio.Event()
        output.listeners.add(self._hear)
        self.outputs: Mapping[str, AsyncIterator[bytes]] = {"stdout": self._pieces()}

    def _hear(self, piece: bytes) -> None:
        if self._heard.qsize() > _HELD:
            self._heard.get_nowait()
        self._heard.put_nowait(piece)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await self._heard.get():
            yield piece
        self._is_over.set()

    async def feed(self, data: bytes) -> None:
        if data:
            await self._stdin.write(data)
        else:
            self._leave()

    def _leave(self) -> None:
        if self._is_once:
            self._stdin.close()
        self._stdin = Input()

    def resize(self, width: int, height: int) -> None:
        self._stdin.resize(width, height)

    async def ended(self) -> None:
        await self._is_over.wait()

    def close(self) -> None:
        self._output.listeners.discard(self._hear)
        self._leave()


async def _pieces(descriptor: int) -> AsyncIterator[bytes]:
    """Of one that does not block."""
    while piece := await _read(descriptor):
        yield piece


async def _read(descriptor: int) -> bytes:
    loop = asyncio.get_running_loop()
    while True:
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            ready = asyncio.Event()
            loop.add_reader(descriptor, ready.set)
            try:
                await ready.wait()
            finally:
                loop.remove_reader(descriptor)
        except OSError:
            return b""  # a terminal that nobody has open any more
