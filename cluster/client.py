"""The `Cluster` port on a real cluster, through the official `kubernetes` package's asyncio side.

The kinds that rollway knows (kube.objects) have known paths and cost no discovery; another kind's group and version is asked for
once. The package's generated methods and its dynamic client are not used: the former want typed objects, the latter discovers the
whole cluster first.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..errors import ApiError, Conflict, NotFound
from ..kube.objects import POD, SERVICE, Kind, Obj, Ref, get, kind_of, ref_of
from ..plan.observed import FIELD_MANAGER
from .follow import follow
from .port import LAST_LINES, Asking, Event, Right, Tail

if TYPE_CHECKING:
    from .reviews import Granted
    from .wire import Timing, Wire

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
INITIAL = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
APPLY_PATCH = "application/apply-patch+yaml"  # JSON is YAML


async def connect(
    *,
    context: str | None = None,
    kubeconfig: str | None = None,
    qps: float = 0.0,
    timing: Timing | None = None,
    is_inside: bool = False,
) -> KubeClient:
    """The cluster that the kubeconfig's context names (default: its current one), or, in a pod without kubeconfig, its own.

    `is_inside`: that of the pod, whatever kubeconfig there is. `qps` limits the requests a second; 0 leaves that to the API
    server's own fairness. Nothing is sent yet. Raises Unreachable where there is no kubeconfig, no such context, or no
    credentials.
    """
    from .kubeconfig import load_access, load_inside
    from .wire import Timing, Wire

    reload = load_inside if is_inside else partial(load_access, context, kubeconfig)
    return KubeClient(Wire(await reload(), reload, timing or Timing(), qps))


class KubeClient:
    """A `Cluster`. An empty namespace of a namespaced object means the context's; `list` and `watch` take it as all of them."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._tells_initial = True
        self._served: dict[str, dict[str, Kind]] = {}  # apiVersion -> kind name -> kind
        self._granted: dict[str, Granted] = {}  # namespace -> what this account may do there

    @property
    def default_namespace(self) -> str:
        return self._wire.access.namespace

    @property
    def context(self) -> str:
        return self._wire.access.context

    @property
    def requests_made(self) -> Mapping[str, int]:
        """HTTP requests sent so far, repeats included, by verb of the port (`discover` for what had to be looked up)."""
        return self._wire.requests_made

    async def __aenter__(self) -> KubeClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._wire.close()

    # reading

    async def get(self, ref: Ref) -> Obj | None:
        try:
            return await self._send("get", "GET", ref)
        except NotFound:
            return None

    async def list(
        self, kind: Kind, namespace: str, *, labels: Mapping[str, str] | None = None, fields: Mapping[str, str] | None = None
    ) -> Sequence[Obj]:
        return (await self._snapshot(kind, namespace, _selectors(labels, fields)))[1]

    def watch(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: Mapping[str, str] | None = None,
        name: str = "",
        fields: Mapping[str, str] | None = None,
    ) -> AsyncGenerator[Event, None]:
        query = _selectors(labels, {**(fields or {}), **({"metadata.name": name} if name else {})})
        return follow(_Listed(self, kind, namespace, query), first_pause_s=self._wire.timing.first_pause / 2)

    async def logs(self, namespace: str, pod: str, container: str, tail: Tail = LAST_LINES) -> str:
        from .answers import Call

        query = {"container": container, "tailLines": str(tail.lines)} | ({"previous": "true"} if tail.previous else {})
        query |= {"sinceSeconds": str(tail.since_s)} if tail.since_s is not None else {}
        query |= {"timestamps": "true"} if tail.timestamps else {}
        path = _path(POD, namespace or self.default_namespace, pod, "log")
        try:
            return str(await self._wire.send(Call("logs", "GET", path, POD, namespace, pod, "log", query)))
        except ApiError as error:
            if error.code in (400, 404):  # no such pod; or the container has not started, or has no previous life
                return ""
            raise

    async def ask_service(self, asking: Asking) -> tuple[int, bytes]:
        from .answers import Call

        path = f"{_path(SERVICE, asking.namespace, asking.name, 'proxy')}{asking.path}"
        sort = next(
            (value for key, value in asking.headers.items() if key.lower() == "content-type"), "text/plain; charset=utf-8"
        )
        body: Any = asking.body
        if body is not None and "json" in sort:
            with contextlib.suppress(ValueError):
                body = json.loads(body)  # written again on its way
        call = Call(
            "proxy", asking.method, path, SERVICE, asking.namespace, asking.name, "proxy", body=body, content_type=sort,
            may_repeat=False, headers=dict(asking.headers), limit_s=asking.timeout_s, most_bytes=asking.most_bytes,
        )  # fmt: skip
        answer: tuple[int, bytes] = await self._wire.send(call)
        return answer

    async def follow_log(self, namespace: str, pod: str, container: str) -> AsyncGenerator[str, None]:
        from .answers import Call

        path = _path(POD, namespace or self.default_namespace, pod, "log")
        call = Call("follow", "GET", path, POD, namespace, pod, "log", {"container": container, "follow": "true"})
        try:
            async with contextlib.aclosing(self._wire.text_lines(call)) as lines:
                async for line in lines:
                    yield line
        except ApiError as error:
            if error.code not in (400, 404):
                raise

    async def missing_rights(self, rights: Collection[Right], namespace: str) -> Sequence[Right]:
        """One request a namespace, as long as nothing is missing: many releases into one ask once."""
        from .reviews import granted_in, missing

        place = namespace or self.default_namespace
        try:
            if place in self._granted and not await missing(rights, place, self._granted[place], self._ask):
                return ()
            self._granted[place] = await granted_in(place, self._ask)
            return await missing(rights, place, self._granted[place], self._ask)
        except ApiError:
            return ()  # a cluster that does not answer such questions: the requests themselves will tell

    # writing

    async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Obj:
        query = {"force": "true"} if force else {}
        query |= {"dryRun": "All"} if dry_run else {}
        return await self._send("apply", "PATCH", ref_of(obj), body=obj, query=query, content_type=APPLY_PATCH)

    async def create(self, obj: Obj) -> Obj:
        return await self._send("create", "POST", ref_of(obj), body=obj)

    async def replace(self, obj: Obj) -> Obj:
        return await self._send("replace", "PUT", ref_of(obj), body=obj)

    async def patch(self, ref: Ref, patch: Mapping[str, Any] | Sequence[Any], *, subresource: str = "") -> Obj:
        body: Any = dict(patch) if isinstance(patch, Mapping) else list(patch)
        content_type = MERGE_PATCH if isinstance(patch, Mapping) else JSON_PATCH
        return await self._send("patch", "PATCH", ref, body=body, content_type=content_type, subresource=subresource)

    async def delete(self, ref: Ref, *, uid: str = "") -> None:
        body: Obj = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        if uid:
            body["preconditions"] = {"uid": uid}
        try:
            await self._send("delete", "DELETE", ref, body=body)
        except NotFound:
            return

    # inside

    async def _send(
        self,
        verb: str,
        method: str,
        ref: Ref,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        subresource: str = "",
    ) -> Obj:
        """One request about one object. Raises NotFound where the object or its kind is not there."""
        from .answers import Call

        kind = await self._kind(ref.api_version, ref.kind)
        namespace = (ref.namespace or self.default_namespace) if kind.namespaced else ""
        if not kind.namespaced and isinstance(body, Mapping) and get(body, "metadata", "namespace"):
            # of a kind that only the cluster knows, nobody could tell before: in no namespace, it may name none
            body = {**body, "metadata": {key: value for key, value in body["metadata"].items() if key != "namespace"}}
        path = _path(kind, namespace, "" if method == "POST" else ref.name, subresource)
        manager = {"fieldManager": FIELD_MANAGER} if verb in ("apply", "create", "replace", "patch") else {}
        call = Call(
            verb, method, path, kind, namespace, ref.name, subresource, {**(query or {}), **manager}, body, content_type,
            may_repeat=content_type != JSON_PATCH or is_repeatable(body),
        )  # fmt: skip
        recheck = partial(self._done_before, ref, body) if verb in ("create", "replace") else None
        answer: Obj = await self._wire.send(call, recheck)
        return answer

    async def _ask(self, plural: str, review: Obj) -> Obj:
        from .answers import Call

        answer: Obj = await self._wire.send(Call("review", "POST", f"/apis/{review['apiVersion']}/{plural}", body=review))
        return answer

    async def _done_before(self, ref: Ref, wanted: Obj, error: ApiError) -> Obj | None:
        """After an answer was lost and the repeat met a conflict: the live object, if all that was asked for is in it.

        Whoever wrote it, it is then as wanted. A lock is safe with that: its holder and its moment are in what was asked for.
        """
        if not isinstance(error, Conflict):
            return None
        live = await self.get(ref)
        meta = {key: value for key, value in wanted["metadata"].items() if key not in ("resourceVersion", "managedFields")}
        return live if live is not None and covers(live, wanted | {"metadata": meta}) else None

    async def _snapshot(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> tuple[str, Sequence[Obj]]:
        from .answers import Call

        answer = await self._wire.send(Call("list", "GET", _path(kind, namespace), kind, namespace, query=dict(query)))
        # the items of a list come without them
        typed = [{"apiVersion": kind.api_version, "kind": kind.name, **item} for item in answer.get("items") or ()]
        return get(answer, "metadata", "resourceVersion", default=""), typed

    async def _stream(self, kind: Kind, namespace: str, query: Mapping[str, str]) -> AsyncGenerator[dict[str, Any], None]:
        from .answers import Call

        how = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(self._wire.timing.watch)}
        call = Call("watch", "GET", _path(kind, namespace), kind, namespace, query={**how, **query})
        async with contextlib.aclosing(self._wire.lines(call)) as lines:
            async for event in lines:
                yield event

    async def _kind(self, api_version: str, name: str) -> Kind:
        """Raises NotFound for a kind that is not served; what is not there is asked for again the next time."""
        from .answers import not_served

        kind = kind_of(api_version, name) or self._served.get(api_version, {}).get(name)
        if kind is None:
            self._served[api_version] = await self._discover(api_version)
            kind = self._served[api_version].get(name)
        if kind is None:
            raise not_served(Kind(api_version, name, ""))
        return kind

    async def _discover(self, api_version: str) -> dict[str, Kind]:
        from .answers import Call

        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            answer = await self._wire.send(Call("discover", "GET", path))
        except NotFound:
            return {}
        resources = [resource for resource in answer.get("resources") or () if "/" not in resource["name"]]
        return {item["kind"]: Kind(api_version, item["kind"], item["name"], item["namespaced"]) for item in resources}


class _Listed:
    """What a watch follows. Whether the server begins watches with what there is (Kubernetes 1.34 and later) holds for all."""

    def __init__(self, client: KubeClient, kind: Kind, namespace: str, query: Mapping[str, str]) -> None:
        self._client = client
        self._of = (kind, namespace)
        self._query = query

    @property
    def tells_initial(self) -> bool:
        return self._client._tells_initial

    @tells_initial.setter
    def tells_initial(self, value: bool) -> None:
        self._client._tells_initial = value

    async def snapshot(self) -> tuple[str, Sequence[Obj]]:
        return await self._client._snapshot(*self._of, self._query)

    def stream(self, version: str) -> AsyncGenerator[dict[str, Any], None]:
        start = {"resourceVersion": version} if version else INITIAL
        return self._client._stream(*self._of, {**self._query, **start})


def _path(kind: Kind, namespace: str, name: str = "", subresource: str = "") -> str:
    """`/apis/apps/v1/namespaces/shop/deployments/web/scale`"""
    parts = ["apis" if kind.group else "api", kind.api_version]
    if kind.namespaced and namespace:
        parts += ["namespaces", quote(namespace, safe="")]
    parts += [kind.plural, quote(name, safe=""), subresource]
    return "/" + "/".join(part for part in parts if part)


def _selectors(labels: Mapping[str, str] | None, fields: Mapping[str, str] | None) -> dict[str, str]:
    selectors = {"labelSelector": labels, "fieldSelector": fields}
    return {name: ",".join(f"{key}={value}" for key, value in pairs.items()) for name, pairs in selectors.items() if pairs}


def is_repeatable(patch: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a JSON patch done twice leaves what it leaves done once, without failing the second time.

    So it is for members that are set; not for places in a list, which move, nor for a removal or a test, which then fail.
    """
    return all(_sets_member(op) for op in patch)


def _sets_member(op: Mapping[str, Any]) -> bool:
    last = str(op.get("path", "")).rpartition("/")[2]
    return op.get("op") == "replace" or (op.get("op") == "add" and last != "-" and not last.isdigit())


def covers(live: Any, wanted: Any) -> bool:
    """Whether everything wanted is in what is live, which may hold more (the server's defaults)."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return isinstance(live, list) and len(live) == len(wanted) and all(map(covers, live, wanted))
    return bool(live == wanted)
