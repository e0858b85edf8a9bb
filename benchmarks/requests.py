"""What a release asks of the API server, and what it costs beside the pods' own time.

    python benchmarks/requests.py

On an embedded cluster behind HTTPS on loopback, with pods that start quickly: `deploy apply` of one Deployment and one Service,
beside `kubectl apply --server-side` and `kubectl rollout status`, and beside the script that people write for blue-green, where
kubectl is installed. `over` is the wall time of the whole process less the time from the first new pod's creation to the last
one's readiness; of several runs the median. `cpu` are the processors' seconds of the commands, which a busy machine changes
least. How long after the last pod's readiness a blue-green switch reaches the server is told, too.

Both commands run as they are installed: kubectl is compiled, and Python keeps what it compiled (PYTHONDONTWRITEBYTECODE, which
would have it compile the checkout anew each time, is not passed on).
"""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from time import perf_counter  # real time is what is measured

import yaml
from aiohttp import web
from harness import SPACE, as_installed, manifests, served
from rollway.health.pods import is_ready
from rollway.kube.objects import POD
from rollway.sandbox.store.store import Change
from rollway.sandbox.world import Sandbox

RUNS = 5
SCRIPT = """set -e
kubectl apply --server-side --force-conflicts -f app.yaml
kubectl -n bench rollout status deployment/NEXT
kubectl -n bench patch service shop --type merge --patch '{"spec": {"selector": {"app": "NEXT"}}}'
kubectl -n bench scale deployment/LAST --replicas 0
"""
RELEASE = "app: shop\nnamespace: bench\nmanifests: [app.yaml]\nstrategies:\n  blueGreen: {scaleDownDelaySeconds: 0}\n"


@dataclass
class Watched:
    """What the server and the store saw of one command."""

    requests: Counter[str] = field(default_factory=Counter)
    first_pod: float = 0.0
    last_ready: float = 0.0
    switched: float = 0.0

    @property
    def pods_s(self) -> float:
        return max(self.last_ready - self.first_pod, 0.0)


class Bench:
    folder: Path

    def __init__(self) -> None:
        self.seen = Watched()

    def take(self, sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        sandbox.store.subscribe(self._note)

    def _note(self, change: Change) -> None:
        if change.kind != POD:
            return
        if change.type == "ADDED" and not self.seen.first_pod:
            self.seen.first_pod = perf_counter()
        was_ready = change.before is not None and is_ready(change.before)
        if change.type == "MODIFIED" and is_ready(change.obj) and not was_ready:
            self.seen.last_ready = perf_counter()

    @web.middleware
    async def count(self, request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:  # type: ignore[type-arg]
        self.seen.requests[request.method] += 1
        if request.method == "PATCH" and request.path.endswith("/services/shop"):
            self.seen.switched = self.seen.switched or perf_counter()
        answer: web.StreamResponse = await handler(request)  # type: ignore[operator]
        return answer

    def write_side(self, name: str, tag: str) -> None:
        """A side of the script's, without the Service."""
        _, workload = manifests(name, tag, pods=3, surge="1")
        (self.folder / "app.yaml").write_text(yaml.safe_dump(workload))

    def write(self, tag: str) -> None:
        (self.folder / "app.yaml").write_text(yaml.safe_dump_all(manifests(tag=tag, pods=3, surge="1")))
        (self.folder / "deploy.yaml").write_text(RELEASE)

    async def run(self, name: str, *commands: Sequence[str]) -> float:
        """Prints what the commands took together; answers the seconds over the pods' own."""
        self.seen = Watched()
        began, before_s = perf_counter(), _cpu_s()
        for command in commands:
            process = await asyncio.create_subprocess_exec(
                *command, cwd=self.folder, env=as_installed(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
            out, err = await process.communicate()
            if process.returncode:
                sys.exit(f"{' '.join(command)}: {err.decode() or out.decode()}")
        wall = perf_counter() - began
        verbs = " ".join(f"{verb} {count}" for verb, count in sorted(self.seen.requests.items()))
        over = wall - self.seen.pods_s
        total = sum(self.seen.requests.values())
        print(f"{name:<44}{total:>9}{wall:>9.2f}{self.seen.pods_s:>9.2f}{over:>9.2f}{_cpu_s() - before_s:>9.2f}   {verbs}")
        await asyncio.sleep(1.5)  # old pods leave before the next command
        return over


def _cpu_s() -> float:
    """Of all commands that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def measure() -> None:
    bench = Bench()
    with tempfile.TemporaryDirectory() as name:
        async with served(Path(name), bench.count, is_tls=True) as (sandbox, kubeconfig):
            bench.take(sandbox, Path(name))
            os.environ["KUBECONFIG"] = str(kubeconfig)
            print(f"{'':<44}{'requests':>9}{'wall s':>9}{'pods s':>9}{'over s':>9}{'cpu s':>9}")
            await _compare(bench)


async def _compare(bench: Bench) -> None:
    deploy = [sys.executable, "-m", "rollway"]
    kubectl = shutil.which("kubectl")
    if kubectl:
        for tag, what in (("1", "first"), ("2", "upgrade")):
            bench.write(tag)
            apply = [kubectl, "apply", "--server-side", "--force-conflicts", "-f", "app.yaml"]
            status = [kubectl, "-n", SPACE, "rollout", "status", "deployment/shop"]
            await bench.run(f"kubectl apply + rollout status, {what}", apply, status)
    bench.write("3")
    await bench.run("deploy apply ramped, taking kubectl's app over", [*deploy, "apply", "ramped"])
    await _often(bench, "deploy apply ramped, upgrade", [*deploy, "apply", "ramped"], range(4, 4 + RUNS))
    bench.write("a")
    await bench.run("deploy apply blue-green, the first", [*deploy, "apply", "blue-green", "--force-conflicts"])
    await _often(bench, "deploy apply blue-green", [*deploy, "apply", "blue-green", "--force-conflicts"], range(20, 20 + RUNS))
    print(f"{'':<44}the last pod ready → the switch arrives: {(bench.seen.switched - bench.seen.last_ready) * 1000:.0f} ms")
    if kubectl:
        await _scripted(bench)


async def _often(bench: Bench, name: str, command: Sequence[str], tags: range) -> None:
    overs = []
    for tag in tags:
        bench.write(str(tag))
        overs.append(await bench.run(name, command))
    _print_median(overs)


async def _scripted(bench: Bench) -> None:
    """Blue-green by the script; its sides take turns, and none of it is known to rollway."""
    overs = []
    sides = ["shop", *(("green", "blue") * RUNS)[:RUNS]]
    for number, (last, side) in enumerate(pairwise(sides)):
        bench.write_side(side, f"s{number}")
        overs.append(
            await bench.run("blue-green by a kubectl script", ["sh", "-c", SCRIPT.replace("NEXT", side).replace("LAST", last)])
        )
    _print_median(overs)


def _print_median(overs: Sequence[float]) -> None:
    print(f"{'':<44}the median of {len(overs)}: {statistics.median(overs):.2f} s over the pods' own")


if __name__ == "__main__":
    asyncio.run(measure())
