"""Probes and hooks as the kubelet runs them from the node: one look, and the moments that a series of looks leads to."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import math
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, NamedTuple, Protocol

import aiohttp

from ....kube.objects import Obj, get
from ..behaviour import READY_S, RELIST_S, Happening, Moment, Probe, probe_of, tick

AGENT = "kube-probe/1.36"
ANSWER_BYTES = 10 << 10  # of a command's output, as the kubelet reads


class Program(Protocol):
    """Runs a command beside a container: `await run(command, timeout_s)` answers (exit code, output). Raises TimeoutError."""

    async def __call__(self, command: list[str], timeout_s: float | None) -> tuple[int, str]: ...


class Target(NamedTuple):
    """A container as its probes and hooks reach it. `ports` are those that have a name."""

    address: str
    ports: Mapping[str, int]
    run: Program


class Failed(Exception):
    """The look was answered badly, or not at all. Says what was seen, in the kubelet's words."""


async def look(handler: Mapping[str, Any], target: Target, timeout_s: float | None, agent: str = AGENT) -> None:
    """One httpGet, tcpSocket, exec or grpc; of grpc only the connection. Raises Failed."""
    if http := handler.get("httpGet"):
        await _http_get(http, target, timeout_s, agent)
    elif command := get(handler, "exec", "command"):
        await _exec([str(word) for word in command], target, timeout_s)
    elif socket := handler.get("tcpSocket") or handler.get("grpc"):
        host = socket.get("host") or target.address
        await _connect(host, port_of(socket.get("port"), target.ports), timeout_s)


def port_of(port: object, ports: Mapping[str, int]) -> int:
    """The number of a port that is given by number or name. Raises Failed."""
    text = str(port)
    if text.isdigit():
        return int(text)
    if text not in ports:
        raise Failed(f"couldn't find port: {text}")
    return ports[text]


async def _http_get(action: Mapping[str, Any], target: Target, timeout_s: float | None, agent: str) -> None:
    host, port = action.get("host") or target.address, port_of(action.get("port"), target.ports)
    path = str(action.get("path") or "/")
    url = f"{str(action.get('scheme') or 'HTTP').lower()}://{host}:{port}{path if path.startswith('/') else '/' + path}"
    headers = {"User-Agent": agent, "Accept": "*/*", "Connection": "close"}
    headers |= {each["name"]: each.get("value", "") for each in action.get("httpHeaders") or ()}
    connector = aiohttp.TCPConnector(ssl=_unverified() if url.startswith("https") else True, force_close=True)
    limit = aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=limit, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.get(url, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
    except TimeoutError as error:
        raise Failed(f'Get "{url}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)') from error
    except aiohttp.ServerDisconnectedError as error:
        raise Failed(f'Get "{url}": EOF') from error
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise Failed(f'Get "{url}": {_reason(error, host, port)}') from error
    if not 200 <= status < 400:
        raise Failed(f"HTTP probe failed with statuscode: {status}")


async def _connect(host: str, port: int, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as error:
        raise Failed(f"dial tcp {host}:{port}: i/o timeout") from error
    except OSError as error:
        raise Failed(_reason(error, host, port)) from error
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def _exec(command: list[str], target: Target, timeout_s: float | None) -> None:
    try:
        code, output = await target.run(command, timeout_s)
    except TimeoutError as error:
        words = " ".join(command)
        raise Failed(f'command timed out: "{words}" timed out after {timeout_s or 0:g}s') from error
    if code:
        raise Failed(output[:ANSWER_BYTES] or f"command terminated with exit code {code}")


def _reason(error: Exception, host: str, port: int) -> str:
    """As Go words it."""
    number = getattr(error, "errno", None)
    if number == errno.ECONNREFUSED or isinstance(error, ConnectionRefusedError):
        return f"dial tcp {host}:{port}: connect: connection refused"
    if number == errno.ECONNRESET or isinstance(error, ConnectionResetError):
        return f"read tcp {host}:{port}: read: connection reset by peer"
    return str(error) or type(error).__name__


def _unverified() -> ssl.SSLContext:
    """The kubelet does not ask who answers."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


# series


async def watch(
    container: Obj,
    target: Target,
    started_s: float,
    phase_s: float,
    tell: Callable[[Moment], None],
    *,
    is_ending: Callable[[], bool],
) -> None:
    """Tells what the container's probes lead to: started, ready, unready, unhealthy, killed. Until cancelled.

    Looks are in step with the node's (`phase_s`), as they are modelled. While the container ends only readiness is looked at.
    """
    loop = asyncio.get_running_loop()
    series = _Series(container, target, started_s, started_s + (phase_s - started_s) % RELIST_S, tell, is_ending)
    if container.get("startupProbe") and not await series.startup():
        return
    if not container.get("readinessProbe"):
        await asyncio.sleep(max(started_s + READY_S - loop.time(), 0))
        tell(Moment(loop.time(), "ready"))
    async with asyncio.TaskGroup() as group:
        if container.get("readinessProbe"):
            group.create_task(series.readiness())
        if container.get("livenessProbe"):
            group.create_task(series.liveness())


class _Series:
    def __init__(
        self,
        container: Obj,
        target: Target,
        started_s: float,
        first_s: float,
        tell: Callable[[Moment], None],
        is_ending: Callable[[], bool],
    ) -> None:
        self._container, self._target, self._tell, self._is_ending = container, target, tell, is_ending
        self._started_s, self._first_s = started_s, first_s
        self._loop = asyncio.get_running_loop()

    async def startup(self) -> bool:
        """Whether it passed before it failed too often."""
        failures = 0
        async for probe, why in self._looks("startupProbe"):
            if self._is_ending():
                return False
            if not why:
                self._say("started")
                return True
            failures += 1
            if failures >= probe.failures:
                self._say("killed", f"Startup probe failed: {why}")
                return False
            self._say("unhealthy", f"Startup probe failed: {why}")
        return False

    async def readiness(self) -> None:
        is_ready, run = False, 0  # how many looks in a row said otherwise
        async for probe, why in self._looks("readinessProbe"):
            if why:
                self._say("unhealthy", f"Readiness probe failed: {why}")
            run = run + 1 if bool(why) == is_ready else 0
            if run >= (probe.failures if is_ready else probe.successes):
                is_ready, run = not is_ready, 0
                self._say("ready" if is_ready else "unready")

    async def liveness(self) -> None:
        failures = 0
        async for probe, why in self._looks("livenessProbe"):
            if self._is_ending():
                return
            failures = failures + 1 if why else 0
            if failures >= probe.failures:
                self._say("killed", f"Liveness probe failed: {why}")
                return
            if why:
                self._say("unhealthy", f"Liveness probe failed: {why}")

    async def _looks(self, name: str) -> AsyncIterator[tuple[Probe, str]]:
        """Each look as it ends: what failed, empty where nothing did. One longer than a period takes the next one's turn."""
        spec = self._container[name]
        probe, timeout_s = probe_of(spec), float(spec.get("timeoutSeconds") or 1)
        if probe is None:
            return
        look_s = tick(probe, self._first_s, max(self._started_s + probe.initial_delay_s, self._loop.time()))
        while True:
            await asyncio.sleep(max(look_s - self._loop.time(), 0))
            why = ""
            try:
                await look(spec, self._target, timeout_s)
            except Failed as failure:
                why = str(failure)
            yield probe, why
            look_s += probe.period_s * max(math.ceil((self._loop.time() - look_s) / probe.period_s), 1)

    def _say(self, what: Happening, message: str = "") -> None:
        self._tell(Moment(self._loop.time(), what, message))
