"""Routes of the Gateway API: each of the user's rules that leads to the Service is split between it and a second one.

A share is a pair of weighted backends; requests that match go by rules of their own, which take precedence by being more
specific, not by where they stand: https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule. All else of a route is kept as
it is. Pure: manifests in and out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import API_GATEWAY, GRPC_ROUTE, HTTP_ROUTE, REFERENCE_GRANT, SERVICE, Obj, Ref, get, is_a
from . import sticky
from .matches import Undecided
from .precedence import ROOT, Unspoken, is_implied, is_outranked, may_meet, met, narrowing, rank
from .traffic import Draw, Host, Traffic

KINDS = (HTTP_ROUTE, GRPC_ROUTE)
MOST_RULES = 16
MOST_MATCHES = 128
HEAVIEST = 1_000_000


class Pair(NamedTuple):
    """The Service that the user's routes name, which reaches the first side, and the one beside it, of the same namespace."""

    host: Host
    second: str


def routes_of(objects: Iterable[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The HTTPRoutes and GRPCRoutes with a rule that leads to the Service."""
    return [dict(obj) for obj in objects if names_one_of(obj, host, [host.name])]


def split(route: Mapping[str, Any], pair: Pair, traffic: Traffic) -> Obj:
    """The route with each of its rules to the Service split. Raises Undecided, or Unspoken where it would be more than a route
    may hold, or is asked for what it cannot say."""
    if traffic.sticky and is_a(route, GRPC_ROUTE):
        raise Unspoken(f"GRPCRoute {route['metadata']['name']} cannot keep users on their side: who calls by gRPC has no cookies")
    asked = [narrowing(match, route) for match in traffic.matches] if traffic.weight < 100 else []
    rules = [part for rule in rules_of(route) for part in _parted(rule, route, pair, asked)]
    for match in asked:
        # after the user's own: of two that are as specific as each other, the first is taken
        rules += _narrowed(route, pair, match, _SECOND)
    rest = _with_rules(route, rules)
    split = [_mirrored(_drawn(rule, route, pair, sticky.drawn(traffic)), rule, route, pair, traffic.mirror) for rule in rules]
    for match, draw in sticky.known(traffic):
        # of what is left to be drawn: those who match have their side
        split += _narrowed(rest, pair, match, draw)
    _refuse_too_many(route, split)
    return _with_rules(route, split) if split != rules_of(route) else dict(route)


def joined(route: Mapping[str, Any], host: Host, seconds: Iterable[str]) -> Obj:
    """A live route of which nothing else is known, with all that leads to one of the second Services leading to the first."""
    names = set(seconds)
    rules = [{**rule, "backendRefs": _joined(rule, route, host, names)} for rule in rules_of(route)]
    return unmirrored(_with_rules(route, rules), host, names)


def unmirrored(route: Mapping[str, Any], host: Host, seconds: Iterable[str]) -> Obj:
    """A route without copies to one of the second Services."""
    names, rules = set(seconds), []
    for rule in rules_of(route):
        kept = [each for each in rule.get("filters") or () if not _copies_to(each, route, host, names)]
        rest = {key: value for key, value in rule.items() if key != "filters"}
        rules.append(rest | ({"filters": kept} if kept else {}) if kept != (rule.get("filters") or []) else rule)
    return _with_rules(route, rules)


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


def mirrors_to(route: Mapping[str, Any], host: Host, seconds: Iterable[str]) -> bool:
    """Whether it is a route that copies requests to one of the Services of these names."""
    names = set(seconds)
    rules = rules_of(route) if _is_route(route) else []
    return any(_copies_to(each, route, host, names) for rule in rules for each in rule.get("filters") or ())


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


def gateways_of(route: Mapping[str, Any], namespace: str) -> list[Ref]:
    """The Gateways that a route of that namespace asks to be served by."""
    parents = (parent for parent in parents_of(route) if parent.get("kind", API_GATEWAY.name) == API_GATEWAY.name)
    named = ((parent.get("namespace") or namespace, parent.get("name")) for parent in parents)
    return [Ref(API_GATEWAY.api_version, API_GATEWAY.name, place, str(name)) for place, name in named]


# shares


_SECOND = Draw(0, 1)
"""All of them."""


def _parted(rule: Obj, route: Mapping[str, Any], pair: Pair, asked: Sequence[Obj]) -> list[Obj]:
    """A rule in its place: what of its requests match anyway, to the second Service, and the rest, which is yet to be drawn."""
    known = _matches(rule, route)
    anyway = [own for own in known if any(is_implied(own, match, route) for match in asked)]
    if not anyway or not _reaches(rule, route, pair.host, pair.host.name):
        return [rule]
    rest, second = [own for own in known if own not in anyway], _drawn(rule, route, pair, _SECOND)
    return [{**_unnamed(second), "matches": anyway}, {**rule, "matches": rest}] if rest else [second]


def _drawn(rule: Mapping[str, Any], route: Mapping[str, Any], pair: Pair, draw: Draw) -> Obj:
    if not draw.second or not _reaches(rule, route, pair.host, pair.host.name):
        return dict(rule)
    shares: list[tuple[Obj, int]] = []
    for ref in _refs(rule):
        if not _is_target(ref, route, pair.host, {pair.host.name}):
            shares.append((ref, _weight(ref) * (draw.first + draw.second)))
            continue
        names = ((pair.host.name, draw.first, draw.cookies[0]), (pair.second, draw.second, draw.cookies[1]))
        shares += [(_with_cookie({**ref, "name": name}, cookie), _weight(ref) * part) for name, part, cookie in names if part]
    return {**rule, "backendRefs": _with_weights(shares)}


def _with_cookie(ref: Obj, cookie: str) -> Obj:
    """The backend, whose answers set a cookie beside what they set anyway. Raises Unspoken."""
    if not cookie:
        return ref
    filters, added = list(ref.get("filters") or ()), {"name": "Set-Cookie", "value": cookie}
    place = next((place for place, each in enumerate(filters) if each.get("type") == _EDITS_ANSWERS), len(filters))
    edits = get(filters[place], "responseHeaderModifier", default={}) if place < len(filters) else {}
    if any(each["name"].lower() == "set-cookie" for key in ("add", "set") for each in edits.get(key) or ()):
        raise Unspoken(f"backend {ref['name']} sets a cookie by a filter of its own: there is no room for one that keeps users")
    modified = {**edits, "add": [*(edits.get("add") or ()), added]}
    return {
        **ref,
        "filters": [*filters[:place], {"type": _EDITS_ANSWERS, "responseHeaderModifier": modified}, *filters[place + 1 :]],
    }


_EDITS_ANSWERS = "ResponseHeaderModifier"


def _mirrored(split: Obj, rule: Mapping[str, Any], route: Mapping[str, Any], pair: Pair, percent: int) -> Obj:
    """What is made of a rule, with so much of what is drawn copied to the second Service; filters of the user's stay first."""
    ours = next((ref for ref in _refs(rule) if _is_target(ref, route, pair.host, {pair.host.name})), None)
    if not percent or ours is None:
        return split
    backend = {key: value for key, value in ours.items() if key not in ("weight", "filters")} | {"name": pair.second}
    # all of them need no percentage, which not every implementation knows
    share = {"percent": percent} if percent < 100 else {}
    copies = {"type": "RequestMirror", "requestMirror": {"backendRef": backend, **share}}
    return {**split, "filters": [*(rule.get("filters") or ()), copies]}


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
        plain = _without_cookie(plain)
        plain.pop("weight", None)
        place = next((place for place, (other, _) in enumerate(sums) if other == plain), None)
        if place is None:
            sums.append((plain, _weight(ref)))
        else:
            sums[place] = (plain, sums[place][1] + _weight(ref))
    return [ref for ref, _ in sums] if len(sums) == 1 else [{**ref, "weight": weight} for ref, weight in sums]


def _without_cookie(ref: Obj) -> Obj:
    """A live backend without what `_with_cookie` has written into it."""
    filters = []
    for each in ref.get("filters") or ():
        edits = each.get("responseHeaderModifier") or {}
        kept = [header for header in edits.get("add") or () if not sticky.is_ours(str(header.get("value")))]
        if kept == (edits.get("add") or []):
            filters.append(each)
        elif rest := {key: value for key, value in {**edits, "add": kept}.items() if value}:
            filters.append({**each, "responseHeaderModifier": rest})
    plain = {key: value for key, value in ref.items() if key != "filters"}
    return plain | ({"filters": filters} if filters else {})


# requests that match


class _Narrow(NamedTuple):
    """What of a rule's match meets an asked one. `is_ours`: the rule leads to the Service. `place` is the rule's."""

    place: int
    own: Obj
    both: Obj
    is_ours: bool
    is_implied: bool


def _narrowed(route: Mapping[str, Any], pair: Pair, asked: Mapping[str, Any], draw: Draw) -> list[Obj]:
    """For each rule to the Service, the part of its requests that match, drawn so in place of the rule. And the user's other
    rules, for that part: a narrowed rule is more specific than the one that it was made of, and would outrank them."""
    rules = rules_of(route)
    known = _meeting(route, pair, asked)
    made = [each for each in known if each.is_ours and not each.is_implied]
    guards = [each for each in known if not each.is_ours and _is_outranked(each.own, made)]
    added = [each for each in known if each in made or each in guards]
    # of two that become as specific as each other, the one stands first that was taken first
    order = sorted({each.place for each in added}, key=lambda place: max(_taken(each) for each in added if each.place == place))
    order.reverse()
    _refuse_reordered(known, added, order, route)
    found: list[Obj] = []
    for place in order:
        matches = [each.both for each in added if each.place == place]
        _refuse_moved_prefix(rules[place], matches)
        found.append({**_unnamed(_drawn(rules[place], route, pair, draw)), "matches": matches})
    return found


def _meeting(route: Mapping[str, Any], pair: Pair, asked: Mapping[str, Any]) -> list[_Narrow]:
    """The matches that a request may meet beside the asked one: of rules to the Service, and then of others. One of others that
    cannot be written as one with it counts as long as it would be outranked. Raises Undecided."""
    found: list[_Narrow] = []
    placed = [(_reaches(rule, route, pair.host, pair.host.name), place, rule) for place, rule in enumerate(rules_of(route))]
    for is_ours, place, rule in sorted(placed, key=lambda each: not each[0]):
        for own in _matches(rule, route):
            try:
                if (both := met(own, asked, route)) is not None:
                    found.append(_Narrow(place, own, both, is_ours, is_implied(own, asked, route)))
            except Undecided:
                if is_ours or _is_outranked(own, [each for each in found if each.is_ours and not each.is_implied]):
                    raise
    return found


def _is_outranked(own: Obj, made: Iterable[_Narrow]) -> bool:
    return any(is_outranked(own, ours.own, ours.both) for ours in made)


def _taken(each: _Narrow) -> tuple[Any, ...]:
    """How soon a match is taken as the route stands: the greatest first."""
    return rank(each.own), -each.place


def _refuse_reordered(known: Sequence[_Narrow], added: Sequence[_Narrow], order: Sequence[int], route: Mapping[str, Any]) -> None:
    """Raises Undecided where, of two rules, the one would come first as they are, and the other as they are narrowed. Those
    `added` stand in `order` behind all that stand where they stood."""

    def then(each: _Narrow) -> tuple[Any, ...]:
        return (rank(each.both), False, -order.index(each.place)) if each in added else (rank(each.own), True, -each.place)

    for one, other in itertools.permutations(known, 2):
        is_turned = _taken(one) > _taken(other) and then(one) < then(other)
        if is_turned and one.is_ours != other.is_ours and may_meet(one.both, other.both, route):
            raise Undecided("two rules of the route that the match would change places of")


def _refuse_moved_prefix(rule: Mapping[str, Any], narrow: Sequence[Mapping[str, Any]]) -> None:
    """A rewrite of the prefix that matched means another one, where the path is narrowed."""
    paths = [get(each, "path", default=ROOT) for each in rule.get("matches") or [{}]]
    moves = any(get(each, key, "path", "type") == "ReplacePrefixMatch" for each in _filters(rule) for key in _REWRITES)
    if moves and any((each.get("path") or ROOT) not in paths for each in narrow):
        raise Undecided("uri: a narrower path, and a filter that replaces the prefix of the wider one")


_REWRITES = ("urlRewrite", "requestRedirect")


def _filters(rule: Mapping[str, Any]) -> Iterator[Obj]:
    yield from rule.get("filters") or ()
    for ref in _refs(rule):
        yield from ref.get("filters") or ()


def _matches(rule: Mapping[str, Any], route: Mapping[str, Any]) -> list[Obj]:
    """Those of a rule; one without any takes everything."""
    default: Obj = {"path": ROOT} if is_a(route, HTTP_ROUTE) else {}
    return list(rule.get("matches") or [default])


def _unnamed(rule: Mapping[str, Any]) -> Obj:
    """Without its name, which no two rules of a route may have."""
    return {key: value for key, value in rule.items() if key != "name"}


def _refuse_too_many(route: Mapping[str, Any], rules: Sequence[Obj]) -> None:
    matches = sum(len(rule.get("matches") or [{}]) for rule in rules)
    for seen, most, what in ((len(rules), MOST_RULES, "rules"), (matches, MOST_MATCHES, "matches")):
        if seen > most:
            raise Unspoken(f"{route['kind']} {route['metadata']['name']} would have {seen} {what}, and a route may have {most}")


def _with_rules(route: Mapping[str, Any], rules: Sequence[Obj]) -> Obj:
    return {**route, "spec": {**route["spec"], "rules": list(rules)}}


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


def _copies_to(each: Mapping[str, Any], route: Mapping[str, Any], host: Host, names: set[str]) -> bool:
    """Whether a filter copies requests to one of the Services of these names."""
    return _is_target(get(each, "requestMirror", "backendRef", default={}), route, host, names)


def _is_target(ref: Mapping[str, Any], route: Mapping[str, Any], host: Host, names: set[str]) -> bool:
    """Whether a backend is one of the Services of these names, of the host's namespace."""
    namespace = ref.get("namespace") or route["metadata"].get("namespace") or host.namespace
    is_service = not ref.get("group") and (ref.get("kind") or SERVICE.name) == SERVICE.name
    return is_service and ref.get("name") in names and namespace == host.namespace
