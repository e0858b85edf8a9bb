"""Tells Envoy of endpoints, over one connection (its Endpoint Discovery Service: aggregated and incremental, by gRPC).

Each file that Envoy follows is an inotify instance to it, of which a user has 128, in all: with a file for the endpoints of each
cluster it aborted where there were 115 Services. Clusters, listeners and routes, which are few, are files (see `publisher`).

Envoy names the resources that it wants, and gets each at once, then whenever it changes; what it has not asked for is not sent.
Whoever connects anew asks anew. Its acknowledgements are not waited for; a refusal is logged.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from ...kube.wire import Value, embedded, fields, text, whole
from .model import Target

if TYPE_CHECKING:
    from h2.connection import H2Connection

_log = logging.getLogger(__name__)

_TYPE = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
_PREFIX = 5  # bytes before each message of gRPC: whether it is compressed, and its length


class Discovery:
    """What is known of endpoints, by the name of the resource, and who is told of it at the unix socket `path`."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._known: dict[str, tuple[Target, ...]] = {}
        self._connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_unix_server(lambda: _Connection(self._known, self._connections), self.path)

    def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for each in tuple(self._connections):
            each.close()

    def put(self, targets: Mapping[str, tuple[Target, ...]]) -> None:
        """Tells what of it is new."""
        changed = {name: found for name, found in targets.items() if self._known.get(name) != found}
        self._known |= changed
        for each in self._connections if changed else ():
            each.send(changed)

    def keep(self, names: Collection[str]) -> None:
        """Forgets all others."""
        for name in [name for name in self._known if name not in names]:
            del self._known[name]


class _Connection(asyncio.Protocol):
    """One Envoy, and the newest stream of it."""

    def __init__(self, known: Mapping[str, tuple[Target, ...]], connections: set[_Connection]) -> None:
        self._known, self._connections = known, connections
        self._stream, self._wanted = 0, set[str]()
        self._received, self._unsent, self._sent = bytearray(), bytearray(), 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._http = transport, _http2()
        self._connections.add(self)
        self._http.initiate_connection()
        self._write()

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        from h2 import events
        from h2.exceptions import ProtocolError

        try:
            for event in self._http.receive_data(data):
                match event:
                    case events.RequestReceived(stream_id=int(stream)):
                        self._begin(stream)
                    case events.DataReceived() if event.stream_id == self._stream:
                        self._http.acknowledge_received_data(event.flow_controlled_length or 0, self._stream)
                        self._receive(event.data or b"")
                    case events.StreamEnded() | events.StreamReset() if event.stream_id == self._stream:
                        self._stream = 0
            self._write()
        except (ProtocolError, ValueError):
            _log.exception("what Envoy asks of endpoints is not understood")
            self.close()

    def send(self, targets: Mapping[str, tuple[Target, ...]]) -> None:
        """Those of them that it asked for."""
        wanted = {name: found for name, found in targets.items() if name in self._wanted}
        if self._stream and wanted:
            self._sent += 1
            message = response(wanted, str(self._sent))
            self._unsent += b"\0" + len(message).to_bytes(_PREFIX - 1, "big") + message
            self._write()

    # inside

    def _begin(self, stream: int) -> None:
        self._stream = stream
        for each in (self._wanted, self._received, self._unsent):
            each.clear()
        self._http.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])

    def _receive(self, data: bytes) -> None:
        self._received += data
        while len(self._received) >= _PREFIX:
            end = _PREFIX + int.from_bytes(self._received[1:_PREFIX], "big")
            if len(self._received) < end:
                return
            message = bytes(self._received[_PREFIX:end])
            del self._received[:end]
            self._take(message)

    def _take(self, message: bytes) -> None:
        """A DeltaDiscoveryRequest: names that are wanted (3), those that are not any more (4), what was refused (7)."""
        added: list[str] = []
        for number, value in fields(message):
            match number:
                case 3:
                    added.append(_text(value))
                case 4:
                    self._wanted.discard(_text(value))
                case 7:
                    _log.warning("Envoy refuses endpoints: %s", _text(value))
        self._wanted.update(added)
        self.send({name: self._known[name] for name in added if name in self._known})

    def _write(self) -> None:
        """As much as Envoy has room for; it says when it has more."""
        while self._stream and self._unsent:
            room = min(self._http.local_flow_control_window(self._stream), self._http.max_outbound_frame_size)
            if room <= 0:
                break
            self._http.send_data(self._stream, bytes(self._unsent[:room]))
            del self._unsent[:room]
        self._transport.write(self._http.data_to_send())


def response(targets: Mapping[str, Iterable[Target]], nonce: str) -> bytes:
    """A DeltaDiscoveryResponse: resources (2), of what type (4), by which name it is acknowledged (5)."""
    return b"".join(embedded(2, _resource(name, found)) for name, found in targets.items()) + text(4, _TYPE) + text(5, nonce)


def _resource(name: str, targets: Iterable[Target]) -> bytes:
    """A Resource: version (1), an Any of a ClusterLoadAssignment (2), name (3). Nobody asks for the version."""
    endpoints = b"".join(embedded(2, _endpoint(each)) for each in targets)
    assignment = text(1, name) + (embedded(2, endpoints) if endpoints else b"")
    return text(1, "1") + embedded(2, text(1, _TYPE) + embedded(2, assignment)) + text(3, name)


def _endpoint(target: Target) -> bytes:
    """An LbEndpoint: of it the Endpoint (1), its Address (1), of which the SocketAddress (1): address (2), port (3)."""
    address = text(2, target.address) + whole(3, target.port)
    return embedded(1, embedded(1, embedded(1, address)))


def _text(value: Value) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _http2() -> H2Connection:
    """Loaded when Envoy calls, which is after the sandbox has answered that it is up."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection

    return H2Connection(H2Configuration(client_side=False))
