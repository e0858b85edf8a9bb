"""The HTTP of the dashboard: three files, two feeds of server-sent events, and what may be done."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from importlib.resources import files
from typing import Any

from aiohttp import web

from ...cluster.port import Cluster
from ...errors import BadInput, RollwayError
from ..views.json import error_document
from . import feeds, guard
from .acting import Acting

HOST = "127.0.0.1"
FILES = {"/": ("page.html", "text/html"), "/page.css": ("page.css", "text/css"), "/page.js": ("page.js", "text/javascript")}
BEAT_S = 15.0
"""Of a feed that has nothing to say: by it a browser that has gone is noticed."""
MOST_BYTES = 10_000
_NAME = r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Dashboard:
    """Of one namespace, or of all where it is empty. `where` names the cluster."""

    def __init__(self, cluster: Cluster, where: str, namespace: str, *, may_act: bool) -> None:
        self._cluster, self._where, self._namespace = cluster, where, namespace
        self._acting = Acting(cluster, where, may_act=may_act)
        self._token, self._port = secrets.token_urlsafe(24), 0

    @contextlib.asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[str]:
        """The address, with its token. Raises BadInput where the port is taken."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=1.0, handler_cancellation=True)
        await runner.setup()
        try:
            await _listening(runner, port)
            self._port = int(runner.addresses[0][1])
            yield f"http://{HOST}:{self._port}/#{self._token}"
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded], client_max_size=MOST_BYTES)
        for path in FILES:
            app.router.add_get(path, _file)
        one = f"/api/apps/{{namespace:{_NAME}}}/{{app:{_NAME}}}"
        app.router.add_get("/api/apps", self._all)
        app.router.add_get(one, self._one)
        app.router.add_post(f"{one}/plan", self._plan)
        app.router.add_post(f"{one}/run", self._run)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        refused = guard.refusal(request.headers, self._port, self._token, is_api=request.path.startswith("/api/"))
        if refused:
            return web.Response(status=refused.status, text=f"{refused.why}\n", headers=guard.HEADERS)
        try:
            response = await handler(request)
        except web.HTTPException as error:
            return web.Response(status=error.status, text=f"{error.reason}\n", headers=guard.HEADERS)
        except RollwayError as error:
            response = web.json_response({"error": _told(error)}, status=409)
        if not response.prepared:
            response.headers.update(guard.HEADERS)
        return response

    # feeds

    async def _all(self, request: web.Request) -> web.StreamResponse:
        place = {"where": self._where, "namespace": self._namespace, "mayAct": self._acting.may_act}
        return await _fed(request, feeds.applications(self._cluster, self._namespace), place)

    async def _one(self, request: web.Request) -> web.StreamResponse:
        return await _fed(request, feeds.application(self._cluster, *_named(request)))

    # doing

    async def _plan(self, request: web.Request) -> web.Response:
        return web.json_response(await self._acting.plan(*_named(request), await _word(request, "action")))

    async def _run(self, request: web.Request) -> web.Response:
        """Goes on to its end though the page that has asked for it is closed."""
        mark = await _word(request, "mark")
        return web.json_response(await asyncio.shield(self._acting.run(*_named(request), mark)))


async def _listening(runner: web.AppRunner, port: int) -> None:
    try:
        await web.TCPSite(runner, HOST, port).start()
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        told = os.strerror(error.errno).lower()
        raise BadInput(f"--port {port}: {told}", hint="another one; without --port one that is free is taken") from error


async def _file(request: web.Request) -> web.Response:
    name, kind = FILES[request.path]
    text = files(__package__).joinpath(name).read_text(encoding="utf-8")
    return web.Response(text=text, content_type=kind, charset="utf-8")


def _named(request: web.Request) -> tuple[str, str]:
    return request.match_info["app"], request.match_info["namespace"]


async def _word(request: web.Request, key: str) -> str:
    """Of a small JSON document, which no form of another page can send."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        found = (await request.json())[key]
    except (ValueError, KeyError, TypeError):
        raise web.HTTPBadRequest from None
    if not isinstance(found, str) or not re.fullmatch(r"[\w-]{1,64}", found):
        raise web.HTTPBadRequest
    return found


async def _fed(
    request: web.Request, seen: AsyncGenerator[feeds.Document, None], more: dict[str, Any] | None = None
) -> web.StreamResponse:
    """Server-sent events, until the browser goes, or there is nothing more that could be seen."""
    response = web.StreamResponse(headers={**guard.HEADERS, "Content-Type": "text/event-stream"})
    await response.prepare(request)
    async with contextlib.aclosing(seen):
        try:
            while True:
                following = asyncio.ensure_future(anext(seen))
                try:
                    while not following.done():
                        await asyncio.wait({following}, timeout=BEAT_S)
                        if not following.done():
                            await response.write(b": \n\n")
                    document = {**following.result(), **(more or {})}
                finally:
                    following.cancel()
                    await asyncio.gather(following, return_exceptions=True)
                await response.write(f"data: {json.dumps(document)}\n\n".encode())
        except RollwayError as error:
            await response.write(f"data: {json.dumps({'error': _told(error)})}\n\n".encode())
        except ConnectionError:
            pass  # closed meanwhile
    return response


def _told(error: RollwayError) -> dict[str, Any]:
    return error_document(error.summary, error.detail, error.hint, error.exit_code)
