"""The walks of a comparison: of each strategy so many until its figures are known well enough, or there are no more seeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..kube.objects import NODE, RESOURCE_QUOTA, Obj, is_a
from ..plan.observed import Observed
from .enough import FEWEST, is_enough, stages
from .results import Comparison, Outcome, Run, Stopped, WayBack, range_of
from .room import shortage
from .story import THE_END, Moment, Point
from .walking import Job, Tree, Variant, Walk, Walkers

BACK_SEEDS = 5  # a way back varies little
DRAWS = 4  # of the proxies and the traffic of one walk, at most
PEEK_S = 1.0  # after a switch, while the old version still waits beside the new


class Sight(NamedTuple):
    """How far a comparison has come: what is known so far, the walks that are done, and how many there are at least."""

    comparison: Comparison
    done: int
    of: int


Look = Callable[[Sight], None]


@dataclass(frozen=True)
class Seeds:
    """So many, from `first` on; fewer where they are enough and it `stops_early`."""

    most: int
    first: int
    stops_early: bool = False

    @property
    def draws(self) -> int:
        """Of each walk."""
        return min(DRAWS, -(-self.most // FEWEST)) if self.stops_early else 1

    @property
    def of_backs(self) -> int:
        """Walks that are left for ways back."""
        return FEWEST if self.stops_early else BACK_SEEDS


@dataclass
class _Grown:
    """What is known of a variant. `trees` by their seeds; `points` are those from which it is taken back, in their order."""

    variant: Variant
    trees: dict[int, Tree] = field(default_factory=dict)
    points: tuple[Point, ...] = ()
    moments: tuple[Moment, ...] = ()
    stopped: Stopped = ""

    @property
    def refused(self) -> str:
        return next((tree.refused for tree in self.trees.values() if tree.refused), "")

    @property
    def in_order(self) -> list[Tree]:
        return [self.trees[seed] for seed in sorted(self.trees)]


class Wood:
    """`bare` is the comparison without its outcomes; `observed` what is live; `look` is told after each walk."""

    def __init__(self, chosen: Sequence[Variant], bare: Comparison, observed: Observed | None, seeds: Seeds, look: Look) -> None:
        self._all = {variant.label: _Grown(variant) for variant in chosen}
        self._bare, self._observed, self._seeds, self._look = bare, observed, seeds, look
        self._again: list[Walk] = []
        self._wanted = len(chosen) * min(FEWEST, seeds.most)

    def grown(self, walk_all: Walkers, *, has_turns: bool) -> Comparison:
        """As far as it comes: Ctrl-C ends it with what is known by then, if that is something of each variant."""
        try:
            self._grow(walk_all, has_turns=has_turns)
        except KeyboardInterrupt:
            walk_all.stop()
            if not all(each.trees for each in self._all.values()):
                raise
            for each in self._all.values():
                each.stopped = each.stopped or "interrupted"
            return replace(self._comparison, is_partial=True)
        return self._comparison

    @property
    def _comparison(self) -> Comparison:
        return replace(self._bare, outcomes=tuple(map(self._outcome, self._all.values())))

    def _grow(self, walk_all: Walkers, *, has_turns: bool) -> None:
        for number in stages(self._seeds.most, stops_early=self._seeds.stops_early):
            growing = [each for each in self._all.values() if not each.stopped and not each.refused]
            self._walk(walk_all, [walk for each in growing for walk in self._walks(each, number, has_turns=has_turns)])
            for each in growing:
                if number == self._seeds.most:
                    each.stopped = "bound"
                elif self._seeds.stops_early and is_enough(self._bare, self._outcome(each)):
                    each.stopped = "narrow"
        self._walk(walk_all, [])

    def _walks(self, grown: _Grown, number: int, *, has_turns: bool) -> Iterator[Walk]:
        """Those that are missing of so many."""
        variant = grown.variant
        for place in range(len(grown.trees), number):
            seed, turns = self._seeds.first + place, has_turns and place < self._seeds.of_backs
            yield Walk(variant.label, variant.strategy, seed, self._draws(variant), turns, grown.moments if turns else ())

    def _draws(self, variant: Variant) -> int:
        """Gates decide by what was drawn for them: each walk is of its own traffic."""
        return 1 if variant.release.gates else self._seeds.draws

    def _walk(self, walk_all: Walkers, wanted: Sequence[Walk]) -> None:
        """The first walk tells where a release without pauses may be taken back, and is then done once more for that."""
        again, self._again = self._again, []
        done = sum(len(each.trees) for each in self._all.values())
        self._wanted = max(self._wanted, done + len(wanted))
        walk_all([*again, *wanted], self._note)
        for grown in (self._all[walk.label] for walk in wanted if walk.has_turns and walk.seed == self._seeds.first):
            grown.points, grown.moments = _points(grown.trees[self._seeds.first])
            if grown.moments:
                variant = grown.variant
                self._again.append(Walk(variant.label, variant.strategy, self._seeds.first, 1, True, grown.moments))

    def _note(self, walk: Job, tree: Tree) -> None:
        assert isinstance(walk, Walk)
        trees = self._all[walk.label].trees
        before = trees.get(walk.seed)
        trees[walk.seed] = tree if before is None else replace(before, backs=tree.backs)
        self._look(Sight(self._comparison, sum(len(each.trees) for each in self._all.values()), self._wanted))

    def _outcome(self, grown: _Grown) -> Outcome:
        label, release, trees = grown.variant.label, grown.variant.release, grown.in_order
        if grown.refused or not trees:
            return Outcome(label, refused=grown.refused)
        # of each walk its first draw, then of each its second: as many as there are to be seeds
        drawn = [tree.runs[draw] for draw in range(self._draws(grown.variant)) for tree in trees]
        runs = drawn[: max(self._seeds.most, len(trees))]
        live = [obj for obj in (self._observed or Observed()).objects.values() if obj is not None]
        known: list[Obj] = [*release.others, *live]
        quotas = [obj for obj in known if is_a(obj, RESOURCE_QUOTA)]
        nodes = [obj for obj in known if is_a(obj, NODE)]
        fits = shortage(release.workload, max(run.peak_pods for run in runs), quotas, nodes)
        return Outcome(label, tuple(runs), tuple(_ways(grown)), fits, walks=len(trees), stopped=grown.stopped)


def _points(tree: Tree) -> tuple[tuple[Point, ...], tuple[Moment, ...]]:
    """(each pause and the end; of a release without pauses half-way, and while the old version still waits beside the new, which
    are moments)."""
    if not tree.runs or tree.runs[0].phase != "Promoted":
        return (), ()
    run, own, moments = tree.runs[0], tuple(tree.backs), list[Moment]()
    if not any(mark.text.startswith("holds ") for mark in run.marks):
        moments = [Moment(run.duration_s / 2, Point("half-way", 50))]
        if run.command_s > run.duration_s + 5:
            moments.append(Moment(run.duration_s + PEEK_S, Point("right after the switch", 100)))
    before = (*(moment.point for moment in moments), *(point for point in own if point != THE_END))
    return (*before, THE_END), tuple(moments)


def _ways(grown: _Grown) -> Iterator[WayBack]:
    for point in grown.points:
        runs = [tree.backs[point] for tree in grown.in_order if point in tree.backs]
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
