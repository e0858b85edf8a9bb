"""A cluster that allows an account certain things only, and keeps account of which of them it does."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Sequence
from typing import Any

from rollway.cluster.port import Asking, Right
from rollway.errors import Forbidden
from rollway.kube.objects import Kind, Ref, kind_of, ref_of


class Permitted:
    """Passes calls on that the rights allow. `used` are those that were needed. What the official client may have to do for a
    call of the port counts, too: an apply creates what is not there, and a watch begins with a list on an older server."""

    def __init__(self, cluster: Any, rights: Collection[Right]) -> None:
        self._cluster = cluster
        self._rights = frozenset(rights)
        self.used: set[Right] = set()

    async def get(self, ref: Ref) -> Any:
        self._check("get", ref)
        return await self._cluster.get(ref)

    async def list(self, kind: Kind, namespace: str, **chosen: Any) -> Any:
        self._check_kind("list", kind)
        return await self._cluster.list(kind, namespace, **chosen)

    async def watch(self, kind: Kind, namespace: str, *, name: str = "", **chosen: Any) -> AsyncGenerator[Any, None]:
        for verb in ("watch", "list"):
            self._check_kind(verb, kind, name, namespace="" if namespace == "shop" else namespace)
        async for event in self._cluster.watch(kind, namespace, name=name, **chosen):
            yield event

    async def logs(self, namespace: str, pod: str, container: str, *tail: Any) -> str:
        self._check("get", Ref("v1", "Pod", namespace, pod), "log")
        text: str = await self._cluster.logs(namespace, pod, container, *tail)
        return text

    async def follow_log(self, namespace: str, pod: str, container: str) -> AsyncGenerator[str, None]:
        self._check("get", Ref("v1", "Pod", namespace, pod), "log")
        async for line in self._cluster.follow_log(namespace, pod, container):
            yield line

    async def ask_service(self, asking: Asking) -> Any:
        self._check("get" if asking.method == "GET" else "create", Ref("v1", "Service", asking.namespace, asking.name), "proxy")
        return await self._cluster.ask_service(asking)

    async def apply(self, obj: Any, **how: Any) -> Any:
        ref = ref_of(obj)
        if await self._cluster.get(ref) is None:
            self._check("create", ref._replace(name=""))
        self._check("patch", ref)
        return await self._cluster.apply(obj, **how)

    async def create(self, obj: Any) -> Any:
        self._check("create", ref_of(obj)._replace(name=""))
        return await self._cluster.create(obj)

    async def replace(self, obj: Any) -> Any:
        self._check("update", ref_of(obj))
        return await self._cluster.replace(obj)

    async def patch(self, ref: Ref, patch: Any, *, subresource: str = "") -> Any:
        self._check("patch", ref, subresource)
        return await self._cluster.patch(ref, patch, subresource=subresource)

    async def delete(self, ref: Ref, *, uid: str = "") -> None:
        self._check("delete", ref)
        await self._cluster.delete(ref, uid=uid)

    async def missing_rights(self, rights: Collection[Right], namespace: str) -> Sequence[Right]:
        return [right for right in rights if self._granting(right) is None]

    def _check(self, verb: str, ref: Ref, subresource: str = "") -> None:
        kind = kind_of(ref.api_version, ref.kind)
        assert kind is not None
        self._check_kind(verb, kind, ref.name, subresource, "" if ref.namespace == "shop" else ref.namespace)

    def _check_kind(self, verb: str, kind: Kind, name: str = "", subresource: str = "", namespace: str = "") -> None:
        resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
        asked = Right(verb, kind.group, resource, name, kind.namespaced, namespace)
        granting = self._granting(asked)
        if granting is None:
            raise Forbidden(
                403, "Forbidden", f'User "ci" cannot {verb} resource "{resource}" in API group "{kind.group}": {name}'
            )
        self.used.add(granting)

    def _granting(self, asked: Right) -> Right | None:
        # a Role in a namespace can speak of that namespace itself, by its name
        inside = [asked._replace(namespaced=True)] if asked.resource == "namespaces" and asked.name else []
        return next((right for right in (asked._replace(name=""), asked, *inside) if right in self._rights), None)
