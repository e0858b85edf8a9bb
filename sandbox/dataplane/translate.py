"""From live objects to what the proxy is to do. Pure; endpoints are not part of it (`endpoints.View` has them)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ...kube.objects import Obj
from ..controllers.attachment import Known
from . import gateway, ingress, istio, services
from .endpoints import Place
from .model import Config, Host, Listener, Problem, Route
from .services import Clusters, Port

EDGE = "ingress"
"""The listener of Ingresses and of Istio's Gateways, and the name of its routes."""


class Edge(NamedTuple):
    """Where Ingresses and Istio's Gateways are reached."""

    address: str
    port: int


@dataclass(frozen=True)
class Objects:
    """What is live, each in the order of creation."""

    services: Sequence[Obj] = ()
    ingresses: Sequence[Obj] = ()
    gateways: Sequence[Obj] = ()
    virtual_services: Sequence[Obj] = ()
    destination_rules: Sequence[Obj] = ()
    gateway_api: Known = field(default_factory=Known)


def translate(objects: Objects, edge: Edge, may_listen: Callable[[int], bool], *, by_load_balancer: bool = False) -> Config:
    """`by_load_balancer`: Ingresses reach the pods that a slow load balancer has registered."""
    clusters, problems = Clusters(), list[Problem]()
    ports = {_place(each): services.ports_of(each, may_listen) for each in objects.services}
    for each in objects.services:
        problems += services.problems_of(each)
    mesh = istio.translate(objects.virtual_services, objects.gateways, objects.destination_rules, ports, clusters)
    outside = ingress.translate(objects.ingresses, ports, clusters, by_load_balancer=by_load_balancer)
    listeners, routes = [Listener(EDGE, *edge, routes=EDGE)], {EDGE: _merged(mesh.hosts, outside.hosts, problems)}
    taken: dict[tuple[str, int], Port] = {}
    for port in (port for known in ports.values() for port in known if port.address):
        if other := taken.get((port.address, port.local_port)):
            where = f"port {port.number}: {port.address}:{port.local_port} is that of its port {other.number} already"
            problems.append(Problem("Service", *port.service, where))
            continue
        taken[(port.address, port.local_port)] = port
        name = f"service/{port.service[0]}/{port.service[1]}/{port.number}"
        inside = mesh.mesh.get((port.service, port.number))
        if inside is not None:
            routes[name] = (Host(("*",), inside),)
            listeners.append(Listener(name, port.address, port.local_port, routes=name))
        else:
            cluster = clusters.of("service", port, "RANDOM")
            listeners.append(Listener(name, port.address, port.local_port, cluster=cluster))
    api = gateway.translate(objects.gateway_api, ports, clusters, may_listen)
    said = dict.fromkeys([*problems, *mesh.problems, *outside.problems, *api.problems])
    return Config((*listeners, *api.listeners), clusters.known, routes | api.routes, tuple(said))


def _merged(gateways: Sequence[Host], ingresses: Sequence[Host], problems: list[Problem]) -> tuple[Host, ...]:
    """A domain's routes are together; those of a Gateway come first, and who then is never asked is told."""
    routes: dict[str, list[Route]] = {}
    for host in gateways:
        routes[host.domains[0]] = list(host.routes)
    for host in ingresses:
        if before := routes.get(host.domains[0]):
            _, namespace, name = before[0].name.split("/")[:3]
            for route in dict.fromkeys(route.name for route in host.routes):
                _, space, own = route.split("/")
                message = f"host {host.domains[0]}: VirtualService {namespace}/{name} is asked first, at the same port"
                problems.append(Problem("Ingress", space, own, message))
        routes.setdefault(host.domains[0], []).extend(host.routes)
    return tuple(Host((domain,), tuple(found)) for domain, found in routes.items())


def ports_by_service(objects: Objects, may_listen: Callable[[int], bool]) -> Mapping[Place, Sequence[Port]]:
    return {_place(each): services.ports_of(each, may_listen) for each in objects.services}


def _place(obj: Obj) -> Place:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
