"""What a run asks of the API server: counted, and kept from an embedded cluster where that does not know it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any

from ..cluster.port import LAST_LINES, Asking, Cluster, Event, Right, Tail
from ..kube.objects import Kind, Obj, Ref, kind_of


class Counted:
    """The Cluster port, counting. A watch is two requests: a list, and the watch itself.

    Custom resources (a ServiceMonitor, a Certificate) are taken for applied: no time and no request of a rehearsal hangs on them.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.requests = 0

    async def get(self, ref: Ref) -> Obj | None:
        self.requests += 1
        return await self._cluster.get(ref)

    async def list(
        self, kind: Kind, namespace: str, *, labels: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> Sequence[Obj]:
        self.requests += 1
        return await self._cluster.list(kind, namespace, labels=labels, fields=fields)

    async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
        self.requests += 1
        if kind_of(obj["apiVersion"], obj["kind"]) is None:
            return obj
        return await self._cluster.apply(obj, force=force, dry_run=dry_run)

    async def create(self, obj: Obj) -> Obj:
        self.requests += 1
        return await self._cluster.create(obj)

    async def replace(self, obj: Obj) -> Obj:
        self.requests += 1
        return await self._cluster.replace(obj)

    async def patch(self, ref: Ref, patch: Mapping[str, Any] | Sequence[Any], *, subresource: str = "") -> Obj:
        self.requests += 1
        return await self._cluster.patch(ref, patch, subresource=subresource)

    async def delete(self, ref: Ref, *, uid: str = "") -> None:
        self.requests += 1
        if kind_of(ref.api_version, ref.kind) is None:
            return
        await self._cluster.delete(ref, uid=uid)

    def watch(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: Mapping[str, str] | None = None,
        name: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Event, None]:
        self.requests += 2
        return self._cluster.watch(kind, namespace, labels=labels, name=name, fields=fields)

    async def logs(self, namespace: str, pod: str, container: str, tail: Tail = LAST_LINES) -> str:
        self.requests += 1
        return await self._cluster.logs(namespace, pod, container, tail)

    async def ask_service(self, asking: Asking) -> tuple[int, bytes]:
        self.requests += 1
        return await self._cluster.ask_service(asking)

    def follow_log(self, namespace: str, pod: str, container: str) -> AsyncGenerator[str, None]:
        self.requests += 1
        return self._cluster.follow_log(namespace, pod, container)

    async def missing_rights(self, rights: Collection[Right], namespace: str) -> Sequence[Right]:
        self.requests += 1
        return await self._cluster.missing_rights(rights, namespace)

    async def close(self) -> None:
        await self._cluster.close()
