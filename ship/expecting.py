"""How long a release's experiment takes at the traffic that there is: its counters are asked once, now."""

from __future__ import annotations

from ..cluster import history
from ..cluster.port import Cluster
from ..gates.figures import Trials
from ..gates.words import lasting
from ..measure import SourceOf, source_of
from ..measure.port import Unmeasured, Window
from ..plan.revision import in_flight_of, live_of
from ..release.experiment_gate import ExperimentGate
from ..release.model import Release
from .gauging import window_now


def experiment_of(release: Release) -> ExperimentGate | None:
    return next((gate for gate in release.gates_for("ab") if isinstance(gate, ExperimentGate)), None)


async def expected_now(cluster: Cluster, release: Release, gate: ExperimentGate, *, source_of: SourceOf = source_of) -> str:
    """In a sentence. Raises Unmeasured. As long as nothing is under way, whoever is served is served by the version before."""
    revisions = await history.load(cluster, release.app, release.namespace)
    current, live = in_flight_of(revisions), live_of(revisions)
    window = await window_now(cluster, release, gate, current, live.version if live else release.version)
    source = source_of(gate, cluster, release.namespace)
    try:
        figures = await source.measure(window)
    finally:
        await source.close()
    assert isinstance(figures, Trials)
    return _said(gate, figures, window)


def _said(gate: ExperimentGate, figures: Trials, window: Window) -> str:
    first = figures.by_name[gate.experiment.deciding]
    sides = [first.stable] if window.new == window.stable else [first.stable, first.new]
    expected = gate.seen_in(sides, window.seconds)
    span = f"in the last {lasting(window.seconds)}"
    if expected is None:
        raise Unmeasured(
            f"{sum(side.total for side in sides):g} of {sum(side.visits for side in sides):g} visits {span} tell no mean"
        )
    told = gate.foretold_at(expected)
    return (
        f"as {span}, it {told}"
        if told
        else f"{span} {expected.visits:.4g} visits/s, with a mean of {expected.mean:.4g}; least says what to find"
    )
