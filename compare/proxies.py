"""What lies between a client and the pods, and how late it knows: kube-proxy and a mesh's proxies. Pure, seeded.

kube-proxy brings its rules up to date at most once in `least_interval_s`: a change that follows a quiet time is in the rules at
once, one that follows another change waits. That is why a pod that stops may still get requests for a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple


@dataclass(frozen=True)
class Proxy:
    """`least_interval_s` between two updates of the rules (kube-proxy's minSyncPeriod: 1 s; 0: each change by itself), and how
    long writing them takes, evenly distributed over `lag_s`. One that `answers` speaks HTTP: where it has nobody to send a
    request to, it says so, while packets are lost in silence."""

    least_interval_s: float = 1.0
    lag_s: tuple[float, float] = (0.01, 0.02)
    retries: int = 0  # how often a refused connection is tried, each time at a pod that was not tried before
    answers: bool = False


KUBE_PROXY = Proxy()
MESH = Proxy(least_interval_s=0.1, lag_s=(0.05, 0.15), retries=2, answers=True)
"""Istio: pushes are debounced by 0.1 s, a connection that fails is tried twice more, and without endpoints the answer is 503."""
ENVOY = Proxy(least_interval_s=0.0, lag_s=(0.05, 0.15), answers=True)
"""A gateway of the Gateway API without retries: a connection that fails is answered 503, as is having no endpoints."""


class Told(NamedTuple):
    """A change of the endpoints that the proxies are told of: the pod now is, or is not, one of the group."""

    at_s: float
    group: str
    pod: str
    state: str  # "ready", "serving" (terminating, but not gone yet) or "" (none)


class Target(NamedTuple):
    """A share of the requests goes to this group's endpoints."""

    share: float
    group: str


class Routing(NamedTuple):
    """From `at_s` on, requests are shared out so; the shares add up to 1, or less where no route takes the rest."""

    at_s: float
    targets: tuple[Target, ...]


def syncs(moments: Iterable[float], proxy: Proxy, random: Random) -> Iterator[tuple[float, float]]:
    """(what was told until then is in the rules, from then on), for rising moments of changes."""
    last_s = float("-inf")
    read_s = float("-inf")
    for moment in moments:
        if moment <= read_s:
            continue
        read_s = max(moment, last_s + proxy.least_interval_s)
        last_s = read_s + random.uniform(*proxy.lag_s)
        yield read_s, last_s


class RuleChange(NamedTuple):
    """From `at_s` on the proxies send the group's requests to these pods too, and to those no more."""

    at_s: float
    group: str
    added: tuple[str, ...]
    removed: tuple[str, ...]


@dataclass
class _Group:
    """What the API says of a group, and which pods the rules hold for it."""

    ready: dict[str, None] = field(default_factory=dict)  # dicts as ordered sets
    serving: dict[str, None] = field(default_factory=dict)
    changed: dict[str, None] = field(default_factory=dict)
    is_fallback: bool = False  # the rules hold those that terminate, as nobody is ready

    def tell(self, told: Told) -> None:
        for state, pods in (("ready", self.ready), ("serving", self.serving)):
            if told.state == state:
                pods[told.pod] = None
            else:
                pods.pop(told.pod, None)
        self.changed[told.pod] = None


def configured(
    told: Sequence[Told], routings: Sequence[Routing], proxy: Proxy, random: Random
) -> tuple[list[RuleChange], list[Routing]]:
    """What the proxies' rules become, and from when on they route how; both in order of time.

    Requests go to the ready pods of a group, or, where there are none, to those that terminate but still serve. Any change makes
    the proxies look, of whatever group. Proxies that speak HTTP get routes as they get endpoints, with the same push.
    """
    groups: dict[str, _Group] = {}
    held: dict[str, dict[str, None]] = {}
    moments = [change.at_s for change in told]
    if proxy.answers:
        moments = sorted([*moments, *(routing.at_s for routing in routings)])
    changes: list[RuleChange] = []
    routed: list[Routing] = []
    place = 0
    for read_s, applied_s in syncs(moments, proxy, random):
        touched: dict[str, None] = {}
        while place < len(told) and told[place].at_s <= read_s:
            groups.setdefault(told[place].group, _Group()).tell(told[place])
            touched[told[place].group] = None
            place += 1
        for name in touched:
            change = _update(applied_s, name, groups[name], held.setdefault(name, {}))
            if change.added or change.removed:
                changes.append(change)
        while proxy.answers and len(routed) < len(routings) and routings[len(routed)].at_s <= read_s:
            routed.append(routings[len(routed)]._replace(at_s=applied_s))
    return changes, routed if proxy.answers else list(routings)


def _update(at_s: float, name: str, group: _Group, held: dict[str, None]) -> RuleChange:
    """Brings what is held to what the group says; looks only at what was changed, unless the fallback begins or ends."""
    is_fallback = not group.ready
    wanted = group.serving if is_fallback else group.ready
    if is_fallback or group.is_fallback:
        group.changed.update(held)
        group.changed.update(wanted)
    group.is_fallback = is_fallback
    added = tuple(pod for pod in group.changed if pod in wanted and pod not in held)
    removed = tuple(pod for pod in group.changed if pod not in wanted and pod in held)
    group.changed.clear()
    held.update(dict.fromkeys(added))
    for pod in removed:
        del held[pod]
    return RuleChange(at_s, name, added, removed)
