"""The `match` of a VirtualService's rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...kube.objects import Obj
from ...kube.regexes import is_re2
from .model import ANY_PATH, Match, Named, Text

_PSEUDO = {"method": ":method", "authority": ":authority", "scheme": ":scheme"}
_SOURCE = ("sourceLabels", "sourceNamespace")
_KNOWN = ("uri", "headers", "withoutHeaders", "queryParams", "ignoreUriCase", "port", "gateways", "name", "statPrefix",
          *_PSEUDO, *_SOURCE)  # fmt: skip


class _Wrong(Exception):
    """Why a match cannot be carried out."""


def matches_of(rule: Obj, gateway: str, port: int) -> tuple[list[Match], list[str]]:
    """What of it can hold for those who call through that gateway (or the mesh) on that port, and what is wrong with the rest.

    One match holding is enough. A rule without any holds always.
    """
    given = rule.get("match") or []
    if not given:
        return [Match()], []
    found, wrong = list[Match](), list[str]()
    for number, each in enumerate(given):
        try:
            match = _match(each)
        except _Wrong as why:
            wrong.append(f"match[{number}]: {why}; it never holds")
            continue
        if each.get("gateways") and gateway not in each["gateways"]:
            continue
        if each.get("port") in (None, 0, port):
            found.append(match)
    return found, wrong


def _match(given: Mapping[str, Any]) -> Match:
    if unknown := [key for key in given if key not in _KNOWN]:
        raise _Wrong(f"{', '.join(unknown)} is not understood")
    if told := [key for key in _SOURCE if given.get(key)]:
        raise _Wrong(f"{told[0]}: who calls from this machine has none")
    path = _text("uri", given.get("uri"))
    path = ANY_PATH if path.how == "present" else path._replace(ignores_case=bool(given.get("ignoreUriCase")))
    return Match(path=path, headers=tuple(_headers(given)), query=tuple(_query(given)))


def _headers(given: Mapping[str, Any]) -> Iterable[Named]:
    for key, name in _PSEUDO.items():
        if given.get(key):
            yield Named(name, _text(key, given[key]))
    for key, is_inverted in (("headers", False), ("withoutHeaders", True)):
        for name, text in (given.get(key) or {}).items():
            # Istio has fields for these three, and ignores them as headers
            if name not in ("uri", *_PSEUDO):
                yield Named(name.lower(), _text(f"{key}.{name}", text), is_inverted)


def _query(given: Mapping[str, Any]) -> Iterable[Named]:
    for name, text in (given.get("queryParams") or {}).items():
        yield Named(name, _text(f"queryParams.{name}", text))


def _text(where: str, given: Mapping[str, Any] | None) -> Text:
    """An empty comparison holds for whatever is there."""
    match dict(given or {}):
        case {"exact": str(value)}:
            return Text("exact", value)
        case {"prefix": str(value)}:
            return Text("prefix", value)
        case {"regex": str(value)} if is_re2(value):
            return Text("regex", value)
        case {"regex": value}:
            raise _Wrong(f"{where}: {value!r} is no regular expression of RE2")
        case _:
            return Text("present")
