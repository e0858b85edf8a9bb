"""What the traffic of a recorded release goes through, one request at a time: the plain reading of the model that `traffic`
computes per interval, and the check on it. Its cost grows with the number of requests. Pure, seeded."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from random import Random
from typing import NamedTuple

from .lives import EMPTY_ANSWERED, EMPTY_REFUSED, EMPTY_SILENT, WORKED_ON, WRONG, Fate, fate_of
from .proxies import Routing, RuleChange, configured
from .results import Loss, Toll, Version
from .traffic import REFUSALS, REJECTS_A_SECOND, RETRANSMITS_S, Load, Recording, told_from_s


class Met(NamedTuple):
    """What became of the request that was sent at `sent_s`; `done_s` is when its client knew."""

    sent_s: float
    fate: Fate
    version: Version | None
    done_s: float


def requests(recording: Recording, load: Load, random: Random) -> Iterator[Met]:
    """All of them, in sending order; request i is sent at (i + phase) / rate. The same seed gives the proxies that
    `traffic.segments` gives."""
    rules, routings = configured(recording.told, recording.routings, recording.proxy, random)
    network = _Network(recording, load, rules, routings, random)
    phase = random.random()
    sent_s = recording.from_s + phase / load.rate
    number = 0
    while sent_s < recording.to_s:
        yield network.send(sent_s)
        number += 1
        sent_s = recording.from_s + (number + phase) / load.rate


def count(recording: Recording, load: Load, random: Random) -> Toll:
    """As `traffic.count`, but for `dark_s`: what could not have succeeded, a sample cannot tell (NaN)."""
    ok: dict[Version, int] = {"old": 0, "new": 0}
    lost: dict[Loss, int] = {}
    run = longest = sent = spoilt = 0
    first_new, last_old = math.inf, -math.inf
    for met in requests(recording, load, random):
        sent += 1
        if met.fate != "ok":
            lost[met.fate] = lost.get(met.fate, 0) + 1
            spoilt += met.version == "new" and met.fate in WORKED_ON
            run += 1
            longest = max(longest, run)
            continue
        assert met.version is not None
        run = 0
        ok[met.version] += 1
        if met.version == "new":
            first_new = min(first_new, met.done_s)
        else:
            last_old = max(last_old, met.done_s)
    mixed_s = last_old - first_new if ok["old"] and ok["new"] else math.nan
    return Toll(sent, ok, dict(sorted(lost.items())), longest / load.rate, math.nan, mixed_s, spoilt)


class _Network:
    """Who is sent where at each moment, as the proxies have it."""

    def __init__(
        self, recording: Recording, load: Load, rules: Sequence[RuleChange], routings: Sequence[Routing], random: Random
    ) -> None:
        self._recording, self._load, self._random = recording, load, random
        self._histories: dict[str, _History] = {}
        for change in rules:
            self._histories.setdefault(change.group, _History()).change(change)
        self._routings = routings
        self._route_starts = [routing.at_s for routing in self._routings]
        self._rejects_from_s = -math.inf
        shortest_s = min(answers.latency.values[0] for answers in load.answers.values())
        self._again = [again_s for again_s in RETRANSMITS_S if again_s + shortest_s <= load.timeout_s]

    def send(self, sent_s: float) -> Met:
        group = self._group(sent_s)
        pods = group.at(sent_s)
        if pods or self._recording.proxy.answers:
            return self._tried(sent_s, sent_s, pods)
        if self._is_told(sent_s, group):
            return Met(sent_s, EMPTY_REFUSED, None, sent_s)
        for at_s in (sent_s + again_s for again_s in self._again):
            if at_s < self._recording.to_s and (pods := self._group(at_s).at(at_s)):
                return self._tried(sent_s, at_s, pods)
        return Met(sent_s, EMPTY_SILENT, None, sent_s + self._load.timeout_s)

    def _group(self, at_s: float) -> _History:
        """The one that the routes draw for a request; one without pods where none takes it."""
        drawn = self._random.random()
        place = max(bisect_right(self._route_starts, at_s) - 1, 0)
        for share, group in self._routings[place].targets if self._routings else ():
            if drawn < share:
                return self._histories.get(group, _NOBODY)
            drawn -= share
        return _NOBODY

    def _tried(self, sent_s: float, at_s: float, pods: Sequence[str]) -> Met:
        """At a pod, and where that refuses, at others, as often as the proxy tries."""
        timeout_s = self._load.timeout_s
        met = Met(sent_s, EMPTY_ANSWERED, None, sent_s)
        for pod in self._random.sample(pods, min(self._recording.proxy.retries + 1, len(pods))):
            life = self._recording.lives[pod]
            answers = self._load.answers[life.version]
            latency_s = self._random.choice(answers.latency.values)
            fate = fate_of(life, at_s, latency_s, self._random.random() < answers.error_share, timeout_s)
            if fate in ("ok", WRONG) and latency_s > timeout_s - (at_s - sent_s):
                return Met(sent_s, EMPTY_SILENT, None, sent_s + timeout_s)
            met = Met(sent_s, fate, life.version, at_s + latency_s)
            if fate not in REFUSALS:
                break
        return met

    def _is_told(self, sent_s: float, group: _History) -> bool:
        """Whether this client is told that there is nobody: once a second, and not while packets to vanished pods use that up."""
        since_s = group.since(sent_s)
        is_first = since_s <= self._recording.from_s
        had_vanished = not is_first and any(self._has_vanished(pod, since_s) for pod in group.at(since_s - 1e-6))
        if sent_s < max(self._rejects_from_s, told_from_s(since_s, had_vanished=had_vanished)):
            return False
        self._rejects_from_s = sent_s + 1 / REJECTS_A_SECOND
        return True

    def _has_vanished(self, pod: str, at_s: float) -> bool:
        return at_s > self._recording.lives[pod].gone_s


class _History:
    """The pods that the rules hold for a group, from each change on."""

    def __init__(self) -> None:
        self._moments = [-math.inf]
        self._pods: list[tuple[str, ...]] = [()]

    def change(self, change: RuleChange) -> None:
        kept = [pod for pod in self._pods[-1] if pod not in change.removed]
        self._moments.append(change.at_s)
        self._pods.append((*kept, *change.added))

    def at(self, at_s: float) -> tuple[str, ...]:
        return self._pods[bisect_right(self._moments, at_s) - 1]

    def since(self, at_s: float) -> float:
        """When it last changed."""
        return self._moments[bisect_right(self._moments, at_s) - 1]


_NOBODY = _History()
