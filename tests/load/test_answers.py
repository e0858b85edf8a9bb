"""What a request can meet, against servers that do it: each loss has its kind, and nothing else is lost."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rollway.load.report import Report
from rollway.sandbox.serving import certificate
from webs import probed, served, talking


def told(text: str) -> Any:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text.replace("\n", "\r\n").encode())
        await writer.drain()

    return talk


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(30)


def against(talk: Any, **options: object) -> Report:
    async def main() -> Report:
        async with talking(talk) as url:
            return await probed(url, **options)

    return asyncio.run(main())


@pytest.mark.parametrize(
    ("talk", "kind", "detail"),
    [
        (reset, "reset", ""),
        (told(""), "reset", "before the answer"),
        (told("HTTP/1.1 200 OK\nContent-Length: 100\n\nhalf"), "reset", "in the answer"),
        (told("HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nhalf\n"), "reset", "in the answer"),
        (told("HTTP/1.1 200"), "reset", "in the answer"),
        (told("SSH-2.0-OpenSSH_9.2\n"), "protocol", "no HTTP answer"),
        (told("HTTP/1.1 503 Service Unavailable\nContent-Length: 0\n\n"), "5xx", "status 503"),
        (told("HTTP/1.1 404 Not Found\nContent-Length: 0\n\n"), "status", "status 404, expected 2xx,3xx"),
    ],
)
def test_each_way_to_be_lost_has_its_kind(talk: Any, kind: str, detail: str) -> None:
    """And an example in words."""
    report = against(talk)

    assert (report.sent, report.good, dict(report.errors)) == (10, 0, {kind: 10})
    assert detail in report.examples[kind]


@pytest.mark.parametrize(
    "answer",
    [
        "HTTP/1.1 200 OK\nContent-Length: 4\n\nfull",
        "HTTP/1.1 200 OK\n\nuntil the connection ends",
        "HTTP/1.0 200 OK\n\nold",
        "HTTP/1.1 100 Continue\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\nfull\n0\n\n",
        "HTTP/1.1 204 No Content\n\n",
        "HTTP/1.1 301 Moved\nLocation: /x\nContent-Length: 0\n\n",
    ],
)
def test_a_complete_answer_is_a_good_one(answer: str) -> None:
    """Whichever of HTTP's ways it ends by."""
    assert against(told(answer)).good == 10


def test_a_timeout_is_a_loss_at_its_time() -> None:
    """A server that accepts and says nothing."""
    report = against(hang, timeout_s=0.2)

    assert dict(report.errors) == {"timeout": 10}
    assert "within 0.2 s" in report.examples["timeout"]


def test_nobody_listens() -> None:
    """Refused, with the system's words."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        report = asyncio.run(probed(f"http://127.0.0.1:{taken.getsockname()[1]}"))

    assert (dict(report.errors), report.examples) == ({"refused": 10}, {"refused": "Connection refused"})


def test_a_name_that_is_nowhere() -> None:
    """.invalid is reserved for that."""
    assert dict(asyncio.run(probed("http://shop.invalid")).errors) == {"dns": 10}


def test_the_next_address_is_tried() -> None:
    """localhost is ::1 first on many machines, and most servers listen at 127.0.0.1 alone: no loss."""

    async def main() -> Report:
        async def ok(request: web.Request) -> web.Response:
            return web.Response()

        async with served(ok) as url:
            return await probed(url.replace("127.0.0.1", "localhost"))

    assert asyncio.run(main()).good == 10


def test_tls_is_checked_unless_asked_otherwise(tmp_path: Path) -> None:
    """A self-signed certificate is a loss of its own kind; so is a server that speaks no TLS."""
    own = certificate.ensure(tmp_path, datetime.now(UTC))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own.chain, own.key)

    async def main() -> tuple[Report, Report]:
        async with talking(told("HTTP/1.1 200 OK\nContent-Length: 0\n\n"), ssl=context) as url:
            secure = url.replace("http:", "https:")
            return await probed(secure), await probed(secure, is_insecure=True)

    checked, unchecked = asyncio.run(main())

    assert (dict(checked.errors), unchecked.good) == ({"tls": 10}, 10)
    assert dict(against(told("no")).errors) == {"protocol": 10}


def test_what_is_sent() -> None:
    """Method, headers, body and Host as asked for; a connection each unless they are kept."""
    seen: list[web.Request] = []
    bodies: list[bytes] = []
    ports: dict[bool, set[int]] = {False: set(), True: set()}

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.read())
        ports["keep" in request.path].add(request.transport.get_extra_info("peername")[1])  # type: ignore[union-attr]
        return web.Response(status=201, headers={"X-App-Version": "1.4.1"})

    async def main() -> tuple[Report, Report]:
        async with served(handler) as url:
            options = {"method": "POST", "headers": ["X-Api-Version: v2"], "body": b"{}", "host": "shop.example.com"}
            first = await probed(f"{url}/cart?x=1", **options)  # type: ignore[arg-type]
            return first, await probed(f"{url}/keep", keeps_alive=True)

    first, kept = asyncio.run(main())

    assert (seen[0].method, seen[0].path_qs, seen[0].headers["X-Api-Version"]) == ("POST", "/cart?x=1", "v2")
    assert (seen[0].host, bodies[0]) == ("shop.example.com", b"{}")
    assert (len(ports[False]), len(ports[True])) == (10, 1)
    assert (dict(first.versions), dict(kept.statuses)) == ({"1.4.1": 10}, {201: 10})


def test_a_status_stands_for_a_version() -> None:
    """Where no header names one; an answer's own header may be named."""
    count = 0

    async def handler(request: web.Request) -> web.Response:
        nonlocal count
        count += 1
        return web.Response(status=201 + count % 2, headers={"Server-Version": "v9"})

    async def main() -> tuple[Report, Report]:
        async with served(handler) as url:
            return await probed(url), await probed(url, version_header="Server-Version")

    by_status, by_header = asyncio.run(main())

    assert (dict(by_status.versions), dict(by_header.versions)) == ({"201": 5, "202": 5}, {"v9": 10})


def test_a_kept_connection_that_the_server_closes_is_no_loss() -> None:
    """Every client sends again on a new one, where the server has not seen the request: counted, and not lost."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")  # the next request is taken, and the connection closed instead of an answer

    report = against(once, keeps_alive=True, rate=20, seconds=0.5)

    assert (report.good, report.lost) == (10, 0)
    assert report.retried > 0


def test_head_has_no_body() -> None:
    """Its Content-Length is of what a GET would have got."""
    assert against(told("HTTP/1.1 200 OK\nContent-Length: 100\n\n"), method="HEAD").good == 10
