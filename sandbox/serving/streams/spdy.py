"""SPDY/3.1 as Kubernetes' clients speak it: the server's side of one connection, whose streams the client opens.

Frames are those of the SPDY draft 3.1. Neither priorities nor windows count: the clients keep none. What is sent waits for the
transport, so that who does not read is not written to without end.
"""

from __future__ import annotations

import asyncio
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

Read = Callable[[], Awaitable[bytes]]
Write = Callable[[bytes], Awaitable[None]]

_VERSION = 0x8003
_SYN_STREAM, _SYN_REPLY, _RST_STREAM, _PING = 1, 2, 3, 6
_FIN = 1
_HELD = 16
"""Pieces of a stream that nobody has read yet; then the client has to wait."""
_MOST_BYTES = 64 << 10
_MOST_HEADERS = 64 << 10  # unpacked: few packed bytes may stand for very many

_WORDS = (
    "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow "
    "authorization cache-control connection content-base content-encoding content-language content-length content-location "
    "content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match "
    "if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range "
    "referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get "
    "status 200_OK version HTTP/1.1 url public set-cookie keep-alive origin"
)
_REST = (
    "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505203 Non-Authoritative "
    "Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden404 Not Found500 Internal "
    "Server Error501 Not Implemented503 Service UnavailableJan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, "
    "Wed, Thu, Fri, Sat, Sun, GMTchunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,"
    "text/plain,text/javascript,publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0."
)
DICTIONARY = b"".join(struct.pack(">I", len(each)) + each.replace("_", " ").encode() for each in _WORDS.split()) + _REST.encode()
"""What both sides presume of each other's headers (SPDY draft 3, 2.6.10.1)."""


class Broken(Exception):
    """The client does not speak SPDY/3.1."""


@dataclass(eq=False)
class Stream:
    """One that the client has opened. `pieces` is what it sends, then an empty one."""

    number: int
    headers: Mapping[str, str]
    session: Session
    pieces: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(_HELD))
    is_closed: bool = False

    async def read(self) -> bytes:
        """Empty at the end."""
        return await self.pieces.get()

    async def write(self, data: bytes) -> None:
        for place in range(0, len(data), _MOST_BYTES):
            await self.session.send_data(self, data[place : place + _MOST_BYTES])

    async def close(self) -> None:
        """Nothing more is written to it."""
        if not self.is_closed:
            self.is_closed = True
            await self.session.send_data(self, b"", _FIN)


class Session:
    """`read` answers the next bytes of the client, empty at the end; `write` waits until they are on their way."""

    def __init__(self, read: Read, write: Write) -> None:
        self._read, self._write = read, write
        self._inflate, self._deflate = zlib.decompressobj(zdict=DICTIONARY), zlib.compressobj(zdict=DICTIONARY)
        self._streams: dict[int, Stream] = {}
        self._rest = b""
        self._writing = asyncio.Lock()

    async def opened(self) -> AsyncIterator[Stream]:
        """The streams as the client opens them, until it is gone; what it sends on them is in their `pieces`. Raises Broken."""
        try:
            while (head := await self._exactly(8)) is not None:
                first, length = struct.unpack(">II", head)
                body = await self._exactly(length & 0xFFFFFF)
                if body is None:
                    return
                if first >> 31:
                    if (stream := await self._control(first, body)) is not None:
                        yield stream
                        if length >> 24 & _FIN:
                            await stream.pieces.put(b"")
                elif (known := self._streams.get(first)) is not None:
                    await self._data(known, length >> 24, body)
        finally:
            for stream in self._streams.values():
                stream.is_closed = True
                _end(stream)

    async def send_data(self, stream: Stream, data: bytes, flags: int = 0) -> None:
        async with self._writing:
            await self._write(struct.pack(">II", stream.number, flags << 24 | len(data)) + data)

    def drop(self, *streams: Stream) -> None:
        """Nobody reads these any more: what the client still sends on them is passed over, and holds up no other stream."""
        for stream in streams:
            self._streams.pop(stream.number, None)
            while not stream.pieces.empty():
                stream.pieces.get_nowait()

    async def _control(self, first: int, body: bytes) -> Stream | None:
        """A frame that is no data: the stream that it opens."""
        if first >> 16 != _VERSION:
            raise Broken(f"SPDY of version {first >> 16 & 0x7FFF} is not spoken here, 3 is")
        match first & 0xFFFF:
            case kind if kind == _SYN_STREAM:
                number = int.from_bytes(body[:4])
                stream = self._streams[number] = Stream(number, self._headers(body[10:]), self)
                packed = self._deflate.compress(struct.pack(">I", 0)) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
                await self._send(_SYN_REPLY, struct.pack(">I", number) + packed)
                return stream
            case kind if kind == _PING:
                await self._send(_PING, body)
            case kind if kind == _RST_STREAM and (known := self._streams.pop(int.from_bytes(body[:4]), None)) is not None:
                known.is_closed = True
                _end(known)
        return None

    async def _data(self, stream: Stream, flags: int, body: bytes) -> None:
        if body:
            await stream.pieces.put(body)
        if flags & _FIN:
            await stream.pieces.put(b"")

    async def _send(self, kind: int, body: bytes) -> None:
        async with self._writing:
            await self._write(struct.pack(">HHI", _VERSION, kind, len(body)) + body)

    def _headers(self, packed: bytes) -> dict[str, str]:
        try:
            block = self._inflate.decompress(packed, _MOST_HEADERS)
        except zlib.error as error:
            raise Broken(f"headers that cannot be unpacked: {error}") from error
        if self._inflate.unconsumed_tail:
            raise Broken(f"headers of more than {_MOST_HEADERS} bytes")
        texts, place = [], 4
        for _ in range(int.from_bytes(block[:4]) * 2):
            if place >= len(block):
                raise Broken("headers that are cut off")
            size = int.from_bytes(block[place : place + 4])
            texts.append(block[place + 4 : place + 4 + size].decode(errors="replace"))
            place += 4 + size
        return {name.lower(): value for name, value in zip(texts[::2], texts[1::2], strict=True)}

    async def _exactly(self, count: int) -> bytes | None:
        """None where the client is gone."""
        while len(self._rest) < count:
            piece = await self._read()
            if not piece:
                return None
            self._rest += piece
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken


def _end(stream: Stream) -> None:
    """Who reads it is told that nothing comes any more, be it full or not."""
    if stream.pieces.full():
        stream.pieces.get_nowait()
    stream.pieces.put_nowait(b"")
