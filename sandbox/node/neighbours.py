"""Whether a node takes a pod as the other pods stand: ports, topology spread, affinity and anti-affinity of pods. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ...kube.objects import Obj, get, labels_of, matches
from ..controllers.fitting import Misfit, selects_node, untolerated

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


class Site(NamedTuple):
    """A node, and the pods that are bound to it and not over."""

    node: Obj
    pods: Sequence[Obj]


class Terms(NamedTuple):
    """The required terms of a pod's affinity and anti-affinity."""

    near: Sequence[Mapping[str, Any]]
    apart: Sequence[Mapping[str, Any]]


def terms_of(pod: Obj) -> Terms:
    if not (affinity := pod["spec"].get("affinity")):
        return Terms((), ())
    return Terms(get(affinity, "podAffinity", _REQUIRED, default=()), get(affinity, "podAntiAffinity", _REQUIRED, default=()))


def asks_for_others(pod: Obj) -> bool:
    """Whether it matters to the pod where others are."""
    spec = pod["spec"]
    return bool(spec.get("topologySpreadConstraints") or any(terms_of(pod)) or _host_ports(pod))


def beside(pod: Obj, site: Site, sites: Sequence[Site], namespaces: Mapping[str, Obj]) -> Misfit | None:
    """All of it for one node, in the order in which the scheduler asks. `namespaces` are by name."""
    taken = {port for other in site.pods for port in _host_ports(other)}
    if taken & set(_host_ports(pod)):
        return Misfit(("node(s) didn't have free ports for the requested pod ports",), may_preempt=True)
    return _spread(pod, site, sites) or _affinity(pod, site, sites, namespaces)


def _host_ports(pod: Obj) -> list[tuple[str, int]]:
    ports = [port for each in pod["spec"]["containers"] for port in each.get("ports") or ()]
    return [(port.get("protocol", "TCP"), port["hostPort"]) for port in ports if port.get("hostPort")]


# topology spread


def _spread(pod: Obj, site: Site, sites: Sequence[Site]) -> Misfit | None:
    text = "node(s) didn't match pod topology spread constraints"
    hard = [
        each for each in get(pod, "spec", "topologySpreadConstraints", default=()) if each["whenUnsatisfiable"] == "DoNotSchedule"
    ]
    for constraint in hard:
        domain = labels_of(site.node).get(constraint["topologyKey"])
        if domain is None:
            return Misfit((f"{text} (missing required label)",))
        counts = _counted(pod, constraint, sites)
        least = min(counts.values(), default=0) if len(counts) >= constraint.get("minDomains", 1) else 0
        itself = _spreads(pod, constraint, pod)
        if counts.get(domain, 0) + itself - least > constraint["maxSkew"]:
            return Misfit((text,), may_preempt=True)
    return None


def _counted(pod: Obj, constraint: Mapping[str, Any], sites: Sequence[Site]) -> dict[str, int]:
    """How many of the pods that are spread there are in each domain that the pod could go to."""
    counts: dict[str, int] = {}
    for site in sites:
        domain = labels_of(site.node).get(constraint["topologyKey"])
        if domain is None or not _is_eligible(pod, constraint, site.node):
            continue
        here = sum(_spreads(pod, constraint, each) for each in site.pods if "deletionTimestamp" not in each["metadata"])
        counts[domain] = counts.get(domain, 0) + here
    return counts


def _is_eligible(pod: Obj, constraint: Mapping[str, Any], node: Obj) -> bool:
    if constraint.get("nodeAffinityPolicy", "Honor") == "Honor" and not selects_node(pod, node):
        return False
    honors_taints = constraint.get("nodeTaintsPolicy", "Ignore") == "Honor"
    return not (honors_taints and any(untolerated(pod, node, ("NoSchedule", "NoExecute"))))


def _spreads(pod: Obj, constraint: Mapping[str, Any], other: Obj) -> bool:
    is_near = pod["metadata"]["namespace"] == other["metadata"]["namespace"]
    return is_near and _chosen(constraint, pod, other)


def _chosen(rule: Mapping[str, Any], pod: Obj, other: Obj) -> bool:
    """Whether the rule's labelSelector chooses the other pod, with the labels that have to be the pod's own, or must not be."""
    if rule.get("labelSelector") is None or not matches(rule["labelSelector"], labels_of(other)):
        return False
    mine, others = labels_of(pod), labels_of(other)
    alike = all(others.get(key) == mine[key] for key in rule.get("matchLabelKeys") or () if key in mine)
    return alike and all(others.get(key) != mine[key] for key in rule.get("mismatchLabelKeys") or () if key in mine)


# affinity of pods


def _affinity(pod: Obj, site: Site, sites: Sequence[Site], namespaces: Mapping[str, Obj]) -> Misfit | None:
    terms = terms_of(pod)
    if terms.near and not _is_near(pod, terms.near, site, sites, namespaces):
        return Misfit(("node(s) didn't match pod affinity rules",))
    for term in terms.apart:
        if any(_meant(term, pod, other, namespaces) for other in _in_domain(term, site, sites)):
            return Misfit(("node(s) didn't match pod anti-affinity rules",), may_preempt=True)
    for there in sites:
        for other in there.pods:
            for term in terms_of(other).apart:
                if _is_same_domain(term, site.node, there.node) and _meant(term, other, pod, namespaces):
                    return Misfit(("node(s) didn't satisfy existing pods anti-affinity rules",), may_preempt=True)
    return None


def _is_near(
    pod: Obj, terms: Sequence[Mapping[str, Any]], site: Site, sites: Sequence[Site], namespaces: Mapping[str, Obj]
) -> bool:
    """One that meets all terms is in the domain. The first of those that want to be together may go anywhere."""
    if any(term["topologyKey"] not in labels_of(site.node) for term in terms):
        return False

    def meets_all(other: Obj) -> bool:
        return all(_meant(term, pod, other, namespaces) for term in terms)

    if all(any(meets_all(other) for other in _in_domain(term, site, sites)) for term in terms):
        return True
    return meets_all(pod) and not any(meets_all(other) for each in sites for other in each.pods)


def _in_domain(term: Mapping[str, Any], site: Site, sites: Sequence[Site]) -> Iterator[Obj]:
    for there in sites:
        if _is_same_domain(term, site.node, there.node):
            yield from there.pods


def _is_same_domain(term: Mapping[str, Any], node: Obj, other: Obj) -> bool:
    domain = labels_of(node).get(term["topologyKey"])
    return domain is not None and domain == labels_of(other).get(term["topologyKey"])


def _meant(term: Mapping[str, Any], pod: Obj, other: Obj, namespaces: Mapping[str, Obj]) -> bool:
    """Whether a term of the pod is about the other one."""
    place, listed, selector = other["metadata"]["namespace"], term.get("namespaces") or (), term.get("namespaceSelector")
    if not listed and selector is None:
        is_there = place == pod["metadata"]["namespace"]
    else:
        is_there = place in listed or (selector is not None and matches(selector, labels_of(namespaces.get(place, {}))))
    return is_there and _chosen(term, pod, other)
