"""The cluster IPs and node ports of Services: given out on create, kept over updates, dropped with the type that needs them.

The API says 10.96.x.y. Where pods are processes of this machine, what answers for a Service listens at `loopback_address` of
that, on `loopback_port` of its port.
"""

from __future__ import annotations

import ipaddress
import socket
import zlib
from collections.abc import Iterable
from functools import lru_cache
from random import Random

from ...kube.objects import Obj, get
from ...kube.validation import checks
from ...kube.validation.checks import Problem, Problems, is_address

SERVICE_NETWORK = ipaddress.ip_network("10.96.0.0/16")
NODE_PORTS = range(30000, 32768)
LOOPBACK_SERVICES = ipaddress.ip_network("127.96.0.0/16")
LOOPBACK_GATEWAYS = ipaddress.ip_network("127.97.0.0/16")
PRIVILEGED_PORTS = range(1, 1024)
PRIVILEGED_SHIFT = 8000


def loopback_address(cluster_ip: str) -> str:
    """127.96.x.y for the Service at 10.96.x.y. Empty where there is none: headless, ExternalName, another network."""
    if not is_address(cluster_ip) or (address := ipaddress.ip_address(cluster_ip)) not in SERVICE_NETWORK:
        return ""
    return str(LOOPBACK_SERVICES[int(address) - int(SERVICE_NETWORK.network_address)])


def gateway_address(uid: str) -> str:
    """127.97.x.y for the Gateway of that uid: each has an address of its own, and keeps it."""
    number = zlib.crc32(uid.encode()) % (LOOPBACK_GATEWAYS.num_addresses - 2)
    return str(LOOPBACK_GATEWAYS[number + 1])


def loopback_port(port: int, *, may_listen: bool) -> int:
    """The port itself; a privileged one that this user may not listen on 8000 further up: 80 is 8080."""
    return port + PRIVILEGED_SHIFT if port in PRIVILEGED_PORTS and not may_listen else port


@lru_cache(maxsize=1024)
def may_listen(port: int) -> bool:
    """Whether the system lets this user listen on that port. Asks it, by binding for a moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tried:
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except PermissionError:
            return False
        except OSError:
            return True  # in use, at this address: allowed
    return True


def allocate(service: Obj, others: Iterable[Obj], random: Random) -> None:
    """Gives a Service its cluster IPs and node ports, in place; what it has it keeps. Raises Invalid where it may not."""
    spec, taken = service["spec"], list(others)
    if spec["type"] == "ExternalName":
        return
    _refuse(service, [*_family_problems(spec), *_address_problems(spec, taken)][:1])
    if not spec.get("clusterIP"):
        spec["clusterIP"] = (spec.get("clusterIPs") or [_free_address(taken, random)])[0]
    spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
    is_selectorless = spec["clusterIP"] == "None" and not spec.get("selector")
    spec.setdefault("ipFamilyPolicy", "RequireDualStack" if is_selectorless else "SingleStack")
    if not spec.get("ipFamilies"):
        spec["ipFamilies"] = ["IPv4"]
    if is_selectorless and len(spec["ipFamilies"]) == 1 and spec["ipFamilyPolicy"] != "SingleStack":
        spec["ipFamilies"] = [*spec["ipFamilies"], "IPv6" if spec["ipFamilies"] == ["IPv4"] else "IPv4"]
    _refuse(service, list(_port_problems(spec, taken))[:1])
    wants_ports = spec["type"] == "NodePort" or (
        spec["type"] == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True)
    )
    for port in spec.get("ports") or [] if wants_ports else ():
        if not port.get("nodePort"):
            port["nodePort"] = _free_port([*taken, service], random)


def _refuse(service: Obj, problems: list[Problem]) -> None:
    if problems:
        raise checks.refusal("Service", "", service["metadata"]["name"], problems)


def _family_problems(spec: Obj) -> Problems:
    """This cluster has IPv4 alone; only Services without addresses and selector may ask for more."""
    families, policy = spec.get("ipFamilies") or [], spec.get("ipFamilyPolicy") or "SingleStack"
    is_free = spec.get("clusterIP") == "None" and not spec.get("selector")
    if len(families) == 2 and policy == "SingleStack" and (spec.get("ipFamilyPolicy") or not is_free):
        why = "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified"
        yield checks.invalid("spec.ipFamilyPolicy", policy, why)
    if not is_free and policy == "RequireDualStack":
        yield checks.invalid("spec.ipFamilyPolicy", policy, "this cluster is not configured for dual-stack services")
    for place, family in enumerate(families if not is_free else ()):
        if family == "IPv6":
            yield checks.invalid(f"spec.ipFamilies[{place}]", family, "not configured on this cluster")


def _address_problems(spec: Obj, taken: Iterable[Obj]) -> Problems:
    wanted = spec.get("clusterIPs") or ([spec["clusterIP"]] if spec.get("clusterIP") else [])
    if not wanted or wanted[0] == "None" or not is_address(wanted[0]):
        return  # nothing, or validation's
    why = ""
    if ipaddress.ip_address(wanted[0]) not in SERVICE_NETWORK:
        why = "the provided network does not match the current range"
    elif wanted[0] in {get(other, "spec", "clusterIP") for other in taken}:
        why = "provided IP is already allocated"
    if why:
        yield checks.invalid("spec.clusterIPs", wanted, f"failed to allocate IP {wanted[0]}: {why}")


def _port_problems(spec: Obj, taken: Iterable[Obj]) -> Problems:
    used = {
        (port.get("nodePort"), port.get("protocol"))
        for other in taken
        for port in get(other, "spec", "ports", default=[])
        if port.get("nodePort")
    }
    for place, port in enumerate(spec.get("ports") or () if spec["type"] in ("NodePort", "LoadBalancer") else ()):
        number = port.get("nodePort")
        if number and number not in NODE_PORTS:
            why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            yield checks.invalid(f"spec.ports[{place}].nodePort", number, why)
        elif number and (number, port.get("protocol")) in used:
            yield checks.invalid(f"spec.ports[{place}].nodePort", number, "provided port is already allocated")


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
