"""Where requests for a Service go: to its endpoints, or, where an Istio VirtualService speaks of it, to subsets of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

from ..kube.objects import DESTINATION_RULE, VIRTUAL_SERVICE, Kind, Obj, get


class Group(NamedTuple):
    """The endpoints of a Service whose pods carry the labels of a subset (empty: all of them)."""

    service: str
    subset: Mapping[str, str]

    @property
    def name(self) -> str:
        return "|".join([self.service, *(f"{key}={value}" for key, value in sorted(self.subset.items()))])

    def holds(self, labels: Mapping[str, str]) -> bool:
        return all(labels.get(key) == value for key, value in self.subset.items())


class Routes(NamedTuple):
    """The share of the requests that goes to each group; `is_mesh` where Istio's proxies send them there."""

    shares: list[tuple[float, Group]]
    is_mesh: bool


class Objects(Protocol):
    def list(self, kind: Kind, namespace: str = "") -> Iterator[Obj]: ...


def routed(store: Objects, namespace: str, service: str, matching: float) -> Routes:
    """Where requests for the Service go. `matching` is the share of the requests that a rule with conditions on
    headers, cookies or queries catches; rules by path alone are taken to catch all, as what clients ask for is not known."""
    virtual = next((obj for obj in store.list(VIRTUAL_SERVICE, namespace) if service in _hosts(obj, namespace)), None)
    if virtual is None:
        return Routes([(1.0, Group(service, {}))], is_mesh=False)
    subsets = _subsets(store, namespace, service)
    shares: dict[str, tuple[float, Group]] = {}
    left = 1.0
    for rule in get(virtual, "spec", "http", default=()):
        caught = left * matching if _is_conditional(rule) else left
        left -= caught
        routes = rule.get("route") or ()
        total = sum(route.get("weight", 0) for route in routes) or 0
        for route in routes:
            part = route.get("weight", 0) / total if total else 1 / len(routes)
            name = get(route, "destination", "host", default="").partition(".")[0]
            group = Group(name, subsets.get(get(route, "destination", "subset", default=""), {}))
            before = shares.get(group.name, (0.0, group))[0]
            shares[group.name] = (before + caught * part, group)
        if left <= 0:
            break
    return Routes([(share, group) for share, group in shares.values() if share > 0], is_mesh=True)


def _hosts(virtual: Obj, namespace: str) -> set[str]:
    """The Services that it speaks of, by short name: those it routes to."""
    return {
        get(route, "destination", "host", default="").removesuffix(".svc.cluster.local").removesuffix(f".{namespace}")
        for rule in get(virtual, "spec", "http", default=())
        for route in rule.get("route") or ()
    }


def _subsets(store: Objects, namespace: str, service: str) -> dict[str, Mapping[str, str]]:
    for rule in store.list(DESTINATION_RULE, namespace):
        if get(rule, "spec", "host", default="").partition(".")[0] == service:
            return {subset["name"]: subset.get("labels") or {} for subset in get(rule, "spec", "subsets", default=())}
    return {}


def _is_conditional(rule: Obj) -> bool:
    """Whether every one of its matches asks for something that only some requests have."""
    found = rule.get("match") or ()
    return bool(found) and all(any(key in match for key in ("headers", "queryParams", "withoutHeaders")) for match in found)
