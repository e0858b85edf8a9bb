"""A dashboard that is served on loopback, of an embedded cluster in this process, on a loop of real time."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from rollway.cli.context import Connected, Surroundings
from rollway.cli.dashboard.server import serve
from rollway.cli.session import Session
from rollway.cli.views.json import JsonView
from shop import NAMESPACE_NAME, Stand, World, world


class Terminal(JsonView):
    """What the command prints. `address` is done with the address."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.address: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def note(self, line: str) -> None:
        self.notes.append(line)

    def document(self, data: Any, text: str) -> None:
        self.address.set_result(data["address"])


class Served:
    """`url` has the token in its fragment."""

    def __init__(self, here: World, terminal: Terminal, task: asyncio.Task[None]) -> None:
        self.world, self.terminal, self.task = here, terminal, task
        self.url = terminal.address.result()

    @property
    def origin(self) -> str:
        return f"http://{urlsplit(self.url).netloc}"

    @property
    def token(self) -> str:
        return urlsplit(self.url).fragment.removeprefix("token=")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


@contextlib.asynccontextmanager
async def dashboard(
    stand: Stand, *, may_act: bool = False, namespace: str = NAMESPACE_NAME, port: int = 0, cluster: Any = None
) -> AsyncIterator[Served]:
    async with world(stand=stand) as here:
        terminal = Terminal()
        session = Session(Surroundings(), terminal)
        connected = Connected(cluster(here.cluster) if cluster else here.cluster, "the sandbox", "default", is_sandbox=True)
        task = asyncio.create_task(serve(session, connected, namespace, port, may_act=may_act))
        try:
            await asyncio.wait({task, terminal.address}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            yield Served(here, terminal, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
