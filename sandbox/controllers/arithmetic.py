"""How many pods each ReplicaSet of a Deployment should have: the rolling update's arithmetic, as pure functions.

Shared by the Deployment controller, which acts on it, and by whoever predicts what the controller is going to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ...kube.intstr import fenceposts
from ...kube.objects import Obj, get


class Rollout(NamedTuple):
    """What a Deployment wants: `surge` and `unavailable` are resolved counts, both 0 where it recreates."""

    replicas: int
    surge: int
    unavailable: int
    is_rolling: bool = True

    @property
    def most(self) -> int:
        return self.replicas + self.surge

    @property
    def least_available(self) -> int:
        return self.replicas - self.unavailable


class Size(NamedTuple):
    """A ReplicaSet: pods it wants, pods it has available, and the maximum it was last scaled for (0: not known)."""

    wanted: int
    available: int = 0
    scaled_for: int = 0


def rollout_of(deployment: Obj) -> Rollout:
    spec = deployment["spec"]
    replicas, strategy = get(spec, "replicas", default=1), spec.get("strategy") or {}
    if (strategy.get("type") or "RollingUpdate") != "RollingUpdate":
        return Rollout(replicas, 0, 0, is_rolling=False)
    rolling = strategy.get("rollingUpdate") or {}
    surge, unavailable = fenceposts(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), replicas)
    return Rollout(replicas, surge, min(unavailable, replicas))


def new_size(rollout: Rollout, new: int, total: int) -> int:
    """How many pods the new ReplicaSet, which wants `new`, should want when all together want `total`.

    >>> new_size(Rollout(4, 1, 0), 0, 4), new_size(Rollout(4, 1, 0), 0, 5), new_size(Rollout(4, 1, 0), 6, 6)
    (1, 0, 4)
    """
    if not rollout.is_rolling or new >= rollout.replicas:
        return rollout.replicas
    room = rollout.most - total
    return new + min(room, rollout.replicas - new) if room > 0 else new


def old_sizes(rollout: Rollout, new: Size, old: Sequence[Size]) -> list[int]:
    """How many pods each old ReplicaSet, oldest first, should want: first the unavailable ones go, then available ones.

    >>> old_sizes(Rollout(4, 1, 1), Size(2, 2), [Size(1, 0), Size(2, 2)])
    [0, 1]
    """
    sizes = [size.wanted for size in old]
    total = new.wanted + sum(sizes)
    may_go = total - rollout.least_available - (new.wanted - new.available)
    if may_go <= 0 or not sum(sizes):
        return sizes
    for index, size in enumerate(old):
        if may_go > 0 and size.available < sizes[index]:
            unhealthy = min(may_go, sizes[index] - size.available)
            sizes[index] -= unhealthy
            may_go -= unhealthy
    spare = new.available + sum(size.available for size in old) - rollout.least_available
    for index in range(len(old)):
        if spare > 0 and sizes[index]:
            healthy = min(spare, sizes[index])
            sizes[index] -= healthy
            spare -= healthy
    return sizes


def proportional_sizes(rollout: Rollout, sets: Sequence[Size], *, live: int) -> list[int]:
    """Sizes after the Deployment was scaled in mid-rollout: each ReplicaSet keeps its share, the largest takes the rest.

    `sets` are those which want pods, oldest first; `live` is how many pods the Deployment's status counts.

    >>> proportional_sizes(Rollout(10, 3, 2), [Size(3, scaled_for=6), Size(3, scaled_for=6)], live=6)
    [6, 7]
    """
    sizes = [size.wanted for size in sets]
    to_add = (rollout.most if rollout.replicas > 0 else 0) - sum(sizes)
    if not to_add:
        return sizes
    # Equal sizes: the newer one grows first, the older one shrinks first.
    order = sorted(range(len(sets)), key=lambda index: (-sizes[index], -index if to_add > 0 else index))
    added = 0
    for index in order:
        share = _share(rollout, sets[index], live)
        left = to_add - added
        change = (min(share, left) if to_add > 0 else max(share, left)) if left and sizes[index] else 0
        sizes[index] += change
        added += change
    sizes[order[0]] = max(sizes[order[0]] + to_add - added, 0)
    return sizes


def _share(rollout: Rollout, size: Size, live: int) -> int:
    if rollout.replicas == 0:
        return -size.wanted
    before = size.scaled_for or live
    if not before:
        return 0
    # To the nearest, halves up: (2ab + c) // 2c is round(ab / c) without the rounding errors of floats.
    return (2 * size.wanted * rollout.most + before) // (2 * before) - size.wanted
