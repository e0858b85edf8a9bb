"""Istio's VirtualServices at the gateways and in the mesh: which routes hold where. One route is `istio_route`'s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...kube.objects import Obj, get
from ..controllers.attachment import intersection
from . import istio_route
from .endpoints import Place
from .istio_route import Called, Rules
from .model import Host, Problem, Route
from .services import Clusters, Port

MESH = "mesh"
DOMAIN = "cluster.local"
_HTTP = ("HTTP", "HTTP2", "GRPC", "GRPC-WEB")


class Server(NamedTuple):
    """What a gateway lets in: a host (`*`, `*.example.com`), only for VirtualServices of `namespace` (empty: all)."""

    host: str
    namespace: str
    port: int


@dataclass
class Translated:
    """`hosts` at the gateways; `mesh`: the routes of a Service's port for who calls it from inside."""

    hosts: list[Host] = field(default_factory=list)
    mesh: dict[tuple[Place, int], tuple[Route, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def translate(
    virtual_services: Iterable[Obj],
    gateways: Iterable[Obj],
    destination_rules: Iterable[Obj],
    ports: Mapping[Place, Sequence[Port]],
    clusters: Clusters,
) -> Translated:
    """Objects in the order of their creation: of two that claim the same, the older has it."""
    out = Translated()
    rules = Rules.of(destination_rules, ports)
    out.problems += rules.problems
    servers = {}
    for gateway in gateways:
        meta = gateway["metadata"]
        servers[(meta["namespace"], meta["name"])], problems = _servers(gateway)
        out.problems += problems
    at_gateways: dict[str, list[Route]] = {}
    for each in virtual_services:
        _translate_one(each, servers, ports, rules, clusters, out, at_gateways)
    out.hosts = [Host((domain,), tuple(routes)) for domain, routes in at_gateways.items()]
    return out


def _translate_one(
    obj: Obj,
    servers: Mapping[Place, Sequence[Server]],
    ports: Mapping[Place, Sequence[Port]],
    rules: Rules,
    clusters: Clusters,
    out: Translated,
    at_gateways: dict[str, list[Route]],
) -> None:
    namespace, spec = obj["metadata"]["namespace"], obj.get("spec") or {}
    out.problems += istio_route.unserved(obj)
    if not spec.get("http"):
        return
    for gateway in spec.get("gateways") or [MESH]:
        if gateway == MESH:
            _into_mesh(obj, ports, rules, clusters, out)
            continue
        place = _place(gateway, namespace)
        if place not in servers:
            out.problems.append(istio_route.problem(obj, f"Gateway {gateway} is not there"))
            continue
        domains = _domains(spec.get("hosts") or (), servers[place], namespace, ports)
        if not domains and servers[place]:
            out.problems.append(istio_route.problem(obj, f"none of its hosts is let in by Gateway {gateway}"))
        for domain, port in domains.items():
            routes, problems = istio_route.routes(obj, Called(gateway, place, port), ports, rules, clusters)
            out.problems += problems
            at_gateways.setdefault(domain, []).extend(routes)


def _into_mesh(obj: Obj, ports: Mapping[Place, Sequence[Port]], rules: Rules, clusters: Clusters, out: Translated) -> None:
    namespace = obj["metadata"]["namespace"]
    for host in get(obj, "spec", "hosts", default=()):
        service = istio_route.service_of(host, namespace, ports)
        for port in ports.get(service, ()) if service else ():
            if not port.is_http or not port.address:
                continue
            if (port.service, port.number) in out.mesh:
                message = f"host {host}: an older VirtualService has it, for calls from inside"
                out.problems.append(istio_route.problem(obj, message))
                continue
            routes, problems = istio_route.routes(obj, Called(MESH, None, port.number), ports, rules, clusters)
            out.problems += problems
            out.mesh[(port.service, port.number)] = tuple(routes)


def _servers(gateway: Obj) -> tuple[list[Server], list[Problem]]:
    meta, found, problems = gateway["metadata"], list[Server](), list[Problem]()
    for number, server in enumerate(get(gateway, "spec", "servers", default=())):
        protocol, at = get(server, "port", "protocol", default=""), f"spec.servers[{number}]"
        if protocol.upper() not in _HTTP:
            message = f"{at}: {protocol or 'no protocol'} is not served, only HTTP is"
            problems.append(Problem("Gateway", meta["namespace"], meta["name"], message))
            continue
        if get(server, "tls", "httpsRedirect"):
            message = f"{at}.tls.httpsRedirect is not followed: there is no TLS"
            problems.append(Problem("Gateway", meta["namespace"], meta["name"], message))
        for host in server.get("hosts") or ():
            space, slash, name = host.partition("/")
            namespace = {"*": "", ".": meta["namespace"]}.get(space, space) if slash else ""
            found.append(Server(name if slash else host, namespace, get(server, "port", "number", default=80)))
    return found, problems


def _domains(
    hosts: Sequence[str], servers: Sequence[Server], namespace: str, ports: Mapping[Place, Sequence[Port]]
) -> dict[str, int]:
    """The domains that both the VirtualService and the gateway name, each with the gateway's port."""
    found: dict[str, int] = {}
    for host in hosts:
        service = istio_route.service_of(host, namespace, ports)
        names = list(dict.fromkeys([host, *_names(service)])) if service else [host]
        for server in servers:
            if server.namespace in ("", namespace):
                for name in names:
                    if both := intersection(name, server.host):
                        found.setdefault(both, server.port)
    return found


def _names(service: Place) -> list[str]:
    namespace, name = service
    return [f"{name}.{namespace}", f"{name}.{namespace}.svc", f"{name}.{namespace}.svc.{DOMAIN}"]


def _place(name: str, namespace: str) -> Place:
    space, slash, rest = name.partition("/")
    return (space, rest) if slash else (namespace, name)
