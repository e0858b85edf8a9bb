"""Users who come back with the cookies that they were given, and what becomes of them by the rules of a route alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from random import Random
from typing import Any, NamedTuple

import httproutes
import sidecar
from rollway.kube.objects import HTTP_ROUTE, get

Obj = dict[str, Any]


class Way(NamedTuple):
    """One of those that a request may take: with which chance, to which side, and what the answer sets as a cookie."""

    chance: Fraction
    is_new: bool
    sets: str


Ways = Callable[[Mapping[str, str]], list[Way]]
"""What may become of a request with these headers."""


def ways_of(route: Obj) -> Ways:
    """Of a live HTTPRoute, or VirtualService, by its own order of rules."""
    return _by_http_route(route) if route["kind"] == HTTP_ROUTE.name else _by_virtual_service(route)


@dataclass
class User:
    """`sides`: where each visit has led, True for the new version."""

    cookies: dict[str, str] = field(default_factory=dict)
    sides: list[bool] = field(default_factory=list)

    def visit(self, ways: Ways, random: Random) -> bool:
        found = ways(headers_of(self.cookies))
        way = random.choices(found, [float(each.chance) for each in found])[0]
        self.cookies |= taken(way.sets)
        self.sides.append(way.is_new)
        return way.is_new

    @property
    def went_back(self) -> bool:
        return any(was and not now for was, now in zip(self.sides, self.sides[1:], strict=False))


def headers_of(cookies: Mapping[str, str]) -> dict[str, str]:
    """As a browser sends them, beside one of the application's own."""
    return {"cookie": "; ".join(f"{name}={value}" for name, value in {"session": "b", **cookies}.items())}


def taken(sets: str) -> dict[str, str]:
    """What a browser keeps of a Set-Cookie."""
    name, _, value = sets.partition(";")[0].partition("=")
    return {name: value} if name else {}


def _by_http_route(route: Obj) -> Ways:
    def ways(headers: Mapping[str, str]) -> list[Way]:
        rule = httproutes.rule_for(route, {"path": "/", "method": "GET", "headers": headers, "query": {}})
        assert rule is not None
        whole = sum(ref.get("weight", 1) for ref in rule["backendRefs"])
        return [
            Way(Fraction(ref.get("weight", 1), whole), ref["name"] == "shop-canary", _set_by_filter(ref))
            for ref in rule["backendRefs"]
        ]

    return ways


def _set_by_filter(ref: Obj) -> str:
    added = [each for one in ref.get("filters") or () for each in get(one, "responseHeaderModifier", "add", default=())]
    return next((each["value"] for each in added if each["name"] == "Set-Cookie"), "")


def _by_virtual_service(vs: Obj) -> Ways:
    def ways(headers: Mapping[str, str]) -> list[Way]:
        rule = sidecar.rule_for(vs, sidecar.Asked(headers=headers))
        assert rule is not None
        targets = rule["route"]
        weights = [1] if len(targets) == 1 else [target["weight"] for target in targets]
        return [
            Way(Fraction(weight, sum(weights)), target["destination"]["subset"] == "rollway-b", _set_by_headers(target))
            for target, weight in zip(targets, weights, strict=True)
        ]

    return ways


def _set_by_headers(target: Obj) -> str:
    return str(get(target, "headers", "response", "add", "set-cookie", default=""))
