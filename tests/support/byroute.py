"""The shop behind routes: what splits its requests is no longer how many pods there are."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

from rollway.kube.objects import API_GATEWAY, HTTP_ROUTE, INGRESS, SERVICE, VIRTUAL_SERVICE, Obj, get
from rollway.release.model import Release
from rollway.routing.fit import backends as backends_of
from rollway.routing.nginx import PREFIX
from shop import NAMESPACE_NAME, World, release

EDGE: Obj = {
    "apiVersion": API_GATEWAY.api_version, "kind": API_GATEWAY.name, "metadata": {"name": "edge", "namespace": NAMESPACE_NAME},
    "spec": {"gatewayClassName": "rollway", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
}  # fmt: skip


def http_route(*rules: Obj, name: str = "shop") -> Obj:
    """To the Service, from Gateway edge; one rule that takes everything where none is given."""
    spec = {"parentRefs": [{"name": "edge"}], "rules": list(rules) or [{"backendRefs": [{"name": "shop", "port": 80}]}]}
    meta = {"name": name, "namespace": NAMESPACE_NAME}
    return {"apiVersion": HTTP_ROUTE.api_version, "kind": HTTP_ROUTE.name, "metadata": meta, "spec": spec}


def virtual_service() -> Obj:
    spec = {"hosts": ["shop"], "http": [{"route": [{"destination": {"host": "shop"}}]}]}
    meta = {"name": "routes", "namespace": NAMESPACE_NAME}
    return {"apiVersion": VIRTUAL_SERVICE.api_version, "kind": VIRTUAL_SERVICE.name, "metadata": meta, "spec": spec}


def ingress(name: str = "shop", **annotations: str) -> Obj:
    """One that ingress-nginx serves, as an annotation of it shows."""
    path = {"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "shop", "port": {"name": "http"}}}}
    known = {
        f"{PREFIX}proxy-read-timeout": "60",
        **{f"{PREFIX}{key.replace('_', '-')}": text for key, text in annotations.items()},
    }
    meta = {"name": name, "namespace": NAMESPACE_NAME, "annotations": known}
    spec = {"ingressClassName": "nginx", "rules": [{"host": "shop.example.com", "http": {"paths": [path]}}]}
    return {"apiVersion": INGRESS.api_version, "kind": INGRESS.name, "metadata": meta, "spec": spec}


ROUTES = {"gateway": (EDGE, http_route()), "istio": (virtual_service(),), "nginx": (ingress(),)}

STEPS: dict[str, Any] = {"canary": {"steps": [{"weight": 1}, {"weight": 50}]}}
TESTERS: dict[str, Any] = {"canary": {"steps": [{"weight": 0, "match": [{"headers": {"x-beta": "yes"}}]}, {"weight": 20}]}}
COPIED: dict[str, Any] = {"canary": {"steps": [{"mirror": 50}, {"weight": 20}]}}
TWO_HEADERS: dict[str, Any] = {"ab": {"match": [{"headers": {"x-beta": "yes", "x-team": "a"}}]}}
KEPT: dict[str, Any] = {"ab": {"match": [{"headers": {"x-beta": "yes"}}], "weight": 5, "sticky": True}}
"""Options by which requests are shared, told apart, copied or known again."""


def routed(tag: str = "v1", *, router: str = "gateway", others: tuple[Obj, ...] | None = None, **known: Any) -> Release:
    """The shop as `shop.release` makes it, with the routes of a router beside it."""
    plain = release(tag, **known)
    return dataclasses.replace(plain, others=(*plain.others, *(ROUTES[router] if others is None else others)))


ROUTED_WAYS = tuple(f"{strategy} {router}" for strategy in ("canary", "blue-green", "ab") for router in ROUTES)
"""The strategies that routes can carry out, each by each router."""


def by_way(tag: str, way: str, **known: Any) -> Release:
    """The shop as `shop.release` makes it, by a way: of shop.WAYS, or of ROUTED_WAYS."""
    strategy, _, router = way.partition(" ")
    if router not in ROUTES:
        return release(tag, strategy=way, **known)
    return dataclasses.replace(routed(tag, router=router, strategy=strategy, **known), router=router)


class Followed:
    """What is live at every moment of a world: shares that lead to nothing are kept in `astray`."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.astray: list[str] = []
        world.sandbox.store.subscribe(lambda change: self._look())

    def _look(self) -> None:
        store = self._world.sandbox.store
        for route in store.list(HTTP_ROUTE, NAMESPACE_NAME):
            for ref in (ref for rule in get(route, "spec", "rules", default=()) for ref in _named_by(rule)):
                if ref.get("weight", 1) and not self._is_served(ref["name"]):
                    self.astray.append(f"{route['metadata']['name']} leads to {ref['name']}")
        for each in store.list(INGRESS, NAMESPACE_NAME):
            for backend in backends_of(each):
                if not self._is_served(backend.service):
                    self.astray.append(f"Ingress {each['metadata']['name']} leads to {backend.service}")

    def _is_served(self, service: str) -> bool:
        is_there = self._world.sandbox.store.find(SERVICE, NAMESPACE_NAME, service) is not None
        return is_there and self._world.ready_endpoints(service) > 0


def _named_by(rule: Obj) -> Iterator[Obj]:
    """What a rule leads to, and what it copies to."""
    yield from rule.get("backendRefs") or ()
    yield from (each["requestMirror"]["backendRef"] for each in rule.get("filters") or () if "requestMirror" in each)


def copies(world: World, name: str = "shop") -> list[dict[str, int]]:
    """Of each rule of a live HTTPRoute: Service to percentage."""
    route = world.sandbox.store.get(HTTP_ROUTE, NAMESPACE_NAME, name)
    mirrors = [[each["requestMirror"] for each in rule.get("filters") or ()] for rule in route["spec"]["rules"]]
    return [{each["backendRef"]["name"]: each.get("percent", 100) for each in found} for found in mirrors]


def backends(world: World, name: str = "shop") -> list[dict[str, int]]:
    """Of each rule of a live HTTPRoute: Service to weight."""
    route = world.sandbox.store.get(HTTP_ROUTE, NAMESPACE_NAME, name)
    return [{ref["name"]: ref.get("weight", 1) for ref in rule.get("backendRefs") or ()} for rule in route["spec"]["rules"]]
