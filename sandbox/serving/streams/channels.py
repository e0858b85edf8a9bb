"""The ways in which a client holds several streams to one command: a message of a WebSocket each with the number of its stream
before it, or a stream of SPDY each. (Kubernetes: remotecommand, v1 to v5)"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from .spdy import Broken, Session, Stream

STDIN, STDOUT, STDERR, ERROR, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
_NAMES = {"stdin": STDIN, "stdout": STDOUT, "stderr": STDERR, "error": ERROR, "resize": RESIZE}
BY_SOCKET = ("v5.channel.k8s.io", "v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
BY_SPDY = ("v4.channel.k8s.io", "v3.channel.k8s.io", "v2.channel.k8s.io", "channel.k8s.io")
_STREAMS_WITHIN_S = 30.0


class Channels(Protocol):
    """`heard` tells what the client says: (STDIN, bytes), nothing at its end, or (RESIZE, JSON); it ends when the client is gone.
    `is_told_codes`: how the command ended is told as a Status, not as a text."""

    is_told_codes: bool

    def heard(self) -> AsyncIterator[tuple[int, bytes]]: ...

    async def send(self, channel: int, data: bytes) -> None: ...

    async def close(self) -> None: ...


class Socket:
    """By a WebSocket that has been accepted."""

    def __init__(self, socket: web.WebSocketResponse) -> None:
        self._socket = socket
        version = socket.ws_protocol or ""
        self.is_told_codes, self._is_closing_told = version.startswith(("v4.", "v5.")), version.startswith("v5.")

    async def heard(self) -> AsyncIterator[tuple[int, bytes]]:
        async for message in self._socket:
            data = message.data if message.type is WSMsgType.BINARY else str(message.data).encode()
            if not data:
                continue
            channel, rest = data[0], data[1:]
            if channel == CLOSE and rest[:1] == bytes((STDIN,)) and self._is_closing_told:
                yield STDIN, b""
            elif channel == RESIZE or (channel == STDIN and rest):
                yield channel, rest

    async def send(self, channel: int, data: bytes) -> None:
        with contextlib.suppress(ConnectionError):
            await self._socket.send_bytes(bytes((channel,)) + data)

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError):
            await self._socket.close()


class Streams:
    """By streams of SPDY, of which the client opens one for each thing that it wants."""

    is_told_codes = True

    def __init__(self, session: Session, streams: dict[int, Stream], opening: AsyncIterator[Stream]) -> None:
        self._session, self._streams, self._opening = session, streams, opening

    async def heard(self) -> AsyncIterator[tuple[int, bytes]]:
        pieces: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(1)

        async def read(channel: int, stream: Stream) -> None:
            while piece := await stream.read():
                await pieces.put((channel, piece))
            if channel == STDIN:
                await pieces.put((STDIN, b""))

        async def follow() -> None:
            with contextlib.suppress(Broken, ConnectionError):
                async for _ in self._opening:
                    pass  # it opens no more, yet what it sends is read so
            await pieces.put(None)

        tasks = [asyncio.create_task(follow())]
        tasks += [asyncio.create_task(read(each, self._streams[each])) for each in (STDIN, RESIZE) if each in self._streams]
        try:
            while (piece := await pieces.get()) is not None:
                yield piece
        finally:
            for task in tasks:
                task.cancel()

    async def send(self, channel: int, data: bytes) -> None:
        if (stream := self._streams.get(channel)) is not None and not stream.is_closed:
            with contextlib.suppress(ConnectionError):
                await stream.write(data)

    async def close(self) -> None:
        with contextlib.suppress(ConnectionError):
            for channel, stream in self._streams.items():
                if channel not in (STDIN, RESIZE):
                    await stream.close()


async def streams_of(session: Session, wanted: Sequence[str]) -> Streams | None:
    """Once the client has opened all that it asked for; None where it does not."""
    streams: dict[int, Stream] = {}
    opening = session.opened()
    try:
        async with asyncio.timeout(_STREAMS_WITHIN_S):
            while len(streams) < len(wanted):
                stream = await anext(opening)
                if (channel := _NAMES.get(stream.headers.get("streamtype", ""))) is not None:
                    streams[channel] = stream
    except (TimeoutError, StopAsyncIteration, Broken, ConnectionError):
        return None
    return Streams(session, streams, opening)


def size_of(said: bytes) -> tuple[int, int] | None:
    """(width, height) of a terminal. Several may come at once: the last counts."""
    for text in reversed(said.decode(errors="replace").replace("}{", "}\n{").splitlines()):
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            size: Any = json.loads(text)
            return min(int(size.get("Width", 0)), 65535), min(int(size.get("Height", 0)), 65535)
    return None
