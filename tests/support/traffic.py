"""Small servers and requests for the data plane's tests: all on one event loop, each server at an address of its own."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from pace import slowness

_numbers = itertools.count(1)


def own_address(network: int) -> str:
    """One in 127.NETWORK.0.0/16 that no other test process uses at the same time, as far as process ids tell."""
    number = next(_numbers)
    return f"127.{network}.{os.getpid() & 255}.{(os.getpid() >> 8 & 7) << 5 | number & 31}"


class Response(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: str


@dataclass
class Server:
    """Answers each request with its name; counts them; `/slow` takes 0.3 s, `/drop` breaks the connection off."""

    name: str
    address: str
    port: int = 8080
    requests: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, self.address, self.port)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                line, headers = await _head(reader)
                path = line.split()[1]
                self.requests.append((path, headers))
                if path == "/drop":
                    break
                await asyncio.sleep(0.3 if path == "/slow" else 0)
                writer.write(f"HTTP/1.1 200 OK\r\ncontent-length: {len(self.name)}\r\n\r\n{self.name}".encode())
                await writer.drain()
        self._open.discard(writer)
        writer.close()


@contextlib.asynccontextmanager
async def servers(*names: str) -> AsyncIterator[list[Server]]:
    found = [Server(name, own_address(70)) for name in names]
    for each in found:
        await each.start()
    try:
        yield found
    finally:
        for each in found:
            await each.stop()


class Connection:
    """One kept open. `request` raises OSError or IncompleteReadError where no answer comes."""

    def __init__(self, address: str, port: int) -> None:
        self._address, self._port = address, port

    async def __aenter__(self) -> Connection:
        self._reader, self._writer = await asyncio.open_connection(self._address, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def request(self, path: str = "/", host: str = "shop", headers: Mapping[str, str] | None = None) -> Response:
        lines = [f"GET {path} HTTP/1.1", f"host: {host}", *(f"{key}: {value}" for key, value in (headers or {}).items())]
        self._writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        status, answered = await _head(self._reader)
        body = await self._reader.readexactly(int(answered.get("content-length", 0)))
        return Response(int(status.split()[1]), answered, body.decode())


async def request(
    address: str, port: int, path: str = "/", host: str = "shop", headers: Mapping[str, str] | None = None
) -> Response:
    """On a connection of its own."""
    async with asyncio.timeout(10), Connection(address, port) as connection:
        return await connection.request(path, host, headers)


async def answers(count: int, address: str, port: int, **how: Any) -> Counter[str]:
    """How often which body was answered, each on a connection of its own."""
    return Counter([(await request(address, port, **how)).body for _ in range(count)])


def run(story: Coroutine[Any, Any, None], seconds: float = 180) -> None:
    """In real time; one that hangs fails."""

    async def in_time() -> None:
        async with asyncio.timeout(seconds):
            await story

    asyncio.run(in_time())


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float = 30.0) -> None:
    """Asks until it holds, and fails where it never does, in time of a quiet machine."""
    async with asyncio.timeout(within_s * slowness()):
        while True:
            if await holds():
                return
            await asyncio.sleep(0.01)


async def _head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]]:
    text = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = text.strip().split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return first, {key.strip().lower(): value.strip() for key, _, value in pairs}
