"""What a comparison costs: by pods, by rate, by seeds and cores, and over simulated time.

    python benchmarks/compare.py [--most 1000]

The first table is what a user meets: `deploy compare` with its default flags, from the command to the end of its process, with
ways back, beside an empty Python process and beside the smallest row; then `deploy plan` with its forecast, of an embedded
cluster that is served by this process, which takes its share of the cores. The others look into it.
Every row stands beside a baseline of the same run: the five strategies beside the time that the releases themselves would take
and beside an empty Python process; a rate of 1,000,000 requests a second beside one of 10, and beside the same traffic one
request at a time; two cores beside one; memory over a canary's pause of 10 hours beside one of 1 hour; growth beside the fewest
pods. Peak memory is that of a process of its own, imports included. Shared machines are noisy: read the ratios.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from time import perf_counter  # real time is what is measured
from typing import Any, NamedTuple

import yaml
from aiohttp import web
from harness import EMPTY, WELL_MADE, Spent, manifests, median_s, peak_mib, process, served, spent
from rollway.compare.comparing import compared
from rollway.compare.results import Comparison
from rollway.compare.scenario import Scenario
from rollway.release.model import Release
from rollway.release.options import StrategyOptions
from rollway.strategies import NAMES


def release(pods: int, pause: str = "60s") -> Release:
    service, workload = manifests(tag="2.0.0", pods=pods, behaviour="{start: 1s, stop: 0.5s}", container=WELL_MADE)
    options = StrategyOptions.model_validate(
        {"canary": {"steps": [{"weight": 10, "pause": pause}, {"weight": 50, "pause": "60s"}]}}
    )
    return Release(app="shop", namespace="bench", workload=workload, services=(service,), options=options)


def timed(
    pods: int, *, rate: float = 100.0, each: bool = False, seeds: int = 1, names: Sequence[str] = NAMES
) -> tuple[float, Comparison]:
    """Seconds, and what came out; ways back and improvements are left out, as their number differs by strategy."""
    scenario = Scenario(rate=rate, is_each_request=each)
    began = perf_counter()
    found = compared(release(pods), scenario, strategies=names, seeds=seeds, is_alone=True)
    return perf_counter() - began, found


class Row(NamedTuple):
    """What `deploy compare` is asked, and what it may take."""

    pods: int
    flags: tuple[str, ...]
    wanted_s: float
    wanted_mib: float


PLANS = ((10, 0.8), (1_000, 3.0))
"""Pods, and the seconds that `deploy plan canary` may take with its forecast."""
AS_MET = (
    Row(10, (), 1.2, 300),
    Row(100, (), 3, 300),
    Row(1_000, (), 15, 300),
    Row(10_000, ("--seeds", "1"), 60, 1500),
)
FOREIGN = 340  # objects of other applications: with 100 lines each a manifest of 34,000 lines
MORE_S = 2.0  # what they may add


def as_met(most: int) -> None:
    """Whole processes."""
    idle = median_s(process(EMPTY), 5)
    comparisons(most, idle)
    for pods, wanted_s in PLANS:
        if pods <= most:
            took = asyncio.run(planned(pods))
            each = f"{took.wall_s / pods * 1000:.1f} ms"
            print(
                f"{f'{pods:>8,} pods, deploy plan':<28}{wanted_s:>8g}s{took.wall_s:>9.2f}s{took.cpu_s:>8.1f}s"
                f"{'':>10}{took.peak_mib:>6.0f} MiB{took.wall_s / idle:>16.0f}×{each:>10}"
            )
    with project(2, others=0) as small, project(2, others=FOREIGN) as large:
        alone, beside = (spent([*DEPLOY, "compare", "--seeds", "1"], folder).wall_s for folder in (small, large))
    print(f"\n34,000 lines of other objects beside it: {beside:.2f}s, {alone:.2f}s without; wanted {MORE_S:g}s more at most")


def comparisons(most: int, idle: float) -> None:
    print(f"{'deploy compare':<28}{'wanted':>9}{'taken':>10}{'CPU':>9}{'wanted':>10}{'memory':>10}{'× empty':>17}{'a pod':>10}")
    for row in AS_MET:
        if row.pods <= most:
            with project(row.pods) as folder:
                took = spent([*DEPLOY, "compare", *row.flags], folder)
            name = f"{row.pods:>8,} pods {' '.join(row.flags)}"
            each = f"{took.wall_s / row.pods * 1000:.1f} ms"
            print(
                f"{name:<28}{row.wanted_s:>8g}s{took.wall_s:>9.2f}s{took.cpu_s:>8.1f}s"
                f"{row.wanted_mib:>6g} MiB{took.peak_mib:>6.0f} MiB{took.wall_s / idle:>16.0f}×{each:>10}"
            )


async def planned(pods: int) -> Spent:
    """`deploy plan canary` of a second version, where the first runs."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        async with served(folder, _plain) as (_, kubeconfig):
            os.environ["KUBECONFIG"] = str(kubeconfig)
            (folder / "deploy.yaml").write_text("app: shop\nnamespace: bench\nmanifests: [shop.yaml]\n")
            for words in (["apply", "ramped"], ["plan", "canary"]):
                documents = manifests(tag=words[0], pods=pods, behaviour="{start: 1s, stop: 0.5s}", container=WELL_MADE)
                (folder / "shop.yaml").write_text(yaml.safe_dump_all(documents))
                took = await asyncio.to_thread(spent, [*DEPLOY, *words], folder)
    return took


@web.middleware
async def _plain(request: web.Request, handler: Any) -> web.StreamResponse:
    answer: web.StreamResponse = await handler(request)
    return answer


DEPLOY = (str(Path(sys.executable).with_name("deploy")),)
CUSTOM = """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: NAMEs.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: NAMEs, singular: NAME, kind: KIND}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
"""
PROPERTY = """              field{number}:
                description: what it is for
                type: string
"""


@contextlib.contextmanager
def project(pods: int, *, others: int = 0) -> Iterator[Path]:
    """A folder with a release file, as a user has it; `others` are definitions of kinds, of 100 lines each."""
    documents = manifests(tag="2.0.0", pods=pods, behaviour="{start: 1s, stop: 0.5s}", container=WELL_MADE)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "deploy.yaml").write_text("app: shop\nnamespace: bench\nmanifests: [k8s/]\n")
        (folder / "k8s").mkdir()
        (folder / "k8s" / "shop.yaml").write_text(yaml.safe_dump_all(documents))
        texts = [CUSTOM.replace("NAME", f"thing{number}").replace("KIND", f"Thing{number}") for number in range(others)]
        more = "".join(PROPERTY.format(number=number) for number in range(27))
        if texts:
            (folder / "k8s" / "others.yaml").write_text("---".join(text + more for text in texts))
        yield folder


def by_pods(most: int) -> None:
    idle = median_s(process(EMPTY), 5)
    print(f"{'five strategies, 1 seed':<34}{'wanted':>9}{'taken':>10}{'the releases take':>20}{'× empty python':>17}")
    for pods, wanted in ((10, 0.5), (1000, 5.0)):
        if pods <= most:
            taken, found = timed(pods)
            real = sum(outcome.typical.command_s for outcome in found.outcomes)
            print(f"{pods:>8,} pods{'':<21}{wanted:>8g}s{taken:>9.2f}s{real:>18.0f} s{taken / idle:>16.0f}×")


def by_rate() -> None:
    print(f"\n{'requests a second (10 pods)':<34}{'taken':>9}{'× of 10/s':>12}")
    few = min(timed(10, rate=10)[0] for _ in range(3))
    for rate in (10, 1_000_000):
        taken = min(timed(10, rate=rate)[0] for _ in range(3))
        print(f"{rate:>12,}/s by intervals{'':<7}{taken:>8.2f}s{taken / few:>11.2f}×")
    for rate in (10, 1_000):
        taken = timed(10, rate=rate, each=True)[0]
        print(f"{rate:>12,}/s one by one{'':<9}{taken:>8.2f}s{taken / few:>11.2f}×")


def by_cores() -> None:
    print(f"\n{'20 seeds, 10 pods, five strategies':<34}{'taken':>9}{'× of one core':>16}")
    all_cores = sorted(os.sched_getaffinity(0))
    alone = 0.0
    for cores in (all_cores[:1], all_cores[:2]):
        os.sched_setaffinity(0, cores)
        taken = min(timed(10, seeds=20)[0] for _ in range(2))
        alone = alone or taken
        print(f"{len(cores):>8} core{'s' if len(cores) > 1 else ' '}{'':<20}{taken:>8.2f}s{alone / taken:>15.2f}×")
    os.sched_setaffinity(0, all_cores)


def by_simulated_time() -> None:
    print(f"\n{'a canary with a pause, 10 pods':<34}{'taken':>9}{'peak memory':>14}{'× of 1 h':>11}")
    first = 0.0
    for pause in ("1h", "10h"):
        ran = subprocess.run([sys.executable, __file__, "--pause", pause], check=True, capture_output=True, text=True)
        taken, peak = json.loads(ran.stdout)
        first = first or peak
        print(f"{pause:>8}{'':<26}{taken:>8.2f}s{peak:>11.0f} MiB{peak / first:>10.2f}×")


def paused(pause: str) -> None:
    """The child's part."""
    began = perf_counter()
    found = compared(release(10, pause), Scenario(bound_s=24 * 3600), strategies=("canary",), seeds=1, is_alone=True)
    assert found.outcomes[0].typical.phase == "Promoted"
    print(json.dumps([perf_counter() - began, peak_mib()]))


def growth(most: int) -> None:
    print(f"\n{'ramped, by pods':<34}{'taken':>9}{'a pod':>10}{'× of 100':>11}")
    each = 0.0
    for pods in (100, 1_000, 10_000):
        if pods <= most:
            taken = timed(pods, names=("ramped",))[0]
            each = each or taken / pods
            print(f"{pods:>8,} pods{'':<21}{taken:>8.2f}s{taken / pods * 1000:>8.2f}ms{taken / pods / each:>10.2f}×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--most", type=int, default=10_000, help="pods; the rows with more are left out")
    parser.add_argument("--pause", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.pause:
        paused(given.pause)
        return
    as_met(given.most)
    print()
    by_pods(given.most)
    by_rate()
    by_cores()
    by_simulated_time()
    growth(given.most)


if __name__ == "__main__":
    main()
