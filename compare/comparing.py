"""The whole comparison: every strategy, with every seed, its ways back, and what would improve it most."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import yaml

from .. import preflight
from ..errors import BadInput, RollwayError
from ..kube.objects import DEPLOYMENT, HPA, NODE, RESOURCE_QUOTA, Obj, get, is_a
from ..plan.observed import Observed, scales
from ..preflight import Finding
from ..release.model import Release
from ..strategies import NAMES
from .advice import recommended
from .figures import seconds
from .rehearsal import Base, base_of, earlier, rehearse_once
from .results import Comparison, Improvement, Outcome, Range, Run, WayBack, range_of
from .room import shortage
from .scenario import Scenario
from .story import Plot

SELDOM = 200_000  # allocations between two looks of the garbage collector
LONGEST = {"canary": 2, "ab": 1}
WORTH_A_POOL = 400  # pods rehearsed in all, from which on other processes help more than their start costs
BACK_SEEDS = 5  # a way back varies little
FIXES_TRIED = 8
SHOWN = 3


class Variant(NamedTuple):
    """A strategy to be rehearsed, with the release that may have options of its own for it."""

    label: str
    strategy: str
    release: Release


@dataclass(frozen=True)
class _Job:
    base: Base
    variant: Variant
    scenario: Scenario
    seed: int
    plot: Plot


@dataclass(frozen=True)
class _Refused:
    why: str


async def rehearse(
    release: Release,
    strategy: str,
    scenario: Scenario | None = None,
    *,
    before: Release | None = None,
    seeds: int = 1,
    seed: int = 0,
) -> Outcome:
    """How one strategy would release this, in `seeds` runs from `seed` on. `before` is what runs until then; without it the same
    manifests with another image do. Runs on the embedded cluster in virtual time, in a thread beside the caller's event loop.

    Raises BadInput for figures that make no sense, and RollwayError where the version before does not get ready.
    """
    made = partial(
        compared, release, scenario or Scenario(), strategies=(strategy,), before=before, seeds=seeds, seed=seed, is_alone=True
    )
    return (await asyncio.to_thread(made)).outcomes[0]


def compared(
    release: Release,
    scenario: Scenario,
    *,
    strategies: Sequence[str] = NAMES,
    variants: Sequence[Variant] = (),
    before: Release | None = None,
    seeds: int = 20,
    seed: int = 0,
    observed: Observed | None = None,
    is_alone: bool = False,
) -> Comparison:
    """Every strategy under the scenario, or every one of the `variants`. `observed` is what is live, to judge whether there is
    room. `is_alone` leaves out what only a comparison needs: ways back, improvements, the recommendation. Starts other processes
    where that pays. Raises BadInput and RollwayError as `rehearse` does."""
    if seeds < 1:
        raise BadInput(f"{seeds} seeds make no sense", hint="one at least")
    release = release if release.namespace else release.with_namespace("default")
    chosen = list(variants) or [Variant(name, name, release) for name in strategies]
    old = (before or earlier(release)).with_namespace(release.namespace)
    pods_now = _pods_of(release, observed)
    if (release.replicas if pods_now is None else pods_now) == 0:
        raise BadInput(f"{release.app} has 0 pods: there is nothing to compare", hint="give spec.replicas at least 1")
    base = base_of(scenario.behaving(old, is_new=False), seed, pods_now)
    numbers = range(seed, seed + seeds)
    pods = base.replicas * len(chosen) * seeds
    with _runner(pods) as run_all:
        found = _forth(run_all, base, chosen, scenario, numbers)
        backs = {} if is_alone or scenario.bad else _back(run_all, base, chosen, scenario, numbers, found)
        outcomes = tuple(_outcome(variant, found[variant.label], backs.get(variant.label, ()), observed) for variant in chosen)
        comparison = Comparison(
            app=release.app,
            from_version=old.version,
            to_version=release.version,
            replicas=base.replicas,
            seed=seed,
            outcomes=outcomes,
            rate=scenario.rate,
            bad=scenario.bad or "",
            assumed=tuple(_assumed(scenario, is_invented=before is None, is_asked=bool(base.service))),
        )
        if is_alone:
            return comparison
        best, reason = recommended(comparison)
        tried = [variant for variant in chosen if variant.label in (best, release.strategy)]
        gains = _improvements(run_all, base, tried, scenario, numbers, outcomes) if not scenario.bad else ()
    return replace(comparison, recommended=best, reason=reason, improvements=tuple(gains))


# runs


_Results = dict[str, "list[Run] | _Refused"]


@contextmanager
def _runner(pods: int) -> Iterator[_Runner]:
    """On all cores where that pays. Forking is the quickest, but only safe where there is no other thread."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if cores == 1 or pods < WORTH_A_POOL:
        yield _Runner(None)
        return
    can_fork = sys.platform == "linux" and threading.active_count() == 1
    context = multiprocessing.get_context("fork" if can_fork else "spawn")
    with ProcessPoolExecutor(cores, context, initializer=gc.set_threshold, initargs=(SELDOM,)) as pool:
        yield _Runner(pool)


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """A rehearsal makes many objects that live, and few circles: looking for those is a quarter of its time."""
    usual = gc.get_threshold()
    gc.set_threshold(SELDOM)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


class _Runner:
    """Does jobs, in their order, here or in other processes."""

    def __init__(self, pool: ProcessPoolExecutor | None) -> None:
        self._pool = pool

    def __call__(self, jobs: Sequence[_Job]) -> list[Run | _Refused]:
        if self._pool is None:
            with _collecting_seldom():
                return [_done(job) for job in jobs]
        # The longest first, so that no core is left with one at the end: canary moves pod by pod, ab has two versions whole.
        order = sorted(range(len(jobs)), key=lambda place: LONGEST.get(jobs[place].variant.strategy, 0), reverse=True)
        results = dict(zip(order, self._pool.map(_done, [jobs[place] for place in order]), strict=True))
        return [results[place] for place in range(len(jobs))]


def _done(job: _Job) -> Run | _Refused:
    release = job.scenario.behaving(job.variant.release, is_new=True)
    try:
        return rehearse_once(job.base, release, job.variant.strategy, job.scenario, job.seed, job.plot)
    except RollwayError as error:
        return _Refused(error.summary)


def _forth(run_all: _Runner, base: Base, chosen: Sequence[Variant], scenario: Scenario, seeds: Sequence[int]) -> _Results:
    jobs = [_Job(base, variant, scenario, seed, Plot()) for variant in chosen for seed in seeds]
    results = run_all(jobs)
    found: _Results = {}
    for place, variant in enumerate(chosen):
        own = results[place * len(seeds) : (place + 1) * len(seeds)]
        refused = next((each for each in own if isinstance(each, _Refused)), None)
        found[variant.label] = refused or [each for each in own if isinstance(each, Run)]
    return found


class _Point(NamedTuple):
    """From where a way back is tried."""

    after: str
    weight: int
    plot: Plot


def _back(
    run_all: _Runner, base: Base, chosen: Sequence[Variant], scenario: Scenario, seeds: Sequence[int], found: _Results
) -> dict[str, list[WayBack]]:
    """The ways back of each strategy, from each of its steps."""
    few = list(seeds)[:BACK_SEEDS]
    wanted = [
        (variant, point)
        for variant in chosen
        if isinstance(runs := found[variant.label], list) and runs and runs[0].phase == "Promoted"
        for point in _points(runs[0])
    ]
    results = run_all([_Job(base, variant, scenario, seed, point.plot) for variant, point in wanted for seed in few])
    ways: dict[str, list[WayBack]] = {}
    for place, (variant, point) in enumerate(wanted):
        own = [each for each in results[place * len(few) : (place + 1) * len(few)] if isinstance(each, Run)]
        if own:
            ways.setdefault(variant.label, []).append(_way(point, own))
    return ways


def _points(run: Run) -> list[_Point]:
    """Each pause and the end; of a release without pauses half-way, and while the old version still waits beside the new."""
    held = [mark for mark in run.marks if mark.text.startswith("holds ")]
    points = [_Point(mark.text, mark.weight or 0, Plot(back_after=place)) for place, mark in enumerate(held, 1)]
    if not points:
        points = [_Point("half-way", 50, Plot(back_at_s=run.duration_s / 2))]
        if run.command_s > run.duration_s + 5:
            points.append(_Point("right after the switch", 100, Plot(back_at_s=run.duration_s + 1)))
    return [*points, _Point("the end", 100, Plot(back_after=len(held) + 1))]


def _way(point: _Point, runs: Sequence[Run]) -> WayBack:
    return WayBack(
        after=point.after,
        weight=point.weight,
        traffic_s=range_of(max(run.duration_s - run.back_s, 0.0) for run in runs),
        duration_s=range_of(run.command_s - run.back_s for run in runs),
        lost=range_of(run.lost_going_back for run in runs),
    )


def _outcome(variant: Variant, found: list[Run] | _Refused, ways: Sequence[WayBack], observed: Observed | None) -> Outcome:
    if isinstance(found, _Refused):
        return Outcome(variant.label, refused=found.why)
    live = [obj for obj in (observed or Observed()).objects.values() if obj is not None]
    known: list[Obj] = [*variant.release.others, *live]
    quotas = [obj for obj in known if is_a(obj, RESOURCE_QUOTA)]
    nodes = [obj for obj in known if is_a(obj, NODE)]
    peak = max(run.peak_pods for run in found)
    return Outcome(variant.label, tuple(found), tuple(ways), shortage(variant.release.workload, peak, quotas, nodes))


# what would improve it


def _improvements(
    run_all: _Runner,
    base: Base,
    tried: Sequence[Variant],
    scenario: Scenario,
    seeds: Sequence[int],
    outcomes: Sequence[Outcome],
) -> list[Improvement]:
    """Each fix by itself, on the strategies that are recommended or asked for, where those lose anything."""
    lost = {outcome.strategy: outcome.range(lambda run: run.toll.failed) for outcome in outcomes if outcome.runs}
    wanted: list[tuple[Variant, Finding]] = []
    for variant in tried:
        if variant.label in lost and lost[variant.label].high >= 1:
            found = preflight.findings(variant.release, variant.strategy)
            wanted += [(variant, finding) for finding in found if finding.fix][:FIXES_TRIED]
    few = list(seeds)[:BACK_SEEDS]
    fixed = [variant._replace(release=preflight.fixed(variant.release, finding)) for variant, finding in wanted]
    # the fix is there already when the new version comes: what matters is how the old pods stop
    bases = _bases(base, fixed, scenario, few[0])
    results = run_all(
        [_Job(at, variant, scenario, seed, Plot()) for at, variant in zip(bases, fixed, strict=True) for seed in few]
    )
    gains: list[Improvement] = []
    for place, (variant, finding) in enumerate(wanted):
        own = [each for each in results[place * len(few) : (place + 1) * len(few)] if isinstance(each, Run)]
        after, without = range_of(run.toll.failed for run in own), lost[variant.label]
        if own and all(run.phase == "Promoted" for run in own) and after.median < without.median - max(1, without.median / 50):
            gains.append(Improvement(finding.id, _phrase(finding), variant.label, without, after))
    return sorted(gains, key=lambda gain: gain.lost_fixed.median - gain.lost.median)[:SHOWN]


def _bases(base: Base, fixed: Sequence[Variant], scenario: Scenario, seed: int) -> list[Base]:
    out = []
    for variant in fixed:
        old = scenario.behaving(earlier(variant.release), is_new=False)
        try:
            out.append(base_of(old, seed, base.replicas))
        except RollwayError:
            out.append(base)
    return out


def _phrase(finding: Finding) -> str:
    """ "add preStop: {sleep: {seconds: 5}}" """
    edit = finding.fix[0]
    name = next((str(part) for part in reversed(edit.path) if isinstance(part, str)), "")
    if edit.is_removal:
        return f"remove {name}"
    text = yaml.safe_dump({name: edit.value}, default_flow_style=True, sort_keys=False, width=200).strip()
    return f"add {text.removeprefix('{').removesuffix('}')}"


def _pods_of(release: Release, observed: Observed | None) -> int | None:
    """How many pods run where the release itself does not say: as many as now, else as few as the autoscaler allows."""
    live = [obj for ref, obj in observed.objects.items() if obj is not None and ref.kind == DEPLOYMENT.name] if observed else []
    if counts := [int(get(each, "spec", "replicas", default=1)) for each in live]:
        return max(counts)
    if release.replicas is not None:
        return None
    own = [obj for obj in release.others if is_a(obj, HPA) and scales(obj, release.workload["metadata"]["name"])]
    return max((int(get(obj, "spec", "minReplicas", default=1)) for obj in own), default=None)


def _assumed(scenario: Scenario, *, is_invented: bool, is_asked: bool) -> Iterator[str]:
    if not is_asked:
        yield "no Service selects the pods: nobody sends requests"
    first, last = scenario.latency.values[0], scenario.latency.longest_s
    yield f"answers take {seconds(first)}" if first == last else f"answers take {seconds(first)} to {seconds(last)}"
    yield f"clients wait {seconds(scenario.timeout_s)}"
    if scenario.start_s is not None:
        yield f"the app listens {seconds(scenario.start_s)} after its start"
    if scenario.bad and scenario.is_noticed_by_others:
        yield f"somebody notices after {seconds(scenario.notice_s)}"
    yield f"pauses without an end last {seconds(scenario.gate_s)}"
    yield f"A/B rules catch {scenario.matching:.0%} of the requests"
    if is_invented:
        yield "the version before is the same but for its image"


__all__ = ["Comparison", "Range", "Variant", "compared", "rehearse"]
