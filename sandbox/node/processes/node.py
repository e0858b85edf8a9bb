"""The node's side of processes: whether this machine can, what is kept where, and the end of all of them."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from zlib import crc32

from ....kube.objects import POD, Obj
from ...store.store import Store
from ..node import PROCESS_ADDRESSES, process_address
from ..runtime import Hears, Notes
from . import ledger
from .account import Accounts
from .environment import search_path
from .output import Outputs
from .pod import ProcessPod, Running
from .sessions import Session
from .silence import Silence

BLOCK = 256
BLOCKS = PROCESS_ADDRESSES // BLOCK
STOP_WITHIN_S = 2.0  # when the sandbox goes down, processes are asked first


class ProcessNode:
    """Runs pods as processes, with what it must remember in `folder`. (sandbox.node.runtime.Node)

    While it `is_off` it begins none, and says so.
    """

    def __init__(self, store: Store, folder: Path, now: Callable[[], datetime], *, is_off: bool = False) -> None:
        self._store, self.is_off = store, is_off
        self._folder = folder
        self._ledger = ledger.Ledger(records(folder))
        self.outputs = Outputs(folder / "logs", now)
        self._running: set[Running] = set()
        self._silence = Silence()
        self._accounts = Accounts(folder)

    def begin(self) -> int:
        """Before anything is started: what an earlier life has left is killed. Answers how many processes."""
        self.outputs.keep_only({pod["metadata"]["uid"] for pod in self._store.list(POD)})
        return self._ledger.sweep()

    @cached_property
    def addresses_from(self) -> int:
        """Two sandboxes on one machine share the loopback: each begins in a block of its own, the same one each time."""
        return (crc32(str(self._folder.resolve()).encode()) % BLOCKS) * BLOCK

    @property
    def unable(self) -> str:
        if self.is_off:
            return "this sandbox was told --no-processes"
        return self._lacks

    @cached_property
    def _lacks(self) -> str:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
            try:
                tried.bind((process_address(1), 0))
            except OSError:
                return f"each pod needs an address of its own, and this system has only 127.0.0.1, not {process_address(1)}"
        return ""

    def has_program(self, command: str) -> bool:
        return shutil.which(command, path=search_path()) is not None

    def runtime(self, pod: Obj, hears: Hears, notes: Notes) -> ProcessPod:
        with_command = tuple(index for index, each in enumerate(pod["spec"]["containers"]) if each.get("command"))
        return ProcessPod(
            self._store,
            self._ledger,
            self.outputs,
            self._accounts,
            self._running,
            self._silence,
            with_command or (0,),
            hears,
            notes,
        )

    def is_process(self, uid: str) -> bool:
        """Whether anything of a pod runs as a process."""
        return any(each.key[0] == uid for each in self._running)

    def session(self, uid: str, container: str, argv: list[str], *, has_stdin: bool, is_terminal: bool) -> Session | None:
        """A command beside a container, or without one a hold of it; None where it is no process. Raises CannotStart."""
        running = next((each for each in self._running if each.key == (uid, container) and not each.is_over), None)
        if running is None:
            return None
        return running.session(self._ledger, argv, has_stdin=has_stdin, is_terminal=is_terminal)

    def pod_gone(self, uid: str) -> None:
        self.outputs.remove(uid)

    async def close(self) -> None:
        """Ends all processes: SIGTERM, and SIGKILL for who has not heard."""
        tasks = [running.task for running in self._running if running.task is not None]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for running in tuple(self._running):
                running.signal(number)
            if tasks:
                await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
        self._ledger.close()
        self._silence.close()


def records(folder: Path) -> Path:
    return folder / "processes"


def count(folder: Path) -> int:
    """How many containers run as processes, also of a daemon that is gone."""
    return ledger.count(records(folder))
