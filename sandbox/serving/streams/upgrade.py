"""From a request of HTTP to what a client asks to go on with: a WebSocket, or the bytes of the connection itself for SPDY."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

from aiohttp import WSMsgType, web

from ....errors import ApiError
from ...store.refusals import bad_request
from .spdy import Session

TUNNEL = "SPDY/3.1+portforward.k8s.io"
"""SPDY inside of a WebSocket."""
_PROTOCOL_HEADER = "X-Stream-Protocol-Version"
_CHUNK = 64 << 10
_MOST_BYTES = 16 << 20
"""Of one message of a WebSocket, unpacked. Clients send pieces of some 32 KiB; a frame of SPDY has as many at most, too."""


def is_socket(request: web.Request) -> bool:
    return request.headers.get("Upgrade", "").lower() == "websocket"


def check(request: web.Request) -> None:
    """Raises ApiError (400) where the client does not ask to go on with anything known here."""
    if not is_socket(request) and request.headers.get("Upgrade", "").lower() != "spdy/3.1":
        raise bad_request("Upgrade request required")


async def socket_of(request: web.Request, protocols: Sequence[str]) -> web.WebSocketResponse:
    """A WebSocket that speaks one of these, the first that the client knows. Raises ApiError (400) for other ones."""
    offered = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if each.strip()]
    if offered and not set(offered) & set(protocols):
        raise bad_request(f"none of the protocols is spoken here: {', '.join(offered)}; these are: {', '.join(protocols)}")
    socket = web.WebSocketResponse(protocols=protocols, max_msg_size=_MOST_BYTES)
    await socket.prepare(request)
    return socket


def tunnel(socket: web.WebSocketResponse) -> Session:
    """SPDY whose bytes are in the messages of a WebSocket (TUNNEL)."""

    async def read() -> bytes:
        async for message in socket:
            if message.type is WSMsgType.BINARY and message.data:
                return bytes(message.data)
        return b""

    return Session(read, socket.send_bytes)


class Taken(web.Response):
    """The answer to a request whose connection somebody else has taken: it is sent already."""

    async def prepare(self, request: web.BaseRequest) -> None:
        self.force_close()

    async def write_eof(self, data: bytes = b"") -> None:
        pass


def _negotiated(request: web.Request, protocols: Sequence[str]) -> str:
    """The first of the protocols that the client knows, too. Raises ApiError (403) where it knows none."""
    offered = [each.strip() for value in request.headers.getall(_PROTOCOL_HEADER, []) for each in value.split(",")]
    chosen = next((each for each in protocols if each in offered), None)
    if chosen is None:
        known = " ".join(protocols)
        why = f"unable to upgrade: unable to negotiate protocol: client supports [{' '.join(offered)}], server accepts [{known}]"
        raise ApiError(403, "Forbidden", why)
    return chosen


@contextlib.asynccontextmanager
async def spdy_of(request: web.Request, protocols: Sequence[str]) -> AsyncIterator[Session]:
    """SPDY on the request's own connection, which is closed at the end. Raises ApiError (403) where the client knows none of the
    protocols of streams."""
    chosen = _negotiated(request, protocols)
    transport = request.transport
    if transport is None:
        raise ConnectionResetError
    transport.write(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n"
        + f"{_PROTOCOL_HEADER}: {chosen}\r\n\r\n".encode()
    )
    before, loop = transport.get_protocol(), asyncio.get_running_loop()
    reader = asyncio.StreamReader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport.set_protocol(protocol)
    protocol.connection_made(transport)
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)

    async def read() -> bytes:
        try:
            return await reader.read(_CHUNK)
        except OSError:
            return b""

    async def write(data: bytes) -> None:
        writer.write(data)
        await writer.drain()

    try:
        yield Session(read, write)
    finally:
        writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()
        if isinstance(before, asyncio.Protocol):
            before.connection_lost(None)  # who served the connection until now keeps it no more
