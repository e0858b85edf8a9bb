"""The scheduler: on which node a pod goes, or why on none, in the words of Kubernetes' own.

Each node is asked by `fitting` and `neighbours`; of those that would take the pod the best one is chosen: what the pod prefers,
then where fewest of its like are, then where most is free. Nothing is pre-empted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...kube.objects import NAMESPACE, NODE, PERSISTENT_VOLUME_CLAIM, POD, Obj, get, labels_of
from ..controllers.fitting import Misfit, alone, requests_of, room, term_chooses, tolerates
from ..controllers.index import controller_of, is_terminal
from ..store.store import Change, Store
from .neighbours import Site, asks_for_others, beside, terms_of
from .nodes import is_elastic

_NOT_HELPFUL, _NO_VICTIMS = "Preemption is not helpful for scheduling", "No preemption victims found for incoming pod"
GATED = "Scheduling is blocked due to non-empty scheduling gates"

Place = tuple[str, str]  # (namespace, name)


class Choice(NamedTuple):
    """The node's name; without one why there is none, and with which reason the condition says so."""

    node: str = ""
    message: str = ""
    reason: str = "Unschedulable"


class Scheduler:
    """Chooses, and writes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._repelling: set[Place] = set()  # pods that keep others away: to ask every pod each time would cost
        for pod in store.list(POD):
            self._mark(pod)

    def note(self, change: Change) -> None:
        """Has to be told of each change."""
        if change.kind != POD:
            return
        if change.type == "ADDED":
            self._mark(change.obj)
        elif change.type == "DELETED" and self._repelling:
            self._repelling.discard((change.obj["metadata"]["namespace"], change.obj["metadata"]["name"]))

    @staticmethod
    def may_help(change: Change) -> bool:
        """Whether pods that wait for a node should be tried again."""
        if change.kind != POD:
            return change.kind in (NODE, PERSISTENT_VOLUME_CLAIM)
        if change.type == "DELETED" or is_terminal(change.obj):
            return True
        before, pod = change.before, change.obj
        is_bound = before is not None and get(before, "spec", "nodeName") != get(pod, "spec", "nodeName")
        return is_bound or (before is not None and labels_of(before) != labels_of(pod))

    def choose(self, pod: Obj) -> Choice:
        if get(pod, "spec", "schedulingGates"):
            return Choice(message=GATED, reason="SchedulingGated")
        nodes = list(self._store.list(NODE))
        if not nodes:
            return Choice(message="no nodes available to schedule pods")
        if missing := self._missing_claim(pod):
            return Choice(message=unfit(pod, [Misfit((missing,))] * len(nodes), is_of_pod=True))
        is_bound_to_others = bool(self._repelling) or asks_for_others(pod)
        sites = self._sites(nodes, needs_pods=is_bound_to_others or len(nodes) > 1)
        namespaces = {each["metadata"]["name"]: each for each in self._store.list(NAMESPACE)} if is_bound_to_others else {}
        asked = requests_of(pod)
        taking, misfits = [], []
        for site in sites:
            misfit = alone(pod, site.node) or room(site.node, asked, () if is_elastic(site.node) else site.pods)
            if misfit is None and is_bound_to_others:
                misfit = beside(pod, site, sites, namespaces)
            if misfit is None:
                taking.append(site)
            else:
                misfits.append(misfit)
        if not taking:
            return Choice(message=unfit(pod, misfits))
        return Choice(best(pod, taking)["metadata"]["name"])

    def _mark(self, pod: Obj) -> None:
        if terms_of(pod).apart:
            self._repelling.add((pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def _sites(self, nodes: Sequence[Obj], *, needs_pods: bool) -> list[Site]:
        by_node: dict[str, list[Obj]] = {node["metadata"]["name"]: [] for node in nodes}
        for pod in self._store.list(POD) if needs_pods or not all(map(is_elastic, nodes)) else ():
            name = get(pod, "spec", "nodeName", default="")
            if name in by_node and not is_terminal(pod):
                by_node[name].append(pod)
        return [Site(node, by_node[node["metadata"]["name"]]) for node in nodes]

    def _missing_claim(self, pod: Obj) -> str:
        for volume in get(pod, "spec", "volumes", default=()):
            name = get(volume, "persistentVolumeClaim", "claimName")
            if name and self._store.find(PERSISTENT_VOLUME_CLAIM, pod["metadata"]["namespace"], name) is None:
                return f'persistentvolumeclaim "{name}" not found'
        return ""


def unfit(pod: Obj, misfits: Sequence[Misfit], *, is_of_pod: bool = False) -> str:
    """The message of FailedScheduling: the reasons counted, and why nothing is pre-empted. `is_of_pod`: no node was asked, as
    the pod itself cannot go anywhere."""
    none = f"0/{len(misfits)} nodes are available"
    if is_of_pod:
        counted = misfits[0].reasons[0]
    else:
        counts = Counter(reason for misfit in misfits for reason in misfit.reasons)
        counted = ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))
    if get(pod, "spec", "preemptionPolicy") == "Never":
        return f"{none}: {counted}. preemption: not eligible due to preemptionPolicy=Never."
    victims = Counter(_NO_VICTIMS if misfit.may_preempt else _NOT_HELPFUL for misfit in misfits)
    without = ", ".join(sorted(f"{count} {reason}" for reason, count in victims.items()))
    return f"{none}: {counted}. no new claims to deallocate, preemption: {none}: {without}."


def best(pod: Obj, sites: Sequence[Site]) -> Obj:
    """The node that suits the pod most; of equals the first by name."""
    if len(sites) == 1:
        return sites[0].node
    owner = controller_of(pod)

    def cost(site: Site) -> tuple[float, float, float, str]:
        alike = sum(owner is not None and (controller_of(each) or {}).get("uid") == owner["uid"] for each in site.pods)
        return (-_preferred(pod, site.node), alike, _fullness(site), site.node["metadata"]["name"])

    return min(sites, key=cost).node


def _preferred(pod: Obj, node: Obj) -> float:
    path = ("affinity", "nodeAffinity", "preferredDuringSchedulingIgnoredDuringExecution")
    wanted = get(pod, "spec", *path, default=())
    weight = sum(each["weight"] for each in wanted if term_chooses(each["preference"], node))
    return float(weight - 100 * _disliked(get(pod, "spec", "tolerations", default=()), node))


def _disliked(tolerations: Sequence[Mapping[str, object]], node: Obj) -> int:
    taints = [each for each in get(node, "spec", "taints", default=()) if each["effect"] == "PreferNoSchedule"]
    return sum(not tolerates(tolerations, taint) for taint in taints)


def _fullness(site: Site) -> float:
    """How much of the node's CPU is asked for already; of two empty ones neither is fuller."""
    return float(sum(requests_of(each).get("cpu", 0) for each in site.pods)) + len(site.pods) / 1000
