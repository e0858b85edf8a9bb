"""What the Gateway API's specification makes of an HTTPRoute, written down a second time: which rule takes a request, and whereto
in which shares."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Obj = dict[str, Any]


def rule_for(route: Obj, request: Mapping[str, Any]) -> Obj | None:
    """The rule that takes a request (path, method, headers, query), by the order of precedence; None: it is answered 404."""
    found = [
        (_rank(match, place), each)
        for place, each in enumerate(route["spec"]["rules"])
        for match in each.get("matches") or [{}]
        if meets(match, request)
    ]
    return max(found, key=lambda pair: pair[0])[1] if found else None


def weights(rule: Obj) -> dict[str, int]:
    return {each["name"]: each.get("weight", 1) for each in rule["backendRefs"]}


def meets(match: Obj, request: Mapping[str, Any]) -> bool:
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    asked = request["path"]
    is_there = asked == path["value"] or (
        path["type"] == "PathPrefix" and (path["value"] == "/" or f"{asked}/".startswith(f"{path['value'].rstrip('/')}/"))
    )
    return (
        is_there
        and match.get("method", request["method"]) == request["method"]
        and all(_takes(each, request["headers"]) for each in match.get("headers", ()))
        and all(_takes(each, request["query"]) for each in match.get("queryParams", ()))
    )


def _takes(wanted: Obj, known: Mapping[str, str]) -> bool:
    if wanted["name"] not in known:
        return False
    if wanted.get("type") == "RegularExpression":
        return re.fullmatch(wanted["value"], known[wanted["name"]]) is not None
    return known[wanted["name"]] == wanted["value"]


def _rank(match: Obj, place: int) -> tuple[Any, ...]:
    path = match.get("path") or {"type": "PathPrefix", "value": "/"}
    kind = {"Exact": 1}.get(path["type"], 0)
    return (
        kind, len(path["value"]), "method" in match, len(match.get("headers", ())), len(match.get("queryParams", ())), -place,
    )  # fmt: skip
