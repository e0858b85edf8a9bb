"""Istio: a VirtualService sends matching requests, or a share of all, to a subset; a DestinationRule says which pods that is.

While two versions run, each subset of the host has two parts, `<subset>-rollway-stable` and `<subset>-rollway-b`, and so has the
host as a whole; what is bound to a subset is bound to its part. Nothing of the user's is replaced by that: their subsets stay
beside the parts, and a request that a rule of theirs would have taken differs in the part only. The DestinationRule stands before
a VirtualService names its subsets, and goes after it: a route to an undefined subset is answered 503.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..kube.objects import DESTINATION_RULE, GATEWAY, VIRTUAL_SERVICE, Obj, get, is_a
from ..plan.observed import TRACK_LABEL
from . import sticky
from .matches import Undecided, both, moved
from .selector import STABLE
from .subsets import is_host, is_target, part, to, track_of, whole
from .traffic import VARIANT, Draw, Host, Traffic

VARIANT_RULE = "rollway-variant"
"""The name of the rules for matching requests, by which they are known again."""

Pods = Mapping[str, str]
"""The labels of one version's pods."""


# what is rendered


def destination_rule(
    name: str, host: Host, sides: Sequence[Pods] = (), *, user: Mapping[str, Any] | None = None, second: str = VARIANT
) -> Obj:
    """The subsets that the user's own rule has, and the parts of each, with its labels and its policy; eased for the `sides`.
    `second` is the track of the pods beside the stable ones: its part is called the same, whichever strategy has it."""
    user = eased(user, sides) if user else None
    own: list[Obj] = get(user, "spec", "subsets", default=[])
    parts = [
        {**subset, "name": part(subset.get("name") or "", side), "labels": {**(subset.get("labels") or {}), TRACK_LABEL: track}}
        for subset in ({"name": ""}, *own)
        for side, track in ((STABLE, STABLE), (VARIANT, second))
    ]
    if user is not None:
        return {**user, "spec": {**user["spec"], "subsets": [*own, *parts]}}
    return _object(DESTINATION_RULE.api_version, DESTINATION_RULE.name, name, {"host": host.name, "subsets": parts})


def virtual_service(name: str, host: Host, *, hosts: Sequence[str], gateway: str | None) -> Obj:
    """The routes of a host whose user has none: to all of its pods. There is always a default route: without one, what matches
    nothing is answered 404."""
    spec: Obj = {"hosts": [host.name, *(given for given in hosts if given != host.name)]}
    if gateway:
        spec["gateways"] = ["mesh", gateway]
    spec["http"] = [{"route": [{"destination": {"host": host.name}}]}]
    return _object(VIRTUAL_SERVICE.api_version, VIRTUAL_SERVICE.name, name, spec)


def split(vs: Mapping[str, Any], host: Host, traffic: Traffic) -> Obj:
    """A VirtualService with each of its HTTP routes to the host split, and the rest kept. What tells no requests apart, TLS and
    TCP, and what nobody waits for, mirrors, stay with the stable part.

    Raises Undecided where a match cannot be combined with one of the user's.
    """
    bound: Obj = {}
    if vs["spec"].get("http"):
        bound["http"] = [rule for own in vs["spec"]["http"] for rule in _split_rule(own, host, traffic)]
    for kind in ("tls", "tcp"):
        if vs["spec"].get(kind):
            bound[kind] = [_sent(rule, host, to(STABLE)) for rule in vs["spec"][kind]]
    return {**vs, "spec": {**vs["spec"], **bound}}


def eased(rule: Mapping[str, Any], sides: Sequence[Pods]) -> Obj:
    """The rule with each subset that chooses the pods of one version choosing those of the others, too: without the labels that
    differ between them, such as a version, which would leave it without pods once these are gone. `sides` are their labels."""
    subsets = [_eased(subset, sides) for subset in get(rule, "spec", "subsets", default=[])]
    return {**rule, "spec": {**rule["spec"], **({"subsets": subsets} if subsets else {})}}


def _eased(subset: Obj, sides: Sequence[Pods]) -> Obj:
    labels: Pods = subset.get("labels") or {}
    chosen = [labels.items() <= pods.items() for pods in sides]
    if all(chosen) or not any(chosen) or track_of(subset.get("name") or ""):
        return subset
    common = {key: value for key, value in labels.items() if all(pods.get(key) == value for pods in sides)}
    rest = {key: value for key, value in subset.items() if key != "labels"}
    return {**rest, **({"labels": common} if common else {})}


def gateway(name: str, hosts: Sequence[str]) -> Obj:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts)}
    return _object(GATEWAY.api_version, GATEWAY.name, name, {"selector": {"istio": "ingressgateway"}, "servers": [server]})


def _split_rule(rule: Mapping[str, Any], host: Host, traffic: Traffic) -> list[Obj]:
    """One rule of the user's, as: the matching requests to the variant, those with a cookie as it says, the others by weight.

    Where the user sends a part elsewhere (90% here, 10% to a legacy service), only our part is split, in all of them.
    """
    rest = _sent({key: value for key, value in rule.items() if key != "route"}, host, to(STABLE))
    if not rule.get("route"):
        return [rest]
    if not _reaches(rule, host):
        return [{**rest, "route": rule["route"]}]
    asked = traffic.matches if traffic.weight < 100 else ()
    variant = _sent({"route": rule["route"]}, host, to(VARIANT))
    out = [{"name": VARIANT_RULE, **_unnamed(rest), **narrowed, **variant} for narrowed in _narrowed(rule, asked)]
    for match, draw in sticky.known(traffic):
        route = {"route": _drawn(rule["route"], host, draw)}
        out += [{"name": VARIANT_RULE, **_unnamed(rest), **narrowed, **route} for narrowed in _narrowed(rule, [match])]
    last = {**rest, "route": _drawn(rule["route"], host, sticky.drawn(traffic))}
    return [*out, _mirrored(last, rule, host, traffic.mirror)]


def _mirrored(rest: Obj, rule: Mapping[str, Any], host: Host, percent: int) -> Obj:
    """The rule with so much of it copied to the variant, beside what the user has copied. Istio takes `mirror` or `mirrors`; the
    one is older."""
    if not percent:
        return rest
    ours = to(VARIANT)(next(target["destination"] for target in rule["route"] if is_target(target, host)))
    part = {"value": float(percent)}
    if not (rest.get("mirror") or rest.get("mirrors")):
        return {**rest, "mirror": ours, "mirrorPercentage": part}
    theirs = list(rest.get("mirrors") or ())
    if rest.get("mirror"):
        whole = rest.get("mirrorPercent", rest.get("mirror_percent"))
        share = rest.get("mirrorPercentage") or ({"value": float(whole)} if whole is not None else None)
        theirs = [{"destination": rest["mirror"], **({"percentage": share} if share else {})}]
    plain = {key: value for key, value in rest.items() if key not in _ONE_MIRROR}
    return {**plain, "mirrors": [*theirs, {"destination": ours, "percentage": part}]}


_ONE_MIRROR = ("mirror", "mirrorPercentage", "mirrorPercent", "mirror_percent")


def _unnamed(rule: Mapping[str, Any]) -> Obj:
    return {key: value for key, value in rule.items() if key not in ("name", "match")}


def _narrowed(rule: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> list[Obj]:
    """The rule's match and ours: one rule for each rewrite that this takes, none where no request can meet both."""
    rules: list[Obj] = []
    for own in rule.get("match") or [{}]:
        for match in (match for extra in matches if (match := both(own, extra)) is not None):
            rewrite = {"rewrite": moved(rule["rewrite"], own, match)} if rule.get("rewrite") else {}
            known = next((each for each in rules if each.get("rewrite", {}) == rewrite.get("rewrite", {})), None)
            if known is None:
                rules.append({"match": [match], **rewrite})
            elif match not in known["match"]:
                known["match"].append(match)
    return rules


def _drawn(targets: Sequence[Mapping[str, Any]], host: Host, draw: Draw) -> list[Obj]:
    shares: list[tuple[Obj, int]] = []
    for target in targets:
        whole = _weight(target, targets)
        if not is_target(target, host):
            shares.append(({**target}, whole * (draw.first + draw.second)))
            continue
        for track, share, cookie in ((STABLE, draw.first, draw.cookies[0]), (VARIANT, draw.second, draw.cookies[1])):
            if share:
                sent = {**target, "destination": to(track)(target["destination"])}
                shares.append((_with_cookie(sent, cookie), whole * share))
    return _with_weights(shares)


def _with_cookie(target: Obj, cookie: str) -> Obj:
    """The target, whose answers set a cookie beside what they set anyway. Raises Undecided."""
    if not cookie:
        return target
    headers, response = target.get("headers") or {}, get(target, "headers", "response", default={})
    if any(name.lower() == _SET_COOKIE for key in ("add", "set") for name in response.get(key) or ()):
        raise Undecided(f"{_SET_COOKIE}: what the route adds to answers, and what keeps users on their side")
    added = {**(response.get("add") or {}), _SET_COOKIE: cookie}
    return {**target, "headers": {**headers, "response": {**response, "add": added}}}


_SET_COOKIE = "set-cookie"


def _weight(target: Mapping[str, Any], targets: Sequence[Mapping[str, Any]]) -> int:
    """One target has everything, whatever its weight; of several, one without a weight has nothing."""
    return 100 if len(targets) == 1 else int(target.get("weight") or 0)


def _with_weights(shares: Sequence[tuple[Obj, int]]) -> list[Obj]:
    """Targets with whole weights, out of 100 where that is possible; one target alone needs none."""
    if len(shares) == 1:
        return [{key: value for key, value in shares[0][0].items() if key != "weight"}]
    is_percent = all(share % 100 == 0 for _, share in shares)
    divisor = 100 if is_percent else math.gcd(*(share for _, share in shares))
    return [{**target, "weight": share // divisor} for target, share in shares]


# the way back


def without_parts(obj: Mapping[str, Any], host: Host) -> Obj:
    """A VirtualService or a DestinationRule as it would be without variants: no part, and no rule of ours."""
    if is_a(obj, DESTINATION_RULE):
        kept = [subset for subset in get(obj, "spec", "subsets", default=[]) if not track_of(subset.get("name") or "")]
        spec = {key: value for key, value in obj["spec"].items() if key != "subsets"}
        return {**obj, "spec": {**spec, **({"subsets": kept} if kept else {})}}
    joined: Obj = {}
    for kind in ("http", "tls", "tcp"):
        rules = [rule for rule in obj["spec"].get(kind) or () if rule.get("name") != VARIANT_RULE]
        if rules:
            joined[kind] = [_joined_rule(rule, host) for rule in rules]
    return {**obj, "spec": {**obj["spec"], **joined}}


def unmirrored(vs: Mapping[str, Any], host: Host) -> Obj:
    """A live VirtualService without copies to the variant."""
    rules = [_unmirrored(rule, host) for rule in vs["spec"].get("http") or ()]
    return {**vs, "spec": {**vs["spec"], **({"http": rules} if rules else {})}}


def _unmirrored(rule: Mapping[str, Any], host: Host) -> Obj:
    if _is_variant(rule.get("mirror"), host):
        return {key: value for key, value in rule.items() if key not in _ONE_MIRROR}
    theirs = [each for each in rule.get("mirrors") or () if not _is_variant(each.get("destination"), host)]
    rest = {key: value for key, value in rule.items() if key != "mirrors"}
    return rest | ({"mirrors": theirs} if theirs else {})


def _is_variant(destination: Mapping[str, Any] | None, host: Host) -> bool:
    is_ours = is_host(get(destination, "host", default=""), host)
    return is_ours and track_of(get(destination, "subset", default="")) == VARIANT


def _joined_rule(rule: Mapping[str, Any], host: Host) -> Obj:
    plain = _sent(_unmirrored(rule, host), host, whole)
    return {**plain, "route": _joined(rule["route"], host)} if _reaches(rule, host) else plain


def _joined(targets: Sequence[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The targets with our parts' shares added up again."""
    shares: list[tuple[Obj, int]] = []
    for target in targets:
        plain = {**target, "destination": whole(target["destination"])} if is_target(target, host) else {**target}
        plain = _without_cookie(plain)
        plain.pop("weight", None)
        share = _weight(target, targets) * 100
        known = next((place for place, (other, _) in enumerate(shares) if other == plain), None)
        if known is None:
            shares.append((plain, share))
        else:
            shares[known] = (plain, shares[known][1] + share)
    total = sum(share for _, share in shares)
    if total and all(share * 10_000 % total == 0 for _, share in shares):
        shares = [(target, share * 10_000 // total) for target, share in shares]
    return _with_weights(shares)


def _without_cookie(target: Obj) -> Obj:
    """A live target without what `_with_cookie` has written into it."""
    added = get(target, "headers", "response", "add", default={})
    if not sticky.is_ours(str(added.get(_SET_COOKIE, ""))):
        return target
    response = {**target["headers"]["response"], "add": {key: value for key, value in added.items() if key != _SET_COOKIE}}
    sides = {**target["headers"], "response": {key: value for key, value in response.items() if value}}
    headers = {key: value for key, value in sides.items() if value}
    rest = {key: value for key, value in target.items() if key != "headers"}
    return rest | ({"headers": headers} if headers else {})


def widened(rule: Mapping[str, Any], live: Mapping[str, Any] | None) -> Obj:
    """A DestinationRule with the subsets that the live one has besides: live routes may name them still."""
    subsets = list(get(rule, "spec", "subsets", default=[]))
    names = {subset.get("name") for subset in subsets}
    subsets += [subset for subset in get(live, "spec", "subsets", default=[]) if subset.get("name") not in names]
    return {**rule, "spec": {**rule["spec"], **({"subsets": subsets} if subsets else {})}}


# what is live


def variant_weight(vs: Mapping[str, Any] | None, host: Host) -> int:
    """The share of the host's requests that match nothing which a live VirtualService sends to the variant, in percent."""
    for rule in reversed(get(vs, "spec", "http", default=[])):
        if _reaches(rule, host):
            ours = [
                (target["destination"], _weight(target, rule["route"])) for target in rule["route"] if is_target(target, host)
            ]
            variant = sum(weight for destination, weight in ours if track_of(destination.get("subset", "")) == VARIANT)
            return round(100 * variant / (sum(weight for _, weight in ours) or 1))
    return 0


def uses_parts(vs: Mapping[str, Any] | None, host: Host) -> bool:
    return any(track_of(subset) for subset in subsets_named(vs or {}, host))


def has_parts(rule: Mapping[str, Any]) -> bool:
    return any(track_of(subset.get("name") or "") for subset in get(rule, "spec", "subsets", default=[]))


def subsets_named(vs: Mapping[str, Any], host: Host) -> list[str]:
    """The subsets of the host that its routes and mirrors name."""
    found = (each.get("subset") for rule in _rules(vs) for each in _destinations(rule) if is_host(each.get("host", ""), host))
    return list(dict.fromkeys(filter(None, found)))


def routes_of(objects: Iterable[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The VirtualServices that send anything to the host."""
    return [dict(obj) for obj in objects if is_a(obj, VIRTUAL_SERVICE) and any(_sends(rule, host) for rule in _rules(obj))]


def splits_http(vs: Mapping[str, Any], host: Host) -> bool:
    """Whether it has HTTP routes to the host, by which requests can be told apart."""
    return any(_reaches(rule, host) for rule in get(vs, "spec", "http", default=[]))


def rules_of(objects: Iterable[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The DestinationRules of the host."""
    return [dict(obj) for obj in objects if is_a(obj, DESTINATION_RULE) and is_host(get(obj, "spec", "host", default=""), host)]


# inside


def _sent(rule: Mapping[str, Any], host: Host, bind: Callable[[Mapping[str, Any]], Obj]) -> Obj:
    """The rule with each of its destinations that is the host bound anew: targets and mirrors."""
    out = dict(rule)
    for key in ("route", "mirrors"):
        if rule.get(key):
            out[key] = [
                {**target, "destination": bind(target["destination"])} if is_target(target, host) else target
                for target in rule[key]
            ]
    if is_host(get(rule, "mirror", "host", default=""), host):
        out["mirror"] = bind(rule["mirror"])
    return out


def _rules(vs: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("http", "tls", "tcp"):
        yield from _mappings(get(vs, "spec", kind))


def _mappings(items: Any) -> list[Mapping[str, Any]]:
    """Those of a list; what is of another shape is the API server's to refuse."""
    return [item for item in items if isinstance(item, Mapping)] if isinstance(items, list | tuple) else []


def _destinations(rule: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    targets = (target.get("destination") for key in ("route", "mirrors") for target in _mappings(rule.get(key)))
    yield from _mappings([*targets, rule.get("mirror")])


def _sends(rule: Mapping[str, Any], host: Host) -> bool:
    return any(is_host(destination.get("host", ""), host) for destination in _destinations(rule))


def _reaches(rule: Mapping[str, Any], host: Host) -> bool:
    return any(is_target(target, host) for target in _mappings(rule.get("route")))


def _object(api_version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
