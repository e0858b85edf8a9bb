"""What the API server refuses in Services, in its own words."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..objects import Obj, get
from . import checks
from .checks import Problems

_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def service(obj: Obj) -> Problems:
    spec = obj["spec"]
    kind = spec.get("type")
    is_headless = spec.get("clusterIP") == "None"
    if not spec.get("ports") and not is_headless and kind != "ExternalName":
        yield checks.required("spec.ports")
    if kind == "ExternalName":
        yield from _external_name(spec)
    elif kind in ("LoadBalancer", "NodePort") and is_headless:
        yield checks.invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")
    names: set[str] = set()
    for place, port in enumerate(spec.get("ports") or ()):
        yield from _service_port(f"spec.ports[{place}]", port, names, needs_name=len(spec["ports"]) > 1)
    yield from checks.labels("spec.selector", spec.get("selector"))
    affinity = spec.get("sessionAffinity")
    if affinity not in ("ClientIP", "None"):
        yield checks.unsupported("spec.sessionAffinity", affinity, ("ClientIP", "None"))
    yield from _session(spec)
    yield from _addresses(spec)
    if kind not in _SERVICE_TYPES:
        yield checks.unsupported("spec.type", kind, _SERVICE_TYPES)
    yield from _node_ports(spec)
    yield from _unique_ports(spec)
    yield from _balancer(spec)
    yield from _policies(spec)


def _external_name(spec: Obj) -> Problems:
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(name) or (name == "clusterIPs" and spec.get("clusterIP")):
            yield checks.forbidden(f"spec.{name}", "may not be set for ExternalName services")
    name = spec.get("externalName", "").removesuffix(".")
    if not name:
        yield checks.required("spec.externalName")
    else:
        yield from checks.by_rule("spec.externalName", name, checks.subdomain_name)


def _service_port(field: str, port: Obj, names: set[str], *, needs_name: bool) -> Problems:
    name = port.get("name", "")
    if needs_name and not name:
        yield checks.required(f"{field}.name")
    elif name:
        yield from checks.by_rule(f"{field}.name", name, checks.label_name)
        if name in names:
            yield checks.duplicate(f"{field}.name", name)
        names.add(name)
    yield from checks.port_number(f"{field}.port", port.get("port", 0))
    if not port.get("protocol"):
        yield checks.required(f"{field}.protocol")
    elif port["protocol"] not in ("SCTP", "TCP", "UDP"):
        yield checks.unsupported(f"{field}.protocol", port["protocol"], ("SCTP", "TCP", "UDP"))
    yield from checks.port_or_name(f"{field}.targetPort", port.get("targetPort", 0))
    if application := port.get("appProtocol"):
        yield from checks.by_rule(f"{field}.appProtocol", application, checks.qualified_name)


def _session(spec: Obj) -> Problems:
    field, config = "spec.sessionAffinityConfig", spec.get("sessionAffinityConfig")
    seconds = get(config, "clientIP", "timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and seconds is not None and not 0 < seconds <= 86400:
        yield checks.invalid(f"{field}.clientIP.timeoutSeconds", seconds, "must be greater than 0 and less than 86400")
    elif spec.get("sessionAffinity") == "None" and config is not None:
        yield checks.forbidden(field, "must not be set when session affinity is None")


_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _addresses(spec: Obj) -> Problems:
    for name, supported in (("ipFamilies", ("IPv4", "IPv6")), ("ipFamilyPolicy", _FAMILY_POLICIES)):
        values = spec.get(name) or []
        for place, value in enumerate([values] if isinstance(values, str) else values):
            if value not in supported:
                where = name if isinstance(values, str) else f"{name}[{place}]"
                yield checks.unsupported(f"spec.{where}", value, supported)
    for place, text in enumerate(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ())):
        if text != "None" and not checks.is_address(text):
            yield checks.invalid(f"spec.clusterIPs[{place}]", text, _NO_ADDRESS)
    for place, text in enumerate(spec.get("externalIPs") or ()):
        if not checks.is_address(text):
            yield checks.invalid(f"spec.externalIPs[{place}]", text, _NO_ADDRESS)


def _node_ports(spec: Obj) -> Problems:
    ports = [port for port in enumerate(spec.get("ports") or ()) if port[1].get("nodePort")]
    for place, _ in ports if spec.get("type") == "ClusterIP" else ():
        yield checks.forbidden(f"spec.ports[{place}].nodePort", "may not be used when `type` is 'ClusterIP'")
    seen: set[tuple[Any, ...]] = set()
    for place, port in ports:
        key = (port["nodePort"], port.get("protocol"))
        if key in seen:
            yield checks.duplicate(f"spec.ports[{place}].nodePort", port["nodePort"])
        seen.add(key)


def _unique_ports(spec: Obj) -> Problems:
    seen: set[tuple[Any, ...]] = set()
    for place, port in enumerate(spec.get("ports") or ()):
        key = {"Protocol": port.get("protocol", ""), "AppProtocol": None, "Port": port.get("port", 0)}
        if tuple(key.values()) in seen:
            yield checks.duplicate(f"spec.ports[{place}]", {"Name": ""} | key | {"TargetPort": 0, "NodePort": 0})
        seen.add(tuple(key.values()))


def _balancer(spec: Obj) -> Problems:
    """What only a LoadBalancer may have."""
    is_balancer, why = spec.get("type") == "LoadBalancer", "may only be used when `type` is 'LoadBalancer'"
    if ranges := spec.get("loadBalancerSourceRanges"):
        field = "spec.LoadBalancerSourceRanges"  # capital as in the server's own message
        if not is_balancer:
            yield checks.forbidden(field, why)
        for place, text in enumerate(ranges):
            if not _is_network(text.strip()):
                yield checks.invalid(f"{field}[{place}]", text.strip(), _NO_NETWORK)
    if spec.get("allocateLoadBalancerNodePorts") is not None and not is_balancer:
        yield checks.forbidden("spec.allocateLoadBalancerNodePorts", why)
    if (class_ := spec.get("loadBalancerClass")) is not None:
        if is_balancer:
            yield from checks.by_rule("spec.loadBalancerClass", class_, checks.qualified_name)
        else:
            yield checks.forbidden("spec.loadBalancerClass", why)


_NO_NETWORK = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_interface(text)
    except ValueError:
        return False
    return "/" in text


def _policies(spec: Obj) -> Problems:
    reachable = ("Cluster", "Local")
    external, is_balancer = spec.get("externalTrafficPolicy"), spec.get("type") == "LoadBalancer"
    is_external = is_balancer or spec.get("type") == "NodePort" or (spec.get("type") == "ClusterIP" and spec.get("externalIPs"))
    if external and not is_external:
        yield checks.invalid("spec.externalTrafficPolicy", external, "may only be set for externally-accessible services")
    elif external and external not in reachable:
        yield checks.unsupported("spec.externalTrafficPolicy", external, reachable)
    if (port := spec.get("healthCheckNodePort")) and not (is_balancer and external == "Local"):
        why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
        yield checks.invalid("spec.healthCheckNodePort", port, why)
    if (internal := spec.get("internalTrafficPolicy")) and internal not in reachable:
        yield checks.unsupported("spec.internalTrafficPolicy", internal, reachable)
    near = ("PreferClose", "PreferSameZone", "PreferSameNode")
    if (distribution := spec.get("trafficDistribution")) is not None and distribution not in near:
        yield checks.unsupported("spec.trafficDistribution", distribution, near)


def service_update(obj: Obj, before: Obj) -> Problems:
    spec, was = obj["spec"], before["spec"]
    if was.get("type") != "ExternalName" and spec.get("type") != "ExternalName":
        old, new = was.get("clusterIPs") or [], spec.get("clusterIPs") or []
        if old and new != old:
            yield checks.invalid("spec.clusterIPs[0]", new, "may not change once set")
