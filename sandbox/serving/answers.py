"""What goes back over HTTP, in the form that the client accepts: objects, lists, tables, metadata alone, Statuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal

import yaml
from aiohttp import web

from ...errors import ApiError
from ...kube.clock import now
from ...kube.objects import Kind, Obj
from ..api.paging import Page
from ..api.registry import rules_of
from . import tables

Form = Literal["object", "table", "metadata"]
_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_FORMS: dict[str, Form] = {
    "": "object",
    "Table": "table",
    "PartialObjectMetadata": "metadata",
    "PartialObjectMetadataList": "metadata",
}


def form_of(request: web.Request) -> Form:
    """The first form that the client accepts and this server has. Protobuf is accepted and answered with JSON: who asks for it
    reads both. Raises ApiError (406).
    """
    return _chosen(request)[1]


def _chosen(request: web.Request) -> tuple[str, Form]:
    for clause in request.headers.get("Accept", "*/*").split(","):
        media, *parameters = (part.strip() for part in clause.split(";"))
        wanted = dict(part.partition("=")[::2] for part in parameters)
        if media in (*_TYPES, "application/*", "*/*", "") and wanted.get("as", "") in _FORMS:
            return media, _FORMS[wanted.get("as", "")]
    raise ApiError(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(_TYPES)}")


def json_answer(body: Any, status: int = 200) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json", headers=_HEADERS)


_HEADERS = {"Cache-Control": "no-cache, private"}


def _answer(request: web.Request, body: Any, status: int = 200) -> web.Response:
    if _chosen(request)[0] != "application/yaml":
        return json_answer(body, status)
    text = yaml.safe_dump(body, allow_unicode=True)
    return web.Response(text=text, status=status, content_type="application/yaml", headers=_HEADERS)


def object_answer(request: web.Request, printer: tables.Printer, obj: Obj, status: int = 200) -> web.Response:
    """In the form asked for."""
    return _answer(request, shaper(request, printer)(obj), status)


def shaper(request: web.Request, printer: tables.Printer) -> Callable[[Obj], Obj]:
    """How the client wants to see one object."""
    include = request.query.get("includeObject", "")
    match form_of(request):
        case "table":
            return lambda obj: tables.table(
                printer, [obj], now(), version=obj["metadata"].get("resourceVersion", ""), include=include
            )
        case "metadata":
            return tables.metadata_of
        case _:
            return lambda obj: obj


def page_answer(request: web.Request, kind: Kind, printer: tables.Printer, page: Page) -> web.Response:
    match form_of(request):
        case "table":
            include = request.query.get("includeObject", "")
            body = tables.table(printer, page.items, now(), version=str(page.version), continue_=page.continue_, include=include)
        case "metadata":
            body = list_of(kind, page) | {"kind": "PartialObjectMetadataList", "apiVersion": tables.META}
            body["items"] = [tables.metadata_of(obj) for obj in page.items]
        case _:
            body = list_of(kind, page)
    return _answer(request, body)


def success(details: Obj | None = None, status: int = 200) -> web.Response:
    """`details` says what was done to what; without it the answer says the code."""
    body: Obj = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return json_answer(body | ({"details": details} if details else {"code": status}), status)


def failure(error: ApiError) -> web.Response:
    status = {key: value for key, value in error.status.items() if not (key == "reason" and value == "")}
    return json_answer(status, error.code)


def list_of(kind: Kind, page: Page) -> Obj:
    """Items of built-in kinds do not repeat what they are; custom resources do."""
    items = list(page.items)
    if not rules_of(kind).is_custom:
        items = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
    meta: Obj = {"resourceVersion": str(page.version)}
    if page.continue_:
        meta["continue"] = page.continue_
    if page.remaining is not None:
        meta["remainingItemCount"] = page.remaining
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": meta, "items": items}
