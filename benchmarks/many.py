"""Many applications at a time: what 10, 50 and 200 of them cost the client, beside kubectl.

    python benchmarks/many.py [--parallel 16] [10 50 200]

Each command has an embedded cluster of its own, behind HTTP on loopback, with two pods an application that start quickly: first
`deploy apply -f services/` twice, a first version and an upgrade; then `kubectl apply --server-side` of the same manifests and
`kubectl rollout status`, where kubectl is installed (it takes no lock and keeps no history). CPU and memory are those of the
client's process; `server` is the CPU time of the embedded cluster meanwhile. The last lines say by how much each has grown from
the least to the most applications: what grows faster than those is a fault.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter, process_time, sleep  # real time is what is measured
from typing import NamedTuple

import yaml
from aiohttp import web
from harness import SPACE, manifests, peak_mib, served

LONGEST_S = 300.0
RELEASE = "app: NAME\nnamespace: bench\nmanifests: [app.yaml]\n"


class Cost(NamedTuple):
    """Of one command. Seconds, MiB, and a number."""

    wall: float
    cpu: float
    memory: float
    requests: int
    server: float


class Bench:
    """An embedded cluster of its own, and the folder of services."""

    def __init__(self, folder: Path, count: int) -> None:
        self.folder = folder
        self.count = count
        self.requests = 0

    def write(self, tag: str) -> None:
        for number in range(self.count):
            name = f"app-{number:03}"
            home = self.folder / "services" / name
            home.mkdir(parents=True, exist_ok=True)
            (home / "app.yaml").write_text(yaml.safe_dump_all(manifests(name, tag)))
            (home / "deploy.yaml").write_text(RELEASE.replace("NAME", name))

    @web.middleware
    async def counted(self, request: web.Request, handler: web.RequestHandler) -> web.StreamResponse:  # type: ignore[type-arg]
        self.requests += 1
        answer: web.StreamResponse = await handler(request)  # type: ignore[operator]
        return answer

    async def run(self, *commands: Sequence[str]) -> Cost:
        self.requests, began, served = 0, perf_counter(), process_time()
        cpu = memory = 0.0
        for command in commands:
            spent, most = await asyncio.to_thread(_measured, command, self.folder)
            cpu, memory = cpu + spent, max(memory, most)
        return Cost(perf_counter() - began, cpu, memory, self.requests, process_time() - served)


def _measured(command: Sequence[str], folder: Path) -> tuple[float, float]:
    """CPU seconds and MiB at most of a process that has to succeed."""
    ends_at = perf_counter() + LONGEST_S
    with (folder / "out.txt").open("w+") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=out)
        most, pid = 0.0, 0
        while not pid:
            # the peak that wait4 tells begins with that of the parent, which is the whole cluster
            most = max(most, peak_mib(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if perf_counter() > ends_at:
                process.kill()
            sleep(0.02)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        if process.returncode:
            sys.exit(f"{' '.join(command)}: {process.returncode}\n{out.read()[-2000:]}")
    return usage.ru_utime + usage.ru_stime, most or usage.ru_maxrss / 1024


async def with_cluster(count: int, commands: dict[str, tuple[str, list[list[str]]]]) -> dict[str, Cost]:
    """What each of the commands costs, one after the other, by name; each has the tag that it releases."""
    costs: dict[str, Cost] = {}
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), count)
        async with served(Path(name), bench.counted) as (_, kubeconfig):
            os.environ["KUBECONFIG"] = str(kubeconfig)
            for what, (tag, lines) in commands.items():
                bench.write(tag)
                costs[what] = await bench.run(*lines)
                await asyncio.sleep(1.5)  # old pods leave before the next command
    return costs


def measured(count: int, parallel: int) -> dict[str, Cost]:
    deploy = [sys.executable, "-m", "rollway", "apply", "-f", "services/", "--parallel", str(parallel)]
    costs = asyncio.run(with_cluster(count, {"deploy, first": ("1", [deploy]), "deploy, upgrade": ("2", [deploy])}))
    if kubectl := shutil.which("kubectl"):
        # a release file beside each manifest is none of kubectl's business
        manifests = [word for number in range(count) for word in ("-f", f"services/app-{number:03}/app.yaml")]
        apply = [kubectl, "apply", "--server-side", *manifests]
        status = [kubectl, "-n", SPACE, "rollout", "status", "deployment", "-l", "suite=bench"]
        commands = {"kubectl, first": ("1", [apply, status]), "kubectl, upgrade": ("2", [apply, status])}
        costs |= asyncio.run(with_cluster(count, commands))
    return costs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("counts", nargs="*", type=int, default=[10, 50, 200])
    parser.add_argument("--parallel", type=int, default=16)
    asked = parser.parse_args()
    print(f"{'apps':>5}   {'':<18}{'wall s':>9}{'CPU s':>9}{'ms/app':>9}{'MiB':>7}{'requests':>10}{'an app':>8}{'server s':>10}")
    found: dict[int, dict[str, Cost]] = {}
    for count in asked.counts:
        found[count] = measured(count, asked.parallel)
        for what, cost in found[count].items():
            each = f"{cost.cpu / count * 1000:>9.0f}{cost.memory:>7.0f}{cost.requests:>10}{cost.requests / count:>8.1f}"
            print(f"{count:>5}   {what:<18}{cost.wall:>9.2f}{cost.cpu:>9.2f}{each}{cost.server:>10.2f}", flush=True)
    least, most = min(found), max(found)
    print(f"\nfrom {least} to {most} apps, × {most / least:g}: × wall, CPU, memory, requests, server")
    for what in found[most]:
        growth = [after / before for before, after in zip(found[least][what], found[most][what], strict=True)]
        print(f"  {what:<18}" + "".join(f"{each:>8.1f}" for each in growth))


if __name__ == "__main__":
    main()
