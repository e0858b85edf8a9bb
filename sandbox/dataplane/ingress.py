"""Ingresses: hosts and paths to the ports of Services, as a load balancer in front of the cluster has them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ...kube.objects import Obj, annotations_of, get
from .endpoints import Place
from .model import Answer, Forward, Host, Match, Problem, Route, Share, Text
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
    route: Route


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
    for ingress in ingresses:
        out.problems += _unserved(ingress)
        for host, path, kind, backend in _paths(ingress):
            route, problem = _route(ingress, host, path, kind, backend, ports, clusters, by_load_balancer)
            out.problems += problem
            if (host, route.match) in claimed:
                out.problems.append(_problem(ingress, f"{host or '*'}{path}: an older Ingress has it"))
                continue
            claimed.add((host, route.match))
            rules.append(_Rule(host, path, (0 if kind == "Exact" else 1, -len(path)), route))
        if (backend := get(ingress, "spec", "defaultBackend")) is not None:
            route, problem = _route(ingress, "", "/", "Prefix", backend, ports, clusters, by_load_balancer)
            out.problems += problem
            defaults.append(route)
    out.hosts = _hosts(rules, defaults)
    return out


def _hosts(rules: Sequence[_Rule], defaults: Sequence[Route]) -> list[Host]:
    """What is said of every host holds for each host, after what is said of that one."""
    by_host: dict[str, list[_Rule]] = {}
    for rule in rules:
        by_host.setdefault(rule.host, []).append(rule)
    if defaults:
        by_host.setdefault("", [])
    ordered = {name: [each.route for each in sorted(own, key=lambda rule: rule.rank)] for name, own in by_host.items()}
    common = [*ordered.get("", ()), *defaults]
    return [Host((name or "*",), tuple([*own, *common] if name else common)) for name, own in ordered.items()]


def _paths(ingress: Obj) -> Iterable[tuple[str, str, str, Obj]]:
    """(host, path, path type, backend) of each path."""
    for rule in get(ingress, "spec", "rules", default=()):
        for path in get(rule, "http", "paths", default=()):
            yield rule.get("host", ""), path.get("path") or "/", path.get("pathType", "Prefix"), path.get("backend") or {}


def _route(
    ingress: Obj,
    host: str,
    path: str,
    kind: str,
    backend: Obj,
    ports: Mapping[Place, Sequence[Port]],
    clusters: Clusters,
    by_load_balancer: bool,
) -> tuple[Route, list[Problem]]:
    meta = ingress["metadata"]
    name = f"{ROLE}/{meta['namespace']}/{meta['name']}"
    match = _match(path, kind)
    wanted = _backend(backend, meta["namespace"])
    if wanted is None:
        return Route(name, match, Answer(503)), [_problem(ingress, f"{host or '*'}{path}: only Services are served as backends")]
    port = next((each for each in ports.get(wanted.service, ()) if wanted.port in (each.number, each.name)), None)
    if port is None:
        what = f"Service {wanted.service[1]}" + (f" has no port {wanted.port}" if wanted.service in ports else " is not there")
        return Route(name, match, Answer(503)), [_problem(ingress, f"{host or '*'}{path}: {what}; it is answered 503")]
    cluster = clusters.of(ROLE, port, "ROUND_ROBIN", by_load_balancer=by_load_balancer)
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
    if unknown := [key for key in annotations_of(ingress) if key.startswith(_CHANGES_ROUTES)]:
        yield _problem(ingress, f"annotations that are not understood: {', '.join(sorted(unknown))}")


def _problem(ingress: Obj, message: str) -> Problem:
    meta = ingress["metadata"]
    return Problem("Ingress", meta["namespace"], meta["name"], message)
