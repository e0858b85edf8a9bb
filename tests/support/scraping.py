"""A real Prometheus in a folder of its own, on a loopback port that it chooses, and what it scrapes of a sandbox: the pods that
are processes, and the statistics of its Envoy."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import shutil
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from lab import wait_for
from rollway.kube.objects import Obj
from rollway.sandbox.node.node import process_address, process_address_number
from webs import served

PROMETHEUS = shutil.which("prometheus")
MISSING = "no Prometheus here; Debian: apt-get install prometheus"
PORT, FURTHER = 8080, 12
USER, PASSWORD = "reader", "hunter2"
_HASH = "$2b$04$6Ts0awHDHWYzf9y963fa5uEnvEsEgdbjO7LahVq1OdFoNCDA.ZOJm"  # the password's, by bcrypt
_PORT = re.compile(r'msg="Listening on" address=(127\.0\.0\.1:\d+)')


@contextlib.contextmanager
def prometheus(folder: Path, jobs: Sequence[Mapping[str, Any]] = (), *, is_guarded: bool = False) -> Iterator[str]:
    """A running one with these scrape jobs, every second; yields its address. `is_guarded`: it wants USER and PASSWORD."""
    assert PROMETHEUS
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "prometheus.yml").write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": list(jobs)}))
    (folder / "web.yml").write_text(json.dumps({"basic_auth_users": {USER: _HASH}} if is_guarded else {}))
    command = [
        PROMETHEUS, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data",
        "--web.listen-address=127.0.0.1:0", f"--web.config.file={folder}/web.yml",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        drained = threading.Thread(target=process.stderr.read)
        try:
            address = _address(process.stderr)
            drained.start()
            yield f"http://{address}"
        finally:
            process.terminate()
            if drained.is_alive():
                drained.join()


def _address(said: Iterable[str]) -> str:
    """Where it listens, once it answers. It says the two at the same time, in either order."""
    address, is_ready, lines = "", False, []
    for line in said:
        lines.append(line)
        if found := _PORT.search(line):
            address = found[1]
        is_ready |= "Server is ready" in line
        if is_ready and address:
            return address
    raise RuntimeError(f"Prometheus did not start: {''.join(lines)[-2000:]}")


@contextlib.contextmanager
def scraping(home: Path, pods: Sequence[Obj], folder: Path) -> Iterator[str]:
    """A Prometheus that scrapes the sandbox's Envoy, and its pods: these, and as many more as follow them. Who comes next has the
    next address, so none has to be found first, which takes a Prometheus five seconds."""
    last = max(process_address_number(pod["status"]["podIP"]) for pod in pods)
    found = [f"{process_address(number)}:{PORT}" for number in range(last - len(pods) + 1, last + FURTHER)]
    with _relayed(home) as envoy:
        jobs = [
            {"job_name": "pods", "static_configs": [{"targets": found}]},
            {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": [envoy]}]},
        ]
        with prometheus(folder, jobs) as address:
            wait_for(lambda: _are_up(address, len(pods)))
            yield address


def _are_up(address: str, pods: int) -> bool:
    """Whether these have been scraped twice, so that what they count has a rate."""
    query = urllib.parse.urlencode({"query": f'count(sum_over_time(up{{job="pods"}}[1m]) >= 2) >= {pods}'})
    with urllib.request.urlopen(f"{address}/api/v1/query?{query}") as answer:
        return bool(json.load(answer)["data"]["result"])


@contextlib.contextmanager
def _relayed(home: Path) -> Iterator[str]:
    """The host and port at which the statistics are that Envoy has at a socket."""
    bootstrap = json.loads(next(home.rglob("bootstrap.json")).read_text())
    socket = bootstrap["admin"]["address"]["pipe"]["path"]
    found: list[str] = []
    is_there = threading.Event()

    async def relay() -> None:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(socket)) as session:

            async def answer(request: web.Request) -> web.StreamResponse:
                async with session.get(f"http://envoy{request.path_qs}") as reply:
                    return web.Response(body=await reply.read(), content_type="text/plain")

            async with served(answer) as url:
                found.append(url.removeprefix("http://"))
                is_there.set()
                await asyncio.Event().wait()

    with _beside(relay):
        assert is_there.wait(10)
        yield found[0]


@contextlib.contextmanager
def _beside(work: Callable[[], Coroutine[Any, Any, None]]) -> Iterator[None]:
    """The work in a loop of its own, for as long as the block lasts."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(work())

    def run() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join()
