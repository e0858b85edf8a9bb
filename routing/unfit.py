"""What A/B cannot split of the Istio objects in the manifests, each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import VIRTUAL_SERVICE, Obj, get, is_a
from .claims import claims
from .istio import routes_of, rules_of, splits_http
from .subsets import LONGEST_SUBSET, track_of
from .traffic import Host


class Unfit(NamedTuple):
    """`path` is where in the object."""

    obj: Obj
    path: tuple[str | int, ...]
    message: str
    hint: str


def unfits(objects: Sequence[Mapping[str, Any]], host: Host) -> Iterator[Unfit]:
    rules = rules_of(objects, host)
    for rule in rules[1:]:
        names = f"{rules[0]['metadata']['name']} and {rule['metadata']['name']}"
        message = f"DestinationRules {names} are both for host {host.name}: the policy of one of them does not count"
        yield Unfit(rule, ("spec", "host"), message, "make one of the two")
    for rule in rules:
        yield from _names(rule)
    if not any(splits_http(routes, host) for routes in routes_of(objects, host)):
        yield from _unsplit(objects, host)


def _names(rule: Obj) -> Iterator[Unfit]:
    for place, subset in enumerate(get(rule, "spec", "subsets", default=[])):
        name, at = str(subset.get("name", "")), ("spec", "subsets", place, "name")
        if track_of(name):
            yield Unfit(rule, at, f"subset {name} is called as a part is that ab makes", "call it something else")
        if len(name) > LONGEST_SUBSET:
            message = f"subset {name} has {len(name)} characters: with its parts' suffix it would be longer than Istio takes"
            yield Unfit(rule, at, message, f"{LONGEST_SUBSET} characters at most")


def _unsplit(objects: Sequence[Mapping[str, Any]], host: Host) -> Iterator[Unfit]:
    """Routes that have the say for the host, where none of them can tell its requests apart."""
    for obj in objects:
        if is_a(obj, VIRTUAL_SERVICE) and (claims(obj, host) or routes_of([obj], host)):
            message = f"VirtualService {obj['metadata']['name']} is for host {host.name} and has no HTTP route to it"
            hint = f"add an http route to {host.name}: ab tells requests apart by that"
            yield Unfit(dict(obj), ("spec",), message, hint)
