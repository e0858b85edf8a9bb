"""What the benchmarks share: an embedded cluster that is served, an application for it, timing, memory, and a baseline."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import ssl
import statistics
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter  # real time is what is measured; nothing of the product imports it
from typing import Any, NamedTuple

import yaml
from aiohttp import web
from rollway.kube.objects import NAMESPACE
from rollway.sandbox.serving import certificate
from rollway.sandbox.serving.http import application
from rollway.sandbox.world import Sandbox

SPACE = "bench"
APP = """
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: bench, labels: {suite: bench}}
spec: {selector: {app: NAME}, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: bench, labels: {suite: bench, app: NAME}}
spec:
  replicas: PODS
  strategy: {rollingUpdate: {maxSurge: SURGE, maxUnavailable: 0}}
  selector: {matchLabels: {app: NAME}}
  template:
    metadata:
      labels: {app: NAME}
      annotations: {sandbox.rollway.dev/behaviour: "BEHAVIOUR"}
    spec:
      containers:
      - name: NAME
        image: "registry.example.com/NAME:TAG"
        ports: [{containerPort: 8080}]
"""
AT_ONCE = "{pull: 0s, start: 0s, stop: 0s}"
WELL_MADE = {
    "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
    "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
}


def manifests(
    name: str = "shop",
    tag: str = "1",
    *,
    pods: int = 2,
    surge: str = "25%",
    behaviour: str = AT_ONCE,
    container: dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """A Service and a Deployment; `container` adds to its only container."""
    text = APP.replace("NAME", name).replace("PODS", str(pods)).replace("SURGE", surge).replace("TAG", tag)
    service, workload = yaml.safe_load_all(text.replace("BEHAVIOUR", behaviour))
    workload["spec"]["template"]["spec"]["containers"][0].update(container or {})
    return [service, workload]


def make_namespace(sandbox: Sandbox) -> None:
    sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})


@contextlib.asynccontextmanager
async def served(folder: Path, middleware: Any, *, is_tls: bool = False) -> AsyncIterator[tuple[Sandbox, Path]]:
    """An embedded cluster with the namespace, behind HTTP on loopback, and the kubeconfig that leads to it."""
    async with Sandbox() as sandbox:
        make_namespace(sandbox)
        app = application(sandbox.api, logs=sandbox.logs)
        app.middlewares.append(middleware)
        runner = web.AppRunner(app)
        await runner.setup()
        made = certificate.ensure(folder, datetime.now(UTC)) if is_tls else None
        context = None
        if made:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(made.chain, made.key)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        try:
            yield sandbox, _kubeconfig(folder, runner.addresses[0][1], made.authority if made else None)
        finally:
            await runner.cleanup()


def _kubeconfig(folder: Path, port: int, authority: Path | None) -> Path:
    path, named = folder / "kubeconfig", {"name": SPACE}
    cluster = {"server": f"http{'s' if authority else ''}://127.0.0.1:{port}"}
    if authority:
        cluster["certificate-authority"] = str(authority)
    document = {
        "apiVersion": "v1", "kind": "Config", "current-context": SPACE,
        "clusters": [named | {"cluster": cluster}],
        "users": [named | {"user": {"token": "none"}}],
        "contexts": [named | {"context": {"cluster": SPACE, "user": SPACE, "namespace": SPACE}}],
    }  # fmt: skip
    path.write_text(yaml.safe_dump(document))
    return path


def once_s(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def median_s(work: Callable[[], object], runs: int) -> float:
    """Seconds, after one run that fills caches and compiles."""
    work()
    return statistics.median(once_s(work) for _ in range(runs))


def as_installed() -> dict[str, str]:
    """The environment of a command that is measured: Python keeps what it compiled, as it does of what is installed."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def process(command: Sequence[str]) -> Callable[[], object]:
    """A run of that command, which has to succeed."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return lambda: subprocess.run(command, check=True, env=as_installed(), **quiet)


EMPTY = (sys.executable, "-c", "pass")
"""What everything that starts a process stands beside."""


def peak_mib(pid: int | str = "self") -> float:
    """The most memory of a process, since it became this program. 0 where the system does not tell of another one's."""
    with contextlib.suppress(OSError):
        if found := re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()):
            return int(found[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20 if pid == "self" else 0.0


class Spent(NamedTuple):
    """What a command took: on the clock, of the processors, and the most memory that all of its processes held together."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def spent(command: Sequence[str], folder: Path) -> Spent:
    """Runs it there to its end, its own processes included. Raises where it fails. Memory is 0 where there is no /proc."""
    before, began, peak = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter(), 0.0
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=folder, env=as_installed(), **quiet) as running:
        while True:
            try:
                _, said = running.communicate(timeout=LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                peak = max(peak, sum(map(_held_mib, _family(running.pid))))
    if running.returncode:
        raise subprocess.CalledProcessError(running.returncode, command, stderr=said)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Spent(perf_counter() - began, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, peak)


LOOK_EVERY_S = 0.2


def _family(pid: int) -> list[int]:
    """A process and all that it started."""
    found = [pid]
    for each in found:
        with contextlib.suppress(OSError):
            found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
    return found


def _held_mib(pid: int) -> float:
    """Its share of the memory: what several processes hold together counts once."""
    with contextlib.suppress(OSError):
        if held := re.search(r"Pss:\s+(\d+) kB", Path(f"/proc/{pid}/smaps_rollup").read_text()):
            return int(held[1]) / 1024
    return 0.0
