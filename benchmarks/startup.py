"""How long the command takes to start, and to plan for 1, 10 and 100 applications.

    python benchmarks/startup.py [--runs 7]

Each figure is the median of several runs and stands beside a baseline of the same run: starting is compared with an empty
Python process and with `kubectl version --client` where that is installed; planning with reading the same applications' YAML
once. Shared machines are noisy: read the ratios, not the milliseconds.
"""

from __future__ import annotations

import argparse
import copy
import shutil
import sys
from collections.abc import Sequence

import yaml
from harness import EMPTY, WELL_MADE, make_namespace, manifests, median_s, process
from rollway.kube.objects import Obj
from rollway.release.model import Release
from rollway.release.options import StrategyOptions
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.strategies import NAMES
from rollway.strategies.base import Request

CONTAINER = WELL_MADE | {"resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "128Mi"}}}


def start_up(runs: int) -> None:
    baseline = median_s(process(EMPTY), runs)
    rows = [("python -c pass", baseline)]
    rows.append(("deploy version", median_s(process([sys.executable, "-m", "rollway", "version"]), runs)))
    if kubectl := shutil.which("kubectl"):
        rows.append(("kubectl version --client", median_s(process([kubectl, "version", "--client"]), runs)))
    print(f"{'start-up':<28}{'median':>10}{'× python':>12}")
    for name, seconds in rows:
        print(f"{name:<28}{seconds * 1000:>8.0f}ms{seconds / baseline:>11.1f}×")


def app(name: str, tag: str) -> Release:
    service, workload = manifests(name, tag, pods=4, container=CONTAINER)
    return Release(app=name, namespace="bench", workload=workload, services=(service,), options=StrategyOptions())


async def cluster_with(apps: Sequence[str]) -> Sandbox:
    sandbox = Sandbox()
    await sandbox.start()
    make_namespace(sandbox)
    for name in apps:
        await shipping.run(sandbox.client(), app(name, "1.0.0"), Request("apply"), strategy="ramped")
    return sandbox


async def plan_all(apps: Sequence[str], runs: int) -> tuple[float, float]:
    """Seconds to plan all of them by every strategy in turn, and to read their YAML as often."""
    sandbox = await cluster_with(apps)
    cluster = sandbox.client()
    releases = [app(name, "2.0.0") for name in apps]
    seen = [await shipping.look(cluster, release, "ab") for release in releases]

    def plan() -> None:
        for release, observed in zip(releases, seen, strict=True):
            for name in NAMES:
                request = Request("apply")
                shipping.choose(release, observed, request, name).plan(request, observed)

    texts = {name: yaml.safe_dump_all(manifests(name, pods=4, container=CONTAINER)) for name in apps}

    def read() -> None:
        for name in apps:
            for _ in NAMES:
                documents: list[Obj] = list(yaml.safe_load_all(texts[name]))
                copy.deepcopy(documents)

    taken = median_s(plan, runs), median_s(read, runs)
    await sandbox.stop()
    return taken


def planning(runs: int) -> None:
    print(f"\n{'planning (5 strategies each)':<30}{'an app':>10}{'in all':>10}{'× reading its YAML':>22}")
    for count in (1, 10, 100):
        names = [f"app-{number}" for number in range(count)]
        planned, read = run_virtual(plan_all(names, runs))
        print(f"{count:>4} apps{'':<22}{planned / count * 1000:>8.1f}ms{planned * 1000:>8.0f}ms{planned / read:>21.1f}×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    start_up(runs)
    planning(runs)


if __name__ == "__main__":
    main()
