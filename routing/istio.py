"""Istio: a VirtualService sends matching requests, or a share of all, to a subset; a DestinationRule says which pods that is.

While two versions run, each subset of the host has two parts, `<subset>-rollway-stable` and `<subset>-rollway-b`, and so has the
host as a whole; what is bound to a subset is bound to its part. Nothing of the user's is replaced by that: their subsets stay
beside the parts, and a request that a rule of theirs would have taken differs in the part only. The DestinationRule stands before
a VirtualService names its subsets, and goes after it: a route to an undefined subset is answered 503.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..kube.objects import DESTINATION_RULE, GATEWAY, VIRTUAL_SERVICE, Obj, get, is_a
from ..plan.observed import TRACK_LABEL
from .matches import both, moved
from .selector import STABLE
from .traffic import VARIANT, Host, Traffic

VARIANT_RULE = "rollway-variant"
"""The name of the rules for matching requests, by which they are known again."""

LONGEST_SUBSET = 63 - len("-rollway-stable")
"""Of a user's subset, so that its parts have names that Istio takes: DNS labels."""

_PART = re.compile(rf"(?:(?P<own>.+)-)?rollway-(?P<track>{STABLE}|{VARIANT})")


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
            bound[kind] = [_sent(rule, host, _to(STABLE)) for rule in vs["spec"][kind]]
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
    """One rule of the user's, as: the matching requests to the variant, then the others by weight.

    Where the user sends a part elsewhere (90% here, 10% to a legacy service), only our part is split, in both.
    """
    rest = _sent({key: value for key, value in rule.items() if key != "route"}, host, _to(STABLE))
    if not rule.get("route"):
        return [rest]
    if not _reaches(rule, host):
        return [{**rest, "route": rule["route"]}]
    asked = traffic.matches if traffic.weight < 100 else ()
    variant = _sent({"route": rule["route"]}, host, _to(VARIANT))
    out = [{"name": VARIANT_RULE, **_unnamed(rest), **narrowed, **variant} for narrowed in _narrowed(rule, asked)]
    return [*out, {**rest, "route": _weighted(rule["route"], host, traffic.weight)}]


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


def _weighted(targets: Sequence[Mapping[str, Any]], host: Host, weight: int) -> list[Obj]:
    shares: list[tuple[Obj, int]] = []
    for target in targets:
        whole = _weight(target, targets)
        if not _is_target(target, host):
            shares.append(({**target}, whole * 100))
            continue
        for track, share in ((STABLE, 100 - weight), (VARIANT, weight)):
            if share:
                shares.append(({**target, "destination": _to(track)(target["destination"])}, whole * share))
    return _with_weights(shares)


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


def _joined_rule(rule: Mapping[str, Any], host: Host) -> Obj:
    plain = _sent(rule, host, _whole)
    return {**plain, "route": _joined(rule["route"], host)} if _reaches(rule, host) else plain


def _joined(targets: Sequence[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The targets with our parts' shares added up again."""
    shares: list[tuple[Obj, int]] = []
    for target in targets:
        plain = {**target, "destination": _whole(target["destination"])} if _is_target(target, host) else {**target}
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
                (target["destination"], _weight(target, rule["route"])) for target in rule["route"] if _is_target(target, host)
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


# names


def part(own: str, track: str) -> str:
    """What one track's part of a subset is called; "" is the host as a whole."""
    return "-".join(filter(None, (own, "rollway", track)))


def track_of(subset: str) -> str:
    """The track that a subset is the part of; empty for one of the user's."""
    found = _PART.fullmatch(subset)
    return found["track"] if found else ""


def is_host(name: str, host: Host, namespace: str = "") -> bool:
    """Whether a name in an object of a namespace (the host's own, where none is given) means the host: Istio's short names, and
    the longer forms of the same Service; another namespace's is another host."""
    name, full = str(name), f"{host.name}.{host.namespace}"
    is_short = name == host.name and namespace in ("", host.namespace)
    return is_short or name in (full, f"{full}.svc") or name.startswith(f"{full}.svc.")


# inside


def _to(track: str) -> Callable[[Mapping[str, Any]], Obj]:
    """Binds a destination to one track's part of its subset."""
    return lambda destination: {**destination, "subset": part(_own(destination.get("subset") or ""), track)}


def _whole(destination: Mapping[str, Any]) -> Obj:
    plain = {key: value for key, value in destination.items() if key != "subset"}
    own = _own(destination.get("subset") or "")
    return {**plain, "subset": own} if own else plain


def _own(subset: str) -> str:
    found = _PART.fullmatch(subset)
    return (found["own"] or "") if found else subset


def _sent(rule: Mapping[str, Any], host: Host, bind: Callable[[Mapping[str, Any]], Obj]) -> Obj:
    """The rule with each of its destinations that is the host bound anew: targets and mirrors."""
    out = dict(rule)
    for key in ("route", "mirrors"):
        if rule.get(key):
            out[key] = [
                {**target, "destination": bind(target["destination"])} if _is_target(target, host) else target
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
    return any(_is_target(target, host) for target in _mappings(rule.get("route")))


def _is_target(target: Mapping[str, Any], host: Host) -> bool:
    return is_host(get(target, "destination", "host", default=""), host)


def _object(api_version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
