"""The sandbox in the background: started, found again, stopped. `deploy sandbox up` and its like are these functions.

Everything lies in one folder, the state directory: the database, the certificate, the token, the kubeconfig, the log. A running
daemon holds a lock on `daemon.lock`, so a stale pid file fools nobody: the system releases the lock however the process ended.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import fcntl
import json
import os
import secrets
import select
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, NamedTuple

from aiohttp import web

from ..errors import BadInput, Unreachable
from ..kube.clock import now
from ..kube.objects import get
from . import settings
from .api.server import bootstrap
from .dataplane.traffic import Traffic, check_port, standing
from .durations import Lag
from .node.nodes import resize
from .node.processes.ledger import Ledger
from .node.processes.node import ProcessNode, count
from .serving import certificate
from .serving.http import application
from .store.disk import Disk
from .store.store import Store
from .world import Sandbox

START_WITHIN_S = 20.0
STOP_WITHIN_S = 10.0
HOST = "127.0.0.1"


class Endpoint(NamedTuple):
    """Where the sandbox answers. `token` is a secret."""

    url: str
    token: str
    authority: Path
    kubeconfig: Path


class Status(NamedTuple):
    """`pid` is 0 and `url` empty where nothing runs. `processes` counts those of pods; None: it runs none."""

    is_running: bool
    pid: int
    url: str
    state_dir: Path
    processes: int | None = None


def default_state_dir() -> Path:
    """$ROLLWAY_SANDBOX_HOME, else $XDG_STATE_HOME/rollway/sandbox, else ~/.local/state/rollway/sandbox."""
    if home := os.environ.get("ROLLWAY_SANDBOX_HOME"):
        return Path(home)
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(base) / "rollway" / "sandbox"


def kubeconfig_path(state_dir: Path) -> Path:
    return state_dir / "kubeconfig"


def up(state_dir: Path, *, lifeline: int | None = None, **changes: Any) -> Endpoint:
    """Starts the daemon, or finds the one that runs. Raises Unreachable where it does not come up.

    `changes` are of its settings, None for none; they are kept. One that runs takes them up. Raises BadInput for a port in use.
    `lifeline` is the reading end of a pipe: one that is started ends when nobody holds the other end any more, however they went.
    """
    try:
        return _up(state_dir, lifeline, changes)
    except OSError as error:
        raise BadInput(
            f"the sandbox's state cannot be kept in {state_dir}: {error.strerror or error}",
            detail=str(error.filename or ""),
            hint="make room there, or name another folder in ROLLWAY_SANDBOX_HOME",
        ) from error


def _up(state_dir: Path, lifeline: int | None, changes: Mapping[str, Any]) -> Endpoint:
    _make_private(state_dir)
    with _locked(state_dir / "up.lock"):  # two at once start one
        before, is_running = settings.load(state_dir), _is_held(state_dir)
        wanted = before.changed(**changes)
        if not is_running or wanted.ingress_port not in (before.ingress_port, get(standing(state_dir), "ingress", "port")):
            check_port(wanted.ingress_port)
        settings.save(state_dir, wanted)
        if not is_running:
            _start(state_dir, lifeline)
        elif wanted != before:
            os.kill(_pid(state_dir), signal.SIGHUP)
    return _endpoint(state_dir)


def down(state_dir: Path) -> bool:
    """Stops the daemon; what it knows stays on disk. Answers whether there was one."""
    ledger = Ledger(state_dir / "processes")
    if not _is_held(state_dir):
        ledger.sweep()  # of one that was killed
        return False
    pid = _pid(state_dir)
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        if _wait_released(state_dir):
            break
    ledger.sweep()
    (state_dir / "pid").unlink(missing_ok=True)
    return True


def reset(state_dir: Path) -> Endpoint | None:
    """Forgets all objects. A running daemon is started anew, at the same address and with the same token."""
    was_running = down(state_dir)
    for path in state_dir.glob("state.db*"):
        path.unlink(missing_ok=True)
    shutil.rmtree(state_dir / "logs", ignore_errors=True)
    return up(state_dir) if was_running else None


def status(state_dir: Path) -> Status:
    if not _is_held(state_dir):
        return Status(False, 0, "", state_dir)
    processes = count(state_dir) if settings.load(state_dir).processes else None
    return Status(True, _pid(state_dir), _url(state_dir), state_dir, processes)


# starting


def _start(state_dir: Path, lifeline: int | None) -> None:
    """Starts the daemon and waits for its word that it answers, which comes through a pipe."""
    reading, writing = os.pipe()
    with _private(state_dir / "daemon.log", "ab") as log:
        passed = [writing] if lifeline is None else [writing, lifeline]
        command = [sys.executable, "-m", "rollway.sandbox.daemon", str(state_dir), *map(str, passed)]
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, pass_fds=passed, cwd="/"
        )
    os.close(writing)
    try:
        ready, _, _ = select.select([reading], [], [], START_WITHIN_S)
        word = os.read(reading, 16) if ready else b""
    finally:
        os.close(reading)
    if word != b"ready":
        process.kill()
        process.wait()
        raise Unreachable(
            "the sandbox did not start", detail=_last_words(state_dir), hint=f"the log is {state_dir / 'daemon.log'}"
        )
    process.returncode = 0  # it lives on by itself: nobody here waits for it


def _last_words(state_dir: Path) -> str:
    lines = (state_dir / "daemon.log").read_text(errors="replace").splitlines()
    return "\n".join(lines[-5:])


# files


def _make_private(state_dir: Path) -> None:
    """The folder, made or as it was found, and all in it are the user's alone: the token in it is the cluster's owner.

    Raises BadInput where it is somebody else's.
    """
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = state_dir.stat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise BadInput(
            f"{state_dir} belongs to somebody else, who could read the sandbox's token",
            hint="name a folder of your own in ROLLWAY_SANDBOX_HOME",
        )
    state_dir.chmod(0o700)
    for folder, names, files in os.walk(state_dir):
        for name, mode in (*((name, 0o700) for name in names), *((name, 0o600) for name in files)):
            path = Path(folder, name)
            with contextlib.suppress(OSError):  # gone meanwhile
                kept = path.lstat()
                if stat.S_IMODE(kept.st_mode) & 0o077 and (stat.S_ISDIR(kept.st_mode) or stat.S_ISREG(kept.st_mode)):
                    path.chmod(mode)


def _private(path: Path, mode: str) -> IO[bytes]:
    """Opens a file that only the user may read."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW, 0o600))


def _pid(state_dir: Path) -> int:
    return int((state_dir / "pid").read_text())


def _url(state_dir: Path) -> str:
    return f"https://{HOST}:{(state_dir / 'port').read_text().strip()}"


def _endpoint(state_dir: Path) -> Endpoint:
    token = (state_dir / "token").read_text().strip()
    return Endpoint(_url(state_dir), token, state_dir / "ca.crt", kubeconfig_path(state_dir))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with _private(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_held(state_dir: Path) -> bool:
    if not (state_dir / "daemon.lock").exists():
        return False
    with _private(state_dir / "daemon.lock", "ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _wait_released(state_dir: Path) -> bool:
    pause = threading.Event()
    for _ in range(int(STOP_WITHIN_S / 0.02)):
        if not _is_held(state_dir):
            return True
        pause.wait(0.02)
    return False


def _write(path: Path, text: str) -> None:
    """Replaces the file as a whole: a reader sees the old or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    with _private(fresh, "wb") as file:
        file.write(text.encode())
    fresh.replace(path)


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


# the daemon


def main(arguments: list[str]) -> int:
    """`python -m rollway.sandbox.daemon STATE_DIR [READY_FD [LIFELINE_FD]]`: serves until SIGTERM, or the lifeline's end."""
    state_dir = Path(arguments[0])
    os.umask(0o077)  # the database, logs and reports are written by many
    with _private(state_dir / "daemon.lock", "ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another daemon serves {state_dir}", file=sys.stderr)
            return 1
        _write(state_dir / "pid", str(os.getpid()))
        Ledger(state_dir / "processes").sweep()  # what a killed one before left behind
        ready_fd, lifeline, *_ = [*map(int, arguments[1:]), None, None]
        asyncio.run(_serve(state_dir, ready_fd, lifeline))
    return 0


async def _serve(state_dir: Path, ready_fd: int | None, lifeline: int | None) -> None:
    # Every start draws other names and uids than the one before: the objects of before are still there.
    seed = secrets.randbits(32)
    store = Store(seed=seed)
    disk = Disk(state_dir / "state.db")
    disk.restore(store)
    disk.follow(store)
    bootstrap(store, datetime.now(UTC))
    disk.flush()
    told = settings.load(state_dir)
    processes = ProcessNode(store, state_dir, now, is_off=not told.processes)
    sandbox = Sandbox(store=store, seed=seed, load_balancer=told.lb_lag or Lag(), processes=processes)
    await sandbox.start()
    if told.nodes is not None:
        resize(store, told.nodes, now())
    traffic = Traffic(state_dir, sandbox, told)
    await traffic.start()
    runner = await _listen(state_dir, sandbox, disk)

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


async def _listen(state_dir: Path, sandbox: Sandbox, disk: Disk) -> web.AppRunner:
    """Serves on loopback, on the port of last time if it is free, and leaves word of where in the state directory."""
    paths = certificate.ensure(state_dir, datetime.now(UTC))
    token = _token(state_dir)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(paths.chain, paths.key)
    app = application(sandbox.api, token=token, logs=sandbox.logs, flush=disk.flush)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    listener = _listener(state_dir)
    await web.SockSite(runner, listener, ssl_context=context).start()
    port = listener.getsockname()[1]
    _write(state_dir / "port", str(port))
    _write(kubeconfig_path(state_dir), _kubeconfig(f"https://{HOST}:{port}", paths.authority, token))
    return runner


def _token(state_dir: Path) -> str:
    path = state_dir / "token"
    if not path.exists():
        _write(path, secrets.token_urlsafe(32))
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


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
