"""One rule of an HTTPRoute or a GRPCRoute: what is done with a request that it matches. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from ...kube.durations import seconds
from ...kube.objects import Obj
from .model import (
    Answer,
    Cors,
    Edits,
    Forward,
    Headers,
    Match,
    Mirror,
    Redirect,
    Retries,
    Rewrite,
    Route,
    Share,
)

ROLE = "gateway"
NOT_SERVED = Answer(500)
"""For the share of a backend that cannot be used, and for a rule without one."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_BACKEND_ALONE = ("URLRewrite", "RequestMirror", "RequestRedirect", "CORS", "ExtensionRef")
"""What a proxy cannot do for one of several backends of a route: such a backend gets a route of its own."""

Find = Callable[[Mapping[str, Any]], str]
"""The cluster of a backendRef; empty where it cannot be used."""


class Called(NamedTuple):
    """How the listener is reached: `http` or `https`, and the port that answers."""

    scheme: str
    port: int


class Filters(NamedTuple):
    """Those of a rule or of a backend, taken together. `is_known` is false where one asks for what nobody here does."""

    headers: Headers = Headers()
    mirrors: tuple[Mirror, ...] = ()
    redirect: Mapping[str, Any] | None = None
    rewrite: Mapping[str, Any] = {}
    cors: Cors | None = None
    is_known: bool = True


def routes(name: str, match: Match, rule: Obj, called: Called, find: Find) -> list[Route]:
    """The rule for one of its matches. Where backends differ in more than their headers, each has a route of its own for its
    part of the requests."""
    own = _filters(rule.get("filters") or (), find)
    if not own.is_known:
        return [Route(name, match, NOT_SERVED)]
    if own.redirect is not None:
        return [Route(name, match, _redirect(own.redirect, match, called), own.headers, cors=own.cors)]
    backends = [each for each in rule.get("backendRefs") or () if each.get("weight", 1) > 0]
    if not backends:
        return [Route(name, match, NOT_SERVED, cors=own.cors)]
    found = [(each, _filters(each.get("filters") or (), find), find(each)) for each in backends]
    if all(cluster and filters.is_known and not _stands_alone(each) for each, filters, cluster in found):
        shares = tuple(Share(cluster, each.get("weight", 1), filters.headers) for each, filters, cluster in found)
        return [Route(name, match, _forward(shares, own, own.rewrite, match, rule), own.headers, cors=own.cors)]
    return _apart(name, match, rule, called, own, found)


def _stands_alone(backend: Obj) -> bool:
    return any(each["type"] in _BACKEND_ALONE for each in backend.get("filters") or ())


def _apart(
    name: str, match: Match, rule: Obj, called: Called, own: Filters, found: Sequence[tuple[Obj, Filters, str]]
) -> list[Route]:
    """A route a backend: the first for its part, the next for what both have together, and so on."""
    whole, upto, out = sum(each.get("weight", 1) for each, _, _ in found), 0, []
    for each, filters, cluster in found:
        upto += each.get("weight", 1)
        part = replace(match, part=upto / whole)
        headers = _joined(own.headers, filters.headers)
        if filters.redirect is not None:
            action: Forward | Redirect | Answer = _redirect(filters.redirect, match, called)
        elif not cluster or not filters.is_known:
            action, headers = NOT_SERVED, Headers()
        else:
            both = own._replace(mirrors=(*own.mirrors, *filters.mirrors))
            action = _forward((Share(cluster),), both, {**own.rewrite, **filters.rewrite}, match, rule)
        out.append(Route(name, part, action, headers, cors=filters.cors or own.cors))
    return out


def _forward(shares: tuple[Share, ...], own: Filters, rewrite: Mapping[str, Any], match: Match, rule: Obj) -> Forward:
    request, backend = (seconds((rule.get("timeouts") or {}).get(key) or "0s") for key in ("request", "backendRequest"))
    retries = _retries(rule.get("retry"), backend)
    # who tries once waits for that one try
    timeout = (
        request if retries is not None and retries.attempts else min((each for each in (request, backend) if each), default=0.0)
    )
    pattern, substitution = _new_path(rewrite.get("path") or {}, match)
    return Forward(shares, timeout, retries, own.mirrors, Rewrite("", pattern, substitution, rewrite.get("hostname", "")))


def _retries(given: Mapping[str, Any] | None, per_try_s: float) -> Retries | None:
    """Connections that fail are tried again, and answers with one of the codes; as often as Istio does where nothing is said."""
    attempts = (given or {}).get("attempts", 2)
    if given is None or not attempts:
        return None
    codes = tuple(given.get("codes") or ())
    conditions = "connect-failure,refused-stream,reset" + (",retriable-status-codes" if codes else "")
    return Retries(attempts, conditions, codes, per_try_s, seconds(given.get("backoff") or "0s"))


# filters


def _filters(given: Iterable[Obj], find: Find) -> Filters:
    out = Filters()
    for each in given:
        match each:
            case {"requestHeaderModifier": edits}:
                out = out._replace(headers=replace(out.headers, request=_edits(edits)))
            case {"responseHeaderModifier": edits}:
                out = out._replace(headers=replace(out.headers, response=_edits(edits)))
            case {"requestMirror": mirror}:
                if cluster := find(mirror["backendRef"]):
                    out = out._replace(mirrors=(*out.mirrors, Mirror(cluster, percent_of(mirror), keeps_host=True)))
            case {"requestRedirect": redirect}:
                out = out._replace(redirect=redirect)
            case {"urlRewrite": rewrite}:
                out = out._replace(rewrite=rewrite)
            case {"cors": cors}:
                out = out._replace(cors=_cors(cors))
            case _:
                out = out._replace(is_known=False)
    return out


def percent_of(mirror: Mapping[str, Any]) -> float:
    if (fraction := mirror.get("fraction")) is not None:
        return 100.0 * int(fraction["numerator"]) / int(fraction.get("denominator", 100))
    return float(mirror.get("percent", 100))


def _edits(given: Mapping[str, Any]) -> Edits:
    to_set, to_add = (tuple((each["name"], each["value"]) for each in given.get(key) or ()) for key in ("set", "add"))
    return Edits(to_set, to_add, tuple(given.get("remove") or ()), is_plain=True)


def _joined(one: Headers, other: Headers) -> Headers:
    def both(first: Edits, second: Edits) -> Edits:
        removed = (*first.to_remove, *second.to_remove)
        return Edits((*first.to_set, *second.to_set), (*first.to_add, *second.to_add), removed, is_plain=True)

    return Headers(both(one.request, other.request), both(one.response, other.response))


def _cors(given: Mapping[str, Any]) -> Cors:
    return Cors(
        tuple(_origin(each) for each in given.get("allowOrigins") or ()),
        tuple(given.get("allowMethods") or ()),
        tuple(given.get("allowHeaders") or ()),
        tuple(given.get("exposeHeaders") or ()),
        given.get("maxAge", 5),
        bool(given.get("allowCredentials")),
    )


def _origin(pattern: str) -> str:
    """`*` stands for any number of signs: `https://*.example.com` holds for a.b.example.com."""
    return ".*".join(map(quoted, pattern.split("*")))


def quoted(text: str) -> str:
    """For a regex of RE2."""
    return "".join(f"\\{sign}" if sign in r".+*?()|[]{}^$\\" else sign for sign in text)


# paths


def _redirect(given: Mapping[str, Any], match: Match, called: Called) -> Redirect:
    """Without a port in it: that of the scheme where one is given, else the listener's; a scheme's own is not written."""
    scheme = given.get("scheme") or called.scheme
    port = given.get("port") or (_DEFAULT_PORTS[scheme] if given.get("scheme") else called.port)
    path = given.get("path") or {}
    pattern, substitution = _new_path(path, match) if path.get("type") == "ReplacePrefixMatch" else ("", "")
    return Redirect(
        code=given.get("statusCode", 302),
        path=path.get("replaceFullPath", ""),
        pattern=pattern,
        substitution=substitution,
        host=given.get("hostname", ""),
        scheme=given.get("scheme", ""),
        port=0 if port == _DEFAULT_PORTS[scheme] else port,
    )


def _new_path(path: Mapping[str, Any], match: Match) -> tuple[str, str]:
    """As a regex and what it makes of a path: `/a` replaced by `/x` makes `/x/b` of `/a/b`, and `/x` of `/a`."""
    match path.get("type"):
        case "ReplaceFullPath":
            return "^.*$", _literal(path["replaceFullPath"] or "/")
        case "ReplacePrefixMatch":
            before, after = match.path.value.rstrip("/"), _literal(path["replacePrefixMatch"].rstrip("/"))
            if not before:
                return "^/*(.*)$", f"{after}/\\1"
            return (f"^{quoted(before)}(/.*)?$", f"{after}\\1") if after else (f"^{quoted(before)}/*(.*)$", "/\\1")
        case _:
            return "", ""


def _literal(text: str) -> str:
    """In a substitution."""
    return text.replace("\\", "\\\\")
