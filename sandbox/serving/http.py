"""The Kubernetes REST API over HTTP for one `Api`: paths and verbs, bodies and content types, watches, tables, Status errors."""

from __future__ import annotations

import contextlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any

from aiohttp import web

from ...errors import ApiError
from ...kube.clock import now
from ...kube.objects import DEFINITION, JOB, NAMESPACE, Obj
from ..api.eviction import check_eviction
from ..api.registry import rules_of
from ..api.server import Api
from ..node.podlogs import PodLogs
from ..store.refusals import not_allowed
from ..store.store import Store
from . import access, discovery, proxying, tables
from .answers import failure, json_answer, list_of, object_answer, page_answer, success
from .metrics import MEDIA, Requests, verb_of
from .paths import Target, target_of
from .queries import body_of, delete_options, is_true, list_options, patch_of, patch_type, write_options
from .watching import watch

_PRESERVED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
    "or set propagationPolicy=Orphan to suppress this warning"
)

_log = logging.getLogger(__name__)


def application(
    api: Api, *, token: str = "", logs: PodLogs | None = None, flush: Callable[[], None] = lambda: None
) -> web.Application:
    """The app. With a `token`, requests must bear it. `flush` is called before each answer, so that what was answered is kept."""
    server = _Server(api, token, logs or PodLogs(api.store), flush)
    app = web.Application(client_max_size=3 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    return app


class _Server:
    def __init__(self, api: Api, token: str, logs: PodLogs, flush: Callable[[], None]) -> None:
        self._api, self._token, self._logs, self._flush = api, token, logs, flush
        self._requests = Requests()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            self._authenticate(request)
            return await self._route(request)
        except ApiError as error:
            with contextlib.suppress(ApiError):  # what could not be kept is told of already
                self._flush()
            return failure(error)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # A request of a shape that nobody thought of: the log says where, the client gets a Status like any other.
            _log.exception("%s %s", request.method, request.path_qs)
            return failure(ApiError(500, "InternalError", f"Internal error occurred: {error}"))

    def _authenticate(self, request: web.Request) -> None:
        if not self._token or request.path in ("/healthz", "/readyz", "/livez", "/version"):
            return
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.encode(), self._token.encode()):
            raise ApiError(401, "Unauthorized", "Unauthorized")

    async def _route(self, request: web.Request) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        if (document := _document(parts, request, self._api.store)) is not None:
            return document
        if request.method == "POST" and (review := access.asked(parts)):
            manager = write_options(request, "", "CreateOptions")["manager"]
            # the owner may do everything, whatever is asked: kubectl asks in a notation that is not read here
            is_read = not review.status or request.content_type == "application/json"
            body = await body_of(request, review.kind) if is_read else {}
            return json_answer(access.answered(review, body, self._api.store, manager, now()), 201)
        if parts == ["metrics"]:
            return web.Response(body=self._requests.text(self._api.store), headers={"Content-Type": MEDIA})
        if (called := proxying.asked(parts)) is not None:
            return await proxying.passed_on(request, called, self._api)
        target = target_of(parts, self._api.store)
        if target is None:
            return web.Response(text="404 page not found\n", status=404, content_type="text/plain")
        return await self._counted(request, target)

    async def _counted(self, request: web.Request, target: Target) -> web.StreamResponse:
        verb, code = verb_of(request.method, is_named=bool(target.name), is_watch=is_true(request.query, "watch")), 500
        try:
            answer = await self._at(request, target)
            code = answer.status
            return answer
        except ApiError as error:
            code = error.code
            raise
        finally:
            self._requests.note(verb, target.kind.plural, code)

    async def _at(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource in ("log", "eviction") and target.kind.name == "Pod":
            return await self._pod_subresource(request, target)
        handler = self._handler(request.method, target)
        if handler is None:
            raise not_allowed()
        return await handler(request, target)

    def _handler(self, method: str, target: Target) -> Callable[[web.Request, Target], Awaitable[web.StreamResponse]] | None:
        if target.name:
            on_object = {"GET": self._get, "PUT": self._put, "PATCH": self._patch}
            return on_object.get(method) or ({"DELETE": self._delete}.get(method) if not target.subresource else None)
        if target.kind.namespaced and not target.namespace:
            return {"GET": self._list}.get(method)
        if target.kind == NAMESPACE and method == "DELETE":
            return None  # each by its name
        return {"GET": self._list, "POST": self._post, "DELETE": self._delete_all}.get(method)

    # objects

    async def _get(self, request: web.Request, target: Target) -> web.StreamResponse:
        obj = self._api.get(target.kind, target.namespace, target.name, subresource=target.subresource)
        return self._answer(request, target, obj)

    async def _post(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await body_of(request, target.kind.name), write_options(request, target.subresource, "CreateOptions")
        return self._written(request, target, self._api.create(target.kind, target.namespace, body, **options), options, 201)

    async def _put(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await body_of(request, target.kind.name), write_options(request, target.subresource, "UpdateOptions")
        existed = self._exists(target)
        obj = self._api.update(target.kind, target.namespace, target.name, body, **options)
        return self._written(request, target, obj, options, 200 if existed else 201)

    async def _patch(self, request: web.Request, target: Target) -> web.StreamResponse:
        type_, options = patch_type(request, target), write_options(request, target.subresource, "PatchOptions")
        if type_ == "apply" and "fieldManager" not in request.query:
            options["manager"] = ""
        options["force"] = is_true(request.query, "force")
        patch = await patch_of(request, type_)
        existed = self._exists(target)
        obj = self._api.patch(target.kind, target.namespace, target.name, patch, type_, **options)
        return self._written(request, target, obj, options, 200 if existed else 201)

    async def _delete(self, request: web.Request, target: Target) -> web.StreamResponse:
        how, is_dry = await delete_options(request)
        obj = self._api.delete(target.kind, target.namespace, target.name, dry_run=is_dry, **how)
        self._flush()
        answer = self._deleted(request, target, obj, is_dry=is_dry)
        if target.kind == JOB and not how["propagation"]:
            answer.headers.add("Warning", f"299 - {json.dumps(_PRESERVED)}")
        return answer

    def _deleted(self, request: web.Request, target: Target, obj: Obj, *, is_dry: bool) -> web.Response:
        if (self._exists(target) and not is_dry) or rules_of(target.kind).answers_deleted:
            return self._answer(request, target, obj)
        meta = obj["metadata"]
        details = {"name": meta["name"], "group": target.kind.group, "kind": target.kind.plural, "uid": meta["uid"]}
        return success({key: value for key, value in details.items() if value})

    async def _delete_all(self, request: web.Request, target: Target) -> web.StreamResponse:
        how, is_dry = await delete_options(request)
        page = self._api.delete_collection(
            target.kind, target.namespace, label_selector=request.query.get("labelSelector", ""),
            field_selector=request.query.get("fieldSelector", ""), dry_run=is_dry, **how,
        )  # fmt: skip
        self._flush()
        return json_answer(list_of(target.kind, page))

    async def _list(self, request: web.Request, target: Target) -> web.StreamResponse:
        query = request.query
        if is_true(query, "watch"):
            return await watch(request, self._api, target.kind, target.namespace, self._flush)
        page = self._api.list(target.kind, target.namespace, **list_options(query))
        self._flush()
        return page_answer(request, target.kind, self._printer(target), page)

    async def _pod_subresource(self, request: web.Request, target: Target) -> web.StreamResponse:
        if target.subresource == "eviction" and request.method == "POST":
            body = check_eviction(await body_of(request, "Eviction"), target.name)
            is_dry = bool((body.get("deleteOptions") or {}).get("dryRun") or request.query.get("dryRun"))
            self._api.evict(target.namespace, target.name, body, dry_run=is_dry)
            self._flush()
            return success(status=201)
        if target.subresource == "log" and request.method == "GET":
            return await self._log(request, target)
        raise not_allowed()

    async def _log(self, request: web.Request, target: Target) -> web.StreamResponse:
        pod = self._api.get(target.kind, target.namespace, target.name)
        if not is_true(request.query, "follow"):
            return web.Response(text=self._logs.read(pod, request.query), content_type="text/plain")
        pieces = self._logs.follow(pod, request.query)
        first = await anext(pieces)  # what is wrong with the request is said before the answer begins
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(first.encode())
        async for piece in pieces:
            await response.write(piece.encode())
        await response.write_eof()
        return response

    # answers

    def _printer(self, target: Target) -> tables.Printer:
        return tables.printer_of(target.kind, self._api.store.customs.get(target.kind))

    def _exists(self, target: Target) -> bool:
        return self._api.store.find(target.kind, target.namespace, target.name) is not None

    def _written(
        self, request: web.Request, target: Target, obj: Obj, options: Mapping[str, Any], status: int
    ) -> web.StreamResponse:
        answer = self._answer(request, target, obj, status)
        for warning in options["warnings"]:
            answer.headers.add("Warning", f"299 - {json.dumps(warning)}")
        return answer

    def _answer(self, request: web.Request, target: Target, obj: Obj, status: int = 200) -> web.Response:
        self._flush()
        return object_answer(request, self._printer(target), obj, status, as_it_is=bool(target.subresource))


def _document(parts: list[str], request: web.Request, store: Store) -> web.Response | None:
    """The answers that are no objects."""
    match parts:
        case ["healthz" | "readyz" | "livez", *_]:
            return web.Response(text="ok", content_type="text/plain")
        case ["version"]:
            return json_answer(dict(discovery.VERSION))
        case ["openapi", *rest]:
            return _openapi(rest, request, store)
        case ["api" | "apis" as root] if version := discovery.aggregated_version(request.headers.get("Accept", "")):
            return _aggregated(root, version, store)
        case ["api"]:
            return json_answer(discovery.core_versions(request.host))
        case ["apis"]:
            return json_answer(discovery.groups(store))
        case ["apis", group]:
            found = discovery.group(group, store)
            return json_answer(found) if found else None
        case ["api", version]:
            listed = discovery.resources(version, store)
            return json_answer(listed) if listed else None
        case ["apis", group, version]:
            listed = discovery.resources(f"{group}/{version}", store)
            return json_answer(listed) if listed else None
        case _:
            return None


def _aggregated(root: str, version: str, store: Store) -> web.Response:
    answer = json_answer(discovery.aggregated(root, version, store))
    answer.headers["Content-Type"] = f"application/json;g={discovery.AGGREGATED};v={version};as=APIGroupDiscoveryList"
    return answer


def _openapi(parts: list[str], request: web.Request, store: Store) -> web.Response | None:
    """Schemas, as who asks for them reads them."""
    from . import openapi, openapi_pb  # most sandboxes are asked for no schema

    definitions = tuple(each["metadata"]["resourceVersion"] for each in store.list(DEFINITION))
    match parts:
        case ["v2"] if "proto-openapi" in request.headers.get("Accept", ""):
            return web.Response(body=_packed(store, definitions), content_type=openapi_pb.MEDIA)
        case ["v2"]:
            return json_answer(openapi.v2(store))
        case ["v3"]:
            return json_answer(openapi.index(store))
        case ["v3", "api" | "apis", *rest]:
            described = openapi.v3("/".join(rest), store)
            return json_answer(described) if described else None
        case _:
            return None


@lru_cache(maxsize=1)
def _packed(store: Store, definitions: tuple[str, ...]) -> bytes:
    """Everything's schemas as protobuf: a second's work where definitions are many, and the same until one of them changes."""
    from . import openapi, openapi_pb

    return openapi_pb.document(openapi.v2(store))
