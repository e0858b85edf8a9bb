"""Endpoints as Envoy asks for them: a client of HTTP/2 in its place."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from h2.connection import H2Connection
from h2.events import DataReceived
from rollway.kube.wire import Value, embedded, fields, text
from rollway.sandbox.dataplane.discovery import Discovery
from rollway.sandbox.dataplane.model import Target
from traffic import run

HEADERS = [
    (":method", "POST"), (":scheme", "http"), (":authority", "discovery"), ("content-type", "application/grpc"),
    (":path", "/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources"),
]  # fmt: skip
A, B = Target("127.10.0.1", 8080), Target("127.10.0.2", 65535)


class Asking:
    """One stream, of 64 KiB that may be under way."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer, self._http, self._received = reader, writer, H2Connection(), bytearray()
        self._http.initiate_connection()
        self._http.send_headers(1, sorted(HEADERS, key=lambda each: not each[0].startswith(":")))
        self._flush()

    def ask(self, added: Iterable[str] = (), removed: Iterable[str] = (), *, node: int = 0) -> None:
        """`node`: as many bytes about itself."""
        message = (
            embedded(1, b"n" * node) + b"".join(text(3, each) for each in added) + b"".join(text(4, each) for each in removed)
        )
        whole = b"\0" + len(message).to_bytes(4, "big") + message
        while whole:
            room = self._http.max_outbound_frame_size
            self._http.send_data(1, whole[:room])
            whole = whole[room:]
        self._flush()

    async def hears(self) -> dict[str, list[Target]]:
        """The next answer: endpoints by name."""
        while len(self._received) < 5 or len(self._received) < 5 + int.from_bytes(self._received[1:5], "big"):
            for event in self._http.receive_data(await asyncio.wait_for(self._reader.read(65536), 10)):
                if isinstance(event, DataReceived):
                    self._received += event.data or b""
                    self._http.acknowledge_received_data(event.flow_controlled_length or 0, 1)
            self._flush()
        end = 5 + int.from_bytes(self._received[1:5], "big")
        message = bytes(self._received[5:end])
        del self._received[:end]
        return dict(map(assignment, all_of(message, 2)))

    async def hears_nothing(self) -> bool:
        """Asked for something that is known after what was asked before, it answers that and nothing else."""
        self.ask(["end"])
        return await self.hears() == {"end": []}

    def _flush(self) -> None:
        self._writer.write(self._http.data_to_send())


def all_of(message: bytes, number: int) -> list[bytes]:
    return [value for at, value in fields(message) if at == number and isinstance(value, bytes)]


def inside(message: bytes, *way: int) -> bytes:
    for number in way:
        (message,) = all_of(message, number)
    return message


def assignment(resource: bytes) -> tuple[str, list[Target]]:
    """The name twice: of the resource, and in it, as Envoy checks."""
    name, cluster = inside(resource, 3), inside(resource, 2, 2)
    assert inside(cluster, 1) == name
    found: list[Target] = []
    for group in all_of(cluster, 2):
        for endpoint in all_of(group, 2):
            at: dict[int, Value] = dict(fields(inside(endpoint, 1, 1, 1)))
            address, port = at[2], at[3]
            assert isinstance(address, bytes)
            assert isinstance(port, int)
            found.append(Target(address.decode(), port))
    return name.decode(), found


@contextlib.asynccontextmanager
async def asking(folder: Path) -> AsyncIterator[tuple[Discovery, Asking]]:
    discovery = Discovery(str(folder / "d.sock"))
    discovery.put({"end": ()})
    await discovery.start()
    reader, writer = await asyncio.open_unix_connection(discovery.path)
    try:
        yield discovery, Asking(reader, writer)
    finally:
        writer.close()
        discovery.stop()


def test_what_is_asked_for_is_told_and_told_again_when_it_changes(tmp_path: Path) -> None:
    """What is not known yet is told once it is; what is the same, or not asked for, is not."""

    async def story() -> None:
        async with asking(tmp_path) as (discovery, envoy):
            discovery.put({"shop": (A,), "cart": (B,)})
            envoy.ask(["shop", "later"], node=50_000)
            assert await envoy.hears() == {"shop": [A]}
            discovery.put({"shop": (A, B), "cart": ()})
            assert await envoy.hears() == {"shop": [A, B]}
            discovery.put({"shop": (A, B)})
            discovery.put({"later": ()})
            assert await envoy.hears() == {"later": []}
            assert await envoy.hears_nothing()

    run(story())


def test_what_is_not_wanted_any_more_is_not_told(tmp_path: Path) -> None:
    """Until it is asked for again, which is answered at once, though it is the same."""

    async def story() -> None:
        async with asking(tmp_path) as (discovery, envoy):
            discovery.put({"shop": (A,)})
            envoy.ask(["shop"])
            assert await envoy.hears() == {"shop": [A]}
            envoy.ask(removed=["shop"])
            assert await envoy.hears_nothing()
            discovery.put({"shop": (B,)})
            envoy.ask(["shop"], removed=["shop"])
            assert await envoy.hears() == {"shop": [B]}
            discovery.keep(["end"])
            envoy.ask(["shop"])
            envoy.ask(["end"])
            assert await envoy.hears() == {"end": []}

    run(story())


def test_an_answer_waits_for_room(tmp_path: Path) -> None:
    """One that is many times what a connection takes at once comes whole."""

    async def story() -> None:
        many = {f"service-{number}": (A, B) for number in range(2000)}
        async with asking(tmp_path) as (discovery, envoy):
            discovery.put(many)
            envoy.ask(many)
            assert await envoy.hears() == {name: [A, B] for name in many}

    run(story())


def test_who_talks_nonsense_is_hung_up_on(tmp_path: Path) -> None:
    """And the next one is heard."""

    async def story() -> None:
        async with asking(tmp_path) as (discovery, envoy):
            reader, writer = await asyncio.open_unix_connection(discovery.path)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            await asyncio.wait_for(reader.read(), 10)
            writer.close()
            assert await envoy.hears_nothing()

    run(story())
