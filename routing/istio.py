"""Istio: a VirtualService sends matching requests, or a share of all, to a subset; a DestinationRule says which pods that is.

There is always a default route: without one, a request that matches nothing is answered 404. The DestinationRule stands before a
VirtualService names its subsets, and goes after it: a route to an undefined subset is answered 503.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import DESTINATION_RULE, GATEWAY, VIRTUAL_SERVICE, Obj, get
from ..plan.observed import TRACK_LABEL
from .selector import STABLE

VARIANT = "b"
"""The subset, and the track, of the second variant."""


VARIANT_RULE = "rollway-variant"
"""The name of the rules for matching requests, by which they are known again."""


class Traffic(NamedTuple):
    """`weight` percent of all requests go to the variant; those that match `matches` go there whatever the weight."""

    weight: int
    matches: tuple[Mapping[str, Any], ...] = ()


def destination_rule(name: str, host: str, *, user: Mapping[str, Any] | None = None) -> Obj:
    """The subsets of a host: stable and variant, beside those the user's own rule has."""
    ours = [{"name": track, "labels": {TRACK_LABEL: track}} for track in (STABLE, VARIANT)]
    if user is not None:
        kept = [subset for subset in get(user, "spec", "subsets", default=[]) if subset["name"] not in (STABLE, VARIANT)]
        return {**user, "spec": {**user["spec"], "subsets": kept + ours}}
    return _object(DESTINATION_RULE.api_version, DESTINATION_RULE.name, name, {"host": host, "subsets": ours})


def virtual_service(
    name: str, host: str, traffic: Traffic, *, hosts: Sequence[str], gateway: str | None, user: Mapping[str, Any] | None = None
) -> Obj:
    """The routes of a host. With a user's own VirtualService, each of its routes to the host is split, and the rest kept."""
    if user is not None:
        rules = [rule for own in user["spec"].get("http", []) for rule in _split_rule(own, host, traffic)]
        return {**user, "spec": {**user["spec"], "http": rules}}
    spec: Obj = {"hosts": [host, *(given for given in hosts if given != host)]}
    if gateway:
        spec["gateways"] = ["mesh", gateway]
    spec["http"] = _split_rule({"route": [{"destination": {"host": host}}]}, host, traffic)
    return _object(VIRTUAL_SERVICE.api_version, VIRTUAL_SERVICE.name, name, spec)


def gateway(name: str, hosts: Sequence[str]) -> Obj:
    server = {"port": {"number": 80, "name": "http", "protocol": "HTTP"}, "hosts": list(hosts)}
    return _object(GATEWAY.api_version, GATEWAY.name, name, {"selector": {"istio": "ingressgateway"}, "servers": [server]})


def without_subsets(vs: Mapping[str, Any], host: str) -> Obj:
    """The VirtualService with every route to the host as it would be without variants: one default route, no subset."""
    rules: list[Obj] = []
    for rule in vs["spec"].get("http", []):
        if not _reaches(rule, host):
            rules.append(rule)
            continue
        plain = {**rule, "route": [{"destination": _plain(rule["route"][0]["destination"])}]}
        if rule.get("name") != VARIANT_RULE:
            rules.append(plain)
    return {**vs, "spec": {**vs["spec"], "http": rules}}


def variant_weight(vs: Mapping[str, Any] | None, host: str) -> int:
    """The share of requests that match nothing which a live VirtualService sends to the variant, in percent."""
    for rule in reversed(get(vs, "spec", "http", default=[])):
        if _reaches(rule, host):
            return sum(target.get("weight", 100) for target in rule["route"] if get(target, "destination", "subset") == VARIANT)
    return 0


def uses_subsets(vs: Mapping[str, Any] | None, host: str) -> bool:
    rules = get(vs, "spec", "http", default=[])
    return any(
        get(target, "destination", "subset") in (STABLE, VARIANT)
        for rule in rules
        if _reaches(rule, host)
        for target in rule["route"]
    )


def routes_to(objects: Iterable[Mapping[str, Any]], host: str) -> Obj | None:
    """The user's VirtualService that routes to the host, if there is one."""
    for obj in objects:
        if obj["kind"] == VIRTUAL_SERVICE.name and any(_reaches(rule, host) for rule in get(obj, "spec", "http", default=[])):
            return dict(obj)
    return None


def rule_of(objects: Iterable[Mapping[str, Any]], host: str) -> Obj | None:
    """The user's DestinationRule of the host, if there is one."""
    for obj in objects:
        if obj["kind"] == DESTINATION_RULE.name and _is_host(get(obj, "spec", "host", default=""), host):
            return dict(obj)
    return None


def _split_rule(rule: Mapping[str, Any], host: str, traffic: Traffic) -> list[Obj]:
    """One route of the user's, as: the matching requests to the variant, then the others by weight."""
    if not _reaches(rule, host):
        return [dict(rule)]
    destination = _plain(rule["route"][0]["destination"])
    rest = {key: value for key, value in rule.items() if key not in ("route", "match")}
    out: list[Obj] = []
    if traffic.matches and traffic.weight < 100:
        combined = [_both(own, extra) for own in rule.get("match") or [{}] for extra in traffic.matches]
        out.append(
            {**rest, "name": VARIANT_RULE, "match": combined, "route": [{"destination": {**destination, "subset": VARIANT}}]}
        )
    weighted = {STABLE: 100 - traffic.weight, VARIANT: traffic.weight}
    targets = [{"destination": {**destination, "subset": track}, "weight": share} for track, share in weighted.items() if share]
    if len(targets) == 1:
        del targets[0]["weight"]
    own_match = {"match": rule["match"]} if rule.get("match") else {}
    out.append({**own_match, **rest, "route": targets})
    return out


def _both(own: Mapping[str, Any], extra: Mapping[str, Any]) -> Obj:
    """A match that holds where both hold. Header and query maps are joined; for the rest the more specific, ours, wins."""
    out = copy.deepcopy(dict(own))
    for key, value in extra.items():
        out[key] = {**out[key], **value} if key in out and isinstance(value, Mapping) and key in _MAPS else copy.deepcopy(value)
    return out


_MAPS = ("headers", "queryParams", "withoutHeaders", "sourceLabels")


def _reaches(rule: Mapping[str, Any], host: str) -> bool:
    return any(_is_host(get(target, "destination", "host", default=""), host) for target in rule.get("route") or ())


def _is_host(name: str, host: str) -> bool:
    return name == host or name.startswith(f"{host}.")


def _plain(destination: Mapping[str, Any]) -> Obj:
    return {key: value for key, value in destination.items() if key != "subset"}


def _object(api_version: str, kind: str, name: str, spec: Obj) -> Obj:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
