"""The Kubernetes REST API over HTTP for one `Api`: paths and verbs, bodies and content types, watches, tables, Status errors."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

from aiohttp import web

from ...errors import ApiError
from ...kube.clock import now
from ...kube.objects import DEFINITION, JOB, NAMESPACE, SERVICE, Kind, Obj
from ..api.bindings import BINDING, check_binding
from ..api.eviction import check_eviction
from ..api.paging import Page
from ..api.registry import rules_of
from ..api.scale import SCALE
from ..api.server import Api
from ..node.podlogs import PodLogs
from ..store.refusals import not_allowed
from ..store.store import Store
from . import access, components, discovery, proxying, rights, tables
from .answers import failure, json_answer, list_of, object_answer, page_answer, success
from .escalation import vet
from .identity import OWNER, SERVICE_ACCOUNT, Tokens, User, bound, played, to_play, unauthorized
from .metrics import MEDIA, Requests, right_of, verb_of
from .paths import POD_SUBRESOURCES, Target, target_of
from .queries import body_of, delete_options, is_true, list_options, patch_of, patch_type, write_options
from .watching import watch

if TYPE_CHECKING:
    from .streams.remote import Sessions

_OPEN = ("/healthz", "/readyz", "/livez", "/version")
"""Whoever asks."""
_PRESERVED = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them "
    "or set propagationPolicy=Orphan to suppress this warning"
)

_log = logging.getLogger(__name__)


def application(
    api: Api,
    *,
    token: str = "",
    logs: PodLogs | None = None,
    flush: Callable[[], None] = lambda: None,
    node: Sessions | None = None,
) -> web.Application:
    """The app. With a `token`, requests must bear it. `flush` is called before each answer, so that what was answered is kept.
    `node` is what runs pods as processes, where anything does.
    """
    server = _Server(api, token, logs or PodLogs(api.store), flush, node)
    app = web.Application(client_max_size=3 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", server.handle)
    return app


class _Server:
    def __init__(self, api: Api, token: str, logs: PodLogs, flush: Callable[[], None], node: Sessions | None) -> None:
        self._api, self._tokens, self._logs, self._flush, self._node = api, Tokens(token), logs, flush, node
        self._requests = Requests()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await self._route(request)
        except ApiError as error:
            with contextlib.suppress(ApiError):  # what could not be kept is told of already
                self._flush()
            return failure(error)
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            # A request of a shape that nobody thought of: the log says where, the client gets a Status like any other.
            _log.exception("%s %s", request.method, request.path_qs)
            return failure(ApiError(500, "InternalError", f"Internal error occurred: {error}"))

    def _user(self, request: web.Request) -> User:
        """Who asks, or is played by who asks. Raises ApiError (401, 403)."""
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        user = self._tokens.user(given if scheme.lower() == "bearer" else "", self._api.store, now())
        if user is None:
            raise unauthorized()
        meant = played(request.headers)
        if meant is None:
            return user
        for kind, space, name, sub in to_play(request.headers, meant):
            rights.check(self._api.store, user, "impersonate", kind, space, name, sub)
        return meant

    async def _route(self, request: web.Request) -> web.StreamResponse:
        parts, store = [part for part in request.path.split("/") if part], self._api.store
        user = OWNER if request.path in _OPEN else self._user(request)
        if (document := _document(parts, request, store)) is not None:
            rights.check_path(store, user, request.method.lower(), request.path)
            return document
        if (review := access.asked(parts)) is not None:
            if request.method != "POST":
                raise not_allowed()
            manager = write_options(request, "", "CreateOptions")["manager"]
            kind = Kind(review.api_version, review.kind, f"{review.kind.lower()}s", bool(review.namespace))
            rights.check(store, user, "create", kind, review.namespace, "")
            body = await body_of(request, review.kind)
            return json_answer(access.answered(review, body, store, user, self._tokens, manager, now()), 201)
        if parts == ["metrics"]:
            rights.check_path(store, user, "get", request.path)
            return web.Response(body=self._requests.text(store), headers={"Content-Type": MEDIA})
        if (called := proxying.asked(parts)) is not None:
            rights.check(store, user, _right(request, is_named=True), SERVICE, called.namespace, called.name, "proxy")
            return await proxying.passed_on(request, called, self._api)
        if (component := components.asked(parts)) is not None:
            rights.check(store, user, _right(request, is_named=bool(component)), components.COMPONENT, "", component)
            return _components(request, component)
        target = target_of(parts, store)
        if target is None:
            return web.Response(text="404 page not found\n", status=404, content_type="text/plain")
        verb = _right(request, is_named=bool(target.name))
        rights.check(store, user, verb, target.kind, target.namespace, target.name, target.subresource)
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
        if target.kind == SERVICE_ACCOUNT and target.subresource == "token" and request.method == "POST":
            account = self._api.get(target.kind, target.namespace, target.name)
            body = await body_of(request, "TokenRequest")
            return json_answer(self._tokens.made(account, body, now(), bound(self._api.store, account, body)), 201)
        if target.kind == BINDING:
            return await self._bind(request, target)
        if target.kind.name == "Pod" and target.subresource in POD_SUBRESOURCES:
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

    def _options(self, request: web.Request, target: Target, kind: str) -> dict[str, Any]:
        user = self._user(request)
        of_user = {"asker": user.info(), "vet": partial(vet, self._api.store, user)}
        return write_options(request, target.subresource, kind) | of_user

    async def _post(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await body_of(request, target.kind.name), self._options(request, target, "CreateOptions")
        return self._written(request, target, self._api.create(target.kind, target.namespace, body, **options), options, 201)

    async def _put(self, request: web.Request, target: Target) -> web.StreamResponse:
        body, options = await body_of(request, target.kind.name), self._options(request, target, "UpdateOptions")
        existed = self._exists(target)
        obj = self._api.update(target.kind, target.namespace, target.name, body, **options)
        return self._written(request, target, obj, options, 200 if existed else 201)

    async def _patch(self, request: web.Request, target: Target) -> web.StreamResponse:
        type_, options = patch_type(request, target), self._options(request, target, "PatchOptions")
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
        if target.subresource == "binding":
            return await self._bind(request, target)
        if target.subresource == "log" and request.method == "GET":
            return await self._log(request, target)
        if target.subresource in ("exec", "attach", "portforward") and request.method in ("GET", "POST"):
            from .streams import remote  # most sandboxes are asked for none

            pod = self._api.get(target.kind, target.namespace, target.name)
            return await remote.answered(request, target.subresource, pod, self._node)
        raise not_allowed()

    async def _bind(self, request: web.Request, target: Target) -> web.StreamResponse:
        if request.method != "POST":
            raise not_allowed()
        asked = check_binding(await body_of(request, BINDING.name), target.name)
        self._api.bind(target.namespace, asked, dry_run=bool(request.query.get("dryRun")))
        self._flush()
        return success(status=201)

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
        if target.subresource == "scale":
            return tables.printer_of(SCALE)
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
        return object_answer(request, self._printer(target), obj, status)


def _components(request: web.Request, name: str) -> web.Response:
    if request.method != "GET":
        raise not_allowed()
    found, printer = components.found(name), tables.printer_of(components.COMPONENT)
    if not found:
        raise ApiError(500, "", f"Component not found: {name}")
    page = Page(found, 0)
    answer = object_answer(request, printer, found[0]) if name else page_answer(request, components.COMPONENT, printer, page)
    answer.headers.add("Warning", f"299 - {json.dumps(components.WARNING)}")
    return answer


def _right(request: web.Request, *, is_named: bool) -> str:
    return right_of(verb_of(request.method, is_named=is_named, is_watch=is_true(request.query, "watch")))


def _document(parts: list[str], request: web.Request, store: Store) -> web.Response | None:
    """The answers that are no objects."""
    match parts:
        case ["healthz" | "readyz" | "livez" as asked, *below]:
            is_told = "verbose" in request.query and not below
            return web.Response(text=f"[+]ping ok\n{asked} check passed\n" if is_told else "ok", content_type="text/plain")
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
