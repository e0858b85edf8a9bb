"""Routes of the Gateway API: each of the user's rules that leads to the Service is split between it and a second one.

A share is a pair of weighted backends; requests that match go by rules of their own, which take precedence by being more
specific, not by where they stand: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule. All else of a route is kept as
it is. Pure: manifests in and out.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import GRPC_ROUTE, HTTP_ROUTE, REFERENCE_GRANT, SERVICE, Obj, get, is_a
from .matches import Undecided, both
from .traffic import Host, Traffic

KINDS = (HTTP_ROUTE, GRPC_ROUTE)
MOST_RULES = 16
MOST_MATCHES = 128
HEAVIEST = 1_000_000
_NOT_HERE = ("scheme", "authority", "withoutHeaders", "port", "sourceLabels", "gateways", "sourceNamespace", "ignoreUriCase")
_ROOT: Obj = {"type": "PathPrefix", "value": "/"}


class Pair(NamedTuple):
    """The Service that the user's routes name, which reaches the first side, and the one beside it, of the same namespace."""

    host: Host
    second: str


class Unspoken(ValueError):
    """What is asked for cannot be said in a route, in a sentence."""


def routes_of(objects: Iterable[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The HTTPRoutes and GRPCRoutes with a rule that leads to the Service."""
    return [dict(obj) for obj in objects if names_one_of(obj, host, [host.name])]


def split(route: Mapping[str, Any], pair: Pair, traffic: Traffic) -> Obj:
    """The route with each of its rules to the Service split. Raises Undecided, or Unspoken where it would be more than a route
    may hold."""
    asked = [narrowing(match, route) for match in traffic.matches] if traffic.weight < 100 else []
    rules = [part for rule in rules_of(route) for part in _parted(rule, route, pair, traffic.weight, asked)]
    for match in asked:
        # after the user's own: of two that are as specific as each other, the first is taken
        rules += _narrowed(route, pair, match)
    _refuse_too_many(route, rules)
    return {**route, "spec": {**route["spec"], "rules": rules}} if rules != rules_of(route) else dict(route)


def joined(route: Mapping[str, Any], host: Host, seconds: Iterable[str]) -> Obj:
    """A live route of which nothing else is known, with all that leads to one of the second Services leading to the first."""
    names = set(seconds)
    rules = [{**rule, "backendRefs": _joined(rule, route, host, names)} for rule in rules_of(route)]
    return {**route, "spec": {**route["spec"], "rules": rules}}


def narrow_grant(route: Mapping[str, Any], host: Host, second: str, objects: Iterable[Mapping[str, Any]]) -> Obj | None:
    """The ReferenceGrant that lets a route of another namespace lead to the Service, and none to the second one; None where
    the route needs none, or none is among the objects."""
    kind, namespace = route["kind"], route["metadata"].get("namespace") or host.namespace
    if namespace == host.namespace:
        return None

    def is_from(grant: Mapping[str, Any]) -> bool:
        sources = get(grant, "spec", "from", default=())
        return any((each.get("kind"), each.get("namespace")) == (kind, namespace) for each in sources)

    def allows(grant: Mapping[str, Any], name: str) -> bool:
        to = (each for each in get(grant, "spec", "to", default=()) if each.get("kind") == SERVICE.name)
        return any(each.get("name") in (None, name) for each in to)

    grants = [dict(obj) for obj in objects if is_a(obj, REFERENCE_GRANT) and is_from(obj)]
    grants = [grant for grant in grants if (grant["metadata"].get("namespace") or host.namespace) == host.namespace]
    found = next((grant for grant in grants if allows(grant, host.name)), None)
    return None if any(allows(grant, second) for grant in grants) else found


def names_one_of(route: Mapping[str, Any], host: Host, seconds: Iterable[str]) -> bool:
    """Whether it is a route that leads to one of the Services of these names."""
    names = set(seconds)
    return _is_route(route) and any(_reaches(rule, route, host, *names) for rule in rules_of(route))


def share(route: Mapping[str, Any], host: Host, seconds: Iterable[str]) -> float:
    """The percentage of the Service's requests, of those that match nothing, that the second ones get by a route."""
    names, found = set(seconds), 0.0
    for rule in rules_of(route):
        first = sum(_weight(ref) for ref in _refs(rule) if _is_target(ref, route, host, {host.name}))
        second = sum(_weight(ref) for ref in _refs(rule) if _is_target(ref, route, host, names))
        if first and second:
            return 100 * second / (first + second)
        found = max(found, 100.0 if second else 0.0)
    plain = any(_reaches(rule, route, host, host.name) for rule in rules_of(route))
    return 0.0 if plain else found


def rules_of(route: Mapping[str, Any]) -> list[Obj]:
    return list(get(route, "spec", "rules", default=()))


def parents_of(route: Mapping[str, Any]) -> list[Obj]:
    return list(get(route, "spec", "parentRefs", default=()))


# shares


def _parted(rule: Obj, route: Mapping[str, Any], pair: Pair, weight: int, asked: Sequence[Obj]) -> list[Obj]:
    """A rule in its place: what of its requests match anyway goes to the second Service, the rest by weight."""
    known = _matches(rule, route)
    anyway = [own for own in known if any(_is_implied(own, match, route) for match in asked)]
    if not anyway or not _reaches(rule, route, pair.host, pair.host.name):
        return [_weighted(rule, route, pair, weight)]
    rest = [own for own in known if own not in anyway]
    if not rest:
        return [_weighted(rule, route, pair, 100)]
    second = {**_unnamed(_weighted(rule, route, pair, 100)), "matches": anyway}
    return [second, {**_weighted(rule, route, pair, weight), "matches": rest}]


def _weighted(rule: Mapping[str, Any], route: Mapping[str, Any], pair: Pair, weight: int) -> Obj:
    if not weight or not _reaches(rule, route, pair.host, pair.host.name):
        return dict(rule)
    shares: list[tuple[Obj, int]] = []
    for ref in _refs(rule):
        if not _is_target(ref, route, pair.host, {pair.host.name}):
            shares.append((ref, _weight(ref) * 100))
            continue
        sides = ((ref, 100 - weight), ({**ref, "name": pair.second}, weight))
        shares += [(side, _weight(ref) * part) for side, part in sides if part]
    return {**rule, "backendRefs": _with_weights(shares)}


def _with_weights(shares: Sequence[tuple[Obj, int]]) -> list[Obj]:
    """Backends with whole weights in these proportions, none above what a route may hold."""
    if len(shares) == 1:
        return [shares[0][0]]
    total, divisor = sum(share for _, share in shares), math.gcd(*(share for _, share in shares)) or 1
    divisor = 1 if total == 100 else divisor
    over = max(share // divisor for _, share in shares) / HEAVIEST
    if over > 1:  # to the nearest that can be written: a share is never more than a millionth off
        return [{**ref, "weight": min(HEAVIEST, round(share / divisor / over))} for ref, share in shares]
    return [{**ref, "weight": share // divisor} for ref, share in shares]


def _joined(rule: Mapping[str, Any], route: Mapping[str, Any], host: Host, names: set[str]) -> list[Obj]:
    sums: list[tuple[Obj, int]] = []
    for ref in _refs(rule):
        plain = {**ref, "name": host.name} if _is_target(ref, route, host, names) else dict(ref)
        plain.pop("weight", None)
        place = next((place for place, (other, _) in enumerate(sums) if other == plain), None)
        if place is None:
            sums.append((plain, _weight(ref)))
        else:
            sums[place] = (plain, sums[place][1] + _weight(ref))
    return [ref for ref, _ in sums] if len(sums) == 1 else [{**ref, "weight": weight} for ref, weight in sums]


# requests that match


def narrowing(match: Mapping[str, Any], route: Mapping[str, Any]) -> Obj:
    """What an A/B test tells requests apart by (release.matching), which a route can say. Raises Unspoken."""
    if found := next((key for key in _NOT_HERE if match.get(key)), None):
        raise Unspoken(f"a route of the Gateway API cannot tell requests apart by {found}")
    if is_a(route, GRPC_ROUTE) and (found := next((key for key in ("queryParams", "method", "uri") if match.get(key)), None)):
        raise Unspoken(f"a GRPCRoute cannot tell requests apart by {found}")
    if (method := match.get("method")) and "exact" not in method:
        raise Unspoken("a route of the Gateway API takes a method as it is, by no prefix and no regular expression")
    return dict(match)


class _Narrow(NamedTuple):
    """What of a rule's match meets an asked one. `is_ours`: the rule leads to the Service. `place` is the rule's."""

    place: int
    own: Obj
    both: Obj
    is_ours: bool
    is_implied: bool


def _narrowed(route: Mapping[str, Any], pair: Pair, asked: Mapping[str, Any]) -> list[Obj]:
    """For each rule to the Service, the part of its requests that match: to the second one, in place of the first. And the user's
    other rules, for that part: a narrowed rule is more specific than the one that it was made of, and would outrank them."""
    rules = rules_of(route)
    known = [
        _Narrow(place, own, both, _reaches(rule, route, pair.host, pair.host.name), _is_implied(own, asked, route))
        for place, rule in enumerate(rules)
        for own in _matches(rule, route)
        if (both := _both(own, asked, route)) is not None
    ]
    made = [each for each in known if each.is_ours and not each.is_implied]
    guards = [each for each in known if not each.is_ours and any(_is_outranked(each.own, *ours[1:3]) for ours in made)]
    added = [each for each in known if each in made or each in guards]
    # of two that become as specific as each other, the one stands first that was taken first
    order = sorted({each.place for each in added}, key=lambda place: max(_taken(each) for each in added if each.place == place))
    order.reverse()
    _refuse_reordered(known, added, order, route)
    found: list[Obj] = []
    for place in order:
        matches = [each.both for each in added if each.place == place]
        _refuse_moved_prefix(rules[place], matches)
        found.append({**_unnamed(_weighted(rules[place], route, pair, 100)), "matches": matches})
    return found


def _taken(each: _Narrow) -> tuple[Any, ...]:
    """How soon a match is taken as the route stands: the greatest first."""
    return _rank(each.own), -each.place


def _refuse_reordered(known: Sequence[_Narrow], added: Sequence[_Narrow], order: Sequence[int], route: Mapping[str, Any]) -> None:
    """Raises Undecided where, of two rules, the one would come first as they are, and the other as they are narrowed. Those
    `added` stand in `order` behind all that stand where they stood."""

    def then(each: _Narrow) -> tuple[Any, ...]:
        return (_rank(each.both), False, -order.index(each.place)) if each in added else (_rank(each.own), True, -each.place)

    for one, other in itertools.permutations(known, 2):
        is_turned = _taken(one) > _taken(other) and then(one) < then(other)
        if is_turned and one.is_ours != other.is_ours and _meet(one, other, route):
            raise Undecided("two rules of the route that the match would change places of")


def _meet(one: _Narrow, other: _Narrow, route: Mapping[str, Any]) -> bool:
    """Whether a request may meet both."""
    path = other.both.get("path") or _ROOT
    operator = {"Exact": "exact", "PathPrefix": "prefix"}.get(path.get("type") or "PathPrefix", "regex")
    form = {**_conditions(other.both), "uri": {operator: path.get("value") or "/"}}
    try:
        return _both(one.both, form, route) is not None
    except Undecided:
        return True


def _is_outranked(other: Obj, own: Obj, narrow: Obj) -> bool:
    """Whether a rule that came before `own` would come after what has been made of it."""
    return _rank(own) <= _rank(other) < _rank(narrow)


def _rank(match: Mapping[str, Any]) -> tuple[int, int, bool, int, int]:
    """The more of it, the sooner a match is taken: an exact path, a longer prefix, a method, more headers, more queries."""
    path = match.get("path") or _ROOT
    kind = {"Exact": 2, "PathPrefix": 1}.get(path.get("type") or "PathPrefix", 0)
    method = match.get("method")
    return (
        kind, len(path.get("value") or "/"), bool(method), len(match.get("headers") or ()), len(match.get("queryParams") or ()),
    )  # fmt: skip


def _is_implied(own: Mapping[str, Any], asked: Mapping[str, Any], route: Mapping[str, Any]) -> bool:
    """Whether whatever meets a route's match meets the asked one, too."""
    held = _both(own, asked, route)
    return held is not None and _plain(held) == _plain(own)


def _plain(match: Mapping[str, Any]) -> Obj:
    return {**_conditions(match), "path": match.get("path") or _ROOT}


def _both(own: Mapping[str, Any], asked: Mapping[str, Any], route: Mapping[str, Any]) -> Obj | None:
    """A route's match and an asked one (of Istio's form) at once; None where no request meets both. Raises Undecided."""
    extra = {key: value for key, value in asked.items() if key in ("headers", "queryParams", "method")}
    held = both(_conditions(own), extra)
    path = _both_paths(own.get("path") or _ROOT, asked.get("uri"))
    if held is None or path is None:
        return None
    out = dict(own)
    if path != (own.get("path") or _ROOT):
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
        if dict(own) == _ROOT and operator == "regex":
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


def _refuse_moved_prefix(rule: Mapping[str, Any], narrow: Sequence[Mapping[str, Any]]) -> None:
    """A rewrite of the prefix that matched means another one, where the path is narrowed."""
    paths = [get(each, "path", default=_ROOT) for each in rule.get("matches") or [{}]]
    moves = any(get(each, key, "path", "type") == "ReplacePrefixMatch" for each in _filters(rule) for key in _REWRITES)
    if moves and any((each.get("path") or _ROOT) not in paths for each in narrow):
        raise Undecided("uri: a narrower path, and a filter that replaces the prefix of the wider one")


_REWRITES = ("urlRewrite", "requestRedirect")


def _filters(rule: Mapping[str, Any]) -> Iterator[Obj]:
    yield from rule.get("filters") or ()
    for ref in _refs(rule):
        yield from ref.get("filters") or ()


def _matches(rule: Mapping[str, Any], route: Mapping[str, Any]) -> list[Obj]:
    """Those of a rule; one without any takes everything."""
    default: Obj = {"path": _ROOT} if is_a(route, HTTP_ROUTE) else {}
    return list(rule.get("matches") or [default])


def _unnamed(rule: Mapping[str, Any]) -> Obj:
    """Without its name, which no two rules of a route may have."""
    return {key: value for key, value in rule.items() if key != "name"}


def _refuse_too_many(route: Mapping[str, Any], rules: Sequence[Obj]) -> None:
    matches = sum(len(rule.get("matches") or [{}]) for rule in rules)
    for seen, most, what in ((len(rules), MOST_RULES, "rules"), (matches, MOST_MATCHES, "matches")):
        if seen > most:
            raise Unspoken(f"{route['kind']} {route['metadata']['name']} would have {seen} {what}, and a route may have {most}")


# what leads where


def _is_route(obj: Mapping[str, Any]) -> bool:
    return any(is_a(obj, kind) for kind in KINDS)


def _refs(rule: Mapping[str, Any]) -> list[Obj]:
    return list(rule.get("backendRefs") or ())


def _weight(ref: Mapping[str, Any]) -> int:
    weight = ref.get("weight")
    return 1 if weight is None else int(weight)


def _reaches(rule: Mapping[str, Any], route: Mapping[str, Any], host: Host, *names: str) -> bool:
    return any(_is_target(ref, route, host, set(names)) for ref in _refs(rule))


def _is_target(ref: Mapping[str, Any], route: Mapping[str, Any], host: Host, names: set[str]) -> bool:
    """Whether a backend is one of the Services of these names, of the host's namespace."""
    namespace = ref.get("namespace") or route["metadata"].get("namespace") or host.namespace
    is_service = not ref.get("group") and (ref.get("kind") or SERVICE.name) == SERVICE.name
    return is_service and ref.get("name") in names and namespace == host.namespace
