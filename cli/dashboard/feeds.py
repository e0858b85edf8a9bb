"""What the dashboard sees, as it changes: JSON documents, the same as the verbs print."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from ...cluster import history
from ...cluster.history import SECRET_TYPE
from ...cluster.port import Cluster
from ...errors import ApiError, ClusterError, Forbidden, Unreachable
from ...kube.objects import SECRET
from ...ship import known, sight
from ...ship.listing import listed
from ..views.json import history_document
from ..views.list_text import list_document
from ..views.watch_text import watch_document

LEAST_S, LATER_S = 0.3, 10.0
"""Between two looks: as often as that at most; and at all applications again though nothing has been told, as a lock's holder may
be gone."""

Document = dict[str, Any]


async def applications(cluster: Cluster, namespace: str) -> AsyncGenerator[Document, None]:
    """Every application of the namespace, or of all, again and again. A cluster that cannot be reached is told of as `lost`.
    Raises Forbidden."""
    last: Document = {"releases": []}
    async with _changes(cluster, namespace) as changed:
        while True:
            changed.clear()
            try:
                last = list_document(await listed(cluster, namespace)) | {"lost": ""}
            except Forbidden:
                raise
            except (Unreachable, ApiError) as error:
                last = last | {"lost": error.summary}
            yield last
            await asyncio.sleep(LEAST_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LATER_S):
                    await changed.wait()


async def application(cluster: Cluster, app: str, namespace: str) -> AsyncGenerator[Document, None]:
    """One application as `deploy watch` sees it, with its history, again and again. Raises BadInput where there is none."""
    release = await known.released(cluster, app, namespace)
    async with contextlib.aclosing(sight.follow(cluster, release, least_s=LEAST_S)) as seen:
        async for each in seen:
            past: Document = {"revisions": []}
            with contextlib.suppress(ClusterError):
                past = history_document(app, namespace, await history.load(cluster, app, namespace))
            yield watch_document(each) | {"history": past["revisions"], "lost": each.lost}


@contextlib.asynccontextmanager
async def _changes(cluster: Cluster, namespace: str) -> AsyncIterator[asyncio.Event]:
    """Set whenever a history has changed."""
    changed = asyncio.Event()

    async def watch() -> None:
        while True:
            try:
                async with contextlib.aclosing(cluster.watch(SECRET, namespace)) as events:
                    async for event in events:
                        if event.obj.get("type") == SECRET_TYPE:
                            changed.set()
            except Forbidden:
                return  # it may be listed all the same
            except ClusterError:
                await asyncio.sleep(LATER_S)

    task = asyncio.create_task(watch())
    try:
        yield changed
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
