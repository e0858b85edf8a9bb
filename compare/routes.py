"""Where requests for a Service go: to its endpoints; where an Istio VirtualService, an HTTPRoute of the Gateway API or a canary
of ingress-nginx speaks of it, to subsets of them and to other Services. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ..kube.objects import DESTINATION_RULE, HTTP_ROUTE, INGRESS, VIRTUAL_SERVICE, Kind, Obj, get
from ..routing import sticky
from ..sandbox.dataplane import nginx_canary
from ..sandbox.dataplane.gateway_route import percent_of


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
    """The share of the requests that goes to each group; `is_mesh` where Istio's proxies send them there, `is_gateway` where a
    gateway of the Gateway API does. `copies`: what of them is copied to whom, beside."""

    shares: list[tuple[float, Group]]
    is_mesh: bool = False
    is_gateway: bool = False
    copies: tuple[tuple[float, Group], ...] = ()


class Objects(Protocol):
    def list(self, kind: Kind, namespace: str = "") -> Iterator[Obj]: ...


def routed(store: Objects, namespace: str, service: str, matching: float) -> Routes:
    """Where requests for the Service go. `matching` is the share of the requests that a rule with conditions on
    headers, cookies or queries catches; rules by path alone are taken to catch all, as what clients ask for is not known."""
    virtual = next((obj for obj in store.list(VIRTUAL_SERVICE, namespace) if service in _hosts(obj, namespace)), None)
    if virtual is None:
        by_route = _by_gateway(list(store.list(HTTP_ROUTE, namespace)), namespace, service, matching)
        return by_route or Routes(_by_nginx(list(store.list(INGRESS, namespace)), service, matching))
    subsets = _subsets(store, namespace, service)
    shares: dict[str, tuple[float, Group]] = {}
    copies: list[tuple[float, Group]] = []
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
    found = [(share, group) for share, group in shares.values() if share > 0]
    return Routes(found, is_mesh=True, copies=tuple((share, group) for share, group in copies if share > 0))


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


# the Gateway API


def _by_gateway(routes: Sequence[Obj], namespace: str, service: str, matching: float) -> Routes | None:
    """None where no HTTPRoute sends anything to the Service. What asks for headers or parameters is asked before what does not;
    for cookies nobody has asked yet. A rule for testers may name the other version alone."""
    rules = [rule for route in routes for rule in get(route, "spec", "rules", default=())]
    open_ = [rule for rule in rules if service in _backends(rule, namespace) and not _asks(rule)]
    beside = {service}.union(*(_backends(rule, namespace) for rule in open_))
    narrow = [rule for rule in rules if _asks(rule) and beside & _backends(rule, namespace).keys() and not _is_for_cookies(rule)]
    if not open_ and not narrow:
        return None
    shares, copies, left = dict[str, float](), list[tuple[float, Group]](), 1.0
    for rule in (*narrow, *open_[:1]):
        caught = left * matching if _asks(rule) else left
        left -= caught
        copies += [(caught * part, Group(name, {})) for part, name in _copied(rule, namespace)]
        weights = _backends(rule, namespace)
        for name, weight in weights.items():
            shares[name] = shares.get(name, 0.0) + caught * weight / (sum(weights.values()) or 1)
    found = [(share, Group(name, {})) for name, share in shares.items() if share > 0]
    return Routes(found, is_gateway=True, copies=tuple((share, group) for share, group in copies if share > 0))


def _copied(rule: Obj, namespace: str) -> Iterator[tuple[float, str]]:
    """Which part of a rule's requests is copied, and to which Service of the namespace."""
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


# ingress-nginx


def _by_nginx(ingresses: Sequence[Obj], service: str, matching: float) -> list[tuple[float, Group]]:
    """The Service alone, but for what a canary Ingress takes of a rule that leads to it."""
    mains = {place for ingress in ingresses if _canary(ingress) is None for place, to in _places(ingress) if to == service}
    for ingress in ingresses:
        canary = _canary(ingress)
        other = next((to for place, to in _places(ingress) if place in mains), None)
        if canary is None or other is None:
            continue
        asked = matching if canary.header else 0.0
        share = asked + (1 - asked) * canary.part
        return [(part, Group(name, {})) for part, name in ((1 - share, service), (share, other)) if part > 0]
    return [(1.0, Group(service, {}))]


def _canary(ingress: Obj) -> nginx_canary.Canary | None:
    try:
        return nginx_canary.canary_of(ingress) if nginx_canary.is_nginx(ingress) else None
    except nginx_canary.Wrong:
        return None


def _places(ingress: Obj) -> Iterable[tuple[tuple[str, str], str]]:
    """((host, path), Service)."""
    for rule in get(ingress, "spec", "rules", default=()):
        for path in get(rule, "http", "paths", default=()):
            yield (rule.get("host", ""), path.get("path", "/")), get(path, "backend", "service", "name", default="")
