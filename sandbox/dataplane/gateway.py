"""The Gateway API's Gateways: a listener of the proxy a port, with the routes that hang on it. One rule is `gateway_route`'s.

What hangs where is decided in `controllers.attachment`, which says so in the objects' statuses, too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...kube.objects import GRPC_ROUTE, Obj, get
from ..api.addresses import gateway_address, loopback_port
from ..controllers import attachment
from ..controllers.attachment import Known, covers
from ..controllers.attachment import Listener as GatewayListener
from . import gateway_match, gateway_route
from .endpoints import Place
from .gateway_match import Rank, Wrong, host_rank
from .gateway_route import ROLE, Called
from .model import Certificate, Host, Listener, Match, Problem, Route
from .services import Clusters, Port

KIND = "gateway.networking.k8s.io/Gateway"
"""How problems name it: Istio has a Gateway, too."""


class Hanging(NamedTuple):
    """A route at a listener, for one of its hosts."""

    host: str
    route: Obj


@dataclass
class Translated:
    listeners: list[Listener] = field(default_factory=list)
    routes: dict[str, tuple[Host, ...]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True)
class _Rules:
    """Makes the proxy's routes of a route's rules, for a listener."""

    known: Known
    ports: Mapping[Place, Sequence[Port]]
    clusters: Clusters

    def of(self, hanging: Hanging, called: Called) -> list[tuple[Rank, list[Route]]]:
        """One entry a match, with its place among all others."""
        route, out = hanging.route, []
        is_grpc = route["kind"] == GRPC_ROUTE.name
        created, name = gateway_match.age_of(route)
        for number, rule in enumerate(get(route, "spec", "rules", default=())):
            for place, given in enumerate(rule.get("matches") or [{}]):
                try:
                    match, rank = gateway_match.grpc_match(given) if is_grpc else gateway_match.http_match(given)
                except Wrong:
                    continue  # it never holds
                label = f"{ROLE}/{name}/{rule.get('name') or number}"
                made = gateway_route.routes(label, match, rule, called, lambda ref: self._cluster(ref, route, is_grpc=is_grpc))
                out.append((Rank(host_rank(hanging.host), rank, created, name, (number, place)), made))
        return out

    def _cluster(self, ref: Mapping[str, Any], route: Obj, *, is_grpc: bool) -> str:
        """Empty where the backend cannot be used."""
        if attachment.backend_problem(ref, route, self.known) is not None:
            return ""
        ports = self.ports.get(attachment.backend_place(ref, route), ())
        port = next((each for each in ports if each.number == ref.get("port")), None)
        return "" if port is None else self.clusters.of(f"{ROLE}-grpc" if is_grpc else ROLE, port, "RANDOM", is_grpc=is_grpc)


def translate(
    known: Known, ports: Mapping[Place, Sequence[Port]], clusters: Clusters, may_listen: Callable[[int], bool]
) -> Translated:
    """The listeners of the Gateways that are served here, each at an address of its Gateway's own."""
    out, rules = Translated(), _Rules(known, ports, clusters)
    hanging = _hanging(known)
    for gateway in known.gateways:
        if not known.controller_of(gateway):
            continue
        by_port: dict[int, list[GatewayListener]] = {}
        for each in attachment.listeners(gateway, known):
            if each.problem is None:
                by_port.setdefault(each.port, []).append(each)
            else:
                out.problems.append(_problem(gateway, f"listener {each.name}: {each.problem.message}"))
        taken: dict[int, int] = {}
        for number, found in by_port.items():
            local = loopback_port(number, may_listen=may_listen(number))
            if local in taken:
                out.problems.append(_problem(gateway, f"port {number} would be at {local}, where port {taken[local]} is already"))
                continue
            taken[local] = number
            _listen(gateway, found, number, local, hanging, rules, known, out)
    return out


def _hanging(known: Known) -> Mapping[GatewayListener, list[Hanging]]:
    found: dict[GatewayListener, list[Hanging]] = {}
    for route in known.routes:
        at = dict.fromkeys(
            (each.listener, host)
            for parent in attachment.parents(route, known)
            for each in parent.attached
            for host in each.hosts
        )
        for listener, host in at:
            found.setdefault(listener, []).append(Hanging(host, route))
    return found


def _listen(
    gateway: Obj,
    found: Sequence[GatewayListener],
    number: int,
    local: int,
    hanging: Mapping[GatewayListener, list[Hanging]],
    rules: _Rules,
    known: Known,
    out: Translated,
) -> None:
    """The proxy's listener for a port of a Gateway. Who calls meets the narrowest of the Gateway's hosts, and no other."""
    meta = gateway["metadata"]
    name, address = f"{ROLE}/{meta['namespace']}/{meta['name']}/{number}", gateway_address(meta["uid"])
    if found[0].protocol == "HTTP":
        called = Called("http", local)
        out.routes[name] = _hosts({each: _ranked(hanging.get(each, ()), rules, called) for each in found})
        out.listeners.append(Listener(name, address, local, routes=name, is_gateway=True))
        return
    certificates = []
    for each in found:
        own = f"{name}/{each.name}"
        out.routes[own] = _hosts({each: _ranked(hanging.get(each, ()), rules, Called("https", local))})
        certificates.append(_certificate(each, own, known))
    out.listeners.append(Listener(name, address, local, is_gateway=True, certificates=tuple(certificates)))


class _Entry(NamedTuple):
    host: str
    rank: Rank
    routes: list[Route]


def _ranked(hanging: Iterable[Hanging], rules: _Rules, called: Called) -> list[_Entry]:
    return [_Entry(each.host, rank, made) for each in hanging for rank, made in rules.of(each, called)]


def _hosts(by_listener: Mapping[GatewayListener, list[_Entry]]) -> tuple[Host, ...]:
    """A host of the proxy for each name that anybody says. In it is what its listener has for it: the routes of that name, then
    those of wider ones."""
    names = dict.fromkeys(each.hostname for each in by_listener)
    names |= dict.fromkeys(entry.host for entries in by_listener.values() for entry in entries)
    out = []
    for name in names:
        listener = min((each for each in by_listener if covers(each.hostname, name)), key=lambda each: host_rank(each.hostname))
        fitting = sorted((each for each in by_listener[listener] if covers(each.host, name)), key=lambda each: each.rank)
        once: dict[tuple[Match, str], Route] = {}
        for route in (route for entry in fitting for route in entry.routes):
            once.setdefault((route.match, route.name), route)
        out.append(Host((name,), tuple(once.values())))
    return tuple(out)


def _certificate(listener: GatewayListener, routes: str, known: Known) -> Certificate:
    ref = get(listener.spec, "tls", "certificateRefs", default=())[0]
    place = (ref.get("namespace") or listener.gateway[0], ref["name"])
    secret = next(each for each in known.secrets if attachment.place_of(each) == place)
    return Certificate(listener.hostname, routes, attachment.pem(secret, "tls.crt"), attachment.pem(secret, "tls.key"))


def _problem(gateway: Obj, message: str) -> Problem:
    meta = gateway["metadata"]
    return Problem(KIND, meta["namespace"], meta["name"], message)
