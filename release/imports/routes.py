"""What of Argo Rollouts' trafficRouting has a counterpart: the router by which a Rollout's own routes split requests, which of
them have the new version from a step on, and which are copied."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...kube.objects import DESTINATION_RULE, GRPC_ROUTE, HTTP_ROUTE, INGRESS, SERVICE, VIRTUAL_SERVICE, Kind, Obj, get, is_a
from ...kube.routes import mappings, shares_of
from ..matching import normal
from ..wrong import Wrong
from .draft import Shelf
from .ledger import Field
from .steps import Steps

ROUTER = "router: replicas splits requests by ready pods, and leaves routes alone; istio, nginx or gateway would use yours"
NO_ROUTER = "rollway splits requests by the Gateway API, Istio or ingress-nginx, and else by ready pods"
_PLUGIN = "argoproj-labs/gatewayAPI"
_NO_TCP = "rollway splits what HTTP and gRPC routes carry: all else stays with the version before until the end"
_SPLITS_ALL = "every rule of that route which leads to the Service is split"
_OWN_RULES = "rollway adds rules by itself, and takes them away"


def chosen(routing: Field, stable: str, canary: str, shelf: Shelf) -> str:
    """The router that splits by the routes which a Rollout names, where these are among the files and lead to its Service for
    the stable version alone; nothing where not, which is told. All of the field is decided on."""
    for key in routing.value if isinstance(routing.value, Mapping) else ():
        routing[str(key)].name(ROUTER if key in ("istio", "nginx", "plugins", "managedRoutes") else NO_ROUTER)
    services = _Services(stable, canary, shelf)
    plugin = routing["plugins"][_PLUGIN]
    found = (
        (plugin, "gateway", _of_plugin), (routing["istio"], "istio", _of_istio), (routing["nginx"], "nginx", _of_nginx)
    )  # fmt: skip
    router = next((router for field, router, reads in found if field.is_there and reads(field, services)), "")
    if router:
        routing.remark(f"router: {router} splits requests by the same routes")
    return router


class _Services:
    """The Services of the two versions, by name, and what lies beside them."""

    def __init__(self, stable: str, canary: str, shelf: Shelf) -> None:
        self.stable, self.canary, self.shelf = stable, canary, shelf

    def find(self, kind: Kind, name: str) -> Obj | None:
        return next(
            (each.obj for each in self.shelf.objects if is_a(each.obj, kind) and each.obj["metadata"]["name"] == name), None
        )

    def leads(self, field: Field, kind: Kind, name: str, host: str = "") -> bool:
        """Whether the route of that name can be split as it is; else it is told why not. `host` is the Service that has both
        versions' pods, where its subsets tell them apart."""
        route, stable = self.find(kind, name), host or self.stable
        if route is None:
            field.name(f"{kind.name} {name} is in none of these files: add its file to manifests, and say by which router")
            return False
        if not stable or self.find(SERVICE, stable) is None:
            field.name(f"Service {stable} is in none of these files: add its file to manifests, and say by which router")
            return False
        shares = shares_of(route)
        if not shares.get(stable):
            field.name(f"{kind.name} {name} has no rule that leads to Service {stable}")
            return False
        if not host and shares.get(self.canary):
            field.name(
                f"{kind.name} {name} gives Service {self.canary} a share itself: take it out there, so that {stable} has all "
                "requests, and say by which router"
            )
            return False
        return True

    def is_free(self, field: Field) -> bool:
        """Whether the name of the second Service that rollway makes is nobody's."""
        taken = f"{self.stable}-canary"
        if self.find(SERVICE, taken) is not None:
            field.name(
                f"Service {taken} is yours, and rollway's own second one would be called so: rename it, and say by which router"
            )
            return False
        return True


# one of each


def _of_istio(field: Field, services: _Services) -> bool:
    rule = field["destinationRule"]
    host = ""
    if rule.is_there:
        found = services.find(DESTINATION_RULE, str(rule["name"].value))
        host = str(get(found, "spec", "host", default="")).partition(".")[0]
        if not host:
            rule.name(f"DestinationRule {rule['name'].value} is in none of these files: add its file to manifests")
            return False
    one, several = field["virtualService"], field["virtualServices"]
    routes = [*([one] if one.is_there else []), *several.items()]
    if not routes or not all(services.leads(route, VIRTUAL_SERVICE, _plain_name(route["name"]), host) for route in routes):
        return False
    for route in routes:
        route["name"].take()
        route["routes"].take()
        route["routes"].remark(_SPLITS_ALL)
        for key in ("tlsRoutes", "tcpRoutes"):
            route[key].name(_NO_TCP)
    for key in ("name", "canarySubsetName", "stableSubsetName"):
        rule[key].take()
    return True


def _plain_name(field: Field) -> str:
    """`name`, or `name.namespace`."""
    return str(field.value).partition(".")[0]


def _of_nginx(field: Field, services: _Services) -> bool:
    one, several = field["stableIngress"], field["stableIngresses"]
    names = [*([one] if one.is_there else []), *several.items()]
    if not names or not all(services.leads(name, INGRESS, str(name.value)) for name in names) or not services.is_free(field):
        return False
    for name in names:
        name.take()
    field["annotationPrefix"].name("rollway writes nginx.ingress.kubernetes.io/canary and what goes with it")
    for key in ("additionalIngressAnnotations", "canaryIngressAnnotations"):
        field[key].name(
            "the canary Ingress that rollway makes has yours' class, hosts and paths; a step's match asks for a header"
        )
    return True


def _of_plugin(field: Field, services: _Services) -> bool:
    for key in ("tcpRoute", "tcpRoutes", "tlsRoute", "tlsRoutes"):
        field[key].name(_NO_TCP)
    named = [(field[key], kind) for key, kind in (("httpRoute", HTTP_ROUTE), ("grpcRoute", GRPC_ROUTE)) if field[key].is_there]
    listed = [
        (route, kind) for key, kind in (("httpRoutes", HTTP_ROUTE), ("grpcRoutes", GRPC_ROUTE)) for route in field[key].items()
    ]
    routes = [*named, *((route["name"], kind) for route, kind in listed)]
    if not routes or not all(services.leads(name, kind, str(name.value)) for name, kind in routes):
        return False
    if not services.is_free(field):
        return False
    for name, _ in routes:
        name.take()
    for route, _ in listed:
        route["useHeaderRoutes"].take()
    field["namespace"].take()
    return True


# what a step says of requests


def header_route(field: Field, steps: Steps, router: str) -> None:
    """setHeaderRoute: any of these headers leads to the new version. One without headers ends it, which rollway does not."""
    if not router:
        field.name(ROUTER)
        return
    field["name"].name(_OWN_RULES)
    if not field["match"].is_there:
        field.name("whoever matches stays with the new version while the share grows")
        return
    rules = []
    for item in field["match"].items():
        try:
            rules.append(normal({"headers": {item["headerName"].text(): item["headerValue"].value}}))
        except Wrong as wrong:
            item.name(str(wrong))
            continue
        item.take()
    if rules:
        steps.match(field, rules)


def mirror_route(field: Field, steps: Steps, router: str) -> None:
    """setMirrorRoute: copies of all requests, before there is any share."""
    percent = field["percentage"]
    if not router:
        field.name(ROUTER)
    elif not field["match"].is_there:
        field.name("copies end with the step that follows, in any case")
    elif router == "nginx":
        field.name("ingress-nginx copies no share of the requests: an HTTPRoute or a VirtualService would")
    elif steps.weight:
        field.name("copies come before the first share: afterwards the new version answers requests itself")
    elif not _is_all(field["match"].value):
        field.name("rollway copies requests of any kind: `mirror: 10` in a step without a weight")
    elif (count := percent.count(1, 100) if percent.is_there else 100) is not None:
        field["name"].name(_OWN_RULES)
        field["match"].take()
        steps.mirror(field, count)


def _is_all(matches: Any) -> bool:
    """Whether every request is meant."""
    return any(get(each, "path", "prefix") == "/" and set(each) == {"path"} for each in mappings(matches))


def managed(field: Field, router: str) -> None:
    """managedRoutes: the names of the rules that a Rollout adds."""
    field.name(_OWN_RULES if router else ROUTER)
