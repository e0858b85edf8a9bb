"""When a pod answers, and how it fails when it does not: the life of a pod as its clients see it. Pure.

A request is accepted between `listens_s` and `closes_s`, and finished if it is done before `ends_s`. Outside of that the pod's
address refuses, until its network is gone (`gone_s`): then nothing answers at all, and the client waits out its timeout.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from .results import Loss, Version

STARTING = Loss("not listening", "refused")
STOPPED = Loss("stopped pod", "refused")
VANISHED = Loss("stopped pod", "timeout")
KILLED = Loss("killed in flight", "reset")
LATE = Loss("timeout", "timeout")
WRONG = Loss("bad version", "5xx")
EMPTY_REFUSED = Loss("no endpoint", "refused")
EMPTY_SILENT = Loss("no endpoint", "timeout")
EMPTY_ANSWERED = Loss("no endpoint", "5xx")

Fate = Loss | Literal["ok"]
WORKED_ON: tuple[Fate, ...] = ("ok", WRONG, LATE, KILLED)  # a pod had taken the request


class Stint(NamedTuple):
    """One process of a pod. `closes_s`: from then on no new connection is taken; `ends_s`: it has exited."""

    listens_s: float
    closes_s: float = math.inf
    ends_s: float = math.inf


@dataclass(frozen=True)
class PodLife:
    name: str
    version: Version
    stints: tuple[Stint, ...]
    gone_s: float = math.inf


class Latency(NamedTuple):
    """How long the application works on a request, as equally likely values in rising order, in seconds."""

    values: tuple[float, ...]

    @property
    def longest_s(self) -> float:
        return self.values[-1]


@dataclass(frozen=True)
class Answers:
    """How a version answers: how long it takes, and the share of its answers that are errors."""

    latency: Latency
    error_share: float = 0.0


class Shares(NamedTuple):
    """Of the requests sent to a pod at a moment, the share of each fate; they add up to 1."""

    shares: tuple[tuple[Fate, float], ...]


def fate_of(life: PodLife, sent_s: float, latency_s: float, is_error: bool, timeout_s: float) -> Fate:
    """Of one request that reaches the pod's address at that moment."""
    if sent_s >= life.gone_s:
        return VANISHED
    place = bisect_right(life.stints, sent_s, key=lambda stint: stint.listens_s) - 1
    if place < 0:
        return STARTING
    stint = life.stints[place]
    if sent_s >= stint.closes_s:
        return STOPPED if place == len(life.stints) - 1 else STARTING
    if sent_s + latency_s > stint.ends_s:
        # Whoever gives up before the end sees a timeout, not the reset.
        return KILLED if stint.ends_s - sent_s <= timeout_s else LATE
    if latency_s > timeout_s:
        return LATE
    return WRONG if is_error else "ok"


def changes_of(life: PodLife, answers: Answers, timeout_s: float) -> Iterator[tuple[float, Shares]]:
    """The moments at which the shares of the fates change, with the shares from then on; the first is minus infinity."""
    moments = {-math.inf}
    values = answers.latency.values
    for stint in life.stints:
        moments.update((stint.listens_s, stint.closes_s))
        if math.isfinite(stint.ends_s):
            moments.update(min(max(stint.ends_s - value, stint.listens_s), stint.closes_s) for value in values)
            moments.add(min(max(stint.ends_s - timeout_s, stint.listens_s), stint.closes_s))
    moments.add(life.gone_s)
    before: Shares | None = None
    for moment in sorted(moment for moment in moments if moment < math.inf):
        shares = _shares(life, answers, moment, timeout_s)
        if shares != before:
            yield moment, shares
            before = shares


def _shares(life: PodLife, answers: Answers, sent_s: float, timeout_s: float) -> Shares:
    """From this moment on, until the next one: a request sent just after it."""
    after_s = sent_s + 1e-9 if math.isfinite(sent_s) else sent_s
    counts: dict[Fate, float] = {}
    one = 1 / len(answers.latency.values)
    for value in answers.latency.values:
        fate = fate_of(life, after_s, value, is_error=False, timeout_s=timeout_s)
        counts[fate] = counts.get(fate, 0.0) + one
    if answers.error_share and (ok := counts.pop("ok", 0.0)):
        counts[WRONG] = counts.get(WRONG, 0.0) + ok * answers.error_share
        if answers.error_share < 1:
            counts["ok"] = ok * (1 - answers.error_share)
    return Shares(tuple(counts.items()))
