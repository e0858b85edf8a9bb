"""What would improve a release most: the fixes that `deploy check` knows, each tried by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from ..errors import RollwayError
from .advice import recommended
from .rehearsal import base_of, earlier, walked
from .results import Comparison, Improvement, Range, Run, range_of
from .walking import Ground, Job, Variant

if TYPE_CHECKING:
    from ..preflight import Finding

FIXES_TRIED = 8
SHOWN = 3


@dataclass(frozen=True)
class Fixed:
    """A variant as its fix makes it, rehearsed with these seeds. The fix is there already when the new version comes: what
    matters is how the old pods stop."""

    fixed: Variant
    seeds: tuple[int, ...]

    @property
    def strategy(self) -> str:
        return self.fixed.strategy

    def done(self, ground: Ground) -> list[Run]:
        scenario, release = ground.scenario, ground.scenario.behaving(self.fixed.release, is_new=True)
        try:
            base = base_of(scenario.behaving(earlier(self.fixed.release), is_new=False), self.seeds[0], ground.base.replicas)
        except RollwayError:
            base = ground.base
        try:
            return [walked(base, release, self.fixed.strategy, scenario, seed)[0] for seed in self.seeds]
        except RollwayError:
            return []


def improvements(
    walk_all: Callable[[Sequence[Job]], list[object]], chosen: Sequence[Variant], comparison: Comparison, seeds: Sequence[int]
) -> list[Improvement]:
    """Of the strategies that are recommended or asked for, where those lose so much that less would be told."""
    best, _ = recommended(comparison)
    lost = {outcome.strategy: outcome.range(lambda run: run.toll.failed) for outcome in comparison.outcomes if outcome.runs}
    asked = (variant for variant in chosen if variant.label in (best, variant.release.strategy) and variant.label in lost)
    improvable = [variant for variant in asked if _told_below(lost[variant.label]) > 0]
    if not improvable:
        return []
    from .. import preflight

    wanted: list[tuple[Variant, Finding]] = []
    for variant in improvable:
        found = preflight.findings(variant.release, variant.strategy)
        wanted += [(variant, finding) for finding in found if finding.fix][:FIXES_TRIED]
    jobs = [
        Fixed(variant._replace(release=preflight.fixed(variant.release, finding)), tuple(seeds)) for variant, finding in wanted
    ]
    gains: list[Improvement] = []
    for (variant, finding), runs in zip(wanted, walk_all(jobs), strict=True):
        assert isinstance(runs, list)
        if gain := _gain(variant, finding, runs, lost[variant.label]):
            gains.append(gain)
    return sorted(gains, key=lambda gain: gain.lost_fixed.median - gain.lost.median)[:SHOWN]


def _gain(variant: Variant, finding: Finding, runs: Sequence[Run], without: Range) -> Improvement | None:
    after = range_of(run.toll.failed for run in runs)
    is_better = after.median < _told_below(without)
    if not runs or not is_better or any(run.phase != "Promoted" for run in runs):
        return None
    return Improvement(finding.id, _phrase(finding), variant.label, without, after)


def _told_below(without: Range) -> float:
    """Fewer than so many have to be lost, for a gain to be told; where it is 0 or less, no walk could find one."""
    return without.median - max(1, without.median / 50)


def _phrase(finding: Finding) -> str:
    """ "add preStop: {sleep: {seconds: 5}}" """
    edit = finding.fix[0]
    name = next((str(part) for part in reversed(edit.path) if isinstance(part, str)), "")
    if edit.is_removal:
        return f"remove {name}"
    text = yaml.safe_dump({name: edit.value}, default_flow_style=True, sort_keys=False, width=200).strip()
    return f"add {text.removeprefix('{').removesuffix('}')}"
