"""One look of a probe: what counts as an answer, and how a failure is worded."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

import pytest
from rollway.sandbox.node.processes.probing import Failed, Target, look

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]


async def no_program(command: list[str], timeout_s: float | None) -> tuple[int, str]:
    raise AssertionError(f"nobody asked for {command}")


def says(text: str) -> Behaviour:
    return lambda reader, writer: writer.write(text.encode())


def hangs_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.close()


def resets(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def answer(status: str) -> Behaviour:
    return says(f"HTTP/1.1 {status}\r\ncontent-length: 0\r\nlocation: http://elsewhere.invalid/\r\n\r\n")


@pytest.mark.parametrize(
    ("behaviour", "seen"),
    [
        (answer("200 OK"), ""),
        (answer("302 Found"), ""),
        (answer("404 Not Found"), "HTTP probe failed with statuscode: 404"),
        (hangs_up, 'Get "http://127.0.0.1:PORT/ready": EOF'),
        (resets, 'Get "http://127.0.0.1:PORT/ready": read tcp 127.0.0.1:PORT: read: connection reset by peer'),
        (
            says(""),
            'Get "http://127.0.0.1:PORT/ready": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
        ),
    ],
    ids=["ok", "redirect", "status", "eof", "reset", "timeout"],
)
def test_what_an_http_probe_sees(behaviour: Behaviour, seen: str) -> None:
    """200 to 399 is an answer, and no redirect is followed; all else fails, as Go words it."""

    async def story() -> str:
        open_ones = []

        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            open_ones.append(writer)
            await reader.readline()
            behaviour(reader, writer)

        server = await asyncio.start_server(accept, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            await look({"httpGet": {"path": "ready", "port": "web"}}, Target("127.0.0.1", {"web": port}, no_program), 0.3)
        except Failed as failure:
            return str(failure).replace(str(port), "PORT")
        finally:
            for writer in open_ones:
                writer.close()
            server.close()
        return ""

    assert asyncio.run(story()) == seen


def test_a_named_port_that_the_container_does_not_have() -> None:
    """Said, not looked for elsewhere."""
    with pytest.raises(Failed, match="couldn't find port: web"):
        asyncio.run(look({"tcpSocket": {"port": "web"}}, Target("127.0.0.1", {}, no_program), 1))
