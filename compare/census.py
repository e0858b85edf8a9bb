"""How many pods there are over time, and how many are ready: what a rehearsal and a measured release both count. Pure."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ..kube.objects import JOB, Obj, is_a
from ..sandbox.controllers.index import is_ready
from .results import Version


class Counts:
    """A number over time, as its changes: `at(moment)` is the value from then on."""

    def __init__(self) -> None:
        self.moments: list[float] = [-math.inf]
        self.values: list[int] = [0]

    def add(self, at_s: float, by: int) -> None:
        if self.moments[-1] == at_s:
            self.values[-1] += by
        else:
            self.moments.append(at_s)
            self.values.append(self.values[-1] + by)

    def at(self, moment: float) -> int:
        return self.values[bisect_right(self.moments, moment) - 1]

    def between(self, from_s: float, to_s: float) -> list[int]:
        """All values that it had in that time."""
        first = bisect_right(self.moments, from_s) - 1
        last = bisect_right(self.moments, to_s)
        return self.values[first:last]

    def area(self, from_s: float, to_s: float) -> float:
        """Its sum over that time, in units times seconds."""
        first = bisect_right(self.moments, from_s) - 1
        last = bisect_right(self.moments, to_s)
        cuts = [from_s, *self.moments[first + 1 : last], to_s]
        return sum(value * (end - begin) for value, begin, end in zip(self.values[first:last], cuts, cuts[1:], strict=False))


@dataclass
class _Seen:
    version: Version
    is_ready: bool = False
    is_leaving: bool = False


class Census:
    """Of the pods in one namespace: all by version, those that are ready by version and in all, `active` ones, which do not
    terminate, and `everything`; beside them the ready `endpoints` of the Service that is asked."""

    def __init__(self) -> None:
        self.pods: dict[Version, Counts] = {"old": Counts(), "new": Counts()}
        self.ready: dict[Version, Counts] = {"old": Counts(), "new": Counts()}
        self.all_ready = Counts()
        self.active = Counts()
        self.endpoints = Counts()
        self.everything = Counts()
        self._seen: dict[str, _Seen] = {}

    def count_pod(self, name: str, version: Version, at_s: float, obj: Obj, *, is_gone: bool = False) -> None:
        """What a pod has become. The version counts where it is seen for the first time. A Job's pods come to their end, and are
        nobody's replicas."""
        seen = self._seen.get(name)
        if seen is None:
            if any(is_a(each, JOB) and each.get("controller") for each in obj["metadata"].get("ownerReferences") or ()):
                return
            seen = self._seen[name] = _Seen(version)
            self.pods[version].add(at_s, +1)
            self.everything.add(at_s, +1)
            self.active.add(at_s, +1)
        is_leaving = seen.is_leaving or is_gone or "deletionTimestamp" in obj["metadata"]
        is_now_ready = not is_leaving and is_ready(obj)
        if is_now_ready != seen.is_ready:
            self.ready[seen.version].add(at_s, +1 if is_now_ready else -1)
            self.all_ready.add(at_s, +1 if is_now_ready else -1)
        if is_leaving and not seen.is_leaving:
            self.active.add(at_s, -1)
        seen.is_ready, seen.is_leaving = is_now_ready, is_leaving
        if is_gone:
            del self._seen[name]
            self.pods[seen.version].add(at_s, -1)
            self.everything.add(at_s, -1)

    def over(self, moments: Sequence[float]) -> dict[str, tuple[int, ...]]:
        """The series of `Bands` that are counts, at those moments."""
        return {
            f"{name}_{version}": tuple(counts.at(moment) for moment in moments)
            for name, of in (("pods", self.pods), ("ready", self.ready))
            for version, counts in of.items()
        }


Named = Callable[[Obj], str]
"""What a pod is called of whom an endpoint's targetRef tells."""


def by_name(target: Obj) -> str:
    return str(target["name"])


def states_of(piece: Obj | None, named: Named = by_name) -> dict[str, str]:
    """What an EndpointSlice says of each pod, by name: "ready", "serving" or ""."""
    return _states((piece or {}).get("endpoints") or (), named)


def endpoints_changed(before: Obj | None, piece: Obj, named: Named) -> tuple[list[str], dict[str, str]]:
    """(the pods of endpoints that are no longer there, the states of those that are new). What has not changed is the very same
    object in both."""
    old, new = _trimmed((before or {}).get("endpoints") or (), piece.get("endpoints") or ())
    known, kept = set(map(id, old)), set(map(id, new))
    gone = [named(endpoint["targetRef"]) for endpoint in old if id(endpoint) not in kept]
    return gone, _states((endpoint for endpoint in new if id(endpoint) not in known), named)


def _trimmed(old: Sequence[Obj], new: Sequence[Obj]) -> tuple[Sequence[Obj], Sequence[Obj]]:
    """Without what they begin with and end with alike: of a hundred mostly one is left."""
    shorter = min(len(old), len(new))
    first = next((place for place, (was, now) in enumerate(zip(old, new, strict=False)) if was is not now), shorter)
    pairs = zip(reversed(old), reversed(new), strict=False)
    last = next((place for place, (was, now) in enumerate(pairs) if was is not now or place == shorter - first), shorter - first)
    return old[first : len(old) - last], new[first : len(new) - last]


def _states(endpoints: Iterable[Obj], named: Named) -> dict[str, str]:
    found = {}
    for endpoint in endpoints:
        conditions = endpoint["conditions"]
        state = "ready" if conditions.get("ready") else "serving" if conditions.get("serving") else ""
        found[named(endpoint["targetRef"])] = state
    return found
