"""What one tab is told, for as long as it is open: all applications, and the one that is open in it, as each changes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from ...cluster import history
from ...cluster.port import Cluster
from ...errors import RollwayError
from ...ship import known, listing, sight
from ...ship.sight import Sight
from ..views.json import error_document, history_document
from . import documents
from .acting import App, Desk, Run

LEAST_S = 0.3
"""Between two looks, however much changes: a step is to be on the screen within a second."""
AGAIN_S = 5.0
"""After something that cannot be seen."""


class Told(NamedTuple):
    """A server-sent event."""

    name: str
    data: dict[str, Any]


async def told(cluster: Cluster, namespace: str, app: App | None, desk: Desk) -> AsyncGenerator[Told, None]:
    """Without end. A look that fails is told as an event `problem`, and tried again."""
    queue: asyncio.Queue[Told] = asyncio.Queue()
    runs = {} if app is None else {app: desk.runs.get(app)}

    def hear(run: Run) -> None:
        if run.app == app:
            queue.put_nowait(Told("run", run.document))

    tasks = [asyncio.create_task(_insist("list", lambda: _listing(cluster, namespace, queue), queue))]
    if app is not None:
        tasks.append(asyncio.create_task(_insist("app", lambda: _app(cluster, app, desk, queue), queue)))
    desk.told.add(hear)
    try:
        for run in filter(None, runs.values()):
            hear(run)
        while True:
            yield await queue.get()
    finally:
        desk.told.discard(hear)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _insist(of: str, tell: Any, queue: asyncio.Queue[Told]) -> None:
    while True:
        try:
            await tell()
        except RollwayError as error:
            queue.put_nowait(
                Told("problem", {"of": of, **error_document(error.summary, error.detail, error.hint, error.exit_code)})
            )
            await asyncio.sleep(AGAIN_S)


async def _listing(cluster: Cluster, namespace: str, queue: asyncio.Queue[Told]) -> None:
    async with contextlib.aclosing(listing.follow(cluster, namespace, least_s=LEAST_S)) as looks:
        async for seen in looks:
            queue.put_nowait(Told("list", documents.listing(seen)))


async def _app(cluster: Cluster, app: App, desk: Desk, queue: asyncio.Queue[Told]) -> None:
    release = await known.released(cluster, app.name, app.namespace)
    stood: tuple[object, ...] | None = None
    async with contextlib.aclosing(sight.follow(cluster, release, least_s=LEAST_S)) as looks:
        async for seen in looks:
            queue.put_nowait(Told("app", documents.sighted(seen)))
            if not seen.lost and (stands := _standing(seen)) != stood:
                stood = stands
                revisions = await history.load(cluster, app.name, app.namespace)
                queue.put_nowait(Told("history", history_document(app.name, app.namespace, revisions)))
                queue.put_nowait(Told("next", await _next(seen, app, desk)))


def _standing(seen: Sight) -> tuple[object, ...]:
    """What a plan of what comes next, and the history, are made of."""
    last = seen.status.last
    return (last.number, last.phase, last.weight, last.paused_at, len(last.entries)) if last else ()


async def _next(seen: Sight, app: App, desk: Desk) -> dict[str, Any]:
    """What `promote` would do, where something is under way; `plan` None where nothing is, `error` where it cannot be planned."""
    last = seen.status.last
    if last is None or not last.is_in_flight:
        return {"plan": None, "error": None}
    try:
        return {"plan": await desk.plan(app, "promote"), "error": None}
    except RollwayError as error:
        return {"plan": None, "error": error_document(error.summary, error.detail, error.hint, error.exit_code)}
