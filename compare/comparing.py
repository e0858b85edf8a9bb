"""The whole comparison: every strategy, as often as its figures want it, its ways back, and what would improve it most."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

from ..errors import BadInput
from ..kube.objects import DEPLOYMENT, HPA, NODE, RESOURCE_QUOTA, Obj, get, is_a
from ..plan.observed import Observed, scales
from ..release.gates import Gate
from ..release.model import Release
from ..strategies import NAMES
from .advice import recommended
from .answering import assumed as gates_assumed
from .bystanders import without_bystanders
from .enough import FEWEST, is_enough, stages
from .figures import seconds
from .foretelling import foretold
from .improving import improvements
from .rehearsal import base_of, earlier
from .results import Comparison, Outcome, Range, Run, Stopped, WayBack, range_of
from .room import shortage
from .scenario import Scenario
from .story import THE_END, Moment, Point
from .walking import Ground, Tree, Variant, Walk, Walkers, walkers

BACK_SEEDS = 5  # a way back varies little
DRAWS = 4  # of the proxies and the traffic of one walk, at most
PEEK_S = 1.0  # after a switch, while the old version still waits beside the new


class Sight(NamedTuple):
    """How far a comparison has come: what is known so far, the walks that are done, and how many there are at least."""

    comparison: Comparison
    done: int
    of: int


Look = Callable[[Sight], None]


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
    pays. Raises BadInput and RollwayError as `rehearse` does."""
    if seeds < 1:
        raise BadInput(f"{seeds} seeds make no sense", hint="one at least")
    release = release if release.namespace else release.with_namespace("default")
    chosen = list(variants) or [Variant(name, name, release) for name in strategies]
    old = (before or earlier(release)).with_namespace(release.namespace)
    chosen = [_understood(variant, old) for variant in chosen]
    old, _ = without_bystanders(old, old)
    pods_now = _pods_of(release, observed)
    if (release.replicas if pods_now is None else pods_now) == 0:
        raise BadInput(f"{release.app} has 0 pods: there is nothing to compare", hint="give spec.replicas at least 1")
    base = base_of(scenario.behaving(old, is_new=False), seed, pods_now)
    comparison = Comparison(
        app=release.app,
        from_version=old.version,
        to_version=release.version,
        replicas=base.replicas,
        seed=seed,
        outcomes=(),
        rate=scenario.rate,
        bad=scenario.wrong,
        assumed=tuple(_assumed(scenario, release.gates, is_invented=before is None, is_asked=bool(base.service))),
    )
    with walkers(Ground(base, scenario, {each.label: each for each in chosen}), len(chosen) * seeds) as walk_all:
        wood = _Wood(chosen, comparison, observed, seeds, seed, stops_early=stops_early, look=look)
        wood.grow(walk_all, has_turns=not is_alone and not scenario.bad)
        comparison = wood.comparison
        if is_alone:
            return comparison
        few = range(seed, seed + min(seeds, FEWEST if stops_early else BACK_SEEDS))
        gains = improvements(walk_all, chosen, comparison, few) if not scenario.bad else ()
    best, reason = recommended(comparison)
    return replace(comparison, recommended=best, reason=reason, improvements=tuple(gains), gates=foretold(chosen, scenario))


# walks


@dataclass
class _Grown:
    """What is known of a variant. `points` are those from which it is taken back, in their order."""

    variant: Variant
    trees: list[Tree] = field(default_factory=list)
    points: tuple[Point, ...] = ()
    moments: tuple[Moment, ...] = ()
    stopped: Stopped = ""

    @property
    def refused(self) -> str:
        return next((tree.refused for tree in self.trees if tree.refused), "")


class _Wood:
    """The walks of a comparison: so many of each variant until its figures are known well enough, or there are no more seeds."""

    def __init__(
        self,
        chosen: Sequence[Variant],
        bare: Comparison,
        observed: Observed | None,
        seeds: int,
        first: int,
        *,
        stops_early: bool,
        look: Look,
    ) -> None:
        self._all = [_Grown(variant) for variant in chosen]
        self._bare, self._observed, self._look = bare, observed, look
        self._seeds, self._first, self._stops_early = seeds, first, stops_early
        self._draws = min(DRAWS, -(-seeds // FEWEST)) if stops_early else 1
        self._again: list[tuple[_Grown, Walk]] = []

    @property
    def comparison(self) -> Comparison:
        return replace(self._bare, outcomes=tuple(map(self._outcome, self._all)))

    def grow(self, walk_all: Walkers, *, has_turns: bool) -> None:
        for number in stages(self._seeds, stops_early=self._stops_early):
            growing = [each for each in self._all if not each.stopped and not each.refused]
            wanted = [(each, walk) for each in growing for walk in self._walks(each, number, has_turns=has_turns)]
            self._walk(walk_all, wanted)
            for each in growing:
                if number == self._seeds:
                    each.stopped = "bound"
                elif self._stops_early and is_enough(self._bare, self._outcome(each)):
                    each.stopped = "narrow"
        self._walk(walk_all, [])

    def _walks(self, grown: _Grown, number: int, *, has_turns: bool) -> Iterator[Walk]:
        """Those that are missing of so many."""
        variant = grown.variant
        for place in range(len(grown.trees), number):
            seed, turns = self._first + place, has_turns and place < BACK_SEEDS
            yield Walk(variant.label, variant.strategy, seed, self._draws, turns, grown.moments if turns else ())

    def _walk(self, walk_all: Walkers, wanted: Sequence[tuple[_Grown, Walk]]) -> None:
        """The first walk tells where a release without pauses may be taken back, and is then done once more for that."""
        again, self._again = self._again, []
        found = walk_all([walk for _, walk in (*again, *wanted)])
        for (grown, _), tree in zip(again, found, strict=False):
            grown.trees[0] = replace(grown.trees[0], backs=tree.backs)
        for (grown, walk), tree in zip(wanted, found[len(again) :], strict=True):
            grown.trees.append(tree)
            if walk.has_turns and len(grown.trees) == 1 and tree.runs:
                grown.points, grown.moments = _points(tree)
                if grown.moments:
                    self._again.append((grown, replace(walk, draws=1, moments=grown.moments)))
        count = sum(len(each.trees) for each in self._all)
        self._look(Sight(self.comparison, count, max(count, FEWEST * len(self._all))))

    def _outcome(self, grown: _Grown) -> Outcome:
        label, release = grown.variant.label, grown.variant.release
        if grown.refused or not grown.trees:
            return Outcome(label, refused=grown.refused)
        # of each walk its first draw, then of each its second: as many as there are to be seeds
        drawn = [tree.runs[draw] for draw in range(self._draws) for tree in grown.trees]
        runs = drawn[: max(self._seeds, len(grown.trees))]
        live = [obj for obj in (self._observed or Observed()).objects.values() if obj is not None]
        known: list[Obj] = [*release.others, *live]
        quotas = [obj for obj in known if is_a(obj, RESOURCE_QUOTA)]
        nodes = [obj for obj in known if is_a(obj, NODE)]
        fits = shortage(release.workload, max(run.peak_pods for run in runs), quotas, nodes)
        return Outcome(label, tuple(runs), tuple(_ways(grown)), fits, walks=len(grown.trees), stopped=grown.stopped)


def _points(tree: Tree) -> tuple[tuple[Point, ...], tuple[Moment, ...]]:
    """(each pause and the end; of a release without pauses half-way, and while the old version still waits beside the new, which
    are moments)."""
    run = tree.runs[0]
    if run.phase != "Promoted":
        return (), ()
    own, moments = tuple(tree.backs), list[Moment]()
    if not any(mark.text.startswith("holds ") for mark in run.marks):
        moments = [Moment(run.duration_s / 2, Point("half-way", 50))]
        if run.command_s > run.duration_s + 5:
            moments.append(Moment(run.duration_s + PEEK_S, Point("right after the switch", 100)))
    before = (*(moment.point for moment in moments), *(point for point in own if point != THE_END))
    return (*before, THE_END), tuple(moments)


def _ways(grown: _Grown) -> Iterator[WayBack]:
    for point in grown.points:
        runs = [tree.backs[point] for tree in grown.trees if point in tree.backs]
        if runs:
            yield _way(point, runs)


def _way(point: Point, runs: Sequence[Run]) -> WayBack:
    return WayBack(
        after=point.after,
        weight=point.weight,
        traffic_s=range_of(max(run.duration_s - run.back_s, 0.0) for run in runs),
        duration_s=range_of(run.command_s - run.back_s for run in runs),
        lost=range_of(run.lost_going_back for run in runs),
    )


# what is known of the release


def _understood(variant: Variant, old: Release) -> Variant:
    release, aside = without_bystanders(variant.release, old)
    return variant._replace(release=release, aside=aside)


def _pods_of(release: Release, observed: Observed | None) -> int | None:
    """How many pods run where the release itself does not say: as many as now, else as few as the autoscaler allows."""
    live = [obj for ref, obj in observed.objects.items() if obj is not None and ref.kind == DEPLOYMENT.name] if observed else []
    if counts := [int(get(each, "spec", "replicas", default=1)) for each in live]:
        return max(counts)
    if release.replicas is not None:
        return None
    own = [obj for obj in release.others if is_a(obj, HPA) and scales(obj, release.workload["metadata"]["name"])]
    return max((int(get(obj, "spec", "minReplicas", default=1)) for obj in own), default=None)


def _assumed(scenario: Scenario, gates: Sequence[Gate], *, is_invented: bool, is_asked: bool) -> Iterator[str]:
    if not is_asked:
        yield "no Service selects the pods: nobody sends requests"
    first, last = scenario.latency.values[0], scenario.latency.longest_s
    yield f"answers take {seconds(first)}" if first == last else f"answers take {seconds(first)} to {seconds(last)}"
    yield f"clients wait {seconds(scenario.timeout_s)}"
    if scenario.start_s is not None:
        yield f"the app listens {seconds(scenario.start_s)} after its start"
    if scenario.bad and scenario.is_noticed_by_others:
        yield f"somebody notices after {seconds(scenario.notice_s)}"
    yield from gates_assumed(gates)
    yield f"pauses without an end last {seconds(scenario.gate_s)}"
    yield f"A/B rules catch {scenario.matching:.0%} of the requests"
    if is_invented:
        yield "the version before is the same but for its image"


__all__ = ["Comparison", "Range", "Sight", "Variant", "compared", "rehearse"]
