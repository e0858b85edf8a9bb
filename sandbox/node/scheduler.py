"""The scheduler: on which node a pod goes, or why on none, in the words of Kubernetes' own.

Each node is asked by `fitting` and `neighbours`; of those that would take the pod the best one is chosen: what the pod prefers,
then where fewest of its like are, then where most is free. Where none would, `preemption` says who has to go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from ...kube.objects import NAMESPACE, NODE, PDB, PERSISTENT_VOLUME_CLAIM, POD, Obj, get, labels_of
from ..api.claims import NO_PROVISIONER, PERSISTENT_VOLUME, STORAGE_CLASS, fitting, waits_for_consumer
from ..controllers.fitting import Misfit, alone, requests_of, room, term_chooses, tolerates
from ..controllers.index import controller_of, is_terminal
from ..store.store import Change, Store
from .neighbours import Site, asks_for_others, beside, terms_of
from .nodes import is_elastic
from .preemption import Eviction, evicted, may_preempt, priority_of, waits_for_victims

_NOT_HELPFUL, _NO_VICTIMS = "Preemption is not helpful for scheduling", "No preemption victims found for incoming pod"
GATED = "Scheduling is blocked due to non-empty scheduling gates"

Place = tuple[str, str]  # (namespace, name)


class Choice(NamedTuple):
    """The node's name; without one why there is none, and with which reason the condition says so. With an `eviction` there will
    be one, once those pods are gone; with `claims` it is that one, once they are bound."""

    node: str = ""
    message: str = ""
    reason: str = "Unschedulable"
    eviction: Eviction | None = None
    claims: Sequence[Obj] = ()


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
            return change.kind in (NODE, PERSISTENT_VOLUME_CLAIM, PERSISTENT_VOLUME, STORAGE_CLASS)
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
        volumes = self._volumes(pod)
        if volumes.lacks:
            return Choice(message=unfit(pod, [Misfit((volumes.lacks,))] * len(nodes), is_of_pod=volumes.is_of_pod))
        is_bound_to_others = bool(self._repelling) or asks_for_others(pod)
        sites = self._sites(nodes, pod, needs_pods=is_bound_to_others or len(nodes) > 1)
        namespaces = {each["metadata"]["name"]: each for each in self._store.list(NAMESPACE)} if is_bound_to_others else {}
        asked = requests_of(pod)

        def misfit(site: Site) -> Misfit | None:
            found = alone(pod, site.node) or room(site.node, asked, () if is_elastic(site.node) else site.pods)
            if found is None and is_bound_to_others:
                among = [site if each.node is site.node else each for each in sites]
                found = beside(pod, site, among, namespaces)
            return found

        misfits = [misfit(site) for site in sites]
        if taking := [site for site, found in zip(sites, misfits, strict=True) if found is None]:
            return Choice(best(pod, taking)["metadata"]["name"], claims=volumes.waiting)
        refused = [(site, found) for site, found in zip(sites, misfits, strict=True) if found is not None]
        return self._evicting(pod, refused, lambda site: misfit(site) is None)

    def _evicting(self, pod: Obj, refused: Sequence[tuple[Site, Misfit]], fits: Callable[[Site], bool]) -> Choice:
        """No node takes the pod as it is: who has to go for it, or why nobody does."""
        sites, misfits = [site for site, _ in refused], [misfit for _, misfit in refused]
        if waits_for_victims(pod, sites):
            return Choice(message=unfit(pod, misfits, is_waiting=True))
        eviction = None
        if may_preempt(pod, sites) and any(priority_of(other) < priority_of(pod) for site in sites for other in site.pods):
            budgets = list(self._store.list(PDB))
            eviction = evicted(pod, [site for site, misfit in refused if misfit.may_preempt], budgets, fits)
        if eviction is None:
            return Choice(message=unfit(pod, misfits))
        return Choice(message=f"{_none(misfits)}: {_counted(misfits)}.", eviction=eviction)

    def _mark(self, pod: Obj) -> None:
        if terms_of(pod).apart:
            self._repelling.add((pod["metadata"]["namespace"], pod["metadata"]["name"]))

    def _sites(self, nodes: Sequence[Obj], pod: Obj, *, needs_pods: bool) -> list[Site]:
        """With their pods, and with those that room was made for on a node, unless the pod is more important."""
        by_node: dict[str, list[Obj]] = {node["metadata"]["name"]: [] for node in nodes}
        for other in self._store.list(POD) if needs_pods or not all(map(is_elastic, nodes)) else ():
            name = other["spec"].get("nodeName") or self._nominated(other, pod)
            if name in by_node and not is_terminal(other):
                by_node[name].append(other)
        return [Site(node, by_node[node["metadata"]["name"]]) for node in nodes]

    @staticmethod
    def _nominated(other: Obj, pod: Obj) -> str:
        name = str(get(other, "status", "nominatedNodeName", default=""))
        is_itself = other["metadata"]["uid"] == pod["metadata"]["uid"]
        return name if name and not is_itself and priority_of(other) >= priority_of(pod) else ""

    def _volumes(self, pod: Obj) -> _Volumes:
        waiting = []
        for volume in get(pod, "spec", "volumes", default=()):
            name = get(volume, "persistentVolumeClaim", "claimName")
            if not name:
                continue
            claim = self._store.find(PERSISTENT_VOLUME_CLAIM, pod["metadata"]["namespace"], name)
            if claim is None:
                return _Volumes(f'persistentvolumeclaim "{name}" not found')
            if get(claim, "status", "phase") == "Bound":
                continue
            class_ = self._store.find(STORAGE_CLASS, "", claim["spec"].get("storageClassName") or "")
            if class_ is None or not waits_for_consumer(class_):
                return _Volumes("pod has unbound immediate PersistentVolumeClaims")
            if class_.get("provisioner") == NO_PROVISIONER and fitting(claim, self._store.list(PERSISTENT_VOLUME)) is None:
                return _Volumes("node(s) didn't find available persistent volumes to bind", is_of_pod=False)
            waiting.append(claim)
        return _Volumes(waiting=waiting)


class _Volumes(NamedTuple):
    """What keeps a pod's volumes from being there, and whether no node need be asked; the claims that wait for its place."""

    lacks: str = ""
    is_of_pod: bool = True
    waiting: Sequence[Obj] = ()


def unfit(pod: Obj, misfits: Sequence[Misfit], *, is_of_pod: bool = False, is_waiting: bool = False) -> str:
    """The message of FailedScheduling: the reasons counted, and why nothing is pre-empted. `is_of_pod`: no node was asked, as
    the pod itself cannot go anywhere. `is_waiting`: for pods that leave because of it."""
    none, counted = _none(misfits), misfits[0].reasons[0] if is_of_pod else _counted(misfits)
    if get(pod, "spec", "preemptionPolicy") == "Never":
        return f"{none}: {counted}. preemption: not eligible due to preemptionPolicy=Never."
    if is_waiting:
        return f"{none}: {counted}. preemption: not eligible due to a terminating pod on the nominated node."
    victims = Counter(_NO_VICTIMS if misfit.may_preempt else _NOT_HELPFUL for misfit in misfits)
    without = ", ".join(sorted(f"{count} {reason}" for reason, count in victims.items()))
    return f"{none}: {counted}. no new claims to deallocate, preemption: {none}: {without}."


def _none(misfits: Sequence[Misfit]) -> str:
    return f"0/{len(misfits)} nodes are available"


def _counted(misfits: Sequence[Misfit]) -> str:
    counts = Counter(reason for misfit in misfits for reason in misfit.reasons)
    return ", ".join(sorted(f"{count} {reason}" for reason, count in counts.items()))


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
