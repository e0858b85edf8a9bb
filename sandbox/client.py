"""The embedded cluster behind the Cluster port, in the same process: for rehearsals and tests.

Each call gives the event loop one turn first, so that what runs beside it runs between two calls as it would over a network.
What it hands out is shared with the store, as it stands: nobody may change it in place.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Any, Protocol

from ..cluster.port import LAST_LINES, Asking, Event, Right, Tail
from ..errors import ApiError, NotFound
from ..kube.objects import POD, Kind, Obj, Ref, copied, kind_of, selects
from .api.selectors import field_predicate
from .api.server import Api
from .node.podlogs import PodLogs
from .store.store import Change

MANAGER = "rollway"


class World(Protocol):
    """What a sandbox offers here (sandbox.world): its API, and the kubelet's logs."""

    @property
    def api(self) -> Api: ...

    @property
    def logs(self) -> PodLogs: ...


class InProcess:
    """The Cluster port on a sandbox."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def _api(self) -> Api:
        return self._world.api

    async def get(self, ref: Ref) -> Obj | None:
        await asyncio.sleep(0)
        try:
            return self._api.get(*self._at(ref))
        except NotFound:
            return None

    async def list(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: Mapping[str, str] | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Sequence[Obj]:
        await asyncio.sleep(0)
        chosen = _equality(labels), _equality(fields)
        return self._api.list(kind, namespace, label_selector=chosen[0], field_selector=chosen[1]).items

    async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
        await asyncio.sleep(0)
        kind, namespace, name = self._address(obj)
        return self._api.patch(kind, namespace, name, obj, "apply", manager=MANAGER, force=force, dry_run=dry_run)

    async def create(self, obj: Obj) -> Obj:
        await asyncio.sleep(0)
        kind, namespace, _ = self._address(obj)
        return self._api.create(kind, namespace, copied(obj), manager=MANAGER)

    async def replace(self, obj: Obj) -> Obj:
        await asyncio.sleep(0)
        kind, namespace, name = self._address(obj)
        return self._api.update(kind, namespace, name, copied(obj), manager=MANAGER)

    async def patch(self, ref: Ref, patch: Mapping[str, Any] | Sequence[Any], *, subresource: str = "") -> Obj:
        await asyncio.sleep(0)
        is_merge = isinstance(patch, Mapping)
        wanted = copied(patch) if is_merge else [copied(each) for each in patch]
        return self._api.patch(
            *self._at(ref),
            wanted,
            "merge" if is_merge else "json",
            manager=MANAGER,
            subresource=subresource,
        )

    async def delete(self, ref: Ref, *, uid: str = "") -> None:
        await asyncio.sleep(0)
        try:
            self._api.delete(*self._at(ref), propagation="Background", uid=uid)
        except NotFound:
            return

    async def watch(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: Mapping[str, str] | None = None,
        name: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Changes are queued from the first moment on, so none is lost between the list and what follows."""

        is_meant = _meant(namespace, name, labels, field_predicate(_equality(fields), kind) if fields else None)
        changes, has_news = deque[tuple[int, Event]](), asyncio.Event()

        def note(change: Change) -> None:
            # what is not meant wakes nobody
            if change.kind.is_a(kind) and (event := _seen(change, is_meant)):
                changes.append((change.version, event))
                has_news.set()

        unsubscribe = self._api.store.subscribe(note)
        try:
            await asyncio.sleep(0)
            begin = self._api.store.version
            for obj in self._api.list(kind, namespace).items:
                if is_meant(obj):
                    yield Event("ADDED", obj)
            while True:
                while changes:
                    version, event = changes.popleft()
                    if version > begin:
                        yield event
                has_news.clear()
                await has_news.wait()
        finally:
            unsubscribe()

    async def logs(self, namespace: str, pod: str, container: str, tail: Tail = LAST_LINES) -> str:
        await asyncio.sleep(0)
        try:
            return self._world.logs(
                namespace, pod, container,
                previous=tail.previous, tail_lines=tail.lines, since_s=tail.since_s, timestamps=tail.timestamps,
            )  # fmt: skip
        except NotFound:
            return ""

    async def ask_service(self, asking: Asking) -> tuple[int, bytes]:
        await asyncio.sleep(0)
        raise ApiError(503, "ServiceUnavailable", "pods of an embedded cluster in this process answer no requests")

    async def follow_log(self, namespace: str, pod: str, container: str) -> AsyncGenerator[str, None]:
        await asyncio.sleep(0)
        try:
            async for piece in self._world.logs.follow(self._api.get(POD, namespace, pod), {"container": container}):
                for line in piece.splitlines():
                    yield line
        except ApiError:
            return  # as `logs` has it: none there, or none yet

    async def missing_rights(self, rights: Collection[Right], namespace: str) -> Sequence[Right]:
        await asyncio.sleep(0)
        return ()

    async def close(self) -> None:
        await asyncio.sleep(0)

    def _address(self, obj: Obj) -> tuple[Kind, str, str]:
        meta = obj["metadata"]
        ref = Ref(obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta.get("name", ""))
        kind = self._kind(ref)
        return kind, (ref.namespace or "default") if kind.namespaced else "", ref.name

    def _at(self, ref: Ref) -> tuple[Kind, str, str]:
        """Of a kind that only the cluster knows, nobody could tell before that it is in no namespace."""
        kind = self._kind(ref)
        return kind, ref.namespace if kind.namespaced else "", ref.name

    def _kind(self, ref: Ref) -> Kind:
        if (known := kind_of(ref.api_version, ref.kind)) is not None:
            return known
        made, asked = self._api.store.customs, (ref.api_version, ref.kind)
        if (kind := next((kind for kind in made if (kind.api_version, kind.name) == asked), None)) is not None:
            return kind
        raise NotFound(404, "NotFound", "the server could not find the requested resource")


def _meant(
    namespace: str, name: str, labels: Mapping[str, str] | None, fits: Callable[[Obj], bool] | None
) -> Callable[[Obj | None], bool]:
    """Whether a selective watcher looks at an object. What is empty, or None, chooses all."""

    def is_meant(obj: Obj | None) -> bool:
        if obj is None:
            return False
        meta = obj["metadata"]
        if (namespace and meta.get("namespace") != namespace) or name not in ("", meta["name"]):
            return False
        return (fits is None or fits(obj)) and (not labels or selects(labels, meta.get("labels") or {}))

    return is_meant


def _seen(change: Change, is_meant: Callable[[Obj | None], bool]) -> Event | None:
    """A change as a selective watcher sees it: what stops being meant is gone for it."""
    was, now = is_meant(change.before), is_meant(change.obj) and change.type != "DELETED"
    if now:
        return Event("MODIFIED" if was else "ADDED", change.obj)
    return Event("DELETED", change.obj) if was else None


def _equality(terms: Mapping[str, str] | None) -> str:
    return ",".join(f"{key}={value}" for key, value in (terms or {}).items())
