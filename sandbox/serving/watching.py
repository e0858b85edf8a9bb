"""Watches: what one watcher is told, in which order, and how it goes out on the wire."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import NamedTuple

from aiohttp import web

from ...errors import ApiError
from ...kube.clock import now
from ...kube.conversion import converted
from ...kube.objects import HOMES, Kind, Obj
from ...kube.schema import schema_of, zero
from ...kube.validation import checks
from ..api.selectors import Predicate
from ..api.server import Api
from ..store.store import Change, Store
from . import tables
from .answers import form_of, shaper
from .queries import check_list_options, integer, is_true

BOOKMARK_EVERY_S = 60.0


async def watch(request: web.Request, api: Api, kind: Kind, namespace: str, flush: Callable[[], None]) -> web.StreamResponse:
    """Answers with a stream of events until the timeout or until the client goes. Raises ApiError (400) before it begins."""
    query = request.query
    chosen = api.predicate(kind, query.get("labelSelector", ""), query.get("fieldSelector", ""))
    _check(query)
    printer = tables.printer_of(kind, api.store.customs.get(kind))
    shown = _Shown(kind, namespace, chosen, printer, shaper(request, printer), is_table=form_of(request) == "table")
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.enable_chunked_encoding()
    changes: asyncio.Queue[Change] = asyncio.Queue()

    def note(change: Change) -> None:
        if shown.is_of_kind(change):
            changes.put_nowait(change)

    def is_gone() -> bool:
        return request.transport is None or request.transport.is_closing()

    unsubscribe = api.store.subscribe(note)
    try:
        await response.prepare(request)
        async for event in _events(query, api, shown, changes, is_gone):
            flush()
            await response.write(json.dumps(event, separators=(",", ":")).encode() + b"\n")
        await response.write_eof()
    except (ConnectionResetError, asyncio.CancelledError):
        if is_gone():
            return response
        raise
    finally:
        unsubscribe()
    return response


def _check(query: Mapping[str, str]) -> None:
    check_list_options(query)
    integer(query.get("timeoutSeconds") or "0")
    if (version := query.get("resourceVersion", "")) and not version.isdigit():
        problem = checks.invalid("resourceVersion", version, f'strconv.ParseUint: parsing "{version}": invalid syntax')
        raise ApiError(500, "", f"{problem.field}: {problem.text}")


async def _events(
    query: Mapping[str, str], api: Api, shown: _Shown, changes: asyncio.Queue[Change], is_gone: Callable[[], bool]
) -> AsyncIterator[Obj]:
    """First what the resource version asks for, then each change until the timeout, or until the client is gone."""
    given, wants_bookmarks = query.get("resourceVersion", ""), is_true(query, "allowWatchBookmarks")
    seen = api.store.version
    if is_true(query, "sendInitialEvents") or (given in ("", "0") and "sendInitialEvents" not in query):
        for obj in api.list(shown.kind, shown.namespace).items:
            if shown.chosen(obj):
                yield shown.event("ADDED", obj)
        if wants_bookmarks:  # also who only says to begin with what is there is told where that ends
            yield shown.bookmark(seen, is_initial_end=True)
    elif given not in ("", "0"):
        past = api.store.since(int(given))
        if past is None:
            yield {"type": "ERROR", "object": _expired(given, api.store)}
            return
        for change in past:
            if change.version <= seen and shown.is_of_kind(change) and (event := shown.change(change)):
                yield event
    async for event in _news(query, api.store, shown, changes, seen, is_gone):
        yield event


async def _news(
    query: Mapping[str, str], store: Store, shown: _Shown, changes: asyncio.Queue[Change], seen: int, is_gone: Callable[[], bool]
) -> AsyncIterator[Obj]:
    loop = asyncio.get_running_loop()
    ends = loop.time() + float(query["timeoutSeconds"]) if query.get("timeoutSeconds") else None
    while True:
        left = BOOKMARK_EVERY_S if ends is None else min(BOOKMARK_EVERY_S, ends - loop.time())
        change = await _next(changes, left)
        if is_gone():
            # found out before a write fails: most changes are not for this one, and its place would be held until its timeout
            return
        if change is not None:
            if change.version > seen and (event := shown.change(change)):
                yield event
            continue
        if is_true(query, "allowWatchBookmarks"):
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


def _expired(given: str, store: Store) -> Obj:
    oldest = store.changes[0].version - 1 if store.changes else store.version
    return ApiError(410, "Expired", f"too old resource version: {given} ({oldest})").status


class _Shown(NamedTuple):
    """How one watcher sees changes: only of its namespace and selection, in its version, perhaps as tables."""

    kind: Kind
    namespace: str
    chosen: Predicate
    printer: tables.Printer
    shape: Callable[[Obj], Obj]
    is_table: bool

    def is_of_kind(self, change: Change) -> bool:
        """The store's log holds the changes of every kind."""
        home = HOMES.get((self.kind.group, self.kind.name), self.kind)
        return change.kind.name == home.name and change.kind.group == home.group

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
        return {"type": type_, "object": self.shape(converted(obj, self.kind.api_version))}

    def bookmark(self, version: int, *, is_initial_end: bool = False) -> Obj:
        meta: Obj = {"resourceVersion": str(version)}
        if is_initial_end:
            meta["annotations"] = {"k8s.io/initial-events-end": "true"}
        type_ = schema_of(self.kind)
        blank = zero(type_) if type_ is not None else {}
        obj = blank | {"kind": self.kind.name, "apiVersion": self.kind.api_version, "metadata": meta}
        if self.is_table:
            empty = tables.table(self.printer, [], now(), version=str(version))
            empty["rows"] = [{"cells": [], "object": obj}] if is_initial_end else []
            return {"type": "BOOKMARK", "object": empty}
        return {"type": "BOOKMARK", "object": self.shape(obj)}
