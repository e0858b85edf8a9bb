"""The cluster IPs and node ports of Services: given out on create, kept over updates, dropped with the type that needs them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from random import Random

from ..kube.objects import Obj, get

SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
NODE_PORTS = range(30000, 32768)


def allocate(service: Obj, others: Iterable[Obj], random: Random) -> None:
    """Gives a Service its cluster IPs and node ports, in place; what it has it keeps."""
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        for name in ("clusterIPs", "clusterIP", "ipFamilies", "ipFamilyPolicy"):
            spec.pop(name, None)
        return
    taken = list(others)
    if not spec.get("clusterIP"):
        spec["clusterIP"] = (spec.get("clusterIPs") or [_free_address(taken, random)])[0]
    spec["clusterIPs"] = [spec["clusterIP"]]
    is_selectorless = spec["clusterIP"] == "None" and not spec.get("selector")
    spec.setdefault("ipFamilies", ["IPv4", "IPv6"] if is_selectorless else ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if is_selectorless else "SingleStack")
    wants_ports = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    for port in spec.get("ports") or [] if wants_ports else ():
        if not port.get("nodePort"):
            port["nodePort"] = _free_port([*taken, service], random)


def _free_address(taken: Iterable[Obj], random: Random) -> str:
    used = {get(other, "spec", "clusterIP") for other in taken}
    while True:
        address = str(SERVICE_NETWORK[random.randrange(16, SERVICE_NETWORK.num_addresses - 1)])
        if address not in used:
            return address


def _free_port(taken: Iterable[Obj], random: Random) -> int:
    used = {port.get("nodePort") for other in taken for port in get(other, "spec", "ports", default=[])}
    while (port := random.choice(NODE_PORTS)) in used:
        pass
    return port


def keep(obj: Obj, live: Obj) -> None:
    """A Service that is replaced without its addresses keeps them."""
    spec, was = obj["spec"], live["spec"]
    _drop_unfitting(spec, was)
    if spec.get("type") == "ExternalName" or was.get("type") == "ExternalName":
        return
    if spec.get("clusterIP") and spec["clusterIP"] != was.get("clusterIP") and spec.get("clusterIPs") == was.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]  # the old field alone was changed: the new one follows
    for name in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if not spec.get(name) and was.get(name):
            spec[name] = was[name]
    old_ports = {(port["port"], port.get("protocol")): port.get("nodePort") for port in was.get("ports") or ()}
    for port in spec.get("ports") or () if spec.get("type") != "ClusterIP" else ():
        if not port.get("nodePort") and (known := old_ports.get((port["port"], port.get("protocol")))):
            port["nodePort"] = known


def _drop_unfitting(spec: Obj, was: Obj) -> None:
    """What belonged to the former type of a Service goes with it, unless the update itself asks for it."""
    if spec.get("type") == was.get("type"):
        return
    unfitting = []
    if spec.get("type") == "ExternalName":
        unfitting += ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"]
    if spec.get("type") in ("ExternalName", "ClusterIP"):
        unfitting += ["externalTrafficPolicy", "allocateLoadBalancerNodePorts", "healthCheckNodePort"]
        old_ports = [port.get("nodePort") for port in was.get("ports") or ()]
        for port in spec.get("ports") or ():
            if port.get("nodePort") in old_ports:
                port.pop("nodePort", None)
    for name in unfitting:
        if name in spec and spec[name] == was.get(name):
            del spec[name]
