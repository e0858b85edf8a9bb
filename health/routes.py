"""Whether a route of the Gateway API is in force: taken up, accepted and resolved at its Gateways, and these programmed.

The words are the objects' own: what a condition says is quoted (Gateway API 1.6, `status` of routes and of Gateways)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import API_GATEWAY, GRPC_ROUTE, HTTP_ROUTE, Ref, get
from .deployment import Progress

Place = tuple[str, str]  # (namespace, name)


class Waiting(NamedTuple):
    """What is waited for at one parent of a route. `is_refused`: a controller has seen the route as it is now, and said no."""

    gateway: Place
    message: str
    is_refused: bool = False


def waits(route: Mapping[str, Any], gateways: Mapping[Place, Mapping[str, Any] | None]) -> list[Waiting]:
    """One entry a Gateway that the route names and is not in force at; none where it is in force everywhere. `gateways` are those
    that are known: None is one that is not there, and of one that is not named nothing is asked."""
    found = []
    for ref in get(route, "spec", "parentRefs", default=()):
        if (ref.get("group", API_GATEWAY.group), ref.get("kind", API_GATEWAY.name)) != (API_GATEWAY.group, API_GATEWAY.name):
            continue
        place = (ref.get("namespace") or route["metadata"].get("namespace", ""), ref["name"])
        waiting = _absent(place, gateways) or _of_parent(route, ref, place) or _of_gateway(gateways.get(place), place)
        found += [waiting] if waiting is not None else []
    return list(dict.fromkeys(found))


def taken_up(route: Mapping[str, Any]) -> Progress:
    """How many of its Gateways have the route in force as it is now. A Gateway without a controller never says anything."""
    waiting, wanted = waits(route, {}), len(gateways_of(route))
    message = "; ".join(each.message for each in waiting) or "taken up"
    return Progress(not waiting, wanted - len({each.gateway for each in waiting}), wanted, message)


def is_seen(route: Mapping[str, Any]) -> bool:
    """Whether all who speak of the route have seen it as it is, whatever they make of it. One that nobody speaks of is served by
    nobody: a controller that is gone leaves its words behind."""
    generation = get(route, "metadata", "generation", default=1)
    said = [each for parent in get(route, "status", "parents", default=()) for each in parent.get("conditions") or ()]
    return all(each.get("observedGeneration", generation) >= generation for each in said)


ROUTES: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Progress]] = {
    (HTTP_ROUTE.group, HTTP_ROUTE.name): taken_up,
    (GRPC_ROUTE.group, GRPC_ROUTE.name): taken_up,
}
"""By group and kind: what is waited for after it has been changed."""


def is_route(ref: Ref) -> bool:
    return (ref.api_version.rpartition("/")[0], ref.kind) in ROUTES


def gateways_of(route: Mapping[str, Any]) -> list[Place]:
    """The Gateways that it hangs on, each once."""
    namespace = route["metadata"].get("namespace", "")
    return list(
        dict.fromkeys(
            (ref.get("namespace") or namespace, ref["name"])
            for ref in get(route, "spec", "parentRefs", default=())
            if ref.get("kind", API_GATEWAY.name) == API_GATEWAY.name
        )
    )


def _absent(place: Place, gateways: Mapping[Place, Mapping[str, Any] | None]) -> Waiting | None:
    return Waiting(place, f"Gateway {_shown(place)} is not there") if gateways.get(place, {}) is None else None


def _of_parent(route: Mapping[str, Any], ref: Mapping[str, Any], place: Place) -> Waiting | None:
    """Where several controllers speak of it, one that takes it is enough."""
    namespace, generation = route["metadata"].get("namespace", ""), get(route, "metadata", "generation", default=1)
    said = [
        each for each in get(route, "status", "parents", default=()) if _key(each["parentRef"], namespace) == _key(ref, namespace)
    ]
    if not said:
        return Waiting(place, f"Gateway {_shown(place)}: no controller has taken up the route")
    verdicts = [_verdict(each.get("conditions") or (), generation, place) for each in said]
    return None if None in verdicts else verdicts[0]


def _verdict(conditions: Sequence[Mapping[str, Any]], generation: int, place: Place) -> Waiting | None:
    known = {each["type"]: each for each in conditions}
    for type_ in ("Accepted", "ResolvedRefs"):
        condition = known.get(type_)
        if condition is None:
            return Waiting(place, f"Gateway {_shown(place)}: the route is not {_done(type_)} yet")
        if condition.get("observedGeneration", generation) < generation:
            return Waiting(place, f"Gateway {_shown(place)}: its controller has not seen the route's change yet")
        if condition["status"] != "True":
            is_refused = condition["status"] == "False"
            return Waiting(place, f"Gateway {_shown(place)}: {_quoted(condition)}", is_refused)
    left_out = known.get("PartiallyInvalid")
    if left_out is not None and left_out["status"] == "True" and left_out.get("observedGeneration", generation) >= generation:
        return Waiting(place, f"Gateway {_shown(place)}: {_quoted(left_out)}", is_refused=True)
    return None


def _of_gateway(gateway: Mapping[str, Any] | None, place: Place) -> Waiting | None:
    if gateway is None:
        return None
    conditions = {each["type"]: each for each in get(gateway, "status", "conditions", default=())}
    programmed, generation = conditions.get("Programmed"), get(gateway, "metadata", "generation", default=1)
    if programmed is None:
        return Waiting(place, f"Gateway {_shown(place)} is not programmed yet")
    if programmed.get("observedGeneration", generation) < generation and programmed["status"] == "True":
        return Waiting(place, f"Gateway {_shown(place)}: its controller has not seen its change yet")
    return None if programmed["status"] == "True" else Waiting(place, f"Gateway {_shown(place)}: {_quoted(programmed)}")


def _done(type_: str) -> str:
    return {"Accepted": "accepted", "ResolvedRefs": "resolved"}[type_]


def _quoted(condition: Mapping[str, Any]) -> str:
    told = f"{condition['type']} is {condition['status']}, {condition.get('reason') or 'without a reason'}"
    return f"{told}: {condition['message']}" if condition.get("message") else told


def _key(ref: Mapping[str, Any], namespace: str) -> tuple[Any, ...]:
    """What makes two references the same one, with defaults."""
    head = (ref.get("group", API_GATEWAY.group), ref.get("kind", API_GATEWAY.name), ref.get("namespace") or namespace)
    return (*head, ref["name"], ref.get("sectionName"), ref.get("port"))


def _shown(place: Place) -> str:
    return "/".join(part for part in place if part)
