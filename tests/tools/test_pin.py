"""An image's bases are pinned by what the registry names, or left as they are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "pin.py"
DOCKERFILE = "# a comment FROM nowhere\nFROM python:3-slim AS build\nRUN true\n\nFROM python:3-slim\nCOPY --from=build /a /a\n"
OLD, NEW = "sha256:" + "0" * 64, "sha256:" + "ab" * 32


class Registry(BaseHTTPRequestHandler):
    """Tells who asks to get a token first, as public ones do, and then the digest of an index."""

    digest = NEW

    def do_HEAD(self) -> None:
        port = self.server.server_address[1]
        if self.headers.get("Authorization") != "Bearer anybody":
            self.send_response(401)
            self.send_header("WWW-Authenticate", f'Bearer realm="http://127.0.0.1:{port}/token",service="r",scope="pull"')
        elif self.path == "/v2/library/python/manifests/3-slim" and "index" in self.headers["Accept"]:
            self.send_response(200)
            self.send_header("Docker-Content-Digest", self.digest)
        else:
            self.send_response(404)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"token": "anybody" if self.path == "/token?service=r&scope=pull" else ""}).encode())

    def log_message(self, *_: object) -> None:
        return


class Odd(Registry):
    digest = "latest"


@pytest.fixture
def registry(request: pytest.FixtureRequest) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), getattr(request, "param", Registry)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def pin(file: Path, registry: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "REGISTRY": registry, "no_proxy": "127.0.0.1"}
    return subprocess.run([sys.executable, str(TOOL), str(file)], env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("before", [DOCKERFILE, DOCKERFILE.replace("3-slim", f"3-slim@{OLD}")], ids=["first", "again"])
def test_every_base_gets_the_digest_of_now(registry: str, tmp_path: Path, before: str) -> None:
    """And nothing else changes; one from before is renewed."""
    file = tmp_path / "Dockerfile"
    file.write_text(before)

    assert pin(file, registry).stdout == f"python:3-slim is {NEW}\n"
    assert file.read_text() == DOCKERFILE.replace("3-slim", f"3-slim@{NEW}")


@pytest.mark.parametrize("registry", [Odd], indirect=True)
def test_what_is_no_digest_is_not_written(registry: str, tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(DOCKERFILE)

    done = pin(file, registry)

    assert (done.returncode, "names no digest" in done.stderr, file.read_text()) == (1, True, DOCKERFILE)


def test_a_registry_that_is_away_is_told(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text(DOCKERFILE)

    done = pin(file, "http://127.0.0.1:1")

    assert (done.returncode, "is as it was" in done.stderr, file.read_text()) == (1, True, DOCKERFILE)
