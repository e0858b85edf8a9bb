"""What Istio's VirtualServices say of a Service's requests: to which subsets and Services its proxies send them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ...kube.objects import DESTINATION_RULE, VIRTUAL_SERVICE, Obj, get
from ...routing import sticky
from ..proxies import MESH
from .model import Group, Objects, Routes, Share


def read(store: Objects, namespace: str, service: str, matching: float) -> Routes | None:
    """None where no VirtualService sends anything to the Service."""
    virtual = next((obj for obj in store.list(VIRTUAL_SERVICE, namespace) if service in _hosts(obj, namespace)), None)
    if virtual is None:
        return None
    subsets = _subsets(store, namespace, service)
    shares: dict[str, Share] = {}
    copies: list[Share] = []
    left = 1.0
    for rule in get(virtual, "spec", "http", default=()):
        if _is_for_kept(rule):
            continue
        caught = left * matching if _is_conditional(rule) else left
        left -= caught
        routes = rule.get("route") or ()
        total = sum(route.get("weight", 0) for route in routes) or 0
        copies += [(caught * part, _group(to, subsets)) for part, to in _mirrors(rule)]
        for route in routes:
            part = route.get("weight", 0) / total if total else 1 / len(routes)
            group = _group(route["destination"], subsets)
            before = shares.get(group.name, (0.0, group))[0]
            shares[group.name] = (before + caught * part, group)
        if left <= 0:
            break
    return Routes([each for each in shares.values() if each[0] > 0], MESH, tuple(each for each in copies if each[0] > 0))


def _group(destination: Mapping[str, Any], subsets: Mapping[str, Mapping[str, str]]) -> Group:
    return Group(str(destination.get("host", "")).partition(".")[0], subsets.get(destination.get("subset", ""), {}))


def _mirrors(rule: Obj) -> Iterator[tuple[float, Obj]]:
    """Which part of a rule's requests is copied, and whereto."""
    if "mirror" in rule:
        yield float(get(rule, "mirrorPercentage", "value", default=100)) / 100, rule["mirror"]
    for each in rule.get("mirrors") or ():
        yield float(get(each, "percentage", "value", default=100)) / 100, each["destination"]


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


def _is_for_kept(rule: Obj) -> bool:
    """Whether all its matches ask for the cookie that keeps users: nobody has one yet, and who has shares them out alike."""
    found = rule.get("match") or ()
    return bool(found) and all(sticky.asks(str(get(match, "headers", "cookie", "regex", default=""))) for match in found)


def _is_conditional(rule: Obj) -> bool:
    """Whether every one of its matches asks for something that only some requests have."""
    found = rule.get("match") or ()
    return bool(found) and all(any(key in match for key in ("headers", "queryParams", "withoutHeaders")) for match in found)
