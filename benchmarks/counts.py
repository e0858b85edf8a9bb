"""What a release does, in counts that no machine's speed changes, beside those of the last release of rollway.

    python benchmarks/counts.py [--write]

On the embedded cluster in virtual time, three pods, each strategy: a second version over the first. `requests` go to the API
server, `writes` are what the store took (controllers and kubelet included), `events` what the run tells, `calls` those of Python
functions of rollway, for what it computes. `walks` are those of a comparison with its default flags. All but the calls are exact,
and one more is a fault or has a reason; calls may be 5% more. counts.json holds those of the last release: `--write` renews it,
with each release.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, cast

from harness import SPACE, WELL_MADE, make_namespace, manifests
from rollway.cluster.port import Cluster
from rollway.compare.comparing import compared
from rollway.compare.scenario import Scenario
from rollway.release.model import Release
from rollway.release.options import StrategyOptions
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.strategies import NAMES
from rollway.strategies.base import Request

KEPT = Path(__file__).with_name("counts.json")
ROOT = str(Path(shipping.__file__).parents[1])
CALLS_MAY_GROW = 1.05
OPTIONS = {"blueGreen": {"scaleDownDelaySeconds": 0}}

Counts = dict[str, dict[str, int]]


class Counted:
    """A cluster that counts what it is asked, by verb."""

    def __init__(self, cluster: Cluster, requests: Counter[str]) -> None:
        self._cluster, self._requests = cluster, requests

    def __getattr__(self, verb: str) -> Any:
        ask: Callable[..., Any] = getattr(self._cluster, verb)

        def counted(*words: Any, **named: Any) -> Any:
            self._requests[verb] += 1
            return ask(*words, **named)

        return counted


def release(tag: str) -> Release:
    service, workload = manifests(tag=tag, pods=3, behaviour="{start: 1s, stop: 0.5s}", container=WELL_MADE)
    options = StrategyOptions.model_validate(OPTIONS)
    return Release(app="shop", namespace=SPACE, workload=workload, services=(service,), options=options)


async def _counted(strategy: str) -> dict[str, int]:
    async with Sandbox() as sandbox:
        make_namespace(sandbox)
        await _apply(sandbox.client(), strategy, "1", Counter())
        requests, events, calls = Counter[str](), Counter[str](), Counter[str]()
        before = sandbox.store.version

        def called(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and (file := frame.f_code.co_filename).startswith(ROOT) and "site-packages" not in file:
                calls["calls"] += 1

        sys.setprofile(called)
        try:
            await _apply(cast(Cluster, Counted(sandbox.client(), requests)), strategy, "2", events)
        finally:
            sys.setprofile(None)
        return {
            "requests": requests.total(),
            "writes": sandbox.store.version - before,
            "events": events.total(),
            "calls": calls.total(),
        }


async def _apply(cluster: Cluster, strategy: str, tag: str, events: Counter[str]) -> None:
    def emit(event: object) -> None:
        events[type(event).__name__] += 1

    options = shipping.Options(holder="bench@nowhere/0", emit=emit)
    result = await shipping.run(cluster, release(tag), Request("apply", 100), strategy=strategy, options=options)
    if not result.is_ok:
        sys.exit(f"{strategy} {tag} failed: {result.failure}")


def counted() -> Counts:
    found = {name: run_virtual(_counted(name)) for name in NAMES}
    comparison = compared(release("2"), Scenario(), strategies=("ramped", "canary"), seeds=20, stops_early=True, is_alone=True)
    found["compare"] = {f"walks of {outcome.strategy}": outcome.walks for outcome in comparison.outcomes}
    return found


def grown(kept: Counts, now: Counts) -> list[str]:
    """A line for each count that has grown by more than it may."""
    return [
        f"{name}: {what} {kept[name][what]} → {count}"
        for name, counts in now.items()
        for what, count in counts.items()
        if count > kept.get(name, {}).get(what, count) * (CALLS_MAY_GROW if what == "calls" else 1)
    ]


def main(words: Sequence[str]) -> int:
    now = counted()
    if "--write" in words:
        KEPT.write_text(json.dumps(now, indent=1) + "\n")
    kept: Counts = json.loads(KEPT.read_text())
    for name, counts in now.items():
        row = (f"{what} {count} (× {count / (kept.get(name, {}).get(what) or count):.2f})" for what, count in counts.items())
        print(f"{name:<12}" + "   ".join(row))
    for line in (lines := grown(kept, now)):
        print(f"more than with the last release: {line}")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
