"""What a route of the Gateway API matches, and which of all matches of a listener is asked first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ...kube.objects import Obj
from ...kube.regexes import is_re2
from .model import ANY_PATH, Match, Named, Text


class Wrong(Exception):
    """Why a match can never hold."""


class Rank(NamedTuple):
    """The smaller is asked first: the narrower host, then the narrower match, then the older route, its name, its order."""

    host: tuple[int, int]
    match: tuple[int, ...]
    created: str
    name: str
    order: tuple[int, int]


def host_rank(host: str) -> tuple[int, int]:
    """Names before wildcards, the longer first."""
    return (1 if host.startswith("*") else 0, -len(host))


def http_match(given: Mapping[str, Any]) -> tuple[Match, tuple[int, ...]]:
    """With its place among others: exact paths, regexes, then prefixes, the longer first; a method, then the more headers, then
    the more parameters. Raises Wrong."""
    path, headers, query = given.get("path") or {}, _named(given, "headers"), _named(given, "queryParams")
    type_, value = path.get("type", "PathPrefix"), path.get("value", "/")
    method = given.get("method")
    if method:
        headers = (Named(":method", Text("exact", method)), *headers)
    kind = {"Exact": 0, "RegularExpression": 1}.get(type_, 2)
    prefix = value.rstrip("/")
    length = len(prefix) if kind == 2 else len(value)
    match = Match(_path(type_, value), at_segments=kind == 2 and bool(prefix), headers=headers, query=query)
    return match, (kind, -length, 0 if method else 1, -(len(headers) - bool(method)), -len(query))


def _path(type_: str, value: str) -> Text:
    if type_ == "RegularExpression":
        return Text("regex", _regex("path", value))
    if type_ == "Exact":
        return Text("exact", value)
    return Text("prefix", value.rstrip("/")) if value.rstrip("/") else ANY_PATH


def grpc_match(given: Mapping[str, Any]) -> tuple[Match, tuple[int, ...]]:
    """With its place among others: the longer service, the longer method, the more headers. Raises Wrong."""
    method, headers = given.get("method") or {}, _named(given, "headers")
    service, name = method.get("service", ""), method.get("method", "")
    match = Match(_grpc_path(method.get("type", "Exact"), service, name), headers=headers)
    return match, (-len(service), -len(name), -len(headers))


def _grpc_path(type_: str, service: str, method: str) -> Text:
    if not service and not method:
        return ANY_PATH
    if type_ == "Exact" and service:
        return Text("exact", f"/{service}/{method}") if method else Text("prefix", f"/{service}/")
    if type_ == "Exact":
        return Text("regex", f"/[^/]+/{method}")
    return Text("regex", _regex("method", f"/{service or '[^/]+'}/{method or '[^/]+'}"))


def _named(given: Mapping[str, Any], key: str) -> tuple[Named, ...]:
    """Of several entries for one header the first counts; query parameters are told apart by case."""
    found: dict[str, Named] = {}
    for each in given.get(key) or ():
        name = each["name"].lower() if key == "headers" else each["name"]
        is_regex = each.get("type", "Exact") == "RegularExpression"
        text = Text("regex", _regex(f"{key}.{name}", each["value"])) if is_regex else Text("exact", each["value"])
        found.setdefault(name, Named(name, text))
    return tuple(found.values())


def _regex(where: str, value: str) -> str:
    if not is_re2(value):
        raise Wrong(f"{where}: {value!r} is no regular expression of RE2")
    return value


def age_of(route: Obj) -> tuple[str, str]:
    """When it was made, and its name: what decides between equals."""
    meta = route["metadata"]
    return str(meta.get("creationTimestamp", "")), f"{meta['namespace']}/{meta['name']}"
