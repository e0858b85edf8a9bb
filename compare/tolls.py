"""What the requests of a measured release went through: from samples to the figures of a rehearsal. Pure.

A client sees how a request was lost, and not why. The cause is told by the moment, from what the pods did around it:

    an error as an answer       bad version, if the application gave it
    nothing within its time     no endpoint, if nobody was ready; stopped pod, if one had just gone; else timeout
    while pods stop             killed in flight, if it had been worked on for a while, else stopped pod
    nobody was ready            no endpoint
    a pod had become ready      not listening
    otherwise                   stopped pod
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..load.report import Kind as Seen
from ..load.report import Sample
from ..load.tally import Outages
from .census import Census
from .results import Bands, Cause, Kind, Loss, Toll, Version
from .series import round_up

_KINDS: dict[Seen, Kind] = {"refused": "refused", "timeout": "timeout", "5xx": "5xx", "status": "5xx"}
_KINDS |= {"dns": "refused", "unreachable": "refused"}  # the others ended before their answer did: reset
AROUND_S = 0.1  # what the watch tells, and what a client sees, may lie so far apart
AFTER_S = 1.5  # so long after it has stopped or begun a pod may be the reason of a loss: proxies lag
AT_WORK_S = 0.01  # a connection that nobody takes is ended sooner
ENOUGH = 5  # requests, to say of a while that none of them could succeed


@dataclass(frozen=True)
class Traffic:
    """Requests by their due moment, relative to the start of the command, at `rate` a second. `old` are the labels that answers
    bore before it; an answer with another label is of the new version."""

    samples: Sequence[Sample]
    rate: float
    old: frozenset[str]

    def version_of(self, sample: Sample) -> Version:
        return "old" if sample.version in self.old else "new"

    @property
    def tells_versions(self) -> bool:
        """Whether any answer was seen to be of the new version."""
        return any(sample.lost is None and sample.version not in self.old for sample in self.samples)

    def alone_from_s(self, version: Version) -> float:
        """From when on requests meet nothing but that version: neither the other one, nor nobody; 0 from the beginning on."""
        others = (sample.due_s for sample in self.samples if not self._met(sample, version))
        return max([*others, 0.0])

    def _met(self, sample: Sample, version: Version) -> bool:
        """An error or a silence is an answer of whoever is there; who is not there refuses or breaks off."""
        if sample.lost is None:
            return self.version_of(sample) == version
        return sample.lost in ("timeout", "5xx", "status")


def toll_of(traffic: Traffic, census: Census) -> Toll:
    ok: dict[Version, int] = {"old": 0, "new": 0}
    lost: dict[Loss, int] = {}
    last_old, first_new = math.nan, math.nan
    outages, spoilt_new = Outages(), 0
    for number, sample in enumerate(traffic.samples):
        outages.take(number, sample.due_s, sample.lost is not None)
        if sample.lost is not None:
            loss = Loss(cause_of(sample, census), _KINDS.get(sample.lost, "reset"))
            lost[loss] = lost.get(loss, 0) + 1
            spoilt_new += loss.cause == "bad version" and bool(sample.version) and traffic.version_of(sample) == "new"
            continue
        version = traffic.version_of(sample)
        ok[version] += 1
        if version == "old":
            last_old = sample.ended_s if math.isnan(last_old) else max(last_old, sample.ended_s)
        else:
            first_new = sample.ended_s if math.isnan(first_new) else min(first_new, sample.ended_s)
    end_s = traffic.samples[-1].due_s + 1 / traffic.rate if traffic.samples else 0.0
    return Toll(
        sent=len(traffic.samples),
        ok=ok,
        lost=lost,
        downtime_s=outages.at_end(end_s).seconds,
        dark_s=_dark_s(traffic),
        mixed_s=last_old - first_new,
        spoilt_new=spoilt_new,
    )


def cause_of(sample: Sample, census: Census) -> Cause:
    if sample.lost == "timeout":
        return _silent(sample.due_s, census)
    from_s, to_s = sample.due_s - AROUND_S, sample.ended_s + AROUND_S
    is_stopping = _most_leaving(census, from_s - AFTER_S, to_s) > 0
    is_empty = min(census.endpoints.between(from_s, to_s)) <= 0
    has_begun = any(_rises(census, version, from_s - AFTER_S, to_s) for version in census.ready)
    # a proxy answers with an error, too, but its answers name no version
    if sample.lost in ("5xx", "status") and (sample.version or not (is_stopping or is_empty or has_begun)):
        return "bad version"
    if is_stopping and sample.took_s - sample.late_s > AT_WORK_S:
        return "killed in flight"
    if is_empty:
        return "no endpoint"
    return "not listening" if has_begun and not is_stopping else "stopped pod"


def _silent(sent_s: float, census: Census) -> Cause:
    """Of nothing at all: nobody was there, a pod's address was gone, or whoever was there took too long."""
    if min(census.endpoints.between(sent_s - AROUND_S, sent_s + AROUND_S)) <= 0:
        return "no endpoint"
    values = census.everything.between(sent_s - AFTER_S, sent_s + AROUND_S)
    return "stopped pod" if any(after < before for before, after in pairwise(values)) else "timeout"


def _most_leaving(census: Census, from_s: float, to_s: float) -> int:
    moments = [from_s, *(moment for moment in census.active.moments if from_s < moment <= to_s)]
    return max(census.everything.at(moment) - census.active.at(moment) for moment in moments)


def _rises(census: Census, version: Version, from_s: float, to_s: float) -> bool:
    values = census.ready[version].between(from_s, to_s)
    return any(after > before for before, after in pairwise(values))


def _dark_s(traffic: Traffic) -> float:
    """The sum of the times in which nothing succeeded, in pieces of 0.1 s, longer ones where there are few requests."""
    piece_s = max(0.1, ENOUGH / traffic.rate)
    good: dict[int, bool] = {}
    for sample in traffic.samples:
        place = math.floor(sample.due_s / piece_s)
        good[place] = good.get(place, False) or sample.lost is None
    return piece_s * sum(not is_good for is_good in good.values())


def bands_of(traffic: Traffic, census: Census, from_s: float, to_s: float, number: int) -> Bands:
    """In at most so many steps; in fewer where a step would hold too few requests to speak of a rate."""
    step_s = round_up(max((to_s - from_s) / number, ENOUGH / traffic.rate))
    length = max(int((to_s - from_s) / step_s + 1e-9), 1)
    ends = [from_s + (place + 1) * step_s for place in range(length)]
    counts: dict[str, list[int]] = {name: [0] * length for name in ("old", "new", "lost")}
    for sample in traffic.samples:
        place = math.floor((sample.due_s - from_s) / step_s + 1e-9)
        if 0 <= place < length:
            counts["lost" if sample.lost else traffic.version_of(sample)][place] += 1
    rates = {name: tuple(round(count / step_s, 3) for count in series) for name, series in counts.items()}
    return Bands(
        start_s=from_s,
        step_s=step_s,
        old=rates["old"],
        new=rates["new"],
        lost=rates["lost"],
        **census.over(ends),
    )
