"""What the traffic of a recorded release goes through, computed per interval between changes: the cost is that of the changes,
not that of the requests. Pure, seeded. `requests` does the same one request at a time, to check this.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter
from random import Random
from typing import NamedTuple

from .chance import binomial, first_success, longest_run
from .lives import (
    EMPTY_ANSWERED,
    EMPTY_REFUSED,
    EMPTY_SILENT,
    STARTING,
    STOPPED,
    VANISHED,
    WORKED_ON,
    WRONG,
    Answers,
    Fate,
    PodLife,
    Shares,
    changes_of,
)  # fmt: skip
from .proxies import KUBE_PROXY, Proxy, Routing, RuleChange, Told, configured
from .results import Loss, Toll, Version

RETRANSMITS_S = (1.0, 3.0, 7.0, 15.0)  # Linux sends an unanswered SYN again so long after the first one
REJECTS_A_SECOND = 1.0  # Linux tells one client no more often that a port is unreachable
REFUSALS = (STARTING, STOPPED)

Outcome = tuple[Fate, Version | None]  # what becomes of a request, and which version it met


@dataclass(frozen=True)
class Recording:
    """What of a release matters to its clients, in order of time. `from_s` and `to_s` bound the time under traffic. `copies` of
    requests go to pods as well, and no client hears of them."""

    lives: Mapping[str, PodLife]
    told: tuple[Told, ...]
    routings: tuple[Routing, ...]
    from_s: float
    to_s: float
    proxy: Proxy = KUBE_PROXY
    copies: tuple[Routing, ...] = ()


@dataclass(frozen=True)
class Load:
    """Requests come at a constant rate, each on a new connection, and are given up after `timeout_s`."""

    rate: float
    timeout_s: float
    answers: Mapping[Version, Answers]


class Segment(NamedTuple):
    """From one change to the next the requests share one mixture of outcomes, whose shares add up to 1. Those that are answered
    at all are so `late_s` later than the application takes, as their first packet was lost."""

    from_s: float
    to_s: float
    mixture: Mapping[Outcome, float]
    late_s: float = 0.0

    @property
    def lost(self) -> float:
        return min(sum(share for (fate, _), share in self.mixture.items() if fate != "ok"), 1.0)

    def ok(self, version: Version) -> float:
        return self.mixture.get(("ok", version), 0.0)


class Mixtures:
    """What the requests of one recording go through, however often its proxies are drawn: what its pods do is the same each time,
    and found once."""

    def __init__(self, recording: Recording, load: Load) -> None:
        self.recording, self.load = recording, load
        self._of_pods = _of_pods(recording, load)

    def segments(self, random: Random) -> list[Segment]:
        """The whole time under traffic, without gaps."""
        recording = self.recording
        rules, routings = configured(recording.told, recording.routings, recording.proxy, random)
        raw = list(_mixed(recording, _events(self._of_pods, rules, routings), rules, routings))
        return _with_silence(raw, self.load)


def segments(recording: Recording, load: Load, random: Random) -> list[Segment]:
    """Drawn once."""
    return Mixtures(recording, load).segments(random)


# mixtures


class _Pool:
    """The endpoints that the rules hold for a group: how many, and how the fates of their requests add up."""

    def __init__(self) -> None:
        self.pods: dict[str, Shares] = {}
        self.sums: dict[Outcome, float] = {}

    def put(self, pod: str, version: Version, shares: Shares | None) -> None:
        """Brings a pod in, changes what it does, or, without shares, takes it out."""
        for fate, share in self.pods.pop(pod, Shares(())).shares:
            self._add((fate, version), -share)
        if shares is not None:
            self.pods[pod] = shares
            for fate, share in shares.shares:
                self._add((fate, version), share)
        if not self.pods:
            self.sums.clear()

    def _add(self, outcome: Outcome, share: float) -> None:
        total = self.sums.get(outcome, 0.0) + share
        if abs(total) < 1e-7:
            self.sums.pop(outcome, None)
        else:
            self.sums[outcome] = total

    def mixture(self, proxy: Proxy) -> dict[Outcome, float]:
        count = len(self.pods)
        if not count:
            return _nobody(proxy)
        shares = {outcome: total / count for outcome, total in self.sums.items()}
        refused = sum(share for (fate, _), share in shares.items() if fate in REFUSALS)
        if not proxy.retries or not 0 < refused < 1:
            return shares
        # A pod refuses all or nothing: a request is lost where as many as are tried are all of those that refuse.
        refusing = round(refused * count)
        still = math.prod(max(refusing - tried, 0) / (count - tried) for tried in range(min(proxy.retries + 1, count)))
        rest = (1 - still) / (1 - refused)
        scaled = {outcome: share * (still / refused if outcome[0] in REFUSALS else rest) for outcome, share in shares.items()}
        return {outcome: share for outcome, share in scaled.items() if share}


def _nobody(proxy: Proxy) -> dict[Outcome, float]:
    return {(EMPTY_ANSWERED if proxy.answers else EMPTY_SILENT, None): 1.0}


class _Event(NamedTuple):
    at_s: float
    order: int
    what: RuleChange | Routing | tuple[str, Shares]


def _mixed(
    recording: Recording, events: Iterable[_Event], rules: Sequence[RuleChange], routings: Sequence[Routing]
) -> Iterator[Segment]:
    lives, pools = recording.lives, {change.group: _Pool() for change in rules}
    doing: dict[str, Shares] = {}
    targets = routings[0].targets if routings else ()
    before_s, mixture = recording.from_s, dict[Outcome, float]()
    is_stale = True
    for event in events:
        if event.at_s > before_s:
            if is_stale:
                mixture, is_stale = _blend(targets, pools, recording.proxy), False
            until_s = min(event.at_s, recording.to_s)
            if until_s > before_s:
                yield Segment(before_s, until_s, mixture)
                before_s = until_s
        match event.what:
            case RuleChange(_, group, added, removed):
                for pod in removed:
                    pools[group].put(pod, lives[pod].version, None)
                for pod in added:
                    pools[group].put(pod, lives[pod].version, doing[pod])
                is_stale = True
            case Routing(_, targets):
                is_stale = True
            case (pod, shares):
                doing[pod] = shares
                for pool in pools.values():
                    if pod in pool.pods:
                        pool.put(pod, lives[pod].version, shares)
                        is_stale = True
    if before_s < recording.to_s:
        yield Segment(before_s, recording.to_s, _blend(targets, pools, recording.proxy))


def _of_pods(recording: Recording, load: Load) -> list[_Event]:
    """What each pod does that the proxies may ever send a request to, in order of time."""
    asked = dict.fromkeys(told.pod for told in recording.told if told.state)
    return sorted(
        _Event(at_s, 0, (pod, shares))
        for pod in asked
        for at_s, shares in changes_of(recording.lives[pod], load.answers[recording.lives[pod].version], load.timeout_s)
    )


def _events(of_pods: Sequence[_Event], rules: Sequence[RuleChange], routings: Sequence[Routing]) -> list[_Event]:
    """In order of time; at one moment what a pod does comes before who is sent to it. What the rules never hold does nothing."""
    met = {pod for change in rules for pod in change.added}
    events = [event for event in of_pods if event.what[0] in met]
    events += [_Event(change.at_s, 1, change) for change in rules]
    events += [_Event(routing.at_s, 2, routing) for routing in routings]
    return sorted(events, key=itemgetter(0, 1))


def _blend(targets: Sequence[tuple[float, str]], pools: Mapping[str, _Pool], proxy: Proxy) -> dict[Outcome, float]:
    blended: dict[Outcome, float] = {}
    left = 1.0
    for share, group in targets:
        left -= share
        pool = pools.get(group)
        for outcome, part in (pool.mixture(proxy) if pool else _nobody(proxy)).items():
            blended[outcome] = blended.get(outcome, 0.0) + part * share
    if left > 1e-9:
        for outcome, part in _nobody(proxy).items():
            blended[outcome] = blended.get(outcome, 0.0) + part * left
    return blended


# nobody to send to


def _with_silence(raw: Sequence[Segment], load: Load) -> list[Segment]:
    """What happens to requests for which there is no endpoint at all.

    They are rejected, but a client is told so once a second only: most wait in vain. Who asks again in time (the kernel sends an
    unanswered SYN a second time) is answered all the same, by whoever is there then. Right after pods that had vanished, the one
    rejection of a second is spent on the packets still on their way to those.
    """
    if not any(map(_empty, raw)):
        return list(raw)
    out: list[Segment] = []
    begins = [segment.from_s for segment in raw]
    place = 0
    while place < len(raw):
        if not _empty(raw[place]):
            out.append(raw[place])
            place += 1
            continue
        end = place
        while end < len(raw) and _empty(raw[end]):
            end += 1
        out += _silent(raw, begins, place, end, load)
        place = end
    return out


def _empty(segment: Segment) -> float:
    return segment.mixture.get((EMPTY_SILENT, None), 0.0)


def told_from_s(empty_from_s: float, *, had_vanished: bool) -> float:
    """When the first of the requests to nobody is told so."""
    return empty_from_s + (1 / REJECTS_A_SECOND if had_vanished else 0.0)


def _silent(raw: Sequence[Segment], begins: Sequence[float], place: int, end: int, load: Load) -> Iterator[Segment]:
    """In place of the empty segments from `place` to `end`. `begins` are those of all."""
    from_s, to_s = raw[place].from_s, raw[end - 1].to_s
    had_vanished = place > 0 and any(fate == VANISHED for (fate, _) in raw[place - 1].mixture)
    told_s = told_from_s(from_s, had_vanished=had_vanished)
    shortest_s = min(answers.latency.values[0] for answers in load.answers.values())
    again = [again_s for again_s in RETRANSMITS_S if again_s + shortest_s <= load.timeout_s]
    # Who asks again meets whatever is there by then: the edges of that time lie so much earlier for him.
    edges = raw[end - 1 : bisect_right(begins, to_s + max(again, default=0.0))]
    cuts = {edge.to_s - again_s for edge in edges for again_s in again} | {segment.to_s for segment in raw[place:end]}
    moments = [from_s, *sorted(cut for cut in {*cuts, told_s} if from_s < cut < to_s), to_s]
    for begin_s, end_s in pairwise(moments):
        middle_s = (begin_s + end_s) / 2
        segment = raw[bisect_right(begins, middle_s) - 1]
        share = _empty(segment)
        told = min(REJECTS_A_SECOND / (load.rate * share), 1.0) if begin_s >= told_s else 0.0
        mixture = {outcome: part for outcome, part in segment.mixture.items() if outcome[0] != EMPTY_SILENT}
        if told:
            mixture[(EMPTY_REFUSED, None)] = share * told
        if told < 1:
            late_s, then = _asked_again(raw, begins, middle_s, again)
            for outcome, part in _in_time(then, late_s, load).items():
                mixture[outcome] = mixture.get(outcome, 0.0) + share * (1 - told) * part
            yield Segment(begin_s, end_s, mixture, late_s)
        else:
            yield Segment(begin_s, end_s, mixture)


def _asked_again(
    raw: Sequence[Segment], begins: Sequence[float], sent_s: float, again: Sequence[float]
) -> tuple[float, Mapping[Outcome, float]]:
    """How late the first repetition is that meets somebody, and what becomes of it; nothing where none does."""
    for again_s in again:
        if sent_s + again_s >= raw[-1].to_s:
            break
        then = raw[bisect_right(begins, sent_s + again_s) - 1]
        if not _empty(then):
            return again_s, then.mixture
    return 0.0, {(EMPTY_SILENT, None): 1.0}


def _in_time(mixture: Mapping[Outcome, float], late_s: float, load: Load) -> dict[Outcome, float]:
    """What becomes of requests that have waited so long already: whose answer then takes too long has waited in vain."""
    found: dict[Outcome, float] = {}
    for (fate, version), share in mixture.items():
        kept = 1.0
        if version is not None and late_s and fate in ("ok", WRONG):
            values = load.answers[version].latency.values
            kept = bisect_right(values, load.timeout_s - late_s) / bisect_right(values, load.timeout_s)
        for outcome, part in (((fate, version), kept), ((EMPTY_SILENT, None), 1 - kept)):
            if part:
                found[outcome] = found.get(outcome, 0.0) + share * part
    return found


# counting


def count(parts: Sequence[Segment], load: Load, random: Random) -> Toll:
    """Draws the requests of each interval at once. The arrivals' phase is drawn too."""
    phase = random.random()
    ok: dict[Version, int] = {"old": 0, "new": 0}
    lost: dict[Loss, int] = {}
    start_s = parts[0].from_s
    run = longest = sent = spoilt = 0
    dark_s = 0.0
    for segment in parts:
        number = _arrivals(segment.from_s - start_s, segment.to_s - start_s, load.rate, phase)
        sent += number
        failed, by_new = _draw(segment, number, ok, lost, random)
        spoilt += by_new
        if segment.lost > 1 - 1e-9:
            dark_s += segment.to_s - segment.from_s
        if number:
            run, best = longest_run(run, number, failed, random)
            longest = max(longest, best)
    mixed_s = _last_old(parts, load, random) - _first_new(parts, load, random)
    return Toll(sent, ok, dict(sorted(lost.items())), longest / load.rate, dark_s, mixed_s, spoilt)


def _arrivals(from_s: float, to_s: float, rate: float, phase: float) -> int:
    """Request i comes at (i + phase) / rate."""
    return math.ceil(to_s * rate - phase) - math.ceil(from_s * rate - phase)


def _draw(segment: Segment, number: int, ok: dict[Version, int], lost: dict[Loss, int], random: Random) -> tuple[int, int]:
    """Multinomial, as a row of binomials. Answers how many failed, and how many of those with the new version at work."""
    left, rest, failed, spoilt = number, 1.0, 0, 0
    for (fate, version), share in segment.mixture.items():
        drawn = left if share >= rest - 1e-12 else binomial(left, min(max(share / rest, 0.0), 1.0), random)
        left, rest = left - drawn, rest - share
        if not drawn:
            continue
        if fate == "ok":
            assert version is not None
            ok[version] += drawn
        else:
            lost[fate] = lost.get(fate, 0) + drawn
            failed += drawn
            spoilt += drawn if version == "new" and fate in WORKED_ON else 0
    return failed, spoilt


def _first_new(parts: Sequence[Segment], load: Load, random: Random) -> float:
    for segment in parts:
        share = segment.ok("new")
        if share > 0:
            at_s = segment.from_s + first_success(share, random) / load.rate
            if at_s < segment.to_s:
                return at_s + segment.late_s + random.choice(load.answers["new"].latency.values)
    return math.nan


def _last_old(parts: Sequence[Segment], load: Load, random: Random) -> float:
    for segment in reversed(parts):
        share = segment.ok("old")
        if share > 0:
            at_s = segment.to_s - first_success(share, random) / load.rate
            if at_s > segment.from_s:
                return at_s + segment.late_s + random.choice(load.answers["old"].latency.values)
    return math.nan
