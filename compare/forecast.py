"""What a plan will take and cost: the very verb, rehearsed from what is live now."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from ..cluster import history
from ..errors import RollwayError
from ..kube.objects import DEPLOYMENT, NAMESPACE, SERVER_SET_META, Obj, get, kind_of
from ..kube.workload import pods_of, workload_of
from ..plan.observed import Observed
from ..release.model import Release
from ..sandbox.timeline import run_virtual
from ..sandbox.world import Sandbox
from ..strategies.base import Request
from .foretelling import foretold
from .rehearsal import NODES, REST_S, Base, are_whole, on_nodes, service_of, starting, walked
from .results import Forecast, Run, range_of
from .scenario import Scenario
from .story import Plot
from .walking import collecting_seldom

SEEDS = 3
MANY_PODS = 100  # of so many pods the delays even each other out: one walk tells what three do
MOST_PODS = 3_000  # above, a plan is not to wait for its forecast


def forecast(
    release: Release, request: Request, strategy: str, observed: Observed, *, start_s: float | None, steady_pods: int
) -> Forecast | None:
    """`start_s`: how long the application takes until it listens, where that is known. None where it cannot be told: something is
    half-way that a rehearsal cannot begin from, it is too large to be waited for, or the embedded cluster refuses it: the plan
    stands without its forecast."""
    if steady_pods > MOST_PODS or any(get(live, "spec", "paused") for live in _workloads(observed)):
        return None
    scenario, plot = Scenario(rate=float(release.traffic.rate), settle_s=3.0), Plot(request=request)
    try:
        base = run_virtual(_standing(release, observed, start_s))
        runs = list(_walks(base, release, strategy, scenario, plot)) if base else []
    except RollwayError:
        return None
    if not runs or any(run.failure or run.is_cut for run in runs):
        return None
    gates = foretold([(strategy, strategy, release)], scenario) if request.action == "apply" else ()
    return replace(_summed(runs, release, start_s), gates=gates[0].gates if gates else ())


def _walks(base: Base, release: Release, strategy: str, scenario: Scenario, plot: Plot) -> Iterator[Run]:
    walks = 1 if base.replicas > MANY_PODS else SEEDS
    with collecting_seldom():
        for seed in range(walks):
            yield from walked(base, release, strategy, scenario, seed, plot, draws=SEEDS // walks)


def _summed(runs: Sequence[Run], release: Release, start_s: float | None) -> Forecast:
    middle = sorted(runs, key=lambda run: run.command_s)[len(runs) // 2]
    return Forecast(
        seconds=range_of(run.command_s for run in runs),
        steps_s=middle.steps_s,
        peak_pods=max(run.peak_not_terminating for run in runs),
        lost=range_of(run.toll.failed for run in runs),
        sent=range_of(run.toll.sent for run in runs),
        rate=float(release.traffic.rate),
        start_s=start_s,
    )


def _workloads(observed: Observed) -> list[Obj]:
    """The Deployments, and what else is of the application's kind."""
    kinds = (DEPLOYMENT, observed.kind)
    return [obj for ref, obj in observed.objects.items() if obj is not None and any(map(ref.is_a, kinds))]


async def _standing(release: Release, observed: Observed, start_s: float | None) -> Base | None:
    """An embedded cluster with what was seen, its pods started anew and at rest; None where they do not get ready."""
    async with Sandbox(admit=partial(starting, start_s), presumes=True) as sandbox:
        store = sandbox.store
        for name in (release.namespace, *release.elsewhere):
            if store.find(NAMESPACE, "", name) is None:
                sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        for obj in observed.objects.values():
            kind = kind_of(obj["apiVersion"], obj["kind"]) if obj else None
            if obj and kind and kind != NAMESPACE:
                store.create(kind, _unborn(obj))
        for revision in observed.history:
            await history.write(sandbox.client(), revision)
        replicas, known = 0, workload_of(release.workload)
        if not known.is_scaled:
            own = observed.workload(release.namespace, release.workload["metadata"]["name"])
            on_nodes(store, release, pods_of(own) or NODES)
        for live in _workloads(observed):
            replicas += pods_of(live)
        if not await are_whole(store, release.namespace, known.kind):
            return None
        await asyncio.sleep(REST_S)
        service = service_of(release) if replicas else ""
        return Base(store.snapshot(), asyncio.get_running_loop().time(), release.namespace, service, replicas, start_s)


def _unborn(obj: Obj) -> Obj:
    """Without what a server and its controllers gave it; who manages which field is kept: a plan depends on it."""
    gone = set(SERVER_SET_META) - {"managedFields", "generation"}
    meta = {key: value for key, value in obj["metadata"].items() if key not in gone and key != "ownerReferences"}
    return {**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta}
