"""Looking on: the same look again and again, soon after something has changed, and past a cluster that is away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from ..cluster.port import Cluster
from ..errors import ApiError, ClusterError, Forbidden, Unreachable
from ..kube.objects import Kind, Obj

LEAST_S, SOON_S, LATER_S = 1.0, 10.0, 60.0
"""Between two looks: as often as that at most, however much changes; and again though nothing has been told, as a lock's holder
may be gone: sooner while a release is under way."""
UNANSWERED_S = 5.0
T = TypeVar("T")


@dataclass(frozen=True)
class Seen(Generic[T]):
    """What was seen; `lost` says why nothing newer can be, empty where it can."""

    value: T
    lost: str = ""


@dataclass(frozen=True)
class Where:
    """What to watch for changes: objects of a kind in a namespace (empty: in all), of which those count that concern us."""

    kind: Kind
    namespace: str
    labels: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)
    concerns: Callable[[Obj], bool] = lambda obj: True


async def again(
    cluster: Cluster,
    look: Callable[[], Awaitable[T]],
    watched: Sequence[Where],
    is_busy: Callable[[T], bool],
    *,
    least_s: float = LEAST_S,
) -> AsyncGenerator[Seen[T], None]:
    """What is seen, again and again, without end: soon after something has changed, and sooner than else where `is_busy`.

    A cluster that cannot be reached is waited for, and told of beside what was seen last. Raises ClusterError where the first
    look fails, and Forbidden.
    """
    changed = asyncio.Event()
    last: Seen[T] | None = None
    async with _watching(cluster, watched, changed) as is_blind:
        while True:
            changed.clear()
            async for seen in _looks(look, last):
                last = seen
                yield seen
            is_soon = is_blind() or last is None or bool(last.lost) or is_busy(last.value)
            await _until(changed, least_s, SOON_S if is_soon else LATER_S)


async def _looks(look: Callable[[], Awaitable[T]], last: Seen[T] | None) -> AsyncGenerator[Seen[T], None]:
    """One look; before it, where it takes long, the last one once more with the reason, unless that has one already."""
    looking = asyncio.ensure_future(look())
    try:
        done, _ = await asyncio.wait({looking}, timeout=UNANSWERED_S)
        if not done and last is not None and not last.lost:
            yield Seen(last.value, "the cluster does not answer")
        try:
            yield Seen(await looking)
        except (Unreachable, ApiError) as error:
            if last is None or isinstance(error, Forbidden):
                raise
            yield Seen(last.value, error.summary)
    finally:
        looking.cancel()


async def _until(changed: asyncio.Event, least_s: float, most_s: float) -> None:
    await asyncio.sleep(least_s)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(most_s):
            await changed.wait()


@contextlib.asynccontextmanager
async def _watching(cluster: Cluster, watched: Sequence[Where], changed: asyncio.Event) -> AsyncIterator[Callable[[], bool]]:
    """Sets `changed` whenever something of it has. Answers whether something of it may not be watched."""
    blind: list[Kind] = []

    async def watch(what: Where) -> None:
        while True:
            try:
                events = cluster.watch(what.kind, what.namespace, labels=what.labels, fields=what.fields)
                async with contextlib.aclosing(events):
                    async for event in events:
                        if what.concerns(event.obj):
                            changed.set()
            except Forbidden:
                blind.append(what.kind)
                return
            except ClusterError:
                await asyncio.sleep(SOON_S)

    tasks = [asyncio.create_task(watch(each)) for each in watched]
    try:
        yield lambda: bool(blind)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
