"""What splits requests: whether the router can do what the strategy asks, and what would outlive a way back."""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import BadInput
from ..kube.objects import GATEWAY_CLASS, HTTP_ROUTE, REFERENCE_GRANT, Obj, get, is_a, ref_of
from ..release.options import CanaryOptions
from ..release.yamlfile import Path
from ..routing import features, gateway, nginx
from ..routing.routers import ROUTERS, unable
from ..routing.routers.istio import Istio
from ..routing.traffic import Feature
from .case import Case, mappings
from .istio import is_shaped
from .model import Found


def refused(case: Case) -> Iterator[Found]:
    """Istio's routes under ab have a rule of their own, which knows the line."""
    from ..strategies.routed import Routed

    if not isinstance(case.chosen, Routed) or (case.strategy == "ab" and case.router == Istio.name):
        return
    if not case.release.services or not all(map(is_shaped, _routes(case))):
        return  # what has not the types of its kind is another rule's
    wrong = [(each, place) for feature, place in _asked(case) if (each := unable(case.router, feature))]
    yield from (Found(None, ("strategies", case.strategy, *place), each.summary, hint=each.hint) for each, place in wrong)
    if wrong:
        return
    try:
        case.chosen.refuse_unfit()
    except BadInput as unfit:
        at: Path = ("router",) if case.release.router != "auto" else ("strategies", case.strategy)
        yield Found(None, at, unfit.summary, hint=unfit.hint)


def _asked(case: Case) -> Iterator[tuple[Feature, Path]]:
    """What is asked for that not every router can, and where in the strategy's block."""
    given = case.release.options
    options = given.canary if case.strategy == "canary" else given.ab if case.strategy == "ab" else None
    if options is not None and options.sticky:
        yield "sticky", ("sticky",)
    if isinstance(options, CanaryOptions):
        yield from (("mirror", ("steps", place, "mirror")) for place, step in enumerate(options.steps) if step.mirror)


def beyond_class(case: Case) -> Iterator[Found]:
    """What the release puts into the user's routes, and the class of their Gateway does not say that it can."""
    from ..strategies.routed import Routed

    served = [(route, said) for route in case.written(HTTP_ROUTE) if is_shaped(route) for said in _classes(case, route)]
    if not served or not isinstance(case.chosen, Routed):
        return
    try:
        asked = [*case.chosen.routes_asked()]
    except BadInput:
        return  # told by the rule for that
    for route, said in served:
        known = features.said(said)
        made = {feature for each in asked if ref_of(each) == ref_of(route) for feature in features.asked(each)}
        missing = made - features.asked(route) - known
        if known and missing:
            words = " and ".join(f"{features.WORDS[each]} ({each})" for each in sorted(missing))
            message = (
                f"HTTPRoute {route['metadata']['name']} is served by GatewayClass {said['metadata']['name']}, which does not say "
                f"that it can {words}"
            )
            yield Found(None, ("strategies", case.strategy), message, hint=_UNSAID_HINT)


_UNSAID_HINT = (
    "it may refuse the route, which the release waits for and then goes back, or leave that part out: ask its documentation, or "
    "leave out what it cannot"
)


def _classes(case: Case, route: Obj) -> Iterator[Obj]:
    """The live classes of the Gateways that serve a route."""
    for ref in gateway.gateways_of(route, case.release.namespace):
        serving = case.observed.objects.get(ref)
        name = get(serving, "spec", "gatewayClassName") if serving else None
        if found := case.observed.find(GATEWAY_CLASS, "", str(name)):
            yield found


def unseen(case: Case) -> Iterator[Found]:
    """What a cluster was asked for: live routes that `auto` goes past."""
    service = case.chosen.app.primary
    for message in case.chosen.unseen(case.observed) if service else ():
        hint = "take it into the manifests to have it split, or name the router that is meant"
        yield Found(service, ("metadata", "name"), message, hint=hint)


def keeps_users(case: Case) -> Iterator[Found]:
    for route in (obj for kind in gateway.KINDS for obj in case.written(kind)):
        for place, rule in mappings(route, "spec", "rules"):
            if rule.get("sessionPersistence"):
                name = f"{route['kind']} {route['metadata']['name']}"
                message = f"{name} keeps a user on the version that answered first (sessionPersistence), also at 0%"
                yield Found(route, ("spec", "rules", place, "sessionPersistence"), message, hint=_KEPT_HINT)
    yield from _policies(case)


def _policies(case: Case) -> Iterator[Found]:
    """The same, asked for of a Service beside the routes to it."""
    for policy in case.release.others:
        refs = [ref for _, ref in mappings(policy, "spec", "targetRefs")]
        is_ours = any(ref.get("name") in case.chosen.app.service_names for ref in refs)
        if policy["kind"] in _KEEPING and is_ours and get(policy, "spec", "sessionPersistence"):
            message = f"{policy['kind']} {policy['metadata']['name']} keeps a user on the version that answered first, also at 0%"
            yield Found(policy, ("spec", "sessionPersistence"), message, hint=_KEPT_HINT)


_KEEPING = ("XBackendTrafficPolicy", "BackendLBPolicy")
"""Kinds of the Gateway API's experimental channel, by the name of now and by the one before."""
_KEPT_HINT = (
    "leave it out while versions share requests: who has met a bad version stays with it through a way back; `sticky: true` of "
    "the release keeps users on their version until then"
)


def retired(case: Case) -> Iterator[Found]:
    shaped = [obj for obj in _routes(case) if is_shaped(obj)]
    for ingress in nginx.ingresses_of(shaped, case.chosen.app.host):
        if nginx.is_served(ingress):
            message = (
                f"Ingress {ingress['metadata']['name']} is served by ingress-nginx, which saw its last release in March 2026"
            )
            hint = "an HTTPRoute beside it lets you move without a gap (docs/routers.md)"
            if left := nginx.without_counterpart(ingress):
                hint += f"; it has no counterpart of {', '.join(left)}: a policy of the Gateway's implementation may"
            yield Found(ingress, ("metadata", "annotations"), message, hint=hint)


def _routes(case: Case) -> list[Obj]:
    """What a router looks at of the manifests."""
    kinds = (REFERENCE_GRANT, *(kind for router in ROUTERS for kind in router.kinds))
    return [obj for obj in case.release.others if any(is_a(obj, kind) for kind in kinds)]
