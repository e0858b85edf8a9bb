"""Which pods have to go for one of a higher priority, and from which node. Pure. (Kubernetes 1.36, default preemption)

Of each node where it would help, all pods of lower priority are thought away; then as many as possible come back, those first
that a disruption budget protects, then the more important. Of the nodes that one is taken where fewest budgets are broken, whose
victims matter least, are fewest, and have run for the shortest time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from ...kube.objects import Obj, get, labels_of, matches
from .neighbours import Site

Fits = Callable[[Site], bool]


class Eviction(NamedTuple):
    node: str
    victims: Sequence[Obj]


def priority_of(pod: Obj) -> int:
    return int(pod["spec"].get("priority") or 0)


def may_preempt(pod: Obj, sites: Sequence[Site]) -> bool:
    """Not if it does not want to; nor while what it has made leave is still on its way."""
    if get(pod, "spec", "preemptionPolicy") == "Never":
        return False
    return not waits_for_victims(pod, sites)


def waits_for_victims(pod: Obj, sites: Sequence[Site]) -> bool:
    node = get(pod, "status", "nominatedNodeName")
    return any(
        "deletionTimestamp" in other["metadata"] and priority_of(other) < priority_of(pod)
        for site in sites
        if node and site.node["metadata"]["name"] == node
        for other in site.pods
    )


def evicted(pod: Obj, sites: Sequence[Site], budgets: Sequence[Obj], fits: Fits) -> Eviction | None:
    """None where nothing that may go would make room. `sites` are those where it might help; `budgets` the namespaces' all."""
    found = [(site, victims) for site in sites if (victims := _victims(pod, site, budgets, fits))]
    if not found:
        return None
    site, victims = min(found, key=lambda each: _cost(each[0], each[1], budgets))
    return Eviction(site.node["metadata"]["name"], victims)


def _victims(pod: Obj, site: Site, budgets: Sequence[Obj], fits: Fits) -> list[Obj]:
    lower = [each for each in site.pods if priority_of(each) < priority_of(pod)]
    staying = [each for each in site.pods if priority_of(each) >= priority_of(pod)]
    if not lower or not fits(Site(site.node, staying)):
        return []
    lower.sort(key=lambda each: (-priority_of(each), _started(each)))
    broken = _breaking(lower, budgets)
    victims = []
    for each in sorted(lower, key=lambda each: each["metadata"]["uid"] not in broken):
        if fits(Site(site.node, [*staying, each])):
            staying.append(each)
        else:
            victims.append(each)
    return victims


def _cost(site: Site, victims: Sequence[Obj], budgets: Sequence[Obj]) -> tuple[int, int, int, int, list[int], str]:
    first = max(victims, key=priority_of)
    youngest = [-ord(mark) for mark in _started(first)]
    return (
        len(_breaking(victims, budgets)), priority_of(first), sum(map(priority_of, victims)), len(victims), youngest,
        site.node["metadata"]["name"],
    )  # fmt: skip


def _started(pod: Obj) -> str:
    return str(get(pod, "status", "startTime", default=""))


def _breaking(pods: Sequence[Obj], budgets: Sequence[Obj]) -> set[str]:
    """The uids of the pods whose going breaks a budget, in this order of going."""
    left = [get(each, "status", "disruptionsAllowed", default=0) for each in budgets]
    out = set()
    for pod in pods:
        for place, budget in enumerate(budgets):
            is_of_it = budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
            if is_of_it and labels_of(pod) and matches(get(budget, "spec", "selector", default={}), labels_of(pod)):
                left[place] -= 1
                if left[place] < 0:
                    out.add(pod["metadata"]["uid"])
    return out
