"""Istio: a VirtualService sends matching requests, or a share of all, to a subset; a DestinationRule says which pods that is.

There is always a default route: without one, a request that matches nothing is answered 404. The DestinationRule stands before a
VirtualService names its subsets, and goes after it: a route to an undefined subset is answered 503.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import DESTINATION_RULE, GATEWAY, VIRTUAL_SERVICE, Obj, get
from ..plan.observed import TRACK_LABEL
from .selector import STABLE

VARIANT = "b"
"""The subset, and the track, of the second variant."""


VARIANT_RULE = "rollway-variant"
"""The name of the rules for matching requests, by which they are known again."""


class Host(NamedTuple):
    """The Service that requests are routed to."""

    name: str
    namespace: str


class Traffic(NamedTuple):
    """`weight` percent of all requests go to the variant; those that match `matches` go there whatever the weight."""

    weight: int
    matches: tuple[Mapping[str, Any], ...] = ()


def destination_rule(name: str, host: Host, *, user: Mapping[str, Any] | None = None) -> Obj:
    """The subsets of a host: stable and variant, beside those the user's own rule has."""
    subsets = [{"name": track, "labels": {TRACK_LABEL: track}} for track in (STABLE, VARIANT)]
    if user is not None:
        kept = [subset for subset in get(user, "spec", "subsets", default=[]) if subset["name"] not in (STABLE, VARIANT)]
        return {**user, "spec": {**user["spec"], "subsets": kept + subsets}}
    return _object(DESTINATION_RULE.api_version, DESTINATION_RULE.name, name, {"host": host.name, "subsets": subsets})


def virtual_service(
    name: str, host: Host, traffic: Traffic, *, hosts: Sequence[str], gateway: str | None, user: Mapping[str, Any] | None = None
) -> Obj:
    """The routes of a host. With a user's own VirtualService, each of its routes to the host is split, and the rest kept."""
    if user is not None:
        rules = [rule for own in user["spec"].get("http", []) for rule in _split_rule(own, host, traffic)]
        return {**user, "spec": {**user["spec"], "http": rules}}
    spec: Obj = {"hosts": [host.name, *(given for given in hosts if given != host.name)]}
    if gateway:
        spec["gateways"] = ["mesh", gateway]
    spec["http"] = _split_rule({"route": [{"destination": {"host": host.name}}]}, host, traffic)
    return _object(VIRTUAL_SERVICE.api_version, VIRTUAL_SERVICE.name, name, spec)


def gateway(name: str, hosts: Sequence[str]) -> Obj:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts)}
    return _object(GATEWAY.api_version, GATEWAY.name, name, {"selector": {"istio": "ingressgateway"}, "servers": [server]})


def without_subsets(vs: Mapping[str, Any], host: Host) -> Obj:
    """The VirtualService with every route to the host as it would be without variants: no subset, and no rule of ours."""
    rules = [
        {**rule, "route": _joined(rule["route"], host)} if _reaches(rule, host) else rule
        for rule in vs["spec"].get("http", [])
        if rule.get("name") != VARIANT_RULE
    ]
    return {**vs, "spec": {**vs["spec"], "http": rules}}


def _joined(targets: Sequence[Mapping[str, Any]], host: Host) -> list[Obj]:
    """The targets with our subsets' shares added up again."""
    shares: list[tuple[Obj, int]] = []
    for target in targets:
        whole = target.get("weight", 100 if len(targets) == 1 else 0) * 100
        plain = {**target, "destination": _plain(target["destination"])} if _is_target(target, host) else {**target}
        plain.pop("weight", None)
        known = next((place for place, (other, _) in enumerate(shares) if other == plain), None)
        if known is None:
            shares.append((plain, whole))
        else:
            shares[known] = (plain, shares[known][1] + whole)
    total = sum(share for _, share in shares)
    if total and all(share * 10_000 % total == 0 for _, share in shares):
        shares = [(target, share * 10_000 // total) for target, share in shares]
    return _with_weights(shares)


def variant_weight(vs: Mapping[str, Any] | None, host: Host) -> int:
    """The share of requests that match nothing which a live VirtualService sends to the variant, in percent."""
    for rule in reversed(get(vs, "spec", "http", default=[])):
        if _reaches(rule, host):
            return sum(target.get("weight", 100) for target in rule["route"] if get(target, "destination", "subset") == VARIANT)
    return 0


def uses_subsets(vs: Mapping[str, Any] | None, host: Host) -> bool:
    rules = get(vs, "spec", "http", default=[])
    return any(
        get(target, "destination", "subset") in (STABLE, VARIANT)
        for rule in rules
        if _reaches(rule, host)
        for target in rule["route"]
    )


def routes_to(objects: Iterable[Mapping[str, Any]], host: Host) -> Obj | None:
    """The user's VirtualService that routes to the host, if there is one."""
    for obj in objects:
        if obj["kind"] == VIRTUAL_SERVICE.name and any(_reaches(rule, host) for rule in get(obj, "spec", "http", default=[])):
            return dict(obj)
    return None


def rule_of(objects: Iterable[Mapping[str, Any]], host: Host) -> Obj | None:
    """The user's DestinationRule of the host, if there is one."""
    for obj in objects:
        if obj["kind"] == DESTINATION_RULE.name and is_host(get(obj, "spec", "host", default=""), host):
            return dict(obj)
    return None


def _split_rule(rule: Mapping[str, Any], host: Host, traffic: Traffic) -> list[Obj]:
    """One route of the user's, as: the matching requests to the variant, then the others by weight.

    Where the user sends a part elsewhere (90% here, 10% to a legacy service), only our part is split.
    """
    if not _reaches(rule, host):
        return [dict(rule)]
    rest = {key: value for key, value in rule.items() if key not in ("route", "match")}
    out: list[Obj] = []
    if traffic.matches and traffic.weight < 100:
        combined = [_both(own, extra) for own in rule.get("match") or [{}] for extra in traffic.matches]
        ours = next(target for target in rule["route"] if _is_target(target, host))
        variant = {"destination": {**_plain(ours["destination"]), "subset": VARIANT}}
        out.append({**rest, "name": VARIANT_RULE, "match": combined, "route": [variant]})
    own_match = {"match": rule["match"]} if rule.get("match") else {}
    out.append({**own_match, **rest, "route": _weighted(rule["route"], host, traffic.weight)})
    return out


def _weighted(targets: Sequence[Mapping[str, Any]], host: Host, weight: int) -> list[Obj]:
    shares: list[tuple[Obj, int]] = []
    for target in targets:
        whole = target.get("weight", 100 if len(targets) == 1 else 0)
        if not _is_target(target, host):
            shares.append(({**target}, whole * 100))
            continue
        for track, part in ((STABLE, 100 - weight), (VARIANT, weight)):
            if part:
                shares.append(({**target, "destination": {**_plain(target["destination"]), "subset": track}}, whole * part))
    return _with_weights(shares)


def _with_weights(shares: Sequence[tuple[Obj, int]]) -> list[Obj]:
    """Targets with whole weights, out of 100 where that is possible; one target alone needs none."""
    if len(shares) == 1:
        return [{key: value for key, value in shares[0][0].items() if key != "weight"}]
    is_percent = all(share % 100 == 0 for _, share in shares)
    divisor = 100 if is_percent else math.gcd(*(share for _, share in shares))
    return [{**target, "weight": share // divisor} for target, share in shares]


def _both(own: Mapping[str, Any], extra: Mapping[str, Any]) -> Obj:
    """A match that holds where both hold. Header and query maps are joined; for the rest the more specific, ours, wins."""
    out = copy.deepcopy(dict(own))
    for key, value in extra.items():
        out[key] = {**out[key], **value} if key in out and isinstance(value, Mapping) and key in _MAPS else copy.deepcopy(value)
    return out


_MAPS = ("headers", "queryParams", "withoutHeaders", "sourceLabels")


def _reaches(rule: Mapping[str, Any], host: Host) -> bool:
    return any(_is_target(target, host) for target in rule.get("route") or ())


def _is_target(target: Mapping[str, Any], host: Host) -> bool:
    return is_host(get(target, "destination", "host", default=""), host)


def is_host(name: str, host: Host) -> bool:
    """Istio's short names, and the longer forms of the same Service; another namespace's is another host."""
    full = f"{host.name}.{host.namespace}"
    return name in (host.name, full, f"{full}.svc", f"{full}.svc.cluster.local")


def _plain(destination: Mapping[str, Any]) -> Obj:
    return {key: value for key, value in destination.items() if key != "subset"}


def _object(api_version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
