"""Routes of the manifests and what is live of them: whether a Gateway serves them, and whether another one is asked first."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import NamedTuple

from ..health.routes import Waiting, waits
from ..kube.defaults import declared
from ..kube.objects import API_GATEWAY, INGRESS, Obj, get, is_a, known_as, ref_of
from ..plan.marks import is_ours
from ..routing import gateway, nginx
from .case import Case, mappings
from .istio import is_shaped
from .model import Found


def out_of_force(case: Case) -> Iterator[Found]:
    """What a cluster was asked for: routes that are live, and Gateways that were looked for in vain."""
    for route in _routes(case):
        for each in _waits(case, route):
            message = f"{_named(route)} is not in force: {each.message}"
            yield Found(route, ("spec", "parentRefs"), message, hint=_UNSERVED_HINT)


_UNSERVED_HINT = (
    "name a Gateway that is there, whose class has a controller, and a listener that allows the namespace and the host"
)


def _waits(case: Case, route: Obj) -> list[Waiting]:
    refs = gateway.gateways_of(route, _space(case, route))
    named, comes = {(ref.namespace, ref.name) for ref in refs}, {_place(case, each) for each in case.written(API_GATEWAY)}
    known = {(ref.namespace, ref.name): case.observed.objects[ref] for ref in refs if ref in case.observed.objects}
    absent = {place for place, found in known.items() if found is None}
    # a route that is there before its application has no backend yet
    live = case.observed.objects.get(ref_of(route)) if case.live_workload else None
    placed = {**route, "metadata": {**route["metadata"], "namespace": _space(case, route)}}
    found = waits(live or placed, known)
    return [each for each in found if each.gateway in named - (absent & comes) and (live or each.gateway in absent)]


def twice(case: Case) -> Iterator[Found]:
    """Of two routes for the same requests one is asked, the older one: among the manifests, and beside what is live of others."""
    mine = {known_as(ref_of(obj)) for obj in case.release.others}
    others = [obj for obj in case.observed.elsewhere or () if known_as(ref_of(obj)) not in mine]
    written, live = list(_claimants(case, case.release.others)), list(_claimants(case, others))
    for (route, one), (other, two) in (*itertools.combinations(written, 2), *itertools.product(written, live)):
        if route is not other and (at := next((place for place in one for each in two if place.is_beside(each)), None)):
            where = f" of namespace {_space(case, other)}" if _space(case, other) != _space(case, route) else ""
            message = f"{_named(route)} and {_named(other)}{where} are both for {at.told}: the older one has the requests"
            yield Found(route, at.path, message, hint="let each have hosts, paths or matches of its own")


class _Claim(NamedTuple):
    """Requests that a route takes. `by` is who serves it, `part` which listener (empty: any); `leads` whether to the Service of
    the release, `target` where to, as a text."""

    kind: str
    by: str
    part: str
    host: str
    match: str
    target: str
    leads: bool
    told: str
    path: tuple[str | int, ...]

    def is_beside(self, other: _Claim) -> bool:
        """Whether the other takes the same requests elsewhere, and one of both the Service's."""
        is_same = (self.kind, self.by, self.host, self.match) == (other.kind, other.by, other.host, other.match)
        is_met = is_same and (self.part == other.part or not self.part or not other.part)
        return is_met and self.target != other.target and (self.leads or other.leads)


def _claimants(case: Case, objects: tuple[Obj, ...] | list[Obj]) -> Iterator[tuple[Obj, list[_Claim]]]:
    for obj in objects:
        if any(is_a(obj, kind) for kind in gateway.KINDS) and is_shaped(obj):
            yield obj, list(_of_route(case, obj))
        elif is_a(obj, INGRESS) and is_shaped(obj) and not nginx.is_canary(obj) and not is_ours(obj, case.release.app):
            yield obj, list(_of_ingress(case, obj))


def _of_route(case: Case, route: Obj) -> Iterator[_Claim]:
    space, full, host = _space(case, route), declared(route), case.chosen.app.host
    for parent in gateway.parents_of(full):
        by, part = f"{parent.get('namespace') or space}/{parent.get('name')}", str(parent.get("sectionName") or "")
        for name in get(full, "spec", "hostnames", default=()) or ("",):
            for place, rule in mappings(full, "spec", "rules"):
                leads = bool(gateway.routes_of([{**full, "spec": {"rules": [rule]}}], host))
                target = json.dumps([space, rule.get("backendRefs"), rule.get("filters")], sort_keys=True)
                for match in rule.get("matches") or [{}]:
                    asked = " ".join(filter(None, (name or "any host", get(match, "path", "value", default=""))))
                    told = f"{asked} at Gateway {by.removeprefix('/')}"
                    text = json.dumps(match, sort_keys=True)
                    yield _Claim(route["kind"], by, part, name, text, target, leads, told, ("spec", "rules", place))


def _of_ingress(case: Case, ingress: Obj) -> Iterator[_Claim]:
    space, host = _space(case, ingress), case.chosen.app.host
    by = str(get(ingress, "spec", "ingressClassName", default=""))
    for place, rule in mappings(ingress, "spec", "rules"):
        for _, path in mappings(rule, "http", "paths"):
            name, service = rule.get("host") or "", get(path, "backend", "service", "name", default="")
            match, told = f"{path.get('pathType')} {path.get('path')}", f"{name or 'any host'} {path.get('path') or '/'}"
            leads = (space, service) == (host.namespace, host.name)
            at: tuple[str | int, ...] = ("spec", "rules", place)
            yield _Claim(INGRESS.name, by, "", name, match, f"{space}/{service}", leads, told, at)


def _routes(case: Case) -> list[Obj]:
    return [obj for kind in gateway.KINDS for obj in case.written(kind) if is_shaped(obj)]


def _place(case: Case, obj: Obj) -> tuple[str, str]:
    return _space(case, obj), obj["metadata"]["name"]


def _space(case: Case, obj: Obj) -> str:
    return str(obj["metadata"].get("namespace") or case.release.namespace)


def _named(route: Obj) -> str:
    return f"{route['kind']} {route['metadata']['name']}"
