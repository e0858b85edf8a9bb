"""Nobody gives what he does not have: roles and bindings written by whoever is not the owner. (Kubernetes 1.36, rbac registry.)

A role may say what its writer may do himself, or anything where he may `escalate` that role. A binding may name a role whose
rules its writer has, or any that he may `bind`. Who may do everything alone lets a role gather others (`aggregationRule`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import product

from ...kube.objects import Kind, Obj
from ..store.refusals import forbidden
from ..store.store import Store
from .identity import User
from .rights import (
    CLUSTER_ROLE,
    CLUSTER_ROLE_BINDING,
    ROLE,
    ROLE_BINDING,
    is_allowed,
    is_at,
    rules_for,
    rules_of_role,
)

_GROUP = "rbac.authorization.k8s.io"
_EVERYTHING = ({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}, {"verbs": ["*"], "nonResourceURLs": ["*"]})
_PARTS = {
    "apiGroups": "APIGroups", "resources": "Resources", "nonResourceURLs": "NonResourceURLs", "resourceNames": "ResourceNames",
    "verbs": "Verbs",
}  # fmt: skip
_OF_COLLECTOR = ("ownerReferences", "finalizers", "managedFields", "resourceVersion")


def vet(store: Store, user: User, kind: Kind, obj: Obj, live: Obj | None) -> None:
    """Raises ApiError (403), in the API server's words, and NotFound for a role that is not there. Other kinds pass. `live` is
    what `obj` takes the place of."""
    known = next((each for each in (ROLE, CLUSTER_ROLE, ROLE_BINDING, CLUSTER_ROLE_BINDING) if kind.is_a(each)), None)
    if known is None or user.is_master or (live is not None and _says(obj) == _says(live)):
        return
    name, namespace = obj["metadata"]["name"], obj["metadata"].get("namespace", "")
    is_role = known in (ROLE, CLUSTER_ROLE)
    ref = {"kind": kind.name, "name": name} if is_role else obj.get("roleRef") or {}
    if _may(store, user, "escalate" if is_role else "bind", ref, namespace):
        return
    held = [rule for rules in rules_for(store, namespace, user) for rule in rules]
    if is_role and obj.get("aggregationRule") and any(_missing(held, _EVERYTHING)):
        raise forbidden(kind, name, "must have cluster-admin privileges to use the aggregationRule")
    rules = (obj.get("rules") or ()) if is_role else rules_of_role(store, namespace, ref)
    if missing := list(_missing(held, rules)):
        groups = " ".join(map(json.dumps, user.groups))
        who = f"user {json.dumps(user.name)} (groups=[{groups}])"
        told = "\n".join(sorted(_told(each) for each in _together(missing)))
        raise forbidden(kind, name, f"{who} is attempting to grant RBAC permissions not currently held:\n{told}")


def _may(store: Store, user: User, verb: str, role: Obj, namespace: str) -> bool:
    plural = CLUSTER_ROLE.plural if role.get("kind") == CLUSTER_ROLE.name else ROLE.plural
    wanted = {"verb": verb, "group": _GROUP, "resource": plural, "name": role.get("name", ""), "namespace": namespace}
    return is_allowed(store, {"user": user.name, "groups": user.groups, "resourceAttributes": wanted})


def _says(obj: Obj) -> Obj:
    """All of it but what garbage collection writes."""
    return obj | {"metadata": {key: value for key, value in obj["metadata"].items() if key not in _OF_COLLECTOR}}


def _missing(held: Sequence[Obj], rules: Sequence[Obj]) -> Iterator[Obj]:
    """The single rights of the rules that no rule covers that is held."""
    for rule in rules:
        for verb, url in product(rule.get("verbs") or (), rule.get("nonResourceURLs") or ()):
            single = {"verbs": [verb], "nonResourceURLs": [url]}
            if not any(_covers(each, single) for each in held):
                yield single
        names = [[name] for name in rule.get("resourceNames") or ()] or [[]]
        parts = (rule.get("apiGroups") or (), rule.get("resources") or (), names, rule.get("verbs") or ())
        for group, resource, named, verb in product(*parts):
            single = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
            single |= {"resourceNames": named} if named else {}
            if not any(_covers(each, single) for each in held):
                yield single


def _covers(rule: Obj, single: Obj) -> bool:
    if not _holds(rule, "verbs", single):
        return False
    if urls := single.get("nonResourceURLs"):
        return any(is_at(urls[0], each) for each in rule.get("nonResourceURLs") or ())
    resource, _, sub = single["resources"][0].partition("/")
    known, names = rule.get("resources") or (), rule.get("resourceNames") or ()
    is_known = "*" in known or single["resources"][0] in known or bool(resource and sub and f"*/{sub}" in known)
    return is_known and _holds(rule, "apiGroups", single) and (not names or set(single.get("resourceNames") or ("",)) <= {*names})


def _holds(rule: Obj, part: str, single: Obj) -> bool:
    known = rule.get(part) or ()
    return "*" in known or single[part][0] in known


def _together(singles: Sequence[Obj]) -> list[Obj]:
    """Those that differ in their verb alone, as one: but not with names, nor of other paths."""
    out: list[Obj] = []
    by_resource: dict[tuple[str, str], Obj] = {}
    for each in singles:
        if "resourceNames" in each or "nonResourceURLs" in each:
            out.append(each)
            continue
        key = (each["apiGroups"][0], each["resources"][0])
        if key in by_resource:
            by_resource[key]["verbs"] += each["verbs"]
        else:
            by_resource[key] = {**each, "verbs": list(each["verbs"])}
    return [*out, *by_resource.values()]


def _told(rule: Obj) -> str:
    parts = [f"{title}:[{' '.join(map(json.dumps, rule[part]))}]" for part, title in _PARTS.items() if rule.get(part)]
    return "{" + ", ".join(parts) + "}"
