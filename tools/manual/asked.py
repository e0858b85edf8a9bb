"""`deploy` asked for its documents: the real verbs, on an embedded cluster in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import io
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...cli.context import Connected, Note, Surroundings
from ...cli.main import main
from ...cli.options import Where
from ...kube.objects import NAMESPACE
from ...sandbox.timeline import VirtualLoop
from ...sandbox.world import Sandbox

Document = Mapping[str, Any]
Ask = Callable[..., Document]
"""The words of a command, without `-o json`; the document that it prints, on failure too."""


@contextlib.contextmanager
def deploy(folder: Path) -> Iterator[Ask]:
    """On a cluster with the namespace `shop`, from within a folder: so the documents name files by their short paths."""
    sandbox = Sandbox(seed=7)

    @contextlib.asynccontextmanager
    async def connect(where: Where, note: Note) -> AsyncIterator[Connected]:
        yield Connected(sandbox.client(), "context prod", "default")

    async def start() -> None:
        await sandbox.start()
        sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})

    with contextlib.chdir(folder), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(start())
        yield lambda *words: asked(words, Surroundings(connect=connect, run=runner.run))
        runner.run(sandbox.stop())


def asked(words: tuple[str, ...], surroundings: Surroundings | None = None) -> Document:
    """Raises ValueError where stdout holds no document."""
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        main((*words, "-o", "json"), surroundings)
    try:
        document: Document = json.loads(out.getvalue())
    except ValueError as error:
        raise ValueError(f"deploy {' '.join(words)}: no document, but {said.getvalue() or out.getvalue()!r}") from error
    return document


@contextlib.contextmanager
def answering() -> Iterator[str]:
    """The URL of something on this machine that answers each request."""

    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
