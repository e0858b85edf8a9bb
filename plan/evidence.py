"""What a gate has measured of a revision, and what follows from it: kept in the cluster beside the revision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pydantic import Field

from ..gates.figures import Phase
from ..gates.shares import Split
from .steps import Frozen

MOST_POINTS = 120


class Point(NamedTuple):
    """One measurement, as it is shown: when (seconds since 1970), the figure for a chart (None: none was measured), in words, and
    the stable version's figure, where it is compared with. `interval` is that of their difference as it was known then: estimate,
    low, high."""

    at_s: float
    figure: float | None
    said: str
    stable: float | None = None
    interval: tuple[float, float, float] | None = None


def interval_of(shown: Mapping[str, float]) -> tuple[float, float, float] | None:
    """Of the figures of a verdict; None where they have none."""
    return (shown["estimate"], shown["low"], shown["high"]) if {"estimate", "low", "high"} <= shown.keys() else None


class Evidence(Frozen):
    """`digest` is of the gate as it was written: what was measured for another one counts for nothing. It is measured up to
    `until_s` (seconds since 1970), by `number` attempts, with `missed` the cause where the last one measured nothing; `is_away`:
    its source could not be asked, and nothing has been measured since. `course` names the pause that it is of; empty where it
    goes on through all of them. `state` is the judge's, `asks` its queries. `split` is how the requests fell that it has counted,
    whatever came of them."""

    gate: str
    digest: str
    course: str = ""
    began_s: float
    until_s: float
    number: int = 0
    measured: int = 0
    phase: Phase = Phase.RUNNING
    why: str = ""
    missed: str = ""
    is_away: bool = False
    wanted: str = ""
    asks: tuple[str, ...] = ()
    shown: dict[str, float] = Field(default_factory=dict)
    state: dict[str, Any] = Field(default_factory=dict)
    split: Split = Split()
    points: tuple[Point, ...] = ()

    def with_point(self, point: Point) -> tuple[Point, ...]:
        """The points and one more; where these are too many, every other one of the older half is left out."""
        points = (*self.points, point)
        if len(points) <= MOST_POINTS:
            return points
        half = len(points) // 2
        return (*points[:half:2], *points[half:])


def by_gate(found: tuple[Evidence, ...]) -> Mapping[str, Evidence]:
    return {each.gate: each for each in found}
