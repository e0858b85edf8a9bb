"""What a rehearsal finds out: frozen data, for whoever shows it. Times are seconds from the start of the release command."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from ..ship.foreseeing import Outlook
    from .foretelling import Foretold

Version = Literal["old", "new"]
Cause = Literal["no endpoint", "not listening", "stopped pod", "killed in flight", "timeout", "bad version"]
Kind = Literal["refused", "reset", "timeout", "5xx"]
Stopped = Literal["", "narrow", "bound", "interrupted"]
"""Every figure was known well enough; as many seeds as were asked for; somebody stopped it."""

CAUSES: tuple[Cause, ...] = ("no endpoint", "not listening", "stopped pod", "killed in flight", "timeout", "bad version")
"""
no endpoint        the Service had nobody to send the request to
not listening      sent to a pod that was called ready before it listened
stopped pod        sent to a pod that had stopped: the proxy did not know yet
killed in flight   the pod stopped while it worked on the request
timeout            the answer took longer than the client waits
bad version        the new version answered with an error
"""


class Loss(NamedTuple):
    cause: Cause
    kind: Kind


@dataclass(frozen=True)
class Range:
    """Of one figure over all seeds. Where the figure has no value (no request was ever answered), it is NaN."""

    median: float
    low: float  # the 5th percentile
    high: float  # the 95th

    @property
    def is_known(self) -> bool:
        return not math.isnan(self.median)


def range_of(values: Iterable[float]) -> Range:
    """Quantiles by linear interpolation."""
    ordered = sorted(value for value in values if not math.isnan(value))
    if not ordered:
        return Range(math.nan, math.nan, math.nan)

    def quantile(share: float) -> float:
        place = share * (len(ordered) - 1)
        below = int(place)
        above = min(below + 1, len(ordered) - 1)
        return ordered[below] + (ordered[above] - ordered[below]) * (place - below)

    return Range(quantile(0.5), quantile(0.05), quantile(0.95))


@dataclass(frozen=True)
class Bands:
    """Over time, in steps of `step_s` from `start_s`; every series is as long as `old`. Requests are mean rates a second by the
    moment of their sending; `met_new` are those that reached the new version, whatever it answered (empty where that was not
    seen). Pods and endpoints are counts at the end of the step; pods include those that terminate."""

    start_s: float
    step_s: float
    old: tuple[float, ...]
    new: tuple[float, ...]
    lost: tuple[float, ...]
    pods_old: tuple[int, ...]
    pods_new: tuple[int, ...]
    ready_old: tuple[int, ...]
    ready_new: tuple[int, ...]
    met_new: tuple[float, ...] = ()


@dataclass(frozen=True)
class Mark:
    """Something the release did. `weight` is the share that was held from then on, None where it does not speak of one."""

    at_s: float
    text: str
    weight: int | None = None


@dataclass(frozen=True)
class Toll:
    """What the traffic of one run went through. Counts are requests. `downtime_s` is the longest run of failures in sending
    order, `dark_s` the sum of all times in which no request could succeed; `mixed_s` is the last answer of the old version less
    the first of the new one (negative: a gap in which neither answered; NaN where one never answered). `spoilt_new` of the lost
    ones were with a pod of the new version that ran, but did not answer well: too late, an error, or cut off."""

    sent: int
    ok: dict[Version, int]
    lost: dict[Loss, int]
    downtime_s: float
    dark_s: float
    mixed_s: float
    spoilt_new: int = 0

    @property
    def failed(self) -> int:
        return sum(self.lost.values())

    @property
    def met_new(self) -> int:
        """Requests that a pod of the new version worked on, whatever came of it."""
        return self.ok["new"] + self.spoilt_new

    def by_kind(self) -> dict[Kind, int]:
        counts: dict[Kind, int] = {}
        for loss, count in self.lost.items():
            counts[loss.kind] = counts.get(loss.kind, 0) + count
        return counts

    def by_cause(self) -> dict[Cause, int]:
        counts: dict[Cause, int] = {}
        for loss, count in self.lost.items():
            counts[loss.cause] = counts.get(loss.cause, 0) + count
        return counts


@dataclass(frozen=True)
class Run:
    """One rehearsal with one seed. `duration_s`: until everybody has the new version, or, of a release that was taken back, until
    everybody has the old one again; `command_s`: until the command is done. `back_s` is when it was taken back, NaN where it was
    not, and `lost_going_back` what was lost from then on. `min_ready` counts ready endpoints. `pod_seconds` are those above the
    steady state before. `is_cut` where it was not done within the scenario's bound. Runs of one seed share a walk of the release,
    and `draw` numbers what was drawn of it; `writes` are those to the embedded cluster's store, and `plans` were carried out."""

    seed: int
    phase: str
    failure: str
    duration_s: float
    command_s: float
    toll: Toll
    peak_pods: int
    peak_not_terminating: int
    pod_seconds: float
    min_ready: int
    api_requests: int
    bands: Bands
    marks: tuple[Mark, ...]
    steps_s: tuple[float, ...] = ()
    back_s: float = math.nan
    lost_going_back: int = 0
    is_cut: bool = False
    draw: int = 0
    writes: int = 0
    plans: int = 0


@dataclass(frozen=True)
class Forecast:
    """What a plan is going to take: `seconds` in all and `steps_s` by step; what is lost of `sent` requests at `rate` a second.
    `start_s` is what its pods take until they listen, None where nothing is known of that; `node_s` what their nodes take before,
    None as a quiet node does; `gates` what the gates would do from there on."""

    seconds: Range
    steps_s: tuple[float, ...]
    peak_pods: int
    lost: Range
    sent: Range
    rate: float
    start_s: float | None
    node_s: float | None = None
    gates: tuple[Outlook, ...] = ()


@dataclass(frozen=True)
class WayBack:
    """How long a rollback takes from a step of the release on: until nobody gets the new version any more (`traffic_s`), and
    until the command is done (`duration_s`)."""

    after: str
    weight: int
    traffic_s: Range
    duration_s: Range
    lost: Range


@dataclass(frozen=True)
class Outcome:
    """One strategy over all seeds. `fits` is empty where it fits the quota and the nodes, else says what is short; None where
    neither is known. `refused` says why the strategy cannot release this; the rest is then empty. `walks` is how often the
    release was done for it, ways back aside, and `stopped` why not more often."""

    strategy: str
    runs: tuple[Run, ...] = ()
    ways_back: tuple[WayBack, ...] = ()
    fits: str | None = None
    refused: str = ""
    walks: int = 0
    stopped: Stopped = ""

    def range(self, figure: Callable[[Run], float]) -> Range:
        return range_of(figure(run) for run in self.runs)

    def causes(self) -> dict[Cause, Range]:
        """Of those causes that took a request in any run."""
        seen = [cause for cause in CAUSES if any(run.toll.by_cause().get(cause) for run in self.runs)]
        return {cause: self.range(lambda run, cause=cause: run.toll.by_cause().get(cause, 0)) for cause in seen}  # type: ignore[misc]

    @property
    def seconds(self) -> float:
        """What its walks would have taken on a real cluster, ways back aside."""
        return sum(run.command_s for run in self.runs if not run.draw)

    @property
    def typical(self) -> Run:
        """The run whose losses and duration are the middle ones: the one to show."""
        ordered = sorted(self.runs, key=lambda run: (run.toll.failed, run.duration_s, run.seed, run.draw))
        return ordered[(len(ordered) - 1) // 2]


@dataclass(frozen=True)
class Improvement:
    """What a finding of `deploy check` would change for one strategy: the requests lost without and with its fix applied."""

    rule: str
    fix: str
    strategy: str
    lost: Range
    lost_fixed: Range


@dataclass(frozen=True)
class Comparison:
    """All strategies under one scenario. `seed` is the first of the runs' seeds: the same seed gives the same bytes. `rate` is in
    requests a second; `bad` names what is wrong with the new version, if anything; `assumed` is the rest of the scenario, in
    phrases ("answers take 20 to 80 ms"). `reason` is the recommendation in two sentences. `gates` is what the release's would do,
    by strategy. `is_partial`: somebody stopped it."""

    app: str
    from_version: str
    to_version: str
    replicas: int
    seed: int
    outcomes: tuple[Outcome, ...]
    recommended: str = ""
    reason: str = ""
    improvements: tuple[Improvement, ...] = ()
    rate: float = 0.0
    bad: str = ""
    is_partial: bool = False
    assumed: tuple[str, ...] = ()
    gates: tuple[Foretold, ...] = ()
