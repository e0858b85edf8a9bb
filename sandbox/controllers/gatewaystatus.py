"""What the Gateway API's objects say of themselves: conditions, addresses and counts, as an implementation writes them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ...kube.clock import timestamp
from ...kube.objects import Obj, get
from ...kube.types_gateway import GROUP
from ..api.addresses import gateway_address
from . import attachment
from .attachment import Known, Listener, Parent, Problem

FEATURES = (
    "Gateway", "GatewayHTTPListenerIsolation", "GatewayPort8080", "GRPCRoute", "GRPCRouteNamedRouteRule",
    "GRPCRouteRequestHeaderModifier", "HTTPRoute", "HTTPRoute303RedirectStatusCode",
    "HTTPRoute307RedirectStatusCode", "HTTPRoute308RedirectStatusCode", "HTTPRouteBackendProtocolH2C",
    "HTTPRouteBackendProtocolWebSocket", "HTTPRouteBackendRequestHeaderModification", "HTTPRouteBackendRequestRedirect",
    "HTTPRouteBackendTimeout", "HTTPRouteBackendURLRewrite", "HTTPRouteCORS", "HTTPRouteDestinationPortMatching",
    "HTTPRouteHostRewrite", "HTTPRouteMethodMatching", "HTTPRouteNamedRouteRule", "HTTPRouteParentRefPort",
    "HTTPRoutePathRedirect", "HTTPRoutePathRewrite", "HTTPRoutePortRedirect", "HTTPRouteQueryParamMatching",
    "HTTPRouteRequestMirror", "HTTPRouteRequestMultipleMirrors", "HTTPRouteRequestPercentageMirror",
    "HTTPRouteRequestTimeout", "HTTPRouteResponseHeaderModification", "HTTPRouteRetry", "HTTPRouteRetryBackendTimeout",
    "HTTPRouteRetryConnectionError", "HTTPRouteSchemeRedirect", "ReferenceGrant",
)  # fmt: skip
"""In the Gateway API's names: what the data plane does."""

_IN_ORDER = {"ProtocolConflict": "Conflicted", "InvalidCertificateRef": "ResolvedRefs", "RefNotPermitted": "ResolvedRefs"}
"""Which condition of a listener tells a problem; all others are Accepted's."""


class _Conditions:
    """Those of one object, in the order in which they are told; one that does not change keeps its time."""

    def __init__(self, before: Iterable[Obj], generation: int, now: datetime) -> None:
        self._before = {each["type"]: each for each in before}
        self._generation, self._now = generation, timestamp(now)
        self.told: list[Obj] = []

    def tell(self, type_: str, reason: str, message: str = "", *, holds: bool = True) -> None:
        status, before = "True" if holds else "False", self._before.get(type_, {})
        since = before["lastTransitionTime"] if before.get("status") == status else self._now
        told = {"type": type_, "status": status, "reason": reason, "message": message}
        self.told.append(told | {"observedGeneration": self._generation, "lastTransitionTime": since})


def class_status(obj: Obj, now: datetime) -> Obj:
    conditions = _conditions_of(obj, obj, now)
    conditions.tell("Accepted", "Accepted", "served by the sandbox")
    return {"conditions": conditions.told, "supportedFeatures": [{"name": each} for each in sorted(FEATURES)]}


def gateway_status(gateway: Obj, known: Known, hanging: Mapping[Listener, int], now: datetime) -> Obj:
    """`hanging`: how many routes are attached to each listener."""
    found = attachment.listeners(gateway, known)
    broken = [each for each in found if each.problem is not None]
    conditions = _conditions_of(gateway, gateway, now)
    told = ", ".join(each.name for each in broken)
    if not broken:
        conditions.tell("Accepted", "Accepted")
    else:
        conditions.tell("Accepted", "ListenersNotValid", f"listeners that are not served: {told}", holds=len(broken) < len(found))
    if len(broken) < len(found):
        conditions.tell("Programmed", "Programmed")
    else:
        conditions.tell("Programmed", "Invalid", "no listener is served", holds=False)
    before = {each["name"]: each for each in get(gateway, "status", "listeners", default=())}
    rows = [_listener_status(each, gateway, before.get(each.name, {}), hanging.get(each, 0), now) for each in found]
    address = [{"type": "IPAddress", "value": gateway_address(gateway["metadata"]["uid"])}]
    return {"addresses": address, "conditions": conditions.told, "listeners": rows}


def _listener_status(listener: Listener, gateway: Obj, before: Obj, hanging: int, now: datetime) -> Obj:
    conditions, problem = _conditions_of(before, gateway, now, own=True), listener.problem
    kinds, unknown = attachment.kinds_of(listener)
    where = _IN_ORDER.get(problem.reason, "Accepted") if problem else ""
    for type_, good in (("Accepted", "Accepted"), ("Conflicted", "NoConflicts"), ("ResolvedRefs", "ResolvedRefs")):
        is_usual = type_ != where
        if type_ == "ResolvedRefs" and is_usual and unknown:
            conditions.tell(type_, "InvalidRouteKinds", f"{', '.join(unknown)}: not served", holds=False)
        elif is_usual or problem is None:
            conditions.tell(type_, good, holds=type_ != "Conflicted")
        else:
            conditions.tell(type_, *problem, holds=type_ == "Conflicted")
    if problem is None:
        conditions.tell("Programmed", "Programmed")
    else:
        conditions.tell("Programmed", "Invalid", problem.message, holds=False)
    supported = [{"group": GROUP, "kind": kind} for kind in kinds]
    return {"name": listener.name, "attachedRoutes": hanging, "supportedKinds": supported, "conditions": conditions.told}


def route_status(route: Obj, found: Sequence[Parent], known: Known, now: datetime) -> Obj | None:
    """None where nobody has anything to say of it. What other controllers say is kept."""
    before = get(route, "status", "parents", default=())
    ours = {parent.controller for parent in found} | {attachment.CONTROLLER}
    rows = [each for each in before if each.get("controllerName") not in ours]
    problems, left_out = attachment.unresolved(route, known), attachment.unsupported(route)
    rows += [_parent_status(parent, route, before, problems, left_out, now) for parent in found]
    return {"parents": rows} if rows or before else None


def _parent_status(
    parent: Parent, route: Obj, before: Sequence[Obj], problems: Sequence[Problem], left_out: Sequence[Problem], now: datetime
) -> Obj:
    same = (each for each in before if (each["controllerName"], each["parentRef"]) == (parent.controller, parent.ref))
    conditions = _conditions_of(next(same, {}), route, now, own=True)
    if parent.problem is None:
        conditions.tell("Accepted", "Accepted")
    else:
        conditions.tell("Accepted", *parent.problem, holds=False)
    if not problems:
        conditions.tell("ResolvedRefs", "ResolvedRefs")
    else:
        conditions.tell("ResolvedRefs", problems[0].reason, _together(problems), holds=False)
    if left_out:
        conditions.tell("PartiallyInvalid", left_out[0].reason, _together(left_out))
    return {"parentRef": dict(parent.ref), "controllerName": parent.controller, "conditions": conditions.told}


def _together(problems: Sequence[Problem]) -> str:
    return "; ".join(dict.fromkeys(each.message for each in problems))


def _conditions_of(before: Mapping[str, Any], obj: Obj, now: datetime, *, own: bool = False) -> _Conditions:
    """`own`: `before` holds the conditions itself, rather than in its status."""
    told = before.get("conditions") or () if own else get(before, "status", "conditions", default=())
    return _Conditions(told, obj["metadata"].get("generation", 1), now)
