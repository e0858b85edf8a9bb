"""Whether a node by itself would take a pod: cordon, taints, selector and affinity of nodes, room. Pure.

The words are the scheduler's. The other half, where other pods matter, is `node.neighbours`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from ...kube import codec
from ...kube.objects import Obj, get, labels_of, meets

amount = lru_cache(4096)(codec.amount)  # the same few texts, over and over

Amounts = dict[str, Decimal]  # by resource, in its base unit: cores, bytes, pieces
ZERO = Decimal(0)
UNSCHEDULABLE = "node.kubernetes.io/unschedulable"


class Misfit(NamedTuple):
    """Why a node does not take a pod. `may_preempt`: it might, were other pods gone."""

    reasons: tuple[str, ...]
    may_preempt: bool = False


# taints


def tolerates(tolerations: Iterable[Mapping[str, Any]], taint: Mapping[str, Any]) -> bool:
    return any(_tolerates(each, taint) for each in tolerations)


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return True
    return bool(toleration.get("key")) and (toleration.get("value") or "") == (taint.get("value") or "")


def untolerated(pod: Obj, node: Obj, effects: Sequence[str]) -> Iterator[Obj]:
    """The node's taints of these effects that the pod does not tolerate."""
    tolerations = get(pod, "spec", "tolerations", default=())
    for taint in get(node, "spec", "taints", default=()):
        if taint["effect"] in effects and not tolerates(tolerations, taint):
            yield taint


# nodeSelector, node affinity


def selects_node(pod: Obj, node: Obj) -> bool:
    """Whether the pod's nodeSelector and required node affinity choose the node."""
    labels = labels_of(node)
    if not (get(pod, "spec", "nodeSelector", default={})).items() <= labels.items():
        return False
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    terms = get(pod, "spec", *path, default=None)
    return terms is None or any(term_chooses(term, node) for term in terms)


def term_chooses(term: Mapping[str, Any], node: Obj) -> bool:
    """A NodeSelectorTerm; an empty one chooses nothing."""
    by_label, by_field = term.get("matchExpressions") or (), term.get("matchFields") or ()
    if not by_label and not by_field:
        return False
    labels, fields = labels_of(node), {"metadata.name": node["metadata"]["name"]}
    return all(_holds(each, labels) for each in by_label) and all(_holds(each, fields) for each in by_field)


def _holds(requirement: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Nodes are also told apart by whole numbers; what is no operator at all chooses nothing."""
    if requirement["operator"] in ("In", "NotIn", "Exists", "DoesNotExist"):
        return meets(requirement, labels)
    return _compares(labels.get(requirement["key"], ""), requirement["operator"], requirement.get("values") or ())


def _compares(text: str, operator: str, values: Sequence[str]) -> bool:
    """Gt and Lt: whole numbers; what is none is neither."""
    try:
        seen, bound = int(text), int(values[0])
    except (ValueError, IndexError):
        return False
    return seen > bound if operator == "Gt" else seen < bound


# room


def requests_of(pod: Obj) -> Amounts:
    """What the pod needs of each resource: its containers and sidecars together, or what starts before them if that is more."""
    spec = pod["spec"]
    running: Amounts = {}
    most: Amounts = {}
    for each in spec.get("initContainers") or ():
        with_it = _sum(running, _asked(each))
        most = _most(most, with_it)
        if each.get("restartPolicy") == "Always":  # a sidecar stays
            running = with_it
    for each in spec["containers"]:
        running = _sum(running, _asked(each))
    overhead = {key: amount(value) for key, value in (spec.get("overhead") or {}).items()}
    return _sum(_most(most, running), overhead)


def _asked(container: Mapping[str, Any]) -> Amounts:
    resources = container.get("resources") or {}
    asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}  # without a request, the limit is it
    return {key: amount(value) for key, value in asked.items()}


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return left | {key: left.get(key, ZERO) + value for key, value in right.items()}


def _most(left: Amounts, right: Amounts) -> Amounts:
    return left | {key: max(left.get(key, ZERO), value) for key, value in right.items()}


def room(node: Obj, asked: Amounts, others: Sequence[Obj]) -> Misfit | None:
    """Whether the node has room for what is asked beside the `others`. A node that says nothing of its size has none."""
    allocatable = get(node, "status", "allocatable", default={})
    reasons, may_preempt = [], True
    if len(others) + 1 > amount(allocatable.get("pods", "0")):
        reasons.append("Too many pods")
    taken: Amounts = {}
    for other in others if asked else ():
        taken = _sum(taken, requests_of(other))
    for resource, wanted in asked.items():
        has = amount(allocatable.get(resource, "0"))
        if wanted and wanted > has - taken.get(resource, ZERO):
            reasons.append(f"Insufficient {resource}")
            may_preempt = may_preempt and wanted <= has
    return Misfit(tuple(reasons), may_preempt) if reasons else None


def alone(pod: Obj, node: Obj) -> Misfit | None:
    """All that the node itself says to the pod but room, in the order in which the scheduler asks."""
    if get(node, "spec", "unschedulable") and not tolerates(
        get(pod, "spec", "tolerations", default=()), {"key": UNSCHEDULABLE, "effect": "NoSchedule"}
    ):
        return Misfit(("node(s) were unschedulable",))
    if any(untolerated(pod, node, ("NoSchedule", "NoExecute"))):
        return Misfit(("node(s) had untolerated taint(s)",))  # since 1.34 without saying which
    if not selects_node(pod, node):
        return Misfit(("node(s) didn't match Pod's node affinity/selector",))
    return None


def node_of(pod: Obj) -> str:
    """The node that a daemon's pod is on, or is meant for."""
    if name := pod["spec"].get("nodeName"):
        return str(name)
    path = ("affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms")
    for term in get(pod, "spec", *path, default=()):
        for field in term.get("matchFields") or ():
            if field["key"] == "metadata.name":
                return str(field["values"][0])
    return ""
