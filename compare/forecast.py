"""What a plan will take and cost: the very verb, rehearsed from what is live now."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..errors import RollwayError
from ..kube.objects import get
from ..plan.observed import Observed
from ..release.model import Release
from ..strategies.base import Request
from .foretelling import foretold
from .pace import Pace
from .rehearsal import Base, walked
from .results import Forecast, Run, range_of
from .scenario import Scenario
from .standing import standing, workloads
from .story import Plot
from .walking import collecting_seldom

SEEDS = 3
MANY_PODS = 100  # of so many pods the delays even each other out: one walk tells what three do
MOST_PODS = 3_000  # above, a plan is not to wait for its forecast


def forecast(
    release: Release, request: Request, strategy: str, observed: Observed, *, pace: Pace, steady_pods: int
) -> Forecast | None:
    """`pace`: how quickly pods start, as far as that is known. None where it cannot be told: something is
    half-way that a rehearsal cannot begin from, it is too large to be waited for, or the embedded cluster refuses it: the plan
    stands without its forecast."""
    if steady_pods > MOST_PODS or any(get(live, "spec", "paused") for live in workloads(observed)):
        return None
    scenario, plot = Scenario(rate=float(release.traffic.rate), settle_s=3.0), Plot(request=request)
    try:
        base = standing(release, observed, pace.said)
        runs = list(_walks(base, release, strategy, scenario, plot)) if base else []
    except RollwayError:
        return None
    if not runs or any(run.failure or run.is_cut for run in runs):
        return None
    gates = foretold([(strategy, strategy, release)], scenario) if request.action == "apply" else ()
    return replace(_summed(runs, release, pace), gates=gates[0].gates if gates else ())


def _walks(base: Base, release: Release, strategy: str, scenario: Scenario, plot: Plot) -> Iterator[Run]:
    walks = 1 if base.replicas > MANY_PODS else SEEDS
    with collecting_seldom():
        for seed in range(walks):
            yield from walked(base, release, strategy, scenario, seed, plot, draws=SEEDS // walks)


def _summed(runs: Sequence[Run], release: Release, pace: Pace) -> Forecast:
    middle = sorted(runs, key=lambda run: run.command_s)[len(runs) // 2]
    return Forecast(
        seconds=range_of(run.command_s for run in runs),
        steps_s=middle.steps_s,
        peak_pods=max(run.peak_not_terminating for run in runs),
        lost=range_of(run.toll.failed for run in runs),
        sent=range_of(run.toll.sent for run in runs),
        rate=float(release.traffic.rate),
        start_s=pace.start_s,
        node_s=pace.node_s,
    )
