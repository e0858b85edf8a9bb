"""The sandbox in the background: started, found again, stopped. `deploy sandbox up` and its like are these functions.

Everything lies in one folder, the state directory: the database, the certificate, the token, the kubeconfig, the log. A running
daemon holds a lock on `daemon.lock`, so a stale pid file fools nobody: the system releases the lock however the process ended.
What the process itself does is in `serve`: whoever only looks for one loads nothing of the embedded cluster.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

from ..errors import BadInput, Unreachable
from ..kube.objects import get
from . import settings

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


@contextlib.contextmanager
def _named_lifeline() -> Iterator[int | None]:
    """Raises BadInput where what is named is no pipe."""
    name = os.environ.get("ROLLWAY_SANDBOX_LIFELINE")
    if not name:
        yield None
        return
    if not Path(name).is_fifo():
        raise BadInput(f"ROLLWAY_SANDBOX_LIFELINE names no pipe: {name}", hint="make one with mkfifo, or unset the variable")
    reading = os.open(name, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield reading
    finally:
        os.close(reading)


def kubeconfig_path(state_dir: Path) -> Path:
    return state_dir / "kubeconfig"


def up(state_dir: Path, *, lifeline: int | None = None, **changes: Any) -> Endpoint:
    """Starts the daemon, or finds the one that runs. Raises Unreachable where it does not come up.

    `changes` are of its settings, None for none; they are kept. One that runs takes them up. Raises BadInput for a port in use.
    `lifeline` is the reading end of a pipe: one that is started ends when nobody holds the other end any more, however they went.
    $ROLLWAY_SANDBOX_LIFELINE names one (mkfifo) that somebody holds open for writing.
    """
    try:
        with _named_lifeline() as named:
            return _up(state_dir, named if lifeline is None else lifeline, changes)
    except OSError as error:
        raise BadInput(
            f"the sandbox's state cannot be kept in {state_dir}: {error.strerror or error}",
            detail=str(error.filename or ""),
            hint="make room there, or name another folder in ROLLWAY_SANDBOX_HOME",
        ) from error


def _up(state_dir: Path, lifeline: int | None, changes: Mapping[str, Any]) -> Endpoint:
    from .dataplane.traffic import check_port, standing

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
    from .node.processes.ledger import Ledger

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
    from .node.processes.node import count

    processes = count(state_dir) if settings.load(state_dir).processes else None
    return Status(True, _pid(state_dir), _url(state_dir), state_dir, processes)


# starting


def _start(state_dir: Path, lifeline: int | None) -> None:
    """Starts the daemon and waits for its word that it answers, which comes through a pipe."""
    reading, writing = os.pipe()
    with opened_privately(state_dir / "daemon.log", "ab") as log:
        passed = [writing] if lifeline is None else [writing, lifeline]
        command = [sys.executable, "-m", "rollway.sandbox.serve", str(state_dir), *map(str, passed)]
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


def opened_privately(path: Path, mode: str) -> IO[bytes]:
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
    with opened_privately(path, "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_held(state_dir: Path) -> bool:
    if not (state_dir / "daemon.lock").exists():
        return False
    with opened_privately(state_dir / "daemon.lock", "ab") as file:
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


def replaced(path: Path, text: str) -> None:
    """Replaces the file as a whole: a reader sees the old or the new one."""
    fresh = path.with_name(f"{path.name}.new")
    with opened_privately(fresh, "wb") as file:
        file.write(text.encode())
    fresh.replace(path)
