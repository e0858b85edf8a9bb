"""The whole comparison: every strategy, as often as its figures want it, its ways back, and what would improve it most."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..errors import BadInput, RollwayError
from ..kube.objects import HPA, get, is_a
from ..kube.workload import kind_of_workload, pods_of
from ..plan.observed import Observed, scales
from ..release.model import Release
from ..strategies import NAMES
from .advice import recommended
from .bystanders import without_bystanders
from .enough import FEWEST
from .figures import seconds
from .foretelling import foretold
from .growing import BACK_SEEDS, Look, Seeds, Sight, Wood
from .improving import improvements
from .rehearsal import Base, base_of, earlier
from .results import Comparison, Outcome, Range
from .scenario import Scenario
from .standing import standing, workloads
from .walking import Ground, Variant, walkers

if TYPE_CHECKING:
    from ..release.gates import Gate


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
    stops_early: bool = False,
    observed: Observed | None = None,
    is_alone: bool = False,
    look: Look = lambda sight: None,
) -> Comparison:
    """Every strategy under the scenario, or every one of the `variants`, with so many `seeds`; where it `stops_early`, with fewer
    that are enough. `observed` is what is live, to judge whether there is room. `is_alone` leaves out what only a comparison
    needs: ways back, improvements, the recommendation. `look` is told whenever more is known. Starts other processes where that
    pays. Ctrl-C ends it with what is known by then. Raises BadInput and RollwayError as `rehearse` does."""
    if seeds < 1:
        raise BadInput(f"{seeds} seeds make no sense", hint="one at least")
    release = release if release.namespace else release.with_namespace("default")
    old = (before or earlier(release)).with_namespace(release.namespace)
    chosen = [_understood(each, old) for each in list(variants) or [Variant(name, name, release) for name in strategies]]
    old, _ = without_bystanders(old, old)
    pods_now = _pods_of(release, observed)
    if (release.replicas if pods_now is None else pods_now) == 0:
        raise BadInput(f"{release.app} has 0 pods: there is nothing to compare", hint="give spec.replicas at least 1")
    found = _found(old, scenario, observed) if before else None
    base = found or base_of(scenario.behaving(old, is_new=False), seed, pods_now)
    assumed = _assumed(scenario, release.gates, _origin(before, found), is_asked=bool(base.service))
    comparison = _begun(release, old, base, scenario, seed, tuple(assumed))
    with walkers(Ground(base, scenario, {each.label: each for each in chosen}), len(chosen) * seeds) as walk_all:
        wood = Wood(chosen, comparison, observed, Seeds(seeds, seed, stops_early=stops_early), look)
        comparison = wood.grown(walk_all, has_turns=not is_alone and not scenario.bad)
        if is_alone or comparison.is_partial:
            return comparison
        few = range(seed, seed + min(seeds, FEWEST if stops_early else BACK_SEEDS))
        gains = improvements(walk_all, chosen, comparison, few) if not scenario.bad else ()
    best, reason = recommended(comparison)
    named = [(each.label, each.strategy, each.release) for each in chosen]
    return replace(comparison, recommended=best, reason=reason, improvements=tuple(gains), gates=foretold(named, scenario))


def _begun(release: Release, old: Release, base: Base, scenario: Scenario, seed: int, assumed: tuple[str, ...]) -> Comparison:
    """Before anything is rehearsed."""
    return Comparison(
        app=release.app,
        from_version=old.version,
        to_version=release.version,
        replicas=base.replicas,
        seed=seed,
        outcomes=(),
        rate=scenario.rate,
        bad=scenario.wrong,
        assumed=assumed,
    )


# what is known of the release


def _found(old: Release, scenario: Scenario, observed: Observed | None) -> Base | None:
    """What runs and was released by somebody else, as it was found: to take it up is a part of the release. None where rollway
    released it, or nothing runs, or the embedded cluster does not get it ready as it is."""
    if observed is None or observed.history or not sum(map(pods_of, workloads(observed))):
        return None
    try:
        return standing(old, observed, scenario.said)
    except RollwayError:
        return None


def _understood(variant: Variant, old: Release) -> Variant:
    release, aside = without_bystanders(variant.release, old)
    return variant._replace(release=release, aside=aside)


def _pods_of(release: Release, observed: Observed | None) -> int | None:
    """How many pods run where the release itself does not say: as many as now, else as few as the autoscaler allows."""
    kind = kind_of_workload(release.workload)
    live = [obj for ref, obj in observed.objects.items() if obj is not None and ref.is_a(kind)] if observed else []
    if live:
        return max(map(pods_of, live))
    if release.replicas is not None:
        return None
    own = [obj for obj in release.others if is_a(obj, HPA) and scales(obj, release.workload["metadata"]["name"], kind)]
    return max((int(get(obj, "spec", "minReplicas", default=1)) for obj in own), default=None)


def _origin(before: Release | None, found: Base | None) -> str:
    """Where the version before comes from, in words; empty where rollway has released it."""
    if before is None:
        return "the version before is the same but for its image"
    return "somebody else has released the version before: taking it up is part of each release" if found else ""


def _assumed(scenario: Scenario, gates: Sequence[Gate], origin: str, *, is_asked: bool) -> Iterator[str]:
    if not is_asked:
        yield "no Service selects the pods: nobody sends requests"
    first, last = scenario.latency.values[0], scenario.latency.longest_s
    yield f"answers take {seconds(first)}" if first == last else f"answers take {seconds(first)} to {seconds(last)}"
    yield f"clients wait {seconds(scenario.timeout_s)}"
    if scenario.start_s is not None:
        yield f"the app listens {seconds(scenario.start_s)} after its start"
    if scenario.node_s is not None:
        yield f"a node takes {seconds(scenario.node_s)} until a process starts, and stops it as a quiet one does"
    if scenario.bad and scenario.is_noticed_by_others:
        yield f"somebody notices after {seconds(scenario.notice_s)}"
    if gates:
        from .answering import assumed

        yield from assumed(gates)
    yield f"pauses without an end last {seconds(scenario.gate_s)}"
    yield f"A/B rules catch {scenario.matching:.0%} of the requests"
    if origin:
        yield origin


__all__ = ["Comparison", "Range", "Sight", "Variant", "compared", "rehearse"]
