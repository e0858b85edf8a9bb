"""What HTTPRoutes of the Gateway API say of a Service's requests: to which Services a gateway sends them."""

from __future__ import annotations

from collections.abc import Iterator

from ...kube.objects import HTTP_ROUTE, Obj, get
from ..proxies import ENVOY
from .model import Group, Objects, Routes, Share


def read(store: Objects, namespace: str, service: str, matching: float) -> Routes | None:
    """None where no HTTPRoute sends anything to the Service. What asks for headers or parameters is asked before what does not;
    for cookies nobody has asked yet. A rule for testers may name the other version alone."""
    rules = [rule for route in store.list(HTTP_ROUTE, namespace) for rule in get(route, "spec", "rules", default=())]
    open_ = [rule for rule in rules if service in _backends(rule, namespace) and not _asks(rule)]
    beside = {service}.union(*(_backends(rule, namespace) for rule in open_))
    narrow = [rule for rule in rules if _asks(rule) and beside & _backends(rule, namespace).keys() and not _is_for_cookies(rule)]
    if not open_ and not narrow:
        return None
    shares, copies, left = dict[str, float](), list[Share](), 1.0
    for rule in (*narrow, *open_[:1]):
        caught = left * matching if _asks(rule) else left
        left -= caught
        copies += [(caught * part, Group(name, {})) for part, name in _copied(rule, namespace)]
        weights = _backends(rule, namespace)
        for name, weight in weights.items():
            shares[name] = shares.get(name, 0.0) + caught * weight / (sum(weights.values()) or 1)
    found = [(share, Group(name, {})) for name, share in shares.items() if share > 0]
    return Routes(found, ENVOY, tuple(each for each in copies if each[0] > 0))


def _copied(rule: Obj, namespace: str) -> Iterator[tuple[float, str]]:
    """Which part of a rule's requests is copied, and to which Service of the namespace."""
    from ...sandbox.dataplane.gateway_route import percent_of  # most releases have no route

    for mirror in (each["requestMirror"] for each in rule.get("filters") or () if "requestMirror" in each):
        ref = mirror["backendRef"]
        if ref.get("kind", "Service") == "Service" and ref.get("namespace", namespace) == namespace:
            yield percent_of(mirror) / 100, ref["name"]


def _backends(rule: Obj, namespace: str) -> dict[str, int]:
    """The Services of the namespace that it sends requests to, by weight."""
    found: dict[str, int] = {}
    for ref in rule.get("backendRefs") or ():
        if ref.get("kind", "Service") == "Service" and ref.get("namespace", namespace) == namespace:
            found[ref["name"]] = found.get(ref["name"], 0) + int(ref.get("weight", 1))
    return found


def _asks(rule: Obj) -> bool:
    """Whether all its matches ask for something that only some requests have."""
    found = rule.get("matches") or ()
    return bool(found) and all(match.get("headers") or match.get("queryParams") for match in found)


def _is_for_cookies(rule: Obj) -> bool:
    return all(any(each["name"].lower() == "cookie" for each in match.get("headers") or ()) for match in rule["matches"])
