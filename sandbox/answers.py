"""What goes back over HTTP: objects, lists, tables, Statuses."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from ..errors import ApiError
from ..kube.clock import now
from ..kube.objects import Kind, Obj
from . import tables
from .paging import Page
from .registry import RULES


def json_answer(body: Any, status: int = 200) -> web.Response:
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json", headers={"Cache-Control": "no-cache, private"})


def object_answer(request: web.Request, kind: Kind, obj: Obj, status: int = 200, *, as_it_is: bool = False) -> web.Response:
    """The object, or where the client asks for it and it has columns, its row."""
    if not wants_table(request) or as_it_is:
        return json_answer(obj, status)
    version, include = obj["metadata"].get("resourceVersion", ""), request.query.get("includeObject", "")
    return json_answer(tables.table(kind, [obj], now(), version=version, include=include), status)


def page_answer(request: web.Request, kind: Kind, page: Page) -> web.Response:
    if not wants_table(request):
        return json_answer(list_of(kind, page))
    include = request.query.get("includeObject", "")
    return json_answer(
        tables.table(kind, page.items, now(), version=str(page.version), continue_=page.continue_, include=include)
    )


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
    if not RULES[kind.name].is_custom:
        items = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in items]
    meta: Obj = {"resourceVersion": str(page.version)}
    if page.continue_:
        meta["continue"] = page.continue_
    if page.remaining is not None:
        meta["remainingItemCount"] = page.remaining
    return {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": meta, "items": items}


def wants_table(request: web.Request) -> bool:
    return "as=Table" in request.headers.get("Accept", "").split(",")[0]
