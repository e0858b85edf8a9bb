"""Ingresses: hosts and paths to the ports of Services, as a load balancer in front of the cluster has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from ...kube.objects import Obj, digest, get
from . import nginx_canary
from .endpoints import Place
from .model import Answer, Edits, Forward, Headers, Host, Match, Problem, Route, Share, Text
from .nginx_canary import Affinity, Canary
from .services import Clusters, Port

TIMEOUT_S = 60.0
"""For an answer: the idle timeout of an AWS load balancer, and nginx's."""

ROLE = "ingress"
_CHANGES_ROUTES = ("nginx.ingress.kubernetes.io/", "alb.ingress.kubernetes.io/actions.",
                   "alb.ingress.kubernetes.io/conditions.", "alb.ingress.kubernetes.io/transforms.")  # fmt: skip


class Backend(NamedTuple):
    """A Service's port that an Ingress refers to."""

    service: Place
    port: int | str


class _Rule(NamedTuple):
    """`rank` orders the paths of a host: exact ones, then long ones, come first."""

    host: str
    path: str
    rank: tuple[int, int]
    routes: tuple[Route, ...]


class _Beside(NamedTuple):
    """A canary Ingress's rule: it takes some of the requests of the main one with the same host and path."""

    ingress: Obj
    canary: Canary
    backend: Obj


@dataclass
class Translated:
    hosts: list[Host] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def backends(ingress: Obj) -> list[Backend]:
    """The Services behind it, each port once."""
    spec, namespace = ingress.get("spec") or {}, ingress["metadata"]["namespace"]
    paths = [path for rule in spec.get("rules") or () for path in get(rule, "http", "paths", default=())]
    given = [spec.get("defaultBackend"), *(path.get("backend") for path in paths)]
    found = [_backend(each, namespace) for each in given]
    return list(dict.fromkeys(each for each in found if each is not None))


def translate(
    ingresses: Iterable[Obj], ports: Mapping[Place, Sequence[Port]], clusters: Clusters, *, by_load_balancer: bool
) -> Translated:
    """The hosts of all Ingresses; of two that claim the same path the older has it."""
    out, rules, defaults, claimed = Translated(), list[_Rule](), list[Route](), set[tuple[str, Match]]()
    targets = _Targets(ports, clusters, by_load_balancer)
    mains, beside = _sorted_out(ingresses, out)
    for ingress in mains:
        for host, path, kind, backend in _paths(ingress):
            route, problem = _route(ingress, host, path, kind, backend, targets)
            out.problems += problem
            if (host, route.match) in claimed:
                out.problems.append(_problem(ingress, f"{host or '*'}{path}: an older Ingress has it"))
                continue
            claimed.add((host, route.match))
            other = beside.pop((host, route.match), None)
            routes = _alone(ingress, route) if other is None else _split(ingress, route, other, targets, out)
            rules.append(_Rule(host, path, (0 if kind == "Exact" else 1, -len(path)), routes))
        if (backend := get(ingress, "spec", "defaultBackend")) is not None:
            route, problem = _route(ingress, "", "/", "Prefix", backend, targets)
            out.problems += problem
            defaults.append(route)
    for (host, _), left in beside.items():
        out.problems.append(_problem(left.ingress, f"{host or '*'}: no other Ingress has this host and path: it serves nothing"))
    out.hosts = _hosts(rules, defaults)
    return out


def _sorted_out(ingresses: Iterable[Obj], out: Translated) -> tuple[list[Obj], dict[tuple[str, Match], _Beside]]:
    """Those that serve by themselves, and what canaries of ingress-nginx take of them, by host and path."""
    mains, beside = list[Obj](), dict[tuple[str, Match], _Beside]()
    for ingress in ingresses:
        out.problems += _unserved(ingress)
        try:
            canary = nginx_canary.canary_of(ingress) if nginx_canary.is_nginx(ingress) else None
        except nginx_canary.Wrong as why:
            out.problems.append(_problem(ingress, str(why)))
            canary = None
        if canary is None:
            mains.append(ingress)
            continue
        for host, path, kind, backend in _paths(ingress):
            if beside.setdefault((host, _match(path, kind)), _Beside(ingress, canary, backend)).ingress is not ingress:
                out.problems.append(_problem(ingress, f"{host or '*'}{path}: an older canary has it, and there is one a rule"))
    return mains, beside


def _alone(main: Obj, route: Route) -> tuple[Route, ...]:
    """Clients are bound to the main line before there is a canary: they will not meet it."""
    bound = nginx_canary.affinity_of(main)
    if bound is None or not isinstance(route.action, Forward):
        return (route,)
    return (next(iter(_bound(bound, route, route))), _binding(route, bound, to_canary=False))


def _split(main: Obj, route: Route, other: _Beside, targets: _Targets, out: Translated) -> tuple[Route, ...]:
    """The main rule's routes, with what its canary takes of them: clients that are bound to a side, then by header, cookie,
    weight. A canary without pods takes nothing."""
    found, problem = _route(other.ingress, "", "", "", other.backend, targets)
    out.problems += problem
    if not isinstance(route.action, Forward) or not isinstance(found.action, Forward):
        return (route,)
    cluster = targets.clusters.with_fallback(found.action.shares[0].cluster, route.action.shares[0].cluster)
    canary = replace(route, action=replace(route.action, shares=(Share(cluster),)))
    bound = nginx_canary.affinity_of(main)
    routes = list(_bound(bound, route, canary)) if bound else []
    for clause in nginx_canary.clauses(other.canary):
        chosen = _binding(canary, bound, to_canary=True) if clause.to_canary else _binding(route, bound, to_canary=False)
        routes.append(replace(chosen, match=replace(route.match, headers=(clause.has,))))
    return (*routes, *_weighted(other.canary, bound, route, canary))


def _weighted(canary: Canary, bound: Affinity | None, main: Route, beside: Route) -> list[Route]:
    """By its part of the requests, and the rest."""
    own = replace(_binding(beside, bound, to_canary=True), match=replace(main.match, part=canary.part))
    rest = [_binding(main, bound, to_canary=False)] if canary.part < 1 else []
    return [*([own] if canary.part else []), *rest]


def _bound(affinity: Affinity, main: Route, canary: Route) -> Iterable[Route]:
    for route, to_canary in ((main, False), (canary, True)):
        has = nginx_canary.cookie(affinity.cookie, _side(main, to_canary=to_canary))
        yield replace(route, match=replace(main.match, headers=(has,)))


def _binding(route: Route, affinity: Affinity | None, *, to_canary: bool) -> Route:
    if affinity is None:
        return route
    told = f"{affinity.cookie}={_side(route, to_canary=to_canary)}; Path=/; HttpOnly"
    return replace(route, headers=Headers(response=Edits(to_add=(("Set-Cookie", told),), is_plain=True)))


def _side(route: Route, *, to_canary: bool) -> str:
    return digest([route.name, to_canary])


def _hosts(rules: Sequence[_Rule], defaults: Sequence[Route]) -> list[Host]:
    """What is said of every host holds for each host, after what is said of that one."""
    by_host: dict[str, list[_Rule]] = {}
    for rule in rules:
        by_host.setdefault(rule.host, []).append(rule)
    if defaults:
        by_host.setdefault("", [])
    ordered = {name: _in_order(own) for name, own in by_host.items()}
    common = [*ordered.get("", ()), *defaults]
    return [Host((name or "*",), tuple([*own, *common] if name else common)) for name, own in ordered.items()]


def _in_order(rules: Iterable[_Rule]) -> list[Route]:
    return [route for rule in sorted(rules, key=lambda rule: rule.rank) for route in rule.routes]


def _paths(ingress: Obj) -> Iterable[tuple[str, str, str, Obj]]:
    """(host, path, path type, backend) of each path."""
    for rule in get(ingress, "spec", "rules", default=()):
        for path in get(rule, "http", "paths", default=()):
            yield rule.get("host", ""), path.get("path") or "/", path.get("pathType", "Prefix"), path.get("backend") or {}


class _Targets(NamedTuple):
    """Where backends are found."""

    ports: Mapping[Place, Sequence[Port]]
    clusters: Clusters
    by_load_balancer: bool


def _route(ingress: Obj, host: str, path: str, kind: str, backend: Obj, targets: _Targets) -> tuple[Route, list[Problem]]:
    meta = ingress["metadata"]
    name = f"{ROLE}/{meta['namespace']}/{meta['name']}"
    match = _match(path, kind)
    wanted = _backend(backend, meta["namespace"])
    if wanted is None:
        return Route(name, match, Answer(503)), [_problem(ingress, f"{host or '*'}{path}: only Services are served as backends")]
    ports = targets.ports
    port = next((each for each in ports.get(wanted.service, ()) if wanted.port in (each.number, each.name)), None)
    if port is None:
        what = f"Service {wanted.service[1]}" + (f" has no port {wanted.port}" if wanted.service in ports else " is not there")
        return Route(name, match, Answer(503)), [_problem(ingress, f"{host or '*'}{path}: {what}; it is answered 503")]
    cluster = targets.clusters.of(ROLE, port, "ROUND_ROBIN", by_load_balancer=targets.by_load_balancer)
    return Route(name, match, Forward((Share(cluster),), timeout_s=TIMEOUT_S)), []


def _match(path: str, kind: str) -> Match:
    if kind == "Exact":
        return Match(Text("exact", path))
    if kind == "ImplementationSpecific" and path.endswith("*"):
        return Match(Text("prefix", path[:-1]))
    prefix = path.rstrip("/")
    return Match(Text("prefix", prefix), at_segments=True) if prefix else Match()


def _backend(given: Mapping[str, Any] | None, namespace: str) -> Backend | None:
    service = get(given, "service")
    if not service:
        return None
    return Backend((namespace, service["name"]), get(service, "port", "number") or get(service, "port", "name", default=""))


def _unserved(ingress: Obj) -> Iterable[Problem]:
    if get(ingress, "spec", "tls"):
        yield _problem(ingress, "spec.tls: it is served without TLS")
    if unknown := nginx_canary.unknown(ingress, _CHANGES_ROUTES):
        yield _problem(ingress, f"annotations that are not understood: {', '.join(unknown)}")


def _problem(ingress: Obj, message: str) -> Problem:
    meta = ingress["metadata"]
    return Problem("Ingress", meta["namespace"], meta["name"], message)
