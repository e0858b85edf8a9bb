"""What a release asks of the API server, and what it costs beside the pods' own time.

    python benchmarks/requests.py

On an embedded cluster behind HTTPS on loopback, with pods that start quickly: `deploy apply` of one Deployment and one Service,
beside `kubectl apply --server-side` and `kubectl rollout status` where kubectl is installed. `over` is the wall time of the whole
process less the time from the first new pod's creation to the last one's readiness; of several runs the median. The last figure
is how long after the last pod's readiness a blue-green switch reaches the server.

Both commands run as they are installed: kubectl is compiled, and Python keeps what it compiled (PYTHONDONTWRITEBYTECODE, which
would have it compile the checkout anew each time, is not passed on).
"""

from __future__ import annotations

import asyncio
import os
import shutil
import statistics
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
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

    def write(self, tag: str) -> None:
        (self.folder / "app.yaml").write_text(yaml.safe_dump_all(manifests(tag=tag, pods=3, surge="1")))
        (self.folder / "deploy.yaml").write_text(RELEASE)

    async def run(self, name: str, *commands: Sequence[str]) -> float:
        """Prints what the commands took together; answers the seconds over the pods' own."""
        self.seen = Watched()
        began = perf_counter()
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
        print(f"{name:<44}{total:>9}{wall:>9.2f}{self.seen.pods_s:>9.2f}{over:>9.2f}   {verbs}")
        await asyncio.sleep(1.5)  # old pods leave before the next command
        return over


async def measure() -> None:
    bench = Bench()
    with tempfile.TemporaryDirectory() as name:
        async with served(Path(name), bench.count, is_tls=True) as (sandbox, kubeconfig):
            bench.take(sandbox, Path(name))
            os.environ["KUBECONFIG"] = str(kubeconfig)
            print(f"{'':<44}{'requests':>9}{'wall s':>9}{'pods s':>9}{'over s':>9}")
            await _compare(bench)


async def _compare(bench: Bench) -> None:
    deploy = [sys.executable, "-m", "rollway"]
    if kubectl := shutil.which("kubectl"):
        for tag, what in (("1", "first"), ("2", "upgrade")):
            bench.write(tag)
            apply = [kubectl, "apply", "--server-side", "--force-conflicts", "-f", "app.yaml"]
            status = [kubectl, "-n", SPACE, "rollout", "status", "deployment/shop"]
            await bench.run(f"kubectl apply + rollout status, {what}", apply, status)
    bench.write("3")
    await bench.run("deploy apply ramped, taking kubectl's app over", [*deploy, "apply", "ramped"])
    overs = []
    for tag in range(4, 4 + RUNS):
        bench.write(str(tag))
        overs.append(await bench.run("deploy apply ramped, upgrade", [*deploy, "apply", "ramped"]))
    print(f"{'':<44}the median of {RUNS}: {statistics.median(overs):.2f} s over the pods' own")
    for tag in ("a", "b"):
        bench.write(tag)
        await bench.run("deploy apply blue-green", [*deploy, "apply", "blue-green", "--force-conflicts"])
    print(f"\nthe last pod ready → the switch arrives: {(bench.seen.switched - bench.seen.last_ready) * 1000:.0f} ms")


if __name__ == "__main__":
    asyncio.run(measure())
