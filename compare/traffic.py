"""What the traffic of a recorded release goes through, computed per interval between changes: the cost is that of the changes,
not that of the requests. Pure, seeded. `requests` does the same one request at a time, to check this.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from .chance import binomial, first_success, longest_run
from .lives import EMPTY_REFUSED, EMPTY_SILENT, STARTING, STOPPED, VANISHED, Answers, Fate, PodLife, Shares, changes_of
from .proxies import KUBE_PROXY, Proxy, Routing, RuleChange, Told, rule_changes
from .results import Loss, Toll, Version

RETRANSMITS_S = (1.0, 3.0, 7.0, 15.0)  # Linux sends an unanswered SYN again so long after the first one
ROUTED_WITHIN_S = 0.3  # a route that leads to endpoints known before is not held back
REJECTS_A_SECOND = 1.0  # Linux tells one client no more often that a port is unreachable
REFUSALS = (STARTING, STOPPED, EMPTY_REFUSED)

Outcome = tuple[Fate, Version | None]  # what becomes of a request, and which version it met


@dataclass(frozen=True)
class Recording:
    """What of a release matters to its clients, in order of time. `from_s` and `to_s` bound the time under traffic."""

    lives: Mapping[str, PodLife]
    told: tuple[Told, ...]
    routings: tuple[Routing, ...]
    from_s: float
    to_s: float
    proxy: Proxy = KUBE_PROXY


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


def segments(recording: Recording, load: Load, random: Random) -> list[Segment]:
    """The whole time under traffic, without gaps."""
    rules = list(rule_changes(recording.told, recording.proxy, random))
    raw = list(_mixed(recording, load, rules))
    return _with_silence(raw, load)


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

    def _add(self, outcome: Outcome, share: float) -> None:
        total = self.sums.get(outcome, 0.0) + share
        if abs(total) < 1e-7:
            self.sums.pop(outcome, None)
        else:
            self.sums[outcome] = total

    def mixture(self, retries: int) -> dict[Outcome, float]:
        count = len(self.pods)
        if not count:
            return {(EMPTY_SILENT, None): 1.0}
        shares = {outcome: total / count for outcome, total in self.sums.items()}
        refused = sum(share for (fate, _), share in shares.items() if fate in REFUSALS)
        if not retries or not 0 < refused < 1:
            return shares
        # A refused connection is tried again, and meets the same mixture: what is left is a geometric sum.
        finally_ = refused**retries
        rest = (1 - refused ** (retries + 1)) / (1 - refused)
        return {outcome: share * (finally_ if outcome[0] in REFUSALS else rest) for outcome, share in shares.items()}


class _Event(NamedTuple):
    at_s: float
    order: int
    what: RuleChange | Routing | tuple[str, Shares]


def _mixed(recording: Recording, load: Load, rules: Sequence[RuleChange]) -> Iterator[Segment]:
    lives, pools = recording.lives, {change.group: _Pool() for change in rules}
    doing: dict[str, Shares] = {}
    targets = recording.routings[0].targets if recording.routings else ()
    before_s, mixture = recording.from_s, dict[Outcome, float]()
    is_stale = True
    for event in _events(recording, load, rules):
        if event.at_s > before_s:
            if is_stale:
                mixture, is_stale = _blend(targets, pools, recording.proxy.retries), False
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
        yield Segment(before_s, recording.to_s, _blend(targets, pools, recording.proxy.retries))


def _events(recording: Recording, load: Load, rules: Sequence[RuleChange]) -> Iterator[_Event]:
    """In order of time; at one moment what a pod does comes before who is sent to it."""
    met = dict.fromkeys(pod for change in rules for pod in change.added)
    of_pods = sorted(
        _Event(at_s, 0, (pod, shares))
        for pod in met
        for at_s, shares in changes_of(recording.lives[pod], load.answers[recording.lives[pod].version], load.timeout_s)
    )
    of_rules = [_Event(change.at_s, 1, change) for change in rules]
    of_routes = [_Event(_effective_s(routing, rules), 2, routing) for routing in recording.routings]
    return heapq.merge(of_pods, of_rules, of_routes, key=lambda event: (event.at_s, event.order))


def _effective_s(routing: Routing, rules: Sequence[RuleChange]) -> float:
    """Proxies take up a new route once they know the endpoints that it leads to."""
    groups = {target.group for target in routing.targets}
    known = (change.at_s for change in rules if change.group in groups and change.at_s >= routing.at_s)
    return max(routing.at_s, min(next(known, routing.at_s), routing.at_s + ROUTED_WITHIN_S))


def _blend(targets: Sequence[tuple[float, str]], pools: Mapping[str, _Pool], retries: int) -> dict[Outcome, float]:
    if len(targets) == 1:
        pool = pools.get(targets[0][1])
        return pool.mixture(retries) if pool else {(EMPTY_SILENT, None): 1.0}
    blended: dict[Outcome, float] = {}
    for share, group in targets:
        pool = pools.get(group) or _Pool()
        for outcome, part in pool.mixture(retries).items():
            blended[outcome] = blended.get(outcome, 0.0) + part * share
    return blended


# nobody to send to


def _with_silence(raw: Sequence[Segment], load: Load) -> list[Segment]:
    """What happens to requests for which there is no endpoint at all.

    They are rejected, but a client is told so once a second only: most wait in vain. Who asks again in time (the kernel sends an
    unanswered SYN a second time) is answered all the same, by whoever is there then. Right after pods that had vanished, the one
    rejection of a second is spent on the packets still on their way to those.
    """
    out: list[Segment] = []
    place = 0
    while place < len(raw):
        if not _empty(raw[place]):
            out.append(raw[place])
            place += 1
            continue
        end = place
        while end < len(raw) and _empty(raw[end]):
            end += 1
        followed = raw[end] if end < len(raw) else None
        had_vanished = place > 0 and any(fate == VANISHED for (fate, _) in raw[place - 1].mixture)
        out += _silent(raw[place:end], followed, load, had_vanished=had_vanished)
        place = end
    return out


def _empty(segment: Segment) -> float:
    return segment.mixture.get((EMPTY_SILENT, None), 0.0)


def _silent(empty: Sequence[Segment], followed: Segment | None, load: Load, *, had_vanished: bool) -> Iterator[Segment]:
    from_s, to_s = empty[0].from_s, empty[-1].to_s
    longest_s = max(answers.latency.longest_s for answers in load.answers.values())
    patience_s = max((again_s for again_s in RETRANSMITS_S if again_s + longest_s <= load.timeout_s), default=0.0)
    told_from_s = from_s + (1 / REJECTS_A_SECOND if had_vanished else 0.0)
    saved_from_s = to_s - patience_s if followed else math.inf
    for segment in empty:
        cuts = sorted({cut for cut in (told_from_s, saved_from_s) if segment.from_s < cut < segment.to_s})
        for begin_s, end_s in zip([segment.from_s, *cuts], [*cuts, segment.to_s], strict=True):
            share = _empty(segment)
            told = min(REJECTS_A_SECOND / (load.rate * share), 1.0) if begin_s >= told_from_s else 0.0
            mixture = {outcome: part for outcome, part in segment.mixture.items() if outcome[0] != EMPTY_SILENT}
            if told:
                mixture[(EMPTY_REFUSED, None)] = share * told
            silent = share * (1 - told)
            late_s = 0.0
            if followed and begin_s >= saved_from_s:
                late_s = next((again_s for again_s in RETRANSMITS_S if begin_s + again_s >= to_s), patience_s)
                for outcome, part in followed.mixture.items():
                    mixture[outcome] = mixture.get(outcome, 0.0) + silent * part
            elif silent:
                mixture[(EMPTY_SILENT, None)] = silent
            yield Segment(begin_s, end_s, mixture, late_s)


# counting


def count(parts: Sequence[Segment], load: Load, random: Random) -> Toll:
    """Draws the requests of each interval at once. The arrivals' phase is drawn too."""
    phase = random.random()
    ok: dict[Version, int] = {"old": 0, "new": 0}
    lost: dict[Loss, int] = {}
    start_s = parts[0].from_s
    run = longest = sent = 0
    dark_s = 0.0
    for segment in parts:
        number = _arrivals(segment.from_s - start_s, segment.to_s - start_s, load.rate, phase)
        sent += number
        failed = _draw(segment, number, ok, lost, random)
        if segment.lost > 1 - 1e-9:
            dark_s += segment.to_s - segment.from_s
        if number:
            run, best = longest_run(run, number, failed, random)
            longest = max(longest, best)
    mixed_s = _last_old(parts, load, random) - _first_new(parts, load, random)
    return Toll(sent, ok, dict(sorted(lost.items())), longest / load.rate, dark_s, mixed_s)


def _arrivals(from_s: float, to_s: float, rate: float, phase: float) -> int:
    """Request i comes at (i + phase) / rate."""
    return math.ceil(to_s * rate - phase) - math.ceil(from_s * rate - phase)


def _draw(segment: Segment, number: int, ok: dict[Version, int], lost: dict[Loss, int], random: Random) -> int:
    """Multinomial, as a row of binomials. Answers how many failed."""
    left, rest, failed = number, 1.0, 0
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
    return failed


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


def merged(parts: Sequence[Segment]) -> list[Segment]:
    """Neighbours of one mixture as one."""
    out: list[Segment] = []
    for segment in parts:
        if out and out[-1].mixture == segment.mixture and out[-1].late_s == segment.late_s:
            out[-1] = out[-1]._replace(to_s=segment.to_s)
        else:
            out.append(segment)
    return out
