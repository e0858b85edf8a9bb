"""Whereto routes lead: an Ingress, an HTTPRoute or GRPCRoute, a VirtualService."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .objects import GRPC_ROUTE, HTTP_ROUTE, INGRESS, VIRTUAL_SERVICE, get, is_a

ROUTES = (GRPC_ROUTE, HTTP_ROUTE, INGRESS, VIRTUAL_SERVICE)


def shares_of(route: Mapping[str, Any]) -> dict[str, int]:
    """What each Service gets of a route's requests, in whatever unit: Services by name, one without a share at 0. What is of
    another shape than the API takes is passed over."""
    found: dict[str, int] = {}
    for name, share in _targets(route):
        found[name] = found.get(name, 0) + share
    return found


def mappings(items: Any) -> list[Mapping[str, Any]]:
    """Those of a list."""
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []


def _targets(route: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if is_a(route, VIRTUAL_SERVICE):
        for rule in mappings(get(route, "spec", "http")):
            targets = mappings(rule.get("route"))
            for target in targets:
                host = str(get(target, "destination", "host", default=""))
                yield host.partition(".")[0], _weight(target, 100 if len(targets) == 1 else 0)
    elif is_a(route, INGRESS):
        paths = [path for rule in mappings(get(route, "spec", "rules")) for path in mappings(get(rule, "http", "paths"))]
        for backend in (get(route, "spec", "defaultBackend"), *(path.get("backend") for path in paths)):
            if name := get(backend, "service", "name", default=""):
                yield str(name), 1
    else:
        for rule in mappings(get(route, "spec", "rules")):
            for ref in mappings(rule.get("backendRefs")):
                yield str(ref.get("name", "")), _weight(ref, 1)


def _weight(target: Mapping[str, Any], otherwise: int) -> int:
    weight = target.get("weight")
    return weight if isinstance(weight, int) else otherwise
