"""The Kubernetes REST API over HTTP for one `Api`: paths and verbs, bodies and content types, watches, tables, Status errors."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, NamedTuple

import yaml
from aiohttp import web

from ..errors import ApiError
from ..kube.clock import now
from ..kube.objects import Kind, Obj
from ..kube.schema import schema_of, zero
from . import checks, discovery, gojson, tables
from .api import Api, Generic, Page
from .registry import RULES
from .selectors import Predicate, bad_request
from .store import Change

Logs = Callable[..., str]
_log = logging.getLogger(__name__)
BOOKMARK_EVERY_S = 60.0
_PATCHES = {
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/json-patch+json": "json",
    "application/apply-patch+yaml": "apply",
}


class Target(NamedTuple):
    """What a path addresses."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


def application(
    api: Api, *, token: str = "", logs: Logs | None = None, flush: Callable[[], None] = lambda: None
) -> web.Application:
    """The app. With a `token`, requests must bear it. `flush` is called before each answer, so that what was answered is kept."""
    server = _Server(api, token, logs or (lambda *_, **__: ""), flush)
    app = web.Application(client_max_size=3 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    return app


class _Server:
    def __init__(self, api: Api, token: str, logs: Logs, flush: Callable[[], None]) -> None:
        self._api, self._token, self._logs, self._flush = api, token, logs, flush

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            self._authenticate(request)
            return await self._route(request)
        except ApiError as error:
            self._flush()
            return _json(_status_of(error), error.code)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # A request of a shape that nobody thought of: the log says where, the client gets a Status like any other.
            _log.exception("%s %s", request.method, request.path_qs)
            return _json(ApiError(500, "InternalError", f"Internal error occurred: {error}").status, 500)

    def _authenticate(self, request: web.Request) -> None:
        if not self._token or request.path in ("/healthz", "/readyz", "/livez", "/version"):
            return
        given = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            raise ApiError(401, "Unauthorized", "Unauthorized")

    async def _route(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        if (document := _document(parts, request)) is not None:
            return document
        target = _target(parts)
        if target is None:
            return web.Response(text="404 page not found\n", status=404, content_type="text/plain")
        if target.subresource in ("log", "eviction") and target.kind.name == "Pod":
            return await self._pod_subresource(request, target)
        handler = self._handler(request.method, target)
        if handler is None:
            raise Generic(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
        return await handler(request, target)

    def _handler(self, method: str, target: Target) -> Callable[[web.Request, Target], Awaitable[web.StreamResponse]] | None:
        if target.name:
            on_object = {"GET": self._get, "PUT": self._put, "PATCH": self._patch}
            return on_object.get(method) or ({"DELETE": self._delete}.get(method) if not target.subresource else None)
        if target.kind.namespaced and not target.namespace:
            return {"GET": self._list}.get(method)
        return {"GET": self._list, "POST": self._post, "DELETE": self._delete_all}.get(method)

    # objects

    async def _get(self, request: web.Request, target: Target) -> web.StreamResponse:
        obj = self._api.get(target.kind, target.namespace, target.name, subresource=target.subresource)
        return self._answer(request, target, obj)

    async def _post(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await self._body(request, target), _options(request, target, "CreateOptions")
        return self._written(request, target, self._api.create(target.kind, target.namespace, body, **options), options, 201)

    async def _put(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await self._body(request, target), _options(request, target, "UpdateOptions")
        existed = self._exists(target)
        obj = self._api.update(target.kind, target.namespace, target.name, body, **options)
        return self._written(request, target, obj, options, 200 if existed else 201)

    async def _patch(self, request: web.Request, target: Target) -> web.StreamResponse:
        type_ = _PATCHES.get(request.content_type)
        if type_ is None or (type_ == "strategic" and RULES[target.kind.name].is_custom):
            raise _unknown_patch(target)
        options = _options(request, target, "PatchOptions")
        if type_ == "apply" and "fieldManager" not in request.query:
            options["manager"] = ""
        options["force"] = request.query.get("force") in ("true", "1")
        patch = _patch_body(await request.read(), is_yaml=type_ == "apply")
        existed = self._exists(target)
        obj = self._api.patch(target.kind, target.namespace, target.name, patch, type_, **options)
        return self._written(request, target, obj, options, 200 if existed else 201)

    async def _delete(self, request: web.Request, target: Target) -> web.StreamResponse:
        how, is_dry = await _delete_options(request)
        obj = self._api.delete(target.kind, target.namespace, target.name, dry_run=is_dry, **how)
        self._flush()
        if (self._exists(target) and not is_dry) or RULES[target.kind.name].answers_deleted:
            return self._answer(request, target, obj)
        meta = obj["metadata"]
        details = {"name": meta["name"], "group": target.kind.group, "kind": target.kind.plural, "uid": meta["uid"]}
        details = {key: value for key, value in details.items() if value}
        return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})

    async def _delete_all(self, request: web.Request, target: Target) -> web.StreamResponse:
        how, is_dry = await _delete_options(request)
        page = self._api.delete_collection(
            target.kind, target.namespace, label_selector=request.query.get("labelSelector", ""),
            field_selector=request.query.get("fieldSelector", ""), dry_run=is_dry, **how,
        )  # fmt: skip
        self._flush()
        return _json(_list_of(target.kind, page))

    async def _list(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        if query.get("watch") in ("true", "1"):
            return await self._watch(request, target)
        page = self._api.list(
            target.kind, target.namespace, label_selector=query.get("labelSelector", ""),
            field_selector=query.get("fieldSelector", ""), limit=_integer(query.get("limit") or "0"),
            continue_=query.get("continue", ""),
        )  # fmt: skip
        self._flush()
        if _wants_table(request):
            include = query.get("includeObject", "")
            return _json(
                tables.table(target.kind, page.items, now(), version=str(page.version), continue_=page.continue_, include=include)
            )
        return _json(_list_of(target.kind, page))

    async def _pod_subresource(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource == "eviction" and request.method == "POST":
            body = await self._body(request, target, as_kind="Eviction")
            is_dry = bool((body.get("deleteOptions") or {}).get("dryRun") or request.query.get("dryRun"))
            self._api.evict(target.namespace, target.name, body, dry_run=is_dry)
            self._flush()
            return _json({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}, 201)
        if target.subresource == "log" and request.method == "GET":
            return self._log(request, target)
        raise Generic(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")

    def _log(self, request: web.Request, target: Target) -> web.Response:
        pod = self._api.get(target.kind, target.namespace, target.name)
        names = [container["name"] for container in pod["spec"].get("containers") or ()]
        container = request.query.get("container", "")
        if not container and len(names) > 1:
            raise bad_request(f"a container name must be specified for pod {target.name}, choose one of: [{' '.join(names)}]")
        if container and container not in names:
            raise bad_request(f"container {container} is not valid for pod {target.name}")
        tail = request.query.get("tailLines")
        text = self._logs(
            target.namespace, target.name, container or names[0], previous=request.query.get("previous") in ("true", "1"),
            tail_lines=int(tail) if tail else None,
        )  # fmt: skip
        return web.Response(text=text if not text or text.endswith("\n") else text + "\n", content_type="text/plain")

    # answers

    def _exists(self, target: Target) -> bool:
        return self._api.store.find(target.kind, target.namespace, target.name) is not None

    def _written(
        self, request: web.Request, target: Target, obj: Obj, options: Mapping[str, Any], status: int
    ) -> web.StreamResponse:
        self._flush()
        answer = self._answer(request, target, obj, status)
        for warning in options["warnings"]:
            answer.headers.add("Warning", f"299 - {json.dumps(warning)}")
        return answer

    def _answer(self, request: web.Request, target: Target, obj: Obj, status: int = 200) -> web.Response:
        self._flush()
        if _wants_table(request) and not target.subresource:
            version = obj["metadata"].get("resourceVersion", "")
            include = request.query.get("includeObject", "")
            return _json(tables.table(target.kind, [obj], now(), version=version, include=include), status)
        return _json(obj, status)

    async def _body(self, request: web.Request, target: Target, *, as_kind: str = "") -> Obj:
        """The decoded body. Raises ApiError (400, 415) with the server's words for what it cannot read."""
        kind_name = as_kind or target.kind.name
        raw = await request.read()
        type_ = request.content_type if "Content-Type" in request.headers else "application/json"
        if type_ not in ("application/json", "application/yaml"):  # protobuf is named below as on a real server, but not spoken
            raise ApiError(415, "UnsupportedMediaType", _accepted("json, yaml, vnd.kubernetes.protobuf"))
        try:
            body = yaml.safe_load(raw) if type_ == "application/yaml" else gojson.parse(raw.decode(errors="replace"))
        except (gojson.NotJson, yaml.YAMLError) as problem:
            why = f"couldn't get version/kind; json parse error: {problem} ({gojson.summary(raw)})"
            raise bad_request(f"the object provided is unrecognized (must be of type {kind_name}): {why}") from None
        if body is None:
            return {}
        if not isinstance(body, dict):
            seen = {list: "array", str: "string", bool: "bool"}.get(type(body), "number")
            why = f"couldn't get version/kind; json parse error: json: cannot unmarshal {seen} into Go value of type {_HEAD}"
            raise bad_request(
                f"the object provided is unrecognized (must be of type {kind_name}): {why} ({gojson.summary(raw)})"
            ) from None
        return body

    # watches

    async def _watch(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        chosen = self._api.predicate(target.kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
        _integer(query.get("timeoutSeconds") or "0")
        if (version := query.get("resourceVersion", "")) and not version.isdigit():
            problem = checks.invalid("resourceVersion", version, f'strconv.ParseUint: parsing "{version}": invalid syntax')
            raise bad_request(f"{problem.field}: {problem.text}")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        changes: asyncio.Queue[Change] = asyncio.Queue()

        def note(change: Change) -> None:
            if (change.kind.group, change.kind.name) == (target.kind.group, target.kind.name):
                changes.put_nowait(change)

        unsubscribe = self._api.store.subscribe(note)
        try:
            await response.prepare(request)
            async for event in self._events(request, target, chosen, changes):
                self._flush()
                await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
            await response.write_eof()
        except (ConnectionResetError, asyncio.CancelledError):
            if not request.transport or request.transport.is_closing():
                return response
            raise
        finally:
            unsubscribe()
        return response

    async def _events(
        self, request: web.Request, target: Target, chosen: Predicate, changes: asyncio.Queue[Change]
    ) -> AsyncIterator[Obj]:
        """First what the resource version asks for, then each change until the timeout."""
        query, store, kind = request.query, self._api.store, target.kind
        given = query.get("resourceVersion", "")
        wants_bookmarks = query.get("allowWatchBookmarks") in ("true", "1")
        wants_initial = query.get("sendInitialEvents") in ("true", "1") or given in ("", "0")
        seen = store.version
        shown = _Shown(kind, target.namespace, chosen, table=_wants_table(request), include=query.get("includeObject", ""))
        if wants_initial:
            for obj in self._api.list(kind, target.namespace).items:
                if chosen(obj):
                    yield shown.event("ADDED", obj)
            if query.get("sendInitialEvents") in ("true", "1") and wants_bookmarks:
                yield shown.bookmark(seen, is_initial_end=True)
        else:
            past = store.since(int(given)) if given.isdigit() else []
            if past is None:
                yield {"type": "ERROR", "object": _expired(given, store.changes[0].version - 1 if store.changes else seen)}
                return
            for change in past:
                if change.version <= seen and (event := shown.change(change)):
                    yield event
        loop = asyncio.get_running_loop()
        ends = loop.time() + float(query["timeoutSeconds"]) if query.get("timeoutSeconds") else None
        while True:
            left = BOOKMARK_EVERY_S if ends is None else min(BOOKMARK_EVERY_S, ends - loop.time())
            news = await _next(changes, left)
            if news is not None:
                if news.version > seen and (event := shown.change(news)):
                    yield event
                continue
            if wants_bookmarks:
                yield shown.bookmark(store.version)
            if ends is not None and loop.time() >= ends:
                return


async def _next(changes: asyncio.Queue[Change], seconds: float) -> Change | None:
    if not changes.empty():
        return changes.get_nowait()
    try:
        return await asyncio.wait_for(changes.get(), seconds) if seconds > 0 else None
    except TimeoutError:
        return None


class _Shown(NamedTuple):
    """How one watcher sees changes: only of its namespace and selection, in its version, perhaps as tables."""

    kind: Kind
    namespace: str
    chosen: Predicate
    table: bool
    include: str

    def change(self, change: Change) -> Obj | None:
        """What the selection lets in newly is ADDED, what it no longer lets through DELETED (in its former state)."""
        is_now = change.type != "DELETED" and self._is_meant(change.obj)
        was = self._is_meant(change.before)
        if is_now:
            return self.event("MODIFIED" if was else "ADDED", change.obj)
        if not was or change.before is None:
            return None
        version = change.obj["metadata"]["resourceVersion"]
        last = change.obj if change.type == "DELETED" else change.before
        return self.event("DELETED", last | {"metadata": last["metadata"] | {"resourceVersion": version}})

    def _is_meant(self, obj: Obj | None) -> bool:
        if obj is None:
            return False
        in_space = not self.namespace or obj["metadata"].get("namespace", "") == self.namespace
        return in_space and self.chosen(obj)

    def event(self, type_: str, obj: Obj) -> Obj:
        seen = obj | {"apiVersion": self.kind.api_version}
        if self.table:
            version = obj["metadata"].get("resourceVersion", "")
            seen = tables.table(self.kind, [seen], now(), version=version, include=self.include)
        return {"type": type_, "object": seen}

    def bookmark(self, version: int, *, is_initial_end: bool = False) -> Obj:
        meta: Obj = {"resourceVersion": str(version)}
        if is_initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        type_ = schema_of(self.kind)
        blank = zero(type_) if type_ is not None else {}
        obj = blank | {"kind": self.kind.name, "apiVersion": self.kind.api_version, "metadata": meta}
        if self.table:
            empty = tables.table(self.kind, [], now(), version=str(version))
            empty["rows"] = [{"cells": [], "object": obj}] if is_initial_end else []
            return {"type": "BOOKMARK", "object": empty}
        return {"type": "BOOKMARK", "object": obj}


# paths


def _document(parts: list[str], request: web.Request) -> web.Response | None:
    """The answers that are no objects."""
    match parts:
        case ["healthz" | "readyz" | "livez", *_]:
            return web.Response(text="ok", content_type="text/plain")
        case ["version"]:
            return _json(dict(discovery.VERSION))
        case ["openapi", "v3"]:
            return _json(discovery.openapi_index())
        case ["openapi", "v3", "api" | "apis", *rest]:
            described = discovery.openapi("/".join(rest))
            return _json(described) if described else None
        case ["api"]:
            return _json(discovery.core_versions(request.host))
        case ["apis"]:
            return _json(discovery.groups())
        case ["apis", group]:
            found = discovery.group(group)
            return _json(found) if found else None
        case ["api", version]:
            listed = discovery.resources(version)
            return _json(listed) if listed else None
        case ["apis", group, version]:
            listed = discovery.resources(f"{group}/{version}")
            return _json(listed) if listed else None
        case _:
            return None


def _target(parts: list[str]) -> Target | None:
    """None for addresses of no API; raises ApiError (404) for resources that a known API does not have."""
    match parts:
        case ["api", version, *rest]:
            group_version = version
        case ["apis", group, version, *rest]:
            group_version = f"{group}/{version}"
        case _:
            return None
    kinds = discovery.served().get(group_version)
    if kinds is None or not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    kind = kinds.get(rest[0])
    if kind is None or len(rest) > 3 or kind.namespaced < bool(namespace):
        raise _no_such_resource()
    name, subresource = [*rest[1:], "", ""][:2]
    if subresource and not _has_subresource(kind, subresource):
        raise _no_such_resource()
    return Target(kind, namespace, name, subresource)


def _has_subresource(kind: Kind, subresource: str) -> bool:
    rules = RULES[kind.name]
    return (
        (subresource == "status" and rules.has_status)
        or (subresource == "scale" and rules.has_scale)
        or (kind.name == "Pod" and subresource in ("eviction", "log"))
    )


def _no_such_resource() -> ApiError:
    return Generic(404, "NotFound", "the server could not find the requested resource")


# requests

_HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


def _accepted(types: str) -> str:
    listed = ", ".join(f"application/{type_}" for type_ in types.split(", "))
    return f"the body of the request was in an unknown format - accepted media types include: {listed}"


def _unknown_patch(target: Target) -> ApiError:
    if RULES[target.kind.name].is_custom:
        return ApiError(415, "UnsupportedMediaType", _accepted("json-patch+json, merge-patch+json, apply-patch+yaml"))
    return Generic(415, "UnsupportedMediaType", "415: Unsupported Media Type")


def _options(request: web.Request, target: Target, options_kind: str) -> dict[str, Any]:
    """The keyword arguments of the Api's writing methods. Raises Invalid for values that do not exist."""
    query = request.query
    problems = []
    dry_run = query.getall("dryRun", [])
    if any(value != "All" for value in dry_run):
        problems.append(checks.unsupported("dryRun", dry_run, ("All",)))
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        problems.append(checks.unsupported("fieldValidation", validation, ("Ignore", "Strict", "Warn")))
    if problems:
        raise checks.refusal(options_kind, "meta.k8s.io", "", problems)
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    return {
        "manager": query.get("fieldManager") or agent or "unknown",
        "dry_run": bool(dry_run),
        "field_validation": validation or "Warn",
        "subresource": target.subresource,
        "warnings": [],
    }


def _integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_request(f"strconv.ParseInt: parsing {json.dumps(text)}: invalid syntax") from None


def _patch_body(raw: bytes, *, is_yaml: bool) -> Any:
    try:
        return yaml.safe_load(raw) if is_yaml else gojson.parse(raw.decode(errors="replace"))
    except yaml.YAMLError as problem:
        raise bad_request(f"error decoding YAML: {problem}") from None
    except gojson.NotJson as problem:
        raise bad_request(f"error decoding patch: {problem}") from None


async def _delete_options(request: web.Request) -> tuple[dict[str, Any], bool]:
    raw = await request.read()
    try:
        body = gojson.parse(raw.decode(errors="replace")) if raw.strip() else {}
    except gojson.NotJson as problem:
        raise bad_request(f"couldn't get version/kind; json parse error: {problem}") from None
    if not isinstance(body, dict):
        raise bad_request("couldn't get version/kind; json parse error: the options are not an object")
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
    propagation = body.get("propagationPolicy") or request.query.get("propagationPolicy") or ""
    if body.get("orphanDependents") is not None and not propagation:
        propagation = "Orphan" if body["orphanDependents"] else "Background"
    if propagation not in ("", "Background", "Foreground", "Orphan"):
        problem_ = checks.unsupported("propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil"))
        raise checks.refusal("DeleteOptions", "meta.k8s.io", "", [problem_])
    how = {
        "propagation": propagation,
        "grace_s": _integer(str(grace)) if grace is not None else None,
        "uid": preconditions.get("uid") or "",
        "resource_version": preconditions.get("resourceVersion") or "",
    }
    return how, bool(body.get("dryRun") or request.query.get("dryRun"))


def _wants_table(request: web.Request) -> bool:
    return "as=Table" in request.headers.get("Accept", "").split(",")[0]


# answers


def _list_of(kind: Kind, page: Page) -> Obj:
    """Items of built-in kinds do not repeat what they are; custom resources do."""
    items = list(page.items)
    if not RULES[kind.name].is_custom:
        items = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
    meta: Obj = {"resourceVersion": str(page.version)}
    if page.continue_:
        meta["continue"] = page.continue_
    if page.remaining is not None:
        meta["remainingItemCount"] = page.remaining
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": meta, "items": items}


def _status_of(error: ApiError) -> Obj:
    status = error.status
    return {key: value for key, value in status.items() if not (key == "reason" and value == "")}


def _expired(given: str, oldest: int) -> Obj:
    return ApiError(410, "Expired", f"too old resource version: {given} ({oldest})").status


def _json(body: Any, status: int = 200) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json", headers={"Cache-Control": "no-cache, private"})
