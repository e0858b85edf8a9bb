"""What is known of a plan's Deployments and pods without asking: the watches that stand while it is carried out.

Where a plan moves requests between Deployments that carry the application's label, one watch by that label tells of them all,
from the first wait to the plan's end. What has been heard in this very moment is not asked for again.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection, Iterable, Iterator, Mapping

from ..errors import ClusterError
from ..health.pods import is_ready
from ..kube.objects import DEPLOYMENT, POD, Obj, Ref, get, labels_of, selects
from ..plan.observed import APP_LABEL
from ..plan.plan import Plan
from ..plan.steps import Apply, Route, Step, Wait
from .port import Cluster, Event

FRESH_S = 1.0
"""For how long what was heard need not be asked for again. A dropped connection is noticed later than that."""


class Standing:
    """`together` are the Deployments with the label of `app` that one watch tells of. `wrote` is told of each write of one: no
    watch then begins with what was before it."""

    def __init__(self, cluster: Cluster, app: str = "", together: Collection[Ref] = ()) -> None:
        self._cluster = cluster
        self._labels = {APP_LABEL: app}
        self._together = set(together)
        self._written: dict[Ref, int] = {}
        self._known: dict[str, Obj] = {}
        self._queues: list[asyncio.Queue[Event | ClusterError | None]] = []
        self._reader: asyncio.Task[None] | None = None
        self._heard_at = self._pods_at = -FRESH_S * 2
        self._pods: tuple[Obj, ...] = ()

    def wrote(self, ref: Ref, answer: Obj) -> None:
        version = str(get(answer, "metadata", "resourceVersion", default=""))
        if version.isdigit():
            self._written[ref] = int(version)
        else:
            self.forget(ref)  # nothing tells what is older than that

    def forget(self, ref: Ref) -> None:
        """It is written by others' hands, or the watch by label does not tell of it: from now on it is watched by its name."""
        self._together.discard(ref)
        for queue in self._queues:
            queue.put_nowait(None)

    def heard_of_pods(self, pods: Iterable[Obj]) -> None:
        """What the watch of a wait that has come to its end has told."""
        self._pods, self._pods_at = tuple(pods), _now()

    async def watch(self, ref: Ref) -> AsyncGenerator[Event, None]:
        """Of one Deployment, as the port has it: what there is first, then what changes."""
        if ref in self._together:
            async with contextlib.aclosing(self._shared(ref)) as events:
                async for event in events:
                    if event.type == "DELETED" and await self._cluster.get(ref) is not None:
                        self.forget(ref)  # it has only lost the label
                        break
                    yield event
        async with contextlib.aclosing(self._cluster.watch(DEPLOYMENT, ref.namespace, name=ref.name)) as events:
            async for event in events:
                yield event

    async def _shared(self, ref: Ref) -> AsyncGenerator[Event, None]:
        queue: asyncio.Queue[Event | ClusterError | None] = asyncio.Queue()
        self._queues.append(queue)
        try:
            if self._reader is None or self._reader.done():
                self._known.clear()
                self._reader = asyncio.create_task(self._read(ref.namespace))
            elif ref.name in self._known:
                queue.put_nowait(Event("ADDED", self._known[ref.name]))
            while True:
                item = await queue.get()
                if ref not in self._together:
                    return
                if isinstance(item, ClusterError):
                    raise item
                if item and item.obj["metadata"]["name"] == ref.name and self._is_news(ref, item):
                    yield item
        finally:
            self._queues.remove(queue)

    def _is_news(self, ref: Ref, event: Event) -> bool:
        """What a new list no longer has is told as it was heard of last, which may be before our own write."""
        return event.type == "DELETED" or _version(event.obj) >= self._written.get(ref, 0)

    async def _read(self, namespace: str) -> None:
        try:
            async with contextlib.aclosing(self._cluster.watch(DEPLOYMENT, namespace, labels=self._labels)) as events:
                async for event in events:
                    self._heard_at = _now()
                    name = event.obj["metadata"]["name"]
                    self._known[name] = event.obj
                    if event.type == "DELETED":
                        del self._known[name]
                    for queue in self._queues:
                        queue.put_nowait(event)
        except ClusterError as error:
            self._heard_at = -FRESH_S * 2
            for queue in self._queues:
                queue.put_nowait(error)

    async def asked_of(self, ref: Ref | None) -> int:
        """The pods that a Deployment is to have now; 0 where it is not there."""
        if ref is None:
            return 0
        known = self._known.get(ref.name) if ref in self._together and _now() - self._heard_at < FRESH_S else None
        is_current = known is not None and _version(known) >= self._written.get(ref, 0)
        live = known if is_current else await self._cluster.get(ref)
        return int(get(live, "spec", "replicas", default=1)) if live else 0

    async def ready(self, step: Route) -> int:
        """The ready pods that carry the labels it would choose; where enough of them have just been heard of, at least those."""
        if _now() - self._pods_at < FRESH_S:
            heard = _ready([pod for pod in self._pods if selects(step.selector, labels_of(pod))])
            if heard >= step.min_ready:
                return heard
        return _ready(await self._cluster.list(POD, step.ref.namespace, labels=step.selector))

    async def close(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)


def followed_together(plan: Plan, seen: Mapping[Ref, Obj | None]) -> set[Ref]:
    """The Deployments that one watch by the application's label tells of; none where there is but one of them to wait for."""
    own = {ref: obj for ref, obj in seen.items() if obj is not None}
    own |= {step.ref: step.manifest for step in plan.steps if isinstance(step, Apply)}
    waited = {
        ref
        for ref in (ref for step in plan.steps for ref in _followed(step))
        if ref.is_a(DEPLOYMENT) and ref.namespace == plan.namespace and labels_of(own.get(ref) or {}).get(APP_LABEL) == plan.app
    }
    return waited if len(waited) > 1 else set()


def _followed(step: Step) -> Iterator[Ref]:
    if isinstance(step, Wait):
        yield step.ref
    elif isinstance(step, Route):
        yield from filter(None, (step.former, step.side))


def _ready(pods: Iterable[Obj]) -> int:
    return sum(1 for pod in pods if is_ready(pod))


def _version(obj: Obj) -> int:
    """0 where it is no number."""
    version = str(get(obj, "metadata", "resourceVersion", default=""))
    return int(version) if version.isdigit() else 0


def _now() -> float:
    return asyncio.get_running_loop().time()
