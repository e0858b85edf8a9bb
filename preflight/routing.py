"""What splits requests: whether the router can do what the strategy asks, and what would outlive a way back."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import BadInput
from ..kube.objects import DESTINATION_RULE, INGRESS, REFERENCE_GRANT, VIRTUAL_SERVICE, Obj, is_a
from ..release.yamlfile import Path
from ..routing import gateway, nginx
from ..routing.routers.istio import Istio
from .case import Case, mappings
from .istio import is_shaped
from .model import Found


def refused(case: Case) -> Iterator[Found]:
    """Istio's routes under ab have a rule of their own, which knows the line."""
    if case.strategy not in ("canary", "ab") or (case.strategy == "ab" and case.router == Istio.name):
        return
    if not case.release.services or len(_routes(case)) < sum(1 for obj in case.release.others if _is_route(obj)):
        return
    try:
        case.chosen.refuse_unfit()
    except BadInput as unfit:
        place: Path = ("router",) if case.release.router != "auto" else ("strategies", case.strategy)
        yield Found(None, place, unfit.summary, hint=unfit.hint)


def keeps_users(case: Case) -> Iterator[Found]:
    for route in (obj for kind in gateway.KINDS for obj in case.written(kind)):
        for place, rule in mappings(route, "spec", "rules"):
            if rule.get("sessionPersistence"):
                name = f"{route['kind']} {route['metadata']['name']}"
                message = f"{name} keeps a user on the version that answered first (sessionPersistence), also at 0%"
                hint = "leave it out while versions share requests: who has met a bad version stays with it through a way back"
                yield Found(route, ("spec", "rules", place, "sessionPersistence"), message, hint=hint)


def retired(case: Case) -> Iterator[Found]:
    for ingress in nginx.ingresses_of(_routes(case), case.chosen.app.host):
        if nginx.is_served(ingress):
            message = (
                f"Ingress {ingress['metadata']['name']} is served by ingress-nginx, which saw its last release in March 2026"
            )
            hint = "an HTTPRoute beside it lets you move without a gap (docs/routers.md)"
            yield Found(ingress, ("metadata", "annotations"), message, hint=hint)


def _routes(case: Case) -> list[Obj]:
    """Those that have the types of their kind: what has not is another rule's."""
    return [obj for obj in case.release.others if _is_route(obj) and is_shaped(obj)]


def _is_route(obj: Obj) -> bool:
    return any(is_a(obj, kind) for kind in (*gateway.KINDS, REFERENCE_GRANT, INGRESS, VIRTUAL_SERVICE, DESTINATION_RULE))
