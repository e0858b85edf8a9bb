"""The walks of a comparison: of each strategy so many until its figures are known well enough, or there are no more seeds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..kube.objects import NODE, RESOURCE_QUOTA, Obj, is_a
from ..plan.observed import Observed
from .enough import FEWEST, agree, is_enough, next_look
from .results import Comparison, Outcome, Run, Stopped, WayBack, range_of
from .room import shortage
from .story import THE_END, Moment, Point
from .walking import Again, Job, Tree, Variant, Walk, Walkers

BACK_SEEDS = 5  # a way back varies little
FEW_BACKS = 2  # where as few are walked as will do; one more where they do not agree
DRAWS = 4  # of the proxies and the traffic of one walk, at most
PEEK_S = 1.0  # after a switch, while the old version still waits beside the new


class Sight(NamedTuple):
    """How far a comparison has come: the walks that are done, and how many there are at least. `known` works out what is known by
    the moment that it is asked."""

    known: Callable[[], Comparison]
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
    def with_backs(self) -> range:
        """Places of walks that ways back leave. The first tells where to leave it: only where there are few has it to do both."""
        backs = FEW_BACKS if self.stops_early else BACK_SEEDS
        return range(1, backs + 1) if self.most > backs else range(self.most)


@dataclass
class _Grown:
    """What is known of a variant. `trees` by their seeds; `moments` are points beside its own from which it is taken back;
    `under_way` is how many walks are; `target` how many there are to be before anybody looks at them."""

    variant: Variant
    trees: dict[int, Tree] = field(default_factory=dict)
    moments: tuple[Moment, ...] = ()
    under_way: int = 0
    target: int = 1
    stopped: Stopped = ""

    @property
    def refused(self) -> str:
        return next((tree.refused for tree in self.trees.values() if tree.refused), "")

    @property
    def in_order(self) -> list[Tree]:
        return [self.trees[seed] for seed in sorted(self.trees)]

    @property
    def backs(self) -> dict[Point, list[Run]]:
        """By the points that they leave from, in the order in which a release comes by them; of one that comes to its end."""
        if not self.trees or not _is_promoted(self.in_order[0]):
            return {}
        own = dict.fromkeys(point for tree in self.in_order for point in tree.backs)
        moments = [moment.point for moment in self.moments]
        between = [point for point in own if point not in moments and point != THE_END]
        return {point: [tree.backs[point] for tree in self.in_order if point in tree.backs]
                for point in (*moments, *between, THE_END) if point in own}  # fmt: skip


class Wood:
    """`bare` is the comparison without its outcomes; `observed` what is live; `look` is told after each walk."""

    def __init__(self, chosen: Sequence[Variant], bare: Comparison, observed: Observed | None, seeds: Seeds, look: Look) -> None:
        self._all = {variant.label: _Grown(variant) for variant in chosen}
        self._bare, self._observed, self._seeds, self._look = bare, observed, seeds, look
        self._wanted = len(chosen) * min(FEWEST, seeds.most)
        self._has_turns = False

    def grown(self, walk_all: Walkers, *, has_turns: bool) -> Comparison:
        """As far as it comes: Ctrl-C ends it with what is known by then, if that is something of each variant."""
        self._has_turns = has_turns
        try:
            walk_all([walk for each in self._all.values() for walk in self._walks(each)], self._note)
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

    def _note(self, walk: Job, tree: Tree) -> Sequence[Job]:
        """Answers what is to be walked next of the same variant: none waits for another's."""
        assert isinstance(walk, Walk | Again)
        grown = self._all[walk.label]
        before = grown.trees.get(walk.seed)
        grown.trees[walk.seed] = tree if before is None else replace(before, backs={**before.backs, **tree.backs})
        grown.under_way -= 1
        again = self._again(grown, tree) if len(grown.trees) == 1 and before is None else []
        further = [] if grown.under_way or grown.refused else self._further(grown)
        grown.under_way += len(again)
        done = sum(len(each.trees) for each in self._all.values())
        self._wanted = max(self._wanted, done + sum(each.under_way for each in self._all.values()))
        self._look(Sight(lambda: self._comparison, done, self._wanted))
        return [*again, *further]

    def _further(self, grown: _Grown) -> list[Walk]:
        """What is missing, once what was asked for is there."""
        if grown.stopped:
            return []
        if grown.target >= self._seeds.most:
            grown.stopped = "bound"
            return []
        if self._seeds.stops_early and is_enough(self._bare, self._outcome(grown)):
            grown.stopped = "narrow"
            grown.target += len(self._doubtful(grown))
        else:
            grown.target = next_look(grown.target, self._seeds.most) if self._seeds.stops_early else self._seeds.most
        return self._walks(grown)

    def _walks(self, grown: _Grown) -> list[Walk]:
        """Those that are missing of as many as there are to be."""
        variant, missing = grown.variant, range(len(grown.trees), grown.target)
        grown.under_way += len(missing)
        walks = []
        for place in missing:
            only = self._only(grown, place)
            turns = self._has_turns and (place in self._seeds.with_backs or bool(only))
            moments = tuple(each for each in grown.moments if turns and (not only or each.point in only))
            seed = self._seeds.first + place
            walks.append(Walk(variant.label, variant.strategy, seed, self._draws(variant), turns, moments, only))
        return walks

    def _only(self, grown: _Grown, place: int) -> tuple[Point, ...]:
        """From where ways back leave the walk at that place, if not from all points. Where few will do, one leaves from each, and
        a second from the end, from which it mostly takes longest."""
        backs = self._seeds.with_backs
        if not self._seeds.stops_early or place == backs.start:
            return ()
        return (THE_END,) if place in backs else self._doubtful(grown) if place == backs.stop else ()

    def _doubtful(self, grown: _Grown) -> tuple[Point, ...]:
        """The point from which it takes longest to go back, where it was not tried twice, or the two do not agree."""
        if not grown.backs:
            return ()
        point, runs = max(grown.backs.items(), key=lambda each: _way(*each).traffic_s.median)
        is_known = len(runs) > FEW_BACKS or (len(runs) == FEW_BACKS and agree(_way(point, runs).traffic_s))
        return () if is_known else (point,)

    def _draws(self, variant: Variant) -> int:
        """Gates decide by what was drawn for them: each walk is of its own traffic."""
        return 1 if variant.release.gates else self._seeds.draws

    def _again(self, grown: _Grown, tree: Tree) -> list[Again]:
        """The first walk tells where a release without pauses may be taken back; where no other does so, it is done once more."""
        grown.moments = _moments(tree) if self._has_turns else ()
        if not grown.moments or 0 not in self._seeds.with_backs:
            return []
        return [Again(grown.variant.label, grown.variant.strategy, self._seeds.first, grown.moments)]

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
        return Outcome(
            label,
            tuple(runs),
            tuple(_way(point, runs) for point, runs in grown.backs.items()),
            fits,
            walks=len(trees),
            stopped=grown.stopped,
        )


def _is_promoted(tree: Tree) -> bool:
    return bool(tree.runs) and tree.runs[0].phase == "Promoted"


def _moments(tree: Tree) -> tuple[Moment, ...]:
    """Of a release without pauses: half-way, and while the old version still waits beside the new."""
    if not _is_promoted(tree):
        return ()
    run = tree.runs[0]
    if any(mark.text.startswith("holds ") for mark in run.marks):
        return ()
    moments = [Moment(run.duration_s / 2, Point("half-way", 50))]
    if run.command_s > run.duration_s + 5:
        moments.append(Moment(run.duration_s + PEEK_S, Point("right after the switch", 100)))
    return tuple(moments)


def _way(point: Point, runs: Sequence[Run]) -> WayBack:
    return WayBack(
        after=point.after,
        weight=point.weight,
        traffic_s=range_of(map(_traffic_s, runs)),
        duration_s=range_of(run.command_s - run.back_s for run in runs),
        lost=range_of(run.lost_going_back for run in runs),
    )


def _traffic_s(back: Run) -> float:
    """From the rollback until nobody meets the new version."""
    return max(back.duration_s - back.back_s, 0.0)
