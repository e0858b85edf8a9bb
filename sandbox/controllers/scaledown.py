"""Which pods go when there are too many: the order of the real ReplicaSet controller.

Pods that are alike, as far as that order goes, are kept together: of ten thousand pods that came at the same time and are all
ready, one is found without looking at the others.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cmp_to_key
from typing import NamedTuple

from ...kube.clock import parse_timestamp
from ...kube.objects import Obj, annotations_of, get

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


class Standing(NamedTuple):
    """All that the order asks of a pod itself. Times are timestamps, empty where there is none."""

    node: str
    phase: int
    is_ready: bool
    cost: int
    ready_at: str
    restarts: int
    created: str


def standing_of(pod: Obj) -> Standing:
    status = pod.get("status") or {}
    ready: Obj = next((each for each in status.get("conditions") or () if each["type"] == "Ready"), {})
    is_ready = ready.get("status") == "True"
    cost = annotations_of(pod).get(DELETION_COST, "0")
    return Standing(
        node=get(pod, "spec", "nodeName", default=""),
        phase=PHASES.get(status.get("phase") or "Pending", 1),
        is_ready=is_ready,
        cost=int(cost) if cost.removeprefix("-").isdecimal() else 0,
        ready_at=str(ready.get("lastTransitionTime") or "") if is_ready else "",
        restarts=max((each.get("restartCount", 0) for each in status.get("containerStatuses") or ()), default=0),
        created=pod["metadata"].get("creationTimestamp", ""),
    )


def first_to_go(alike: Mapping[Standing, Mapping[str, Obj]], now: datetime) -> Iterator[Obj]:
    """The pods in the order in which they should be deleted: least use first. `alike`: by standing, then by name.

    Not scheduled, not running, not ready, cheap to delete, on a crowded node, young (by orders of magnitude, so that age
    does not decide among pods of about the same age), often restarted.
    """
    on_node: Counter[str] = Counter()
    for standing, pods in alike.items():
        on_node[standing.node] += len(pods)
    rows = (_rows(_rank(standing, on_node, now), pods) for standing, pods in alike.items())
    return (pod for _, pod in heapq.merge(*rows, key=cmp_to_key(_compare)))


class _Rank(NamedTuple):
    """How soon pods of one standing go. Magnitudes are ages by powers of two."""

    place: tuple[int, ...]
    ready_at: str
    ready_magnitude: int
    restarts: int
    created: str
    magnitude: int


def _rank(standing: Standing, on_node: Mapping[str, int], now: datetime) -> _Rank:
    node, phase, is_ready, cost, ready_at, restarts, created = standing
    place = (bool(node), phase, is_ready, cost, -on_node[node])
    return _Rank(place, ready_at, _magnitude(ready_at, now), restarts, created, _magnitude(created, now))


def _rows(rank: _Rank, pods: Mapping[str, Obj]) -> Iterator[tuple[_Rank, Obj]]:
    return ((rank, pod) for pod in pods.values())


def _compare(one: tuple[_Rank, Obj], other: tuple[_Rank, Obj]) -> int:
    """Below 0 where `one` goes first."""
    (mine, pod), (its, rival) = one, other
    if mine.place != its.place:
        return -1 if mine.place < its.place else 1
    if mine.ready_at != its.ready_at:
        return mine.ready_magnitude - its.ready_magnitude or _by_uid(pod, rival)
    if mine.restarts != its.restarts:
        return its.restarts - mine.restarts
    if mine.created != its.created:
        return mine.magnitude - its.magnitude or _by_uid(pod, rival)
    return 0


def _by_uid(pod: Obj, rival: Obj) -> int:
    """Of about the same age: as good as chance, but repeatable."""
    return -1 if pod["metadata"]["uid"] < rival["metadata"]["uid"] else 1


def _magnitude(since: str, now: datetime) -> int:
    age_ns = (now - parse_timestamp(since)).total_seconds() * 1e9 if since else 0.0
    return int(math.log2(age_ns)) if age_ns >= 1 else -1
