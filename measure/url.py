"""Any server that answers JSON: the value at a JSONPath of it, or the whole."""

from __future__ import annotations

from ..cluster.port import Cluster
from ..gates.documents import Unreadable, value_at
from ..gates.figures import Value
from ..gates.templates import filled
from ..release.gates import Gate
from .port import Unmeasured, Window
from .web import Web


class Url:
    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        assert gate.url is not None
        self._options = gate.url
        self._web = Web(self._options, cluster, namespace)

    async def measure(self, window: Window) -> Value:
        values, options = window.values(window.new), self._options
        body = filled(options.body, values) if options.body is not None else None
        status, answer = await self._web.ask(filled(options.address, values), method=options.method, body=body)
        if not 200 <= status < 300:
            raise Unmeasured(f"status {status}")
        try:
            return Value(value_at(answer, options.path))
        except Unreadable as error:
            raise Unmeasured(str(error)) from None

    def asks(self, window: Window) -> list[str]:
        address = filled(self._options.address, window.values(window.new))
        return [f"{self._options.method} {address} {self._options.path}", *self._web.ways]

    async def close(self) -> None:
        await self._web.close()
