"""The sandbox in the background: the process itself, which serves until it is told to stop. `daemon` starts it, and finds it."""

from __future__ import annotations

import asyncio
import base64
import fcntl
import json
import os
import secrets
import signal
import socket
import ssl
import sys
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from ..errors import Unreachable
from ..kube.clock import now
from . import apiservice, settings
from .api.server import bootstrap
from .controllers.gateway import ensure_class
from .daemon import HOST, kubeconfig_path, opened_privately, replaced
from .dataplane.supervisor import binary
from .dataplane.traffic import Traffic
from .durations import Lag
from .furniture import furnish
from .node.nodes import resize
from .node.processes.ledger import Ledger
from .node.processes.node import ProcessNode
from .serving import certificate
from .serving.http import application
from .store.disk import Disk
from .store.store import Store
from .world import Sandbox


def main(arguments: list[str]) -> int:
    """`python -m rollway.sandbox.serve STATE_DIR [READY_FD [LIFELINE_FD]]`: serves until SIGTERM, or the lifeline's end."""
    state_dir = Path(arguments[0])
    os.umask(0o077)  # the database, logs and reports are written by many
    with opened_privately(state_dir / "daemon.lock", "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another daemon serves {state_dir}", file=sys.stderr)
            return 1
        replaced(state_dir / "pid", str(os.getpid()))
        Ledger(state_dir / "processes").sweep()  # what a killed one before left behind
        ready_fd, lifeline, *_ = [*map(int, arguments[1:]), None, None]
        asyncio.run(_serve(state_dir, ready_fd, lifeline))
    return 0


async def _serve(state_dir: Path, ready_fd: int | None, lifeline: int | None) -> None:
    # Every start draws other names and uids than the one before: the objects of before are still there.
    seed = secrets.randbits(32)
    store, disk = _kept(state_dir, seed)
    told = settings.load(state_dir)
    processes = ProcessNode(store, state_dir, now, is_off=not told.processes)
    paths = certificate.ensure(state_dir, datetime.now(UTC))
    sandbox = Sandbox(
        outlives=True,
        store=store,
        seed=seed,
        load_balancer=told.lb_lag or Lag(),
        processes=processes,
        is_proxied=binary() is not None,
        has_endpoints=True,
        authority=paths.authority.read_text(),
    )
    await sandbox.start()
    if told.nodes is not None:
        resize(store, told.nodes, now())
    traffic = Traffic(state_dir, sandbox, told)
    await traffic.start()
    runner = await _listen(state_dir, sandbox, disk, processes, paths)

    def take_up() -> None:
        told = settings.load(state_dir)
        processes.is_off = not told.processes
        traffic.apply(told)
        if told.nodes is not None:
            resize(store, told.nodes, now())

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, take_up)
    try:
        if ready_fd is not None:
            os.write(ready_fd, b"ready")
            os.close(ready_fd)
        await _until_told(lifeline)
    finally:
        await runner.cleanup()
        await traffic.stop()
        await sandbox.stop()
        disk.close()


def _kept(state_dir: Path, seed: int) -> tuple[Store, Disk]:
    """The objects of last time, with what every cluster has; from now on all that changes is kept."""
    store = Store(seed=seed)
    disk = Disk(state_dir / "state.db")
    disk.restore(store)
    disk.follow(store)
    bootstrap(store, datetime.now(UTC))
    ensure_class(store, datetime.now(UTC))
    furnish(store, datetime.now(UTC))
    disk.flush()
    return store, disk


async def _listen(
    state_dir: Path, sandbox: Sandbox, disk: Disk, processes: ProcessNode, paths: certificate.Certificate
) -> web.AppRunner:
    """Serves on loopback, on the port of last time if it is free, and leaves word of where in the state directory."""
    token = _token(state_dir)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(paths.chain, paths.key)
    app = application(sandbox.api, token=token, logs=sandbox.logs, flush=disk.flush, node=processes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    listener = _listener(state_dir)
    await web.SockSite(runner, listener, ssl_context=context).start()
    port = listener.getsockname()[1]
    apiservice.ensure(sandbox.store, HOST, port, datetime.now(UTC))
    replaced(state_dir / "port", str(port))
    replaced(kubeconfig_path(state_dir), _kubeconfig(f"https://{HOST}:{port}", paths.authority, token))
    return runner


def _token(state_dir: Path) -> str:
    path = state_dir / "token"
    if not path.exists():
        replaced(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def _listener(state_dir: Path) -> socket.socket:
    kept = state_dir / "port"
    wanted = int(kept.read_text()) if kept.exists() else 0
    for port in dict.fromkeys((wanted, 0)):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            listener.close()
            continue
        return listener
    raise Unreachable("no port is free on the loopback address")


async def _until_told(lifeline: int | None) -> None:
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    if lifeline is not None:
        loop.add_reader(lifeline, told.set)  # nothing is ever written to it
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    await told.wait()


def _kubeconfig(url: str, authority: Path, token: str) -> str:
    """Clusters, users and contexts of one: the context is `sandbox`. (JSON is YAML.)"""
    trusted = base64.b64encode(authority.read_bytes()).decode()
    name = "rollway-sandbox"
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": {"server": url, "certificate-authority-data": trusted}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": "sandbox", "context": {"cluster": name, "user": name, "namespace": "default"}}],
        "current-context": "sandbox",
    }
    return json.dumps(document, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
