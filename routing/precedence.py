"""A match of the Gateway API's routes, and one that is asked for (release.matching, of Istio's form): both at once, and which of
two is taken first: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ..kube.objects import GRPC_ROUTE, HTTP_ROUTE, Obj, is_a
from .matches import Undecided, both

ROOT: Obj = {"type": "PathPrefix", "value": "/"}
_NOT_HERE = ("scheme", "authority", "withoutHeaders", "port", "sourceLabels", "gateways", "sourceNamespace", "ignoreUriCase")


class Unspoken(ValueError):
    """What is asked for cannot be said in a route, in a sentence."""


def narrowing(match: Mapping[str, Any], route: Mapping[str, Any]) -> Obj:
    """What an A/B test tells requests apart by (release.matching), which a route can say. Raises Unspoken."""
    if found := next((key for key in _NOT_HERE if match.get(key)), None):
        raise Unspoken(f"a route of the Gateway API cannot tell requests apart by {found}")
    if is_a(route, GRPC_ROUTE) and (found := next((key for key in ("queryParams", "method", "uri") if match.get(key)), None)):
        raise Unspoken(f"a GRPCRoute cannot tell requests apart by {found}")
    if (method := match.get("method")) and "exact" not in method:
        raise Unspoken("a route of the Gateway API takes a method as it is, by no prefix and no regular expression")
    return dict(match)


def is_outranked(other: Obj, own: Obj, narrow: Obj) -> bool:
    """Whether a rule that came before `own` would come after what has been made of it."""
    return rank(own) <= rank(other) < rank(narrow)


def rank(match: Mapping[str, Any]) -> tuple[int, int, bool, int, int]:
    """The more of it, the sooner a match is taken: an exact path, a longer prefix, a method, more headers, more queries."""
    path = match.get("path") or ROOT
    kind = {"Exact": 2, "PathPrefix": 1}.get(path.get("type") or "PathPrefix", 0)
    method = match.get("method")
    return (
        kind, len(path.get("value") or "/"), bool(method), len(match.get("headers") or ()), len(match.get("queryParams") or ()),
    )  # fmt: skip


def is_implied(own: Mapping[str, Any], asked: Mapping[str, Any], route: Mapping[str, Any]) -> bool:
    """Whether whatever meets a route's match meets the asked one, too."""
    held = met(own, asked, route)
    return held is not None and _plain(held) == _plain(own)


def _plain(match: Mapping[str, Any]) -> Obj:
    return {**_conditions(match), "path": match.get("path") or ROOT}


def met(own: Mapping[str, Any], asked: Mapping[str, Any], route: Mapping[str, Any]) -> Obj | None:
    """A route's match and an asked one (of Istio's form) at once; None where no request meets both. Raises Undecided."""
    extra = {key: value for key, value in asked.items() if key in ("headers", "queryParams", "method")}
    held = both(_conditions(own), extra)
    path = _both_paths(own.get("path") or ROOT, asked.get("uri"))
    if held is None or path is None:
        return None
    out = dict(own)
    if path != (own.get("path") or ROOT):
        out["path"] = path
    for key in ("headers", "queryParams"):
        if held.get(key):
            out[key] = [_condition(name, text) for name, text in held[key].items()]
    if "method" in held and is_a(route, HTTP_ROUTE):
        out["method"] = held["method"]["exact"]
    return out


def _conditions(match: Mapping[str, Any]) -> Obj:
    """What a match asks for beside its path, in Istio's form."""
    found: Obj = {
        "headers": {each["name"].lower(): _text(each) for each in match.get("headers") or ()},
        "queryParams": {each["name"]: _text(each) for each in match.get("queryParams") or ()},
    }
    if isinstance(match.get("method"), str):
        found["method"] = {"exact": match["method"]}
    return {key: value for key, value in found.items() if value}


def _both_paths(own: Mapping[str, Any], asked: Mapping[str, str] | None) -> Obj | None:
    """Prefixes are of whole segments: /api takes /api and /api/x, and not /apis."""
    if not asked:
        return dict(own)
    kind, value = own.get("type") or "PathPrefix", str(own.get("value") or "/")
    (operator, text), *_ = asked.items()
    if operator == "regex" or kind == "RegularExpression":
        if dict(own) == ROOT and operator == "regex":
            return {"type": "RegularExpression", "value": text}
        raise Undecided(f"uri: {operator} {text} and {kind} {value}")
    if kind == "Exact":
        is_met = value == text if operator == "exact" else _is_within(value, text)
        return dict(own) if is_met else None
    if operator == "exact":
        return {"type": "Exact", "value": text} if _is_within(text, value) else None
    if _is_within(text, value):
        return {"type": "PathPrefix", "value": text}
    return dict(own) if _is_within(value, text) else None


def _is_within(path: str, prefix: str) -> bool:
    return f"{path.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/")


def _text(condition: Mapping[str, Any]) -> dict[str, str]:
    return {"regex" if condition.get("type") == "RegularExpression" else "exact": str(condition["value"])}


def _condition(name: str, text: Mapping[str, str]) -> Obj:
    if "exact" in text:
        return {"type": "Exact", "name": name, "value": text["exact"]}
    pattern = text["regex"] if "regex" in text else re.escape(text["prefix"]) + ".*" if "prefix" in text else ".*"
    return {"type": "RegularExpression", "name": name, "value": pattern}


def may_meet(one: Mapping[str, Any], other: Mapping[str, Any], route: Mapping[str, Any]) -> bool:
    """Whether a request may meet both of two matches."""
    path = other.get("path") or ROOT
    operator = {"Exact": "exact", "PathPrefix": "prefix"}.get(path.get("type") or "PathPrefix", "regex")
    form = {**_conditions(other), "uri": {operator: path.get("value") or "/"}}
    try:
        return met(one, form, route) is not None
    except Undecided:
        return True
