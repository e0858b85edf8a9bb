"""What the API server refuses in a pod's affinity, in its own words."""

from __future__ import annotations

from collections.abc import Callable

from ..objects import Obj
from . import checks
from .checks import Problems

REQUIRED, PREFERRED = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"


def affinity(field: str, wanted: Obj) -> Problems:
    nodes = wanted.get("nodeAffinity") or {}
    if (required := nodes.get(REQUIRED)) is not None:
        yield from _terms(f"{field}.nodeAffinity.{REQUIRED}.nodeSelectorTerms", required.get("nodeSelectorTerms") or [])
    yield from _preferred(f"{field}.nodeAffinity.{PREFERRED}", nodes, "preference", _term)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = wanted.get(kind) or {}
        for place, term in enumerate(pods.get(REQUIRED) or ()):
            yield from _pod_term(f"{field}.{kind}.{REQUIRED}[{place}]", term)
        yield from _preferred(f"{field}.{kind}.{PREFERRED}", pods, "podAffinityTerm", _pod_term)


def _preferred(field: str, wanted: Obj, name: str, rule: Callable[[str, Obj], Problems]) -> Problems:
    for place, each in enumerate(wanted.get(PREFERRED) or ()):
        here, weight = f"{field}[{place}]", each.get("weight") or 0
        if not 1 <= weight <= 100:
            yield checks.invalid(f"{here}.weight", weight, "must be in the range 1-100")
        yield from rule(f"{here}.{name}", each.get(name) or {})


def _terms(field: str, terms: list[Obj]) -> Problems:
    if not terms:
        yield checks.required(field, "must have at least one node selector term")
    for place, term in enumerate(terms):
        yield from _term(f"{field}[{place}]", term)


def _term(field: str, term: Obj) -> Problems:
    for place, each in enumerate(term.get("matchExpressions") or ()):
        here, operator, values = f"{field}.matchExpressions[{place}]", each.get("operator") or "", each.get("values") or []
        if operator in ("Gt", "Lt"):
            if len(values) != 1:
                yield checks.required(f"{here}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'")
            yield from checks.by_rule(f"{here}.key", each.get("key") or "", checks.qualified_name)
        else:
            yield from checks.label_expression(here, each)


def _pod_term(field: str, term: Obj) -> Problems:
    yield from checks.label_selector(f"{field}.labelSelector", term.get("labelSelector"))
    if not term.get("topologyKey"):
        yield checks.required(f"{field}.topologyKey", "can not be empty")
    yield from checks.by_rule(f"{field}.topologyKey", term.get("topologyKey") or "", checks.qualified_name)
