"""When a route of the Gateway API is in force, in its own words."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.health.routes import Waiting, gateways_of, is_seen, waits
from rollway.kube.objects import Obj

AT = ("infra", "edge")
REF = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge", "namespace": "infra"}


def condition(type_: str, status: str = "True", **rest: Any) -> Obj:
    return {"type": type_, "status": status, "observedGeneration": 2, "reason": type_, "message": ""} | rest


def parent(*conditions: Obj, **ref: Any) -> Obj:
    return {"parentRef": REF | ref, "controllerName": "example.com/c", "conditions": list(conditions)}


def route(*parents: Obj, refs: tuple[Obj, ...] = ({"name": "edge", "namespace": "infra"},)) -> Obj:
    meta = {"name": "shop", "namespace": "shop", "generation": 2}
    return {"metadata": meta, "spec": {"parentRefs": list(refs)}, "status": {"parents": list(parents)}}


def gateway(status: str = "True", **rest: Any) -> Obj:
    conditions = [condition("Programmed", status, **rest)] if status else []
    return {"metadata": {"name": "edge", "namespace": "infra", "generation": 2}, "status": {"conditions": conditions}}


GOOD = parent(condition("Accepted"), condition("ResolvedRefs"))


def test_a_route_in_force_waits_for_nothing() -> None:
    """Defaults are not written into every parentRef: both mean the same one."""
    assert waits(route(GOOD), {AT: gateway()}) == []
    assert waits(route(GOOD), {}) == []  # of a Gateway that may not be read nothing is asked


def test_a_mesh_route_hangs_on_no_gateway() -> None:
    mesh = route(refs=({"group": "", "kind": "Service", "name": "shop"},))
    assert waits(mesh, {}) == []
    assert gateways_of(mesh) == []


@pytest.mark.parametrize(
    ("parents", "at", "wanted", "is_refused"),
    [
        ((), gateway(), "no controller has taken up the route", False),
        ((GOOD,), None, "is not there", False),
        (
            (parent(condition("Accepted", observedGeneration=1), condition("ResolvedRefs")),),
            gateway(),
            "not seen the route's",
            False,
        ),
        ((parent(condition("Accepted")),), gateway(), "not resolved yet", False),
        (
            (parent(condition("Accepted", "False", reason="NotAllowedByListeners", message="no"), condition("ResolvedRefs")),),
            gateway(),
            "Accepted is False, NotAllowedByListeners: no",
            True,
        ),
        (
            (parent(condition("Accepted"), condition("ResolvedRefs", "False", reason="BackendNotFound")),),
            gateway(),
            "ResolvedRefs is False, BackendNotFound",
            True,
        ),
        (
            (parent(condition("Accepted"), condition("ResolvedRefs"), condition("PartiallyInvalid", reason="UnsupportedValue")),),
            gateway(),
            "PartiallyInvalid is True, UnsupportedValue",
            True,
        ),
        ((parent(condition("Accepted", "Unknown"), condition("ResolvedRefs")),), gateway(), "Accepted is Unknown", False),
        (
            (GOOD,),
            gateway("Unknown", reason="Pending", message="Waiting for controller"),
            "Pending: Waiting for controller",
            False,
        ),
        ((GOOD,), gateway(""), "not programmed yet", False),
        ((GOOD,), gateway(observedGeneration=1), "not seen its change", False),
        ((parent(condition("Accepted"), condition("ResolvedRefs"), sectionName="other"),), gateway(), "no controller has", False),
    ],
)
def test_what_is_waited_for(parents: tuple[Obj, ...], at: Obj | None, wanted: str, is_refused: bool) -> None:
    (waiting,) = waits(route(*parents), {AT: at})
    assert wanted in waiting.message
    assert "infra/edge" in waiting.message
    assert waiting == Waiting(AT, waiting.message, is_refused)


def test_one_of_several_controllers_that_takes_it_is_enough() -> None:
    """Another that speaks of the same Gateway may be the one of before."""
    refused = parent(condition("Accepted", "False"), condition("ResolvedRefs"))
    assert waits(route(refused, GOOD), {AT: gateway()}) == []


def test_every_gateway_counts() -> None:
    refs = ({"name": "edge", "namespace": "infra"}, {"name": "inner"})
    assert [each.gateway for each in waits(route(GOOD, refs=refs), {})] == [("shop", "inner")]
    assert gateways_of(route(refs=refs)) == [AT, ("shop", "inner")]


def test_a_gateway_without_a_namespace_is_in_the_routes_own() -> None:
    """Whoever wrote it down, the user or the controller."""
    own = {"metadata": {"name": "edge", "namespace": "shop", "generation": 2}, "status": gateway()["status"]}
    taken = parent(condition("Accepted"), condition("ResolvedRefs"), namespace="shop")

    assert waits(route(taken, refs=({"name": "edge"},)), {("shop", "edge"): own}) == []
    assert waits(route(GOOD, refs=({"name": "edge"},)), {("shop", "edge"): own}) != []


@pytest.mark.parametrize(
    ("parents", "wanted"),
    [
        ((), True),
        ((GOOD,), True),
        ((parent(condition("Accepted", "False")),), True),
        ((parent(condition("Accepted", observedGeneration=1)),), False),
        ((GOOD, parent(condition("Accepted", "False", observedGeneration=1), name="other")), False),
    ],
)
def test_what_is_seen_by_all_who_speak_of_it(parents: tuple[Obj, ...], wanted: bool) -> None:
    """Whatever they make of it."""
    assert is_seen(route(*parents)) == wanted
