"""Replica ratio: a Service spreads requests evenly over its ready pods, so the share of pods is the share of requests."""

from __future__ import annotations

from typing import NamedTuple


class Pods(NamedTuple):
    stable: int
    canary: int

    @property
    def percent(self) -> float:
        """The canary's share, with one decimal."""
        total = self.stable + self.canary
        return round(100 * self.canary / total, 1) if total else 0.0


def split(replicas: int, weight: int, *, may_surge: bool) -> Pods:
    """The pods on each side that come nearest to `weight` percent on the canary.

    Of the splits with `replicas` pods in all (or one more where `may_surge`): the nearest share; of equally near ones the one
    with fewer pods, then the one with more canary. Above 0% and below 100% neither side is 0 where two pods are possible.

        split(4, 50, may_surge=True)    2 + 2
        split(4, 10, may_surge=True)    4 + 1     20%: a pod more comes nearer than 3 + 1
        split(10, 10, may_surge=True)   9 + 1
        split(1, 50, may_surge=True)    1 + 1
        split(1, 50, may_surge=False)   0 + 1     one pod cannot be shared
    """
    if weight <= 0 or replicas == 0:
        return Pods(replicas, 0)
    if weight >= 100:
        return Pods(0, replicas)
    totals = (replicas, replicas + 1) if may_surge else (replicas,)
    shareable = [total for total in totals if total >= 2]
    if not shareable:
        return min((Pods(0, 1), Pods(1, 0)), key=lambda pods: (_distance(pods, weight), -pods.canary))
    candidates = [Pods(total - canary, canary) for total in shareable for canary in range(1, total)]
    return min(candidates, key=lambda pods: (_distance(pods, weight), sum(pods), -pods.canary))


def by_pods(fresh: int, rest: int) -> float | None:
    """The part of the requests that `fresh` pods get beside `rest` others; None where one side has none."""
    return fresh / (fresh + rest) if fresh and rest else None


def needed(replicas: int, weight: int) -> int:
    """The pods that carry a share which routes give, where `replicas` carry all: at least one."""
    return max(1, -(-replicas * weight // 100))


def beside(stable: int, weight: int) -> Pods:
    """The split where the stable side is not ours to scale (an HPA owns it): only the canary's pods are chosen."""
    if weight <= 0 or stable == 0:
        return Pods(stable, 0)
    wanted = stable * weight / (100 - weight) if weight < 100 else stable
    candidates = {Pods(stable, max(1, int(wanted) + extra)) for extra in (0, 1)}
    return min(candidates, key=lambda pods: (_distance(pods, weight), pods.canary))


def _distance(pods: Pods, weight: int) -> float:
    """In whole pods-times-percent, so that equal distances compare equal: no floating point before the last division."""
    total = pods.stable + pods.canary
    return abs(100 * pods.canary - weight * total) / total
