"""What the API server refuses in Services, in its own words."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..kube.objects import Obj, get
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
    yield from _unique_ports(spec)
    yield from _policies(spec)


def _external_name(spec: Obj) -> Problems:
    if spec.get("clusterIP"):
        yield checks.forbidden("spec.clusterIPs[0]", "may not be set for ExternalName services")
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
    seconds = get(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds")
    if spec.get("sessionAffinity") == "ClientIP" and seconds is not None and not 0 < seconds <= 86400:
        field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds"
        yield checks.invalid(field, seconds, "must be greater than 0 and less than 86400")


_NO_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def _addresses(spec: Obj) -> Problems:
    for place, text in enumerate(spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else ())):
        if text != "None" and not _is_address(text):
            yield checks.invalid(f"spec.clusterIPs[{place}]", text, _NO_ADDRESS)
    for place, text in enumerate(spec.get("externalIPs") or ()):
        if not _is_address(text):
            yield checks.invalid(f"spec.externalIPs[{place}]", text, _NO_ADDRESS)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _unique_ports(spec: Obj) -> Problems:
    seen: set[tuple[Any, ...]] = set()
    node_ports: set[tuple[Any, ...]] = set()
    for place, port in enumerate(spec.get("ports") or ()):
        key = (port.get("port"), port.get("protocol"))
        if key in seen:
            internal = {
                "Name": "",
                "Protocol": port.get("protocol", ""),
                "AppProtocol": None,
                "Port": port.get("port", 0),
                "TargetPort": 0,
                "NodePort": 0,
            }
            yield checks.duplicate(f"spec.ports[{place}]", internal)
        seen.add(key)
        if node_port := port.get("nodePort"):
            if spec.get("type") == "ClusterIP":
                yield checks.forbidden(f"spec.ports[{place}].nodePort", "may not be used when `type` is 'ClusterIP'")
            if (node_port, port.get("protocol")) in node_ports:
                yield checks.duplicate(f"spec.ports[{place}].nodePort", node_port)
            node_ports.add((node_port, port.get("protocol")))


def _policies(spec: Obj) -> Problems:
    for name, supported in (("externalTrafficPolicy", ("Cluster", "Local")), ("internalTrafficPolicy", ("Cluster", "Local"))):
        value = spec.get(name)
        if name == "externalTrafficPolicy" and value and spec.get("type") not in ("NodePort", "LoadBalancer"):
            yield checks.invalid(f"spec.{name}", value, "may only be set for externally-accessible services")
        elif value and value not in supported:
            yield checks.unsupported(f"spec.{name}", value, supported)


def service_update(obj: Obj, before: Obj) -> Problems:
    spec, was = obj["spec"], before["spec"]
    if was.get("type") != "ExternalName" and spec.get("type") != "ExternalName":
        old, new = was.get("clusterIPs") or [], spec.get("clusterIPs") or []
        if old and new != old:
            yield checks.invalid("spec.clusterIPs[0]", new, "may not change once set")
