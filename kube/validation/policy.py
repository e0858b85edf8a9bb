"""What the API server refuses in the objects that say how others may be used: budgets, network policies."""

from __future__ import annotations

import ipaddress
import re

from ..objects import Obj
from . import checks
from .checks import Problems


def budget(obj: Obj) -> Problems:
    spec = obj["spec"]
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        internal = {
            "MinAvailable": least,
            "Selector": spec.get("selector"),
            "MaxUnavailable": most,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        yield checks.invalid("spec", internal, "minAvailable and maxUnavailable cannot be both set")
    for name, value in (("minAvailable", least), ("maxUnavailable", most)):
        if value is not None:
            yield from checks.count_or_percent(f"spec.{name}", value)
            if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
                yield checks.invalid(f"spec.{name}", value, "must not be greater than 100%")
    yield from checks.label_selector("spec.selector", spec.get("selector"))
    policy, known = spec.get("unhealthyPodEvictionPolicy"), ("AlwaysAllow", "IfHealthyBudget")
    if policy is not None and policy not in known:
        yield checks.unsupported("spec.unhealthyPodEvictionPolicy", policy, known)


PROTOCOLS = ("SCTP", "TCP", "UDP")
DIRECTIONS = ("Egress", "Ingress")


def network_policy(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.label_selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for place, rule in enumerate(spec.get(direction) or ()):
            here = f"spec.{direction}[{place}]"
            for number, port in enumerate(rule.get("ports") or ()):
                yield from _network_port(f"{here}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers) or ()):
                yield from _peer(f"{here}.{peers}[{number}]", peer)
    types = spec.get("policyTypes") or ()
    if len(types) > len(DIRECTIONS):
        yield checks.invalid("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for number, each in enumerate(types):
        if each not in DIRECTIONS:
            yield checks.unsupported(f"spec.policyTypes[{number}]", each, DIRECTIONS)


def _network_port(field: str, port: Obj) -> Problems:
    protocol, wanted, last = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in PROTOCOLS:
        yield checks.unsupported(f"{field}.protocol", protocol, PROTOCOLS)
    if wanted is not None:
        yield from checks.port_or_name(f"{field}.port", wanted)
    if last is None:
        return
    if wanted is None:
        yield checks.invalid(f"{field}.endPort", last, "may not be specified when `port` is not specified")
    elif isinstance(wanted, str):
        yield checks.invalid(f"{field}.endPort", last, "may not be specified when `port` is non-numeric")
    else:
        if last < wanted:
            yield checks.invalid(f"{field}.endPort", wanted, "must be greater than or equal to `port`")
        yield from checks.port_number(f"{field}.endPort", last)


def _peer(field: str, peer: Obj) -> Problems:
    block = peer.get("ipBlock")
    named = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in named:
        yield from checks.label_selector(f"{field}.{name}", peer[name])
    if block is not None:
        yield from _block(f"{field}.ipBlock", block)
    if block is None and not named:
        yield checks.required(field, "must specify a peer")
    elif block is not None and named:
        yield checks.forbidden(field, "may not specify both ipBlock and another peer")


def _block(field: str, block: Obj) -> Problems:
    cidr = block.get("cidr", "")
    if not cidr:
        yield checks.required(f"{field}.cidr")
        return
    outer = _network(cidr)
    if outer is None:
        yield checks.invalid(f"{field}.cidr", cidr, NO_CIDR)
    for number, text in enumerate(block.get("except") or ()):
        inner = _network(text)
        if inner is None:
            yield checks.invalid(f"{field}.except[{number}]", text, NO_CIDR)
        elif outer is not None and not _is_within(inner, outer):
            yield checks.invalid(f"{field}.except[{number}]", text, "must be a strict subset of `cidr`")


NO_CIDR = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _network(text: str) -> Network | None:
    if "/" not in text:
        return None
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner.prefixlen > outer.prefixlen and inner.network_address in outer
