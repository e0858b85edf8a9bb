"""Measuring a release's gates once, now: what each would see, and what would be said of it. Nothing follows from it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from ..cluster import history
from ..cluster.port import Cluster
from ..errors import ClusterError
from ..gates.figures import Verdict
from ..gates.judges import judge_of
from ..gates.words import in_words
from ..kube.clock import now
from ..measure import SourceOf, source_of
from ..measure.port import Unmeasured, Window, seen_by
from ..plan.revision import Revision, in_flight_of, live_of
from ..release.gates import Gate
from ..release.model import Release
from .windows import window_of


@dataclass(frozen=True)
class Reading:
    """What one gate measured: `seen` in words, or `missed`, why it measured nothing. `verdict` is that of this one
    measurement."""

    gate: Gate
    asks: tuple[str, ...] = ()
    seen: str = ""
    missed: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Gauged:
    """`new` and `stable` name what was compared: the same where nothing is under way."""

    app: str
    namespace: str
    new: str
    stable: str
    readings: tuple[Reading, ...]

    @property
    def is_measured(self) -> bool:
        return not any(each.missed for each in self.readings)


async def gauge(cluster: Cluster, release: Release, *, with_jobs: bool = False, source_of: SourceOf = source_of) -> Gauged:
    """Each gate is measured over its interval. A Job is made only where that is asked for."""
    revisions = await history.load(cluster, release.app, release.namespace)
    current, live = in_flight_of(revisions), live_of(revisions)
    stable = live.version if live else release.version
    gates = release.gates_for(current.strategy if current else release.strategy)
    readings = await asyncio.gather(
        *(_read(cluster, release, gate, current, stable, with_jobs=with_jobs, source_of=source_of) for gate in gates)
    )
    return Gauged(release.app, release.namespace, current.version if current else stable, stable, tuple(readings))


async def _read(
    cluster: Cluster,
    release: Release,
    gate: Gate,
    current: Revision | None,
    stable: str,
    *,
    with_jobs: bool,
    source_of: SourceOf,
) -> Reading:
    try:
        window = await window_now(cluster, release, gate, current, stable)
    except Unmeasured as fault:
        return Reading(gate, missed=str(fault))
    source = source_of(gate, cluster, release.namespace)
    if gate.options.concludes and not with_jobs:
        return Reading(gate, tuple(source.asks(window)), missed="a Job is not made just to look: --jobs")
    try:
        figures = await source.measure(window)
    except Unmeasured as fault:
        return Reading(gate, tuple(source.asks(window)), missed=str(fault))
    finally:
        await source.close()
    asks = tuple(source.asks(window))  # which way it was asked is known now
    judge = judge_of(gate.chosen_judge, gate.asked)
    return Reading(gate, asks, in_words(figures), verdict=judge.verdict(judge.take(judge.begin(), now().timestamp(), figures)))


async def window_now(cluster: Cluster, release: Release, gate: Gate, current: Revision | None, stable: str) -> Window:
    """What would be measured now; where nothing is under way what runs is taken for both versions. Raises Unmeasured."""
    try:
        weight = current.weight if current else 100
        # a number that no measurement of a release has, nor another look: a Job that is there already is not asked again
        number = -round(now().timestamp() * 1000)
        found = await window_of(cluster, release, current, stable, weight=weight, seconds=float(gate.interval), number=number)
    except ClusterError as error:
        raise Unmeasured(f"the pods cannot be looked at: {error.summary}") from None
    if found is None:
        raise Unmeasured(f"no pod of {release.app} is ready")
    return seen_by(gate, found)
