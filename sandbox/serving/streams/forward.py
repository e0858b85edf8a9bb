"""port-forward: connections of a client carried to the address of a pod that is a process.

Two streams for each connection, data and error, by SPDY, which new clients put into a WebSocket; or, of older ones, a WebSocket
with two channels a port. (Kubernetes: portforward)
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import WSMsgType, web

from ....errors import ApiError
from ....kube.objects import Obj
from ...store.refusals import bad_request
from . import upgrade
from .spdy import Broken, Session, Stream

_PROTOCOL = "portforward.k8s.io"
_BY_CHANNEL = ("v4.channel.k8s.io",)
_CHUNK = 32 << 10
_MOST_PORTS = 128  # two channels each, numbered by a byte


async def forwarded(request: web.Request, pod: Obj) -> web.StreamResponse:
    """Until the client goes."""
    address, uid = pod["status"]["podIP"], pod["metadata"]["uid"]
    if not upgrade.is_socket(request):
        async with upgrade.spdy_of(request, (_PROTOCOL,)) as session:
            await _served(session, address, uid)
        return upgrade.Taken()
    if upgrade.TUNNEL in request.headers.get("Sec-WebSocket-Protocol", ""):
        socket = await upgrade.socket_of(request, (upgrade.TUNNEL,))
        await _served(upgrade.tunnel(socket), address, uid)
        return socket
    ports = [_port(each) for text in request.query.getall("ports", []) for each in text.split(",")]
    if not ports:
        raise bad_request('query parameter "ports" is required')
    if len(ports) > _MOST_PORTS:
        raise bad_request(f"{len(ports)} ports by one connection, {_MOST_PORTS} at most")
    socket = await upgrade.socket_of(request, _BY_CHANNEL)
    await _by_channels(socket, address, uid, ports)
    return socket


def _port(text: str) -> int:
    """Raises ApiError (400)."""
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 1 << 16):
        raise bad_request(f"unable to parse port: {text[:20]!r} is no number from 1 to 65535")
    return int(text)


async def _served(session: Session, address: str, uid: str) -> None:
    """Each connection is a pair of streams with one request id: first `error`, then `data`."""
    errors: dict[str, Stream] = {}
    tasks: set[asyncio.Task[None]] = set()
    try:
        async for stream in session.opened():
            number, kind = stream.headers.get("requestid", ""), stream.headers.get("streamtype", "")
            if kind == "error":
                errors[number] = stream
            elif kind == "data" and (error := errors.pop(number, None)) is not None:
                task = asyncio.create_task(_carried(stream, error, address, uid))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
    except (Broken, ConnectionError):
        pass
    finally:
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _carried(data: Stream, error: Stream, address: str, uid: str) -> None:
    with contextlib.suppress(ConnectionError):
        try:
            why = await _piped(data.read, data.write, address, _port(data.headers.get("port", "")), uid)
        except ApiError as refused:
            why = refused.message
        data.session.drop(data, error)
        if why:
            await error.write(why.encode())
        await data.close()
        await error.close()


async def _piped(
    read: Callable[[], Awaitable[bytes]], write: Callable[[bytes], Awaitable[None]], address: str, port: int, uid: str
) -> str:
    """One connection, until both sides have said all. Answers why there is none."""
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError as error:
        said = "connect: connection refused" if isinstance(error, ConnectionRefusedError) else (error.strerror or str(error))
        where = f"failed to connect to localhost:{port} inside namespace of {uid}"
        return f"failed to execute portforward in network namespace: {where}: dial tcp4 {address}:{port}: {said}"

    async def there() -> None:
        while piece := await read():
            writer.write(piece)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()

    async def back() -> None:
        while piece := await reader.read(_CHUNK):
            await write(piece)

    sending = asyncio.create_task(there())
    try:
        await back()
    except OSError:
        pass
    finally:
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        writer.close()
    return ""


@dataclass
class _Port:
    """One of the ports that a WebSocket forwards: one connection each."""

    number: int
    pieces: asyncio.Queue[bytes] = field(default_factory=lambda: asyncio.Queue(16))
    is_over: bool = False

    def end(self) -> None:
        """What is still sent to it is passed over, and holds up no other one."""
        self.is_over = True
        while not self.pieces.empty():
            self.pieces.get_nowait()


async def _by_channels(socket: web.WebSocketResponse, address: str, uid: str, numbers: list[int]) -> None:
    """Channel 2i is the data of the i-th port, 2i + 1 its errors; each begins with the port's number, little-endian."""
    ports = [_Port(each) for each in numbers]

    async def carried(place: int, port: _Port) -> None:
        async def write(data: bytes) -> None:
            await socket.send_bytes(bytes((2 * place,)) + data)

        for channel in (2 * place, 2 * place + 1):
            await socket.send_bytes(bytes((channel,)) + port.number.to_bytes(2, "little"))
        why = await _piped(port.pieces.get, write, address, port.number, uid)
        port.end()
        if why:
            await socket.send_bytes(bytes((2 * place + 1,)) + why.encode())
        if len(ports) == 1:
            await socket.close()

    tasks = [asyncio.create_task(carried(place, port)) for place, port in enumerate(ports)]
    try:
        async for message in socket:
            if message.type is WSMsgType.BINARY and len(message.data) > 1 and message.data[0] // 2 < len(ports):
                port = ports[message.data[0] // 2]
                if not port.is_over:
                    await port.pieces.put(bytes(message.data[1:]))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
