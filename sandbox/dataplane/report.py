"""How the data plane stands, as one document: what `deploy sandbox status` and `url` say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from ...kube.objects import Obj
from .endpoints import View
from .model import Config
from .translate import EDGE, Edge, Objects, ports_by_service


def report(
    objects: Objects,
    config: Config,
    view: View,
    edge: Edge,
    may_listen: Callable[[int], bool],
    refused: Mapping[str, str],
) -> Obj:
    """`services`: a row a port. `hosts`: what the edge listener answers for and, with an address of their own, what Gateways of
    the Gateway API do. `endpoints` are those in use; nobody answers for the modelled ones of them."""
    services = []
    is_http = {each.name: bool(each.routes) for each in config.listeners}
    for place, ports in ports_by_service(objects, may_listen).items():
        endpoints, modelled = view.count(place)
        for port in ports:
            name = f"service/{place[0]}/{place[1]}/{port.number}"
            if name in is_http:
                row: Obj = {"namespace": place[0], "name": place[1], "port": port.number, "url": port.url}
                row |= {"endpoints": endpoints, "modelled": modelled, "isHttp": is_http[name]}
                services.append(row | ({"problem": refused[name]} if name in refused else {}))
    url = f"http://{edge.address}:{edge.port}"
    hosts = [{"host": name, "url": _url(name, edge), "by": by} for name, by in _hosts(config)] + list(_gateways(config, refused))
    problem = {"problem": refused[EDGE]} if EDGE in refused else {}
    return {"ingress": {"url": url, "port": edge.port} | problem, "services": services, "hosts": hosts}


def _hosts(config: Config) -> Iterable[tuple[str, str]]:
    for host in config.routes.get(EDGE, ()):
        kinds = dict.fromkeys("Ingress" if route.name.startswith("ingress/") else "VirtualService" for route in host.routes)
        yield host.domains[0], ", ".join(kinds)


def _gateways(config: Config, refused: Mapping[str, str]) -> Iterable[Obj]:
    """A row a host of each listener."""
    for each in config.listeners:
        if each.is_gateway:
            _, namespace, name, _ = each.name.split("/")
            scheme = "https" if each.certificates else "http"
            tables = [one.routes for one in each.certificates] or [each.routes]
            told = {"address": each.address, "port": each.port, "by": f"Gateway {namespace}/{name}"}
            told |= {"problem": refused[each.name]} if each.name in refused else {}
            for host in dict.fromkeys(host.domains[0] for table in tables for host in config.routes[table]):
                yield {"host": host, "url": f"{scheme}://{each.address if '*' in host else host}:{each.port}"} | told


def _url(host: str, edge: Edge) -> str:
    return f"http://{edge.address if '*' in host else host}:{edge.port}"
