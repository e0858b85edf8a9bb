"""A web server that answers as it is told to, and the kubeconfig for it: for what a real API server would not do on demand."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import yaml
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from rollway.cluster.client import KubeClient, connect
from rollway.cluster.wire import Timing

FAST = Timing(
    connect=2, read=2, write=2, first_patience=5, patience=5, overload=5, first_pause=0.002, longest_pause=0.01, watch=1
)
"""Tries again at once, and for long enough on any machine."""
IMPATIENT = replace(FAST, first_patience=0.1, patience=0.1, overload=0.1)
"""Gives up, where that is what is tested."""
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeApi:
    """Each request is answered by the first of `script` (taken off it), or, where that is empty, by `otherwise`."""

    def __init__(self) -> None:
        self.script: list[Answer] = []
        self.otherwise: Answer = answer({"kind": "Status", "code": 500, "message": "nothing is scripted"}, 500)
        self.seen: list[tuple[str, str]] = []  # (method, path with query)
        self.bodies: list[Any] = []
        self.headers: list[Mapping[str, str]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.seen.append((request.method, request.path_qs))
        self.headers.append(dict(request.headers))
        text = await request.text()
        self.bodies.append(json.loads(text) if text else None)
        return await (self.script.pop(0) if self.script else self.otherwise)(request)

    def serving(self, tls: ssl.SSLContext | None = None) -> contextlib.AbstractAsyncContextManager[str]:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self.handle)
        return serving(app, tls)


@contextlib.asynccontextmanager
async def serving(app: web.Application, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """On loopback; the address."""
    runner = web.AppRunner(app, shutdown_timeout=0.01)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def in_background(server: contextlib.AbstractAsyncContextManager[str]) -> Iterator[str]:
    """A server on an event loop and a thread of its own, for commands that run their own loop here; its address."""
    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as thread:
        loop, ended = runner.get_loop(), asyncio.Event()
        address: Future[str] = Future()

        async def serve() -> None:
            async with server as host:
                address.set_result(host)
                await ended.wait()

        serving = thread.submit(runner.run, serve())
        try:
            yield address.result(10)
        finally:
            loop.call_soon_threadsafe(ended.set)
            serving.result(10)


@contextlib.asynccontextmanager
async def on_fake_api(tmp_path: Path, api: FakeApi, timing: Timing = FAST) -> AsyncIterator[KubeClient]:
    async with api.serving() as host, await connect(kubeconfig=kubeconfig(tmp_path, host), timing=timing) as client:
        yield client


def kubeconfig(folder: Path, host: str, *, user: Mapping[str, Any] | None = None, **cluster: Any) -> str:
    """A kubeconfig with the contexts `fake` (current, namespace shop) and `other`; its path."""
    contexts = [{"name": name, "context": {"cluster": "c", "user": "u", "namespace": "shop"}} for name in ("fake", "other")]
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "contexts": contexts,
        "clusters": [{"name": "c", "cluster": {"server": host, **cluster}}],
        "users": [{"name": "u", "user": dict(user) if user is not None else {"token": "secret"}}],
    }
    path = folder / "config"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return str(path)


def certificate(folder: Path, name: str = "127.0.0.1") -> tuple[str, str]:
    """A self-signed one for that address; the paths of certificate and key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    built = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    (folder / "crt").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key").write_bytes(pem)
    return str(folder / "crt"), str(folder / "key")


def tls_of(crt: str, key: str) -> ssl.SSLContext:
    """A server's, with that certificate."""
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(crt, key)
    return tls


def answer(body: Any, code: int = 200, **headers: str) -> Answer:
    async def respond(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            return web.Response(text=body, status=code, headers=named)
        return web.json_response(body, status=code, headers=named)

    return respond


def status(code: int, reason: str, message: str = "no", **details: Any) -> Answer:
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message}
    return answer(body | {"details": details}, code)


def lost(answered: Answer | None = None) -> Answer:
    """The connection breaks before an answer is seen."""

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.transport:
            request.transport.abort()
        return web.Response()

    return answered or respond


def silent(seconds: float = 5.0) -> Answer:
    async def respond(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response()

    return respond


def events(*lines: tuple[str, Any], cut: str = "", drop: bool = False, stays: bool = False) -> Answer:
    """A watch: these events, then perhaps the beginning of another; then it ends, breaks, or stays open."""

    async def respond(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for type_, obj in lines:
            await response.write(json.dumps({"type": type_, "object": obj}).encode() + b"\n")
        await response.write(cut.encode() or b"")
        if stays:
            await asyncio.sleep(5)
        if drop and request.transport:
            await asyncio.sleep(0.005)
            request.transport.abort()
        return response

    return respond
