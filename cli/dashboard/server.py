"""The server behind the page: files that are the same for everybody, and, for whoever has the token, what is seen and done."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from aiohttp import web

from ...errors import BadInput, RollwayError
from ...release.names import MAX_APP, wrong_label
from ...ship import listing
from ..context import Connected
from ..session import Session
from ..views.json import error_document
from . import documents, feeds, guard
from .acting import ACTIONS, App, Desk

HOST = "127.0.0.1"
FILES = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css"), "/page.js": ("page.js", "text/javascript")}
MOST_BODY = 16 * 1024
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dashboard:
    """One dashboard: of a namespace, or of all where it is empty."""

    def __init__(self, session: Session, connected: Connected, namespace: str, port: int, *, may_act: bool) -> None:
        self._connected, self._namespace, self._port = connected, namespace, port
        self._token = secrets.token_urlsafe(32)
        self.desk = Desk(session, connected, may_act=may_act)

    @property
    def address(self) -> str:
        """The token stands in the fragment, which no browser sends: it is in no request line, and in no log."""
        return f"http://{HOST}:{self._port}/#token={self._token}"

    def application(self) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=MOST_BODY)
        for path in FILES:
            app.router.add_get(path, self._file)
        app.router.add_get("/api/events", self._events)
        app.router.add_post("/api/plan", self._plan)
        app.router.add_post("/api/run", self._run)
        app.on_response_prepare.append(_harden)
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = guard.refusal(request.headers, self._port, self._token, is_api=request.path not in FILES)
        if refused:
            return _answer(refused.status, {"error": error_document(refused.why, "", "", 3)})
        try:
            return await handler(request)
        except RollwayError as error:
            told = error_document(error.summary, error.detail, error.hint, error.exit_code)
            return _answer(409, {"error": told})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name, sort = FILES[request.path]
        data = resources.files(__package__).joinpath(name).read_bytes()
        return web.Response(body=data, content_type=sort, charset="utf-8")

    async def _events(self, request: web.Request) -> web.StreamResponse:
        text = request.query.get("app", "")
        app = self._app(*text.partition("/")[::2]) if text else None
        answer = web.StreamResponse(headers={"Content-Type": "text/event-stream; charset=utf-8"})
        await answer.prepare(request)
        place = {"cluster": self._connected.name, "namespace": self._namespace, "mayAct": self.desk.may_act}
        await answer.write(_event("hello", place))
        with contextlib.suppress(ConnectionResetError):  # the tab was closed
            async with contextlib.aclosing(feeds.told(self._connected.cluster, self._namespace, app, self.desk)) as told:
                async for each in told:
                    await answer.write(_event(each.name, each.data))
        return answer

    async def _plan(self, request: web.Request) -> web.StreamResponse:
        asked = await _body(request)
        action = next((each for each in ACTIONS if each == asked.get("action")), None)
        if action is None:
            raise BadInput(f"{asked.get('action')!r} cannot be planned here", hint=f"one of {', '.join(ACTIONS)}")
        return _answer(200, {"plan": await self.desk.plan(self._app(asked.get("namespace"), asked.get("app")), action)})

    async def _run(self, request: web.Request) -> web.StreamResponse:
        self.desk.begin(str((await _body(request)).get("plan")))
        return _answer(202, {"error": None})

    def _app(self, namespace: object, name: object) -> App:
        """Raises BadInput for what is no application of this dashboard."""
        app = App(str(namespace), str(name))
        if wrong_label(app.namespace) or wrong_label(app.name, MAX_APP):
            raise BadInput("this is no application", hint="NAMESPACE/APP")
        if self._namespace not in ("", app.namespace):
            raise BadInput(f"this dashboard is of namespace {self._namespace}", hint="deploy dashboard -A")
        return app


async def serve(session: Session, connected: Connected, namespace: str, port: int, *, may_act: bool) -> None:
    """Until it is stopped. Raises BadInput where the port is taken, ClusterError where the applications cannot be listed."""
    await listing.listed(connected.cluster, namespace)
    with contextlib.closing(_listener(port)) as listener:
        page = Dashboard(session, connected, namespace, listener.getsockname()[1], may_act=may_act)
        runner = web.AppRunner(page.application(), access_log=None, shutdown_timeout=0.2, handler_cancellation=True)
        await runner.setup()
        try:
            await web.SockSite(runner, listener).start()
            _say_where(session, connected, namespace, page, may_act=may_act)
            await asyncio.Event().wait()
        finally:
            await page.desk.close()
            await runner.cleanup()


def _say_where(session: Session, connected: Connected, namespace: str, page: Dashboard, *, may_act: bool) -> None:
    place = f"namespace {namespace}" if namespace else "all namespaces"
    note = session.view.note
    note(f"{place} of {connected.name}, {'promotes and rolls back when asked to' if may_act else 'to look at: changes nothing'}")
    session.view.document({"address": page.address}, page.address)
    note("whoever has this address has the dashboard; Ctrl-C ends it")


def _listener(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        hint = "another one with --port; without it, any that is free is taken"
        raise BadInput(f"port {port} of {HOST} cannot be had: {error.strerror}", hint=hint) from error
    return listener


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise BadInput("this is no JSON")
    try:
        data = json.loads(await request.text())
    except (ValueError, RecursionError):
        data = None
    if not isinstance(data, dict):
        raise BadInput("this is no JSON object")
    return data


def _answer(status: int, data: dict[str, Any]) -> web.Response:
    return web.Response(status=status, text=documents.shown(data), content_type="application/json")


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {documents.shown(data)}\n\n".encode()


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(guard.HEADERS)
