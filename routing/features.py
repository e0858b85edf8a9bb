"""What a route asks of who serves it beyond the core of the Gateway API, by the names under which implementations say what they
can: https://gateway-api.sigs.k8s.io/reference/implementers-guide/#supported-features. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..kube.objects import HTTP_ROUTE, Obj, get, is_a

MIRROR = "HTTPRouteRequestMirror"
PERCENT = "HTTPRouteRequestPercentageMirror"
COPIES = "HTTPRouteRequestMultipleMirrors"
AT_BACKENDS = "HTTPRouteBackendRequestHeaderModification"
"""No feature is named for the answers of one backend: who changes requests there has filters of backends at all."""

WORDS: Mapping[str, str] = {
    MIRROR: "copy requests",
    PERCENT: "copy a share of the requests",
    COPIES: "copy requests to several backends",
    AT_BACKENDS: "set a header or a cookie by backend",
    "HTTPRouteMethodMatching": "tell requests apart by their method",
    "HTTPRouteQueryParamMatching": "tell requests apart by query parameters",
}


def asked(route: Mapping[str, Any]) -> set[str]:
    """Those among WORDS that a route needs; none of a kind that is no HTTPRoute."""
    return (
        {feature for rule in get(route, "spec", "rules", default=()) for feature in _of(rule)}
        if is_a(route, HTTP_ROUTE)
        else set()
    )


def said(gateway_class: Mapping[str, Any]) -> set[str]:
    """What a class says in its status that it can; empty where it says nothing, as many do."""
    listed = get(gateway_class, "status", "supportedFeatures", default=())
    return {str(each.get("name") if isinstance(each, Mapping) else each) for each in listed}  # names alone before 1.2


def _of(rule: Obj) -> Iterator[str]:
    for match in rule.get("matches") or ():
        if match.get("method"):
            yield "HTTPRouteMethodMatching"
        if match.get("queryParams"):
            yield "HTTPRouteQueryParamMatching"
    copies = [get(each, "requestMirror", default={}) for each in rule.get("filters") or () if each.get("type") == "RequestMirror"]
    if copies:
        yield MIRROR
    if len(copies) > 1:
        yield COPIES
    if any("percent" in each or "fraction" in each for each in copies):
        yield PERCENT
    if any(ref.get("filters") for ref in rule.get("backendRefs") or ()):
        yield AT_BACKENDS
