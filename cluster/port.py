"""The port: what rollway needs of a cluster, on plain objects. CRUD and watch; never a verb of a strategy.

Two implementations keep one contract (tests/contract): the official client (`cluster.client`) and the embedded cluster in-process
(`sandbox.client`). Errors are those of `rollway.errors`: NotFound, Conflict, ApplyConflict, Invalid, Forbidden, Unreachable.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from ..kube.objects import Kind, Obj, Ref


class Event(NamedTuple):
    type: Literal["ADDED", "MODIFIED", "DELETED"]
    obj: Obj


class Right(NamedTuple):
    """One thing that one may be allowed to do, in the words of RBAC: `resource` may have a subresource (`deployments/scale`), and
    without a `name` it is meant of every object. `namespace` is empty for the one that is spoken of."""

    verb: str
    group: str
    resource: str
    name: str = ""
    namespaced: bool = True
    namespace: str = ""


class Asking(NamedTuple):
    """A request to a Service: `name` as the API server's proxy and RBAC have it (`prometheus:9090`, `https:prometheus:9090`).
    `path` begins with a slash and may have a query. An answer that is longer than `most_bytes` comes cut, and is longer still."""

    namespace: str
    name: str
    method: str = "GET"
    path: str = "/"
    headers: Mapping[str, str] = {}
    body: str | None = None
    timeout_s: float = 10.0
    most_bytes: int = 10 * 2**20


class Tail(NamedTuple):
    """Which of a container's lines: so many at the end, of those of the last `since_s` seconds. `previous`: of its life before
    the last restart. `timestamps`: each begins with its moment (RFC 3339)."""

    lines: int = 5
    previous: bool = False
    since_s: int | None = None
    timestamps: bool = False


LAST_LINES = Tail()


class Cluster(Protocol):
    async def get(self, ref: Ref) -> Obj | None:
        """The object, or None where there is none."""
        ...

    async def list(
        self, kind: Kind, namespace: str, *, labels: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> Sequence[Obj]:
        """All objects of the kind in the namespace whose labels equal the given ones, and whose fields do (a field selector, such
        as {"involvedObject.name": "shop-1"}). Each has its apiVersion and kind."""
        ...

    async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
        """Server-side apply as manager `rollway`; creates or merges, and answers what is live then.

        Raises ApplyConflict where another manager owns a field that would change, unless forced.
        """
        ...

    async def create(self, obj: Obj) -> Obj:
        """Raises Conflict (reason AlreadyExists) where the name is taken."""
        ...

    async def replace(self, obj: Obj) -> Obj:
        """Raises Conflict where `metadata.resourceVersion` is given and no longer the live one."""
        ...

    async def patch(self, ref: Ref, patch: Mapping[str, Any] | Sequence[Any], *, subresource: str = "") -> Obj:
        """A mapping is sent as a JSON merge patch (RFC 7386), a sequence as a JSON patch (RFC 6902)."""
        ...

    async def delete(self, ref: Ref, *, uid: str = "") -> None:
        """In the background, with what the object owns. An absent object is no error; another `uid` raises Conflict."""
        ...

    def watch(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: Mapping[str, str] | None = None,
        name: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """First every object there is as ADDED, then each change, without end. Expired versions and dropped connections are
        survived; after one, an object may be seen ADDED or MODIFIED again, and what vanished meanwhile as DELETED."""
        ...

    async def logs(self, namespace: str, pod: str, container: str, tail: Tail = LAST_LINES) -> str:
        """The last lines a container printed; empty where there are none (or no longer any)."""
        ...

    async def ask_service(self, asking: Asking) -> tuple[int, bytes]:
        """What a Service answers, whatever the status, through the API server's proxy. Raises ClusterError where that does not
        pass it on: there is no such Service, none of its pods is ready, or this account may not."""
        ...

    def follow_log(self, namespace: str, pod: str, container: str) -> AsyncGenerator[str, None]:
        """The lines that a container has printed, from the first one on, and those that come; ends where the container does, or
        the connection. None where there is no such pod, or it has not started."""
        ...

    async def missing_rights(self, rights: Collection[Right], namespace: str) -> Sequence[Right]:
        """Those that this account does not have in the namespace; none where the cluster does not say."""
        ...

    async def close(self) -> None: ...
