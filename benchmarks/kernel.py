"""The rehearsals' kernel: what a ramped release costs by its pods, beside SimPy doing the like.

    python benchmarks/kernel.py [100 1000 10000]

The release is the real one (`ship.run`) on the embedded cluster in virtual time: a first version is applied, then a second one is
rolled out by 25% of the pods; only the second counts. An event is one committed write to the cluster's store. SimPy has a process
a pod, old or new, which takes some steps, and a Resource for the surge: with about as many events in all, counted by its
environment. It does much less an event: no objects, no versions, no owners, no watchers. Each row is a process of its own. Peak
memory is the process's, imports included. The last line says by how much the cost of a pod has grown.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter, process_time  # real time is what is measured
from typing import Any, NamedTuple

import simpy
import yaml
from harness import WELL_MADE, make_namespace, manifests, peak_mib
from rollway.release.load import load
from rollway.release.model import Release
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.strategies.base import Request

RELEASE = """
app: shop
namespace: bench
manifests: [shop.yaml]
strategy: ramped
"""
OTHERS = 8  # events that SimPy needs for a new pod and an old one besides their steps: processes, and their place in the surge
LIFE_S = 3.0  # of a pod that starts, and of one that stops


class Cost(NamedTuple):
    """Of one run. Seconds, MiB, and numbers."""

    events: int
    wall: float
    cpu: float
    peak: float

    @property
    def rate(self) -> float:
        return self.events / self.cpu


def released(pods: int, tag: str) -> Release:
    with tempfile.TemporaryDirectory() as folder:
        shop = manifests(tag=tag, pods=pods, behaviour="{pull: 0.1s, start: 1s, stop: 0.5s}", container=WELL_MADE)
        Path(folder, "shop.yaml").write_text(yaml.safe_dump_all(shop))
        file = Path(folder, "deploy.yaml")
        file.write_text(RELEASE)
        return load(str(file))


async def rollway(pods: int) -> Cost:
    first, second = released(pods, "1"), released(pods, "2")
    async with Sandbox() as sandbox:
        make_namespace(sandbox)
        await shipping.run(sandbox.client(), first, Request("apply"))
        before, wall, cpu = sandbox.store.version, perf_counter(), process_time()
        result = await shipping.run(sandbox.client(), second, Request("apply"))
        wall, cpu = perf_counter() - wall, process_time() - cpu
        if result.phase != "Promoted":
            raise SystemExit(f"the release of {pods} pods ended as {result.phase}: {result.failure}")
        return Cost(sandbox.store.version - before, wall, cpu, peak_mib())


def modelled(pods: int, events: int) -> Cost:
    """The like in SimPy, with about as many events."""
    steps = max(round((events / pods - OTHERS) / 2), 1)

    def build() -> simpy.Environment:
        env = simpy.Environment()
        surge = simpy.Resource(env, capacity=max(pods // 4, 1))
        for _ in range(pods):
            env.process(_replaced(env, surge, steps))
        return env

    environment, wall, cpu = build(), perf_counter(), process_time()
    environment.run()
    wall, cpu = perf_counter() - wall, process_time() - cpu
    return Cost(_counted(build()), wall, cpu, peak_mib())


def _replaced(env: simpy.Environment, surge: simpy.Resource, steps: int) -> Iterator[Any]:
    """A new pod comes once there is room; when it is ready, an old one leaves."""
    with surge.request() as room:
        yield room
        yield env.process(_pod(env, steps))
        yield env.process(_pod(env, steps))


def _pod(env: simpy.Environment, steps: int) -> Iterator[Any]:
    for _ in range(steps):
        yield env.timeout(LIFE_S / steps)


def _counted(env: simpy.Environment) -> int:
    """How many events it processes; apart from the run that is timed."""
    events = 0
    while env.peek() < float("inf"):
        env.step()
        events += 1
    return events


def apart(*words: object) -> Cost:
    """In a process of its own, for its memory."""
    done = subprocess.run([sys.executable, __file__, "--one", *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Cost(*json.loads(done.stdout))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pods", nargs="*", type=int, default=[100, 1000, 10000])
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        pods, events = asked.pods
        print(json.dumps(modelled(pods, events) if events else run_virtual(rollway(pods))))
        return
    table(asked.pods or [100, 1000, 10000])


def table(sizes: list[int]) -> None:
    print(f"{'':22}{'events':>9}{'wall s':>9}{'CPU s':>9}{'events/s':>11}{'µs a pod':>10}{'peak MiB':>10}")
    costs: list[Cost] = []
    for pods in sizes:
        ours = apart(pods, 0)
        costs.append(ours)
        row(f"{pods:>6} pods  rollway", pods, ours)
        theirs = apart(pods, ours.events)
        row(f"{'':>6}       SimPy", pods, theirs)
        print(f"{'':13}SimPy does {theirs.rate / ours.rate:.0f} times the events a second")
    if len(costs) > 1:
        least, most = costs[0].cpu / sizes[0], costs[-1].cpu / sizes[-1]
        print(f"from {sizes[0]} to {sizes[-1]} pods a pod has come to cost {most / least:.2f} times as much")


def row(name: str, pods: int, cost: Cost) -> None:
    print(
        f"{name:22}{cost.events:>9}{cost.wall:>9.2f}{cost.cpu:>9.2f}{cost.rate:>11.0f}"
        f"{cost.cpu / pods * 1e6:>10.0f}{cost.peak:>10.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
