"""A sandbox at real pace whose pods are processes: pods are made, waited for and ended."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rollway.kube.clock import now
from rollway.kube.objects import EVENT, POD, Obj, get, merged
from rollway.sandbox.api.deletion import delete
from rollway.sandbox.controllers.index import is_ready
from rollway.sandbox.node.processes.node import ProcessNode
from rollway.sandbox.node.runtime import RUNTIME
from rollway.sandbox.store.store import Store
from rollway.sandbox.world import Sandbox

SERVER = [sys.executable, str(Path(__file__).with_name("wellbehaved.py"))]
WITHIN_S = 15.0  # a test waits for what it needs, this long at most


def pod(*command: str, name: str = "web", spec: Obj | None = None, annotations: Obj | None = None, **container: Any) -> Obj:
    """A pod of one container `app` that runs the command as soon as a node can."""
    notes = {"sandbox.rollway.dev/behaviour": "pull: 0s", RUNTIME: "process", **(annotations or {})}
    made: Obj = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "generation": 1, "annotations": notes},
        "spec": {"containers": [{"name": "app", "image": "shop:1.2.0", "command": list(command)} | container]},
        "status": {"phase": "Pending"},
    }
    return merged(made, {"spec": spec or {}})


def shell(script: str, **more: Any) -> Obj:
    return pod("sh", "-c", script, **more)


async def eventually(holds: Callable[[], object]) -> None:
    """Until it does; a test that waits for what never comes fails after a while."""
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110  (what other processes do tells nobody)
            await asyncio.sleep(0.02)


class RealNode:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox, self.store = sandbox, sandbox.store

    def create(self, *pods: Obj) -> None:
        for each in pods:
            self.store.create(POD, each)

    def delete(self, name: str = "web", grace_s: int | None = None) -> float:
        """Answers the moment."""
        delete(self.store, POD, "default", name, now=now(), grace_s=grace_s)
        return asyncio.get_running_loop().time()

    async def until(self, holds: Callable[[Obj], Any], name: str = "web") -> Obj:
        """The pod, once that holds of it. While it is there: who waits for its end waits for `gone`."""
        found = asyncio.Event()
        unsubscribe = self.store.subscribe(lambda change: found.set())
        try:
            async with asyncio.timeout(WITHIN_S):
                while not holds(seen := self.store.get(POD, "default", name)):
                    found.clear()
                    await found.wait()
                return seen
        except TimeoutError:
            raise AssertionError(f"{name} never came so far: {self.store.find(POD, 'default', name)}\n{self.told()}") from None
        finally:
            unsubscribe()

    async def gone(self, name: str = "web") -> float:
        """Answers the moment at which the pod was no more."""
        await eventually(lambda: self.store.find(POD, "default", name) is None)
        return asyncio.get_running_loop().time()

    async def logged(self, text: str, name: str = "web") -> str:
        """What the pod has printed, once that is part of it."""
        await eventually(lambda: text in self.sandbox.logs("default", name))
        return self.sandbox.logs("default", name)

    def told(self) -> str:
        """All Events, a line each."""
        return "\n".join(f"{each['reason']}: {each['message']}" for each in self.store.list(EVENT, "default"))


def on_real_node(folder: Path, story: Callable[[RealNode], Awaitable[None]]) -> None:
    async def run() -> None:
        store = Store()
        async with Sandbox(store=store, processes=ProcessNode(store, folder, now)) as sandbox:
            await sandbox.settle()
            await story(RealNode(sandbox))

    asyncio.run(run())


def guardians(folder: Path) -> list[int]:
    """The processes that would end what a dead daemon with that folder leaves."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().split(b"\0")
            if b"rollway.sandbox.node.processes.ledger" in words and any(word.startswith(bytes(folder)) for word in words):
                found.append(int(path.parent.name))
    return found


def first(found: Obj) -> Obj:
    statuses: list[Obj] = get(found, "status", "containerStatuses", default=[{}])
    return statuses[0]


def terminated(found: Obj) -> Obj:
    """How the first container ended; empty while it has not."""
    over: Obj = get(first(found), "state", "terminated", default={})
    return over


def waits_as(reason: str) -> Callable[[Obj], bool]:
    return lambda found: bool(get(first(found), "state", "waiting", "reason") == reason)


def restarts(count: int) -> Callable[[Obj], bool]:
    return lambda found: bool(first(found).get("restartCount", 0) >= count)


__all__ = [
    "SERVER",
    "RealNode",
    "eventually",
    "first",
    "guardians",
    "is_ready",
    "on_real_node",
    "pod",
    "restarts",
    "shell",
    "terminated",
    "waits_as",
]
