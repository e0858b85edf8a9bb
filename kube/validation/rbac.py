"""What the API server refuses in Roles and their bindings, of a namespace or of the cluster, in its own words."""

from __future__ import annotations

from ..objects import Obj
from . import checks
from .checks import Problems

_GROUP = "rbac.authorization.k8s.io"


def role(obj: Obj) -> Problems:
    for place, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(f"rules[{place}]", rule, is_namespaced=True)


def cluster_role(obj: Obj) -> Problems:
    for place, rule in enumerate(obj.get("rules") or ()):
        yield from _rule(f"rules[{place}]", rule, is_namespaced=False)


def role_binding(obj: Obj) -> Problems:
    yield from _binding(obj, ("Role", "ClusterRole"), is_namespaced=True)


def cluster_role_binding(obj: Obj) -> Problems:
    yield from _binding(obj, ("ClusterRole",), is_namespaced=False)


def _rule(field: str, rule: Obj, *, is_namespaced: bool) -> Problems:
    if not rule.get("verbs"):
        yield checks.required(f"{field}.verbs", "verbs must contain at least one value")
    if urls := rule.get("nonResourceURLs"):
        if is_namespaced:
            yield checks.invalid(f"{field}.nonResourceURLs", urls, "namespaced rules cannot apply to non-resource URLs")
        if any(rule.get(name) for name in ("apiGroups", "resources", "resourceNames")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            yield checks.invalid(f"{field}.nonResourceURLs", urls, why)
        return
    if not rule.get("apiGroups"):
        yield checks.required(f"{field}.apiGroups", "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield checks.required(f"{field}.resources", "resource rules must supply at least one resource")


def _binding(obj: Obj, kinds: tuple[str, ...], *, is_namespaced: bool) -> Problems:
    role_ref = obj.get("roleRef") or {}
    if (group := role_ref.get("apiGroup") or _GROUP) != _GROUP:
        yield checks.unsupported("roleRef.apiGroup", group, (_GROUP,))
    if (kind := role_ref.get("kind") or "") not in kinds:
        yield checks.unsupported("roleRef.kind", kind, kinds)
    if not (name := role_ref.get("name")):
        yield checks.required("roleRef.name")
    else:
        yield from checks.by_rule("roleRef.name", name, checks.path_segment)
    for place, subject in enumerate(obj.get("subjects") or ()):
        yield from _subject(f"subjects[{place}]", subject, is_namespaced=is_namespaced)


def _subject(field: str, subject: Obj, *, is_namespaced: bool) -> Problems:
    kind, name, group = (subject.get(key) or "" for key in ("kind", "name", "apiGroup"))
    if not name:
        yield checks.required(f"{field}.name")
    match kind:
        case "ServiceAccount":
            if name:
                yield from checks.by_rule(f"{field}.name", name, checks.subdomain_name)
            if group:
                yield checks.unsupported(f"{field}.apiGroup", group, ("",))
            if not is_namespaced and not subject.get("namespace"):
                yield checks.required(f"{field}.namespace")
        case "User" | "Group":
            if group not in ("", _GROUP):
                yield checks.unsupported(f"{field}.apiGroup", group, (_GROUP,))
        case _:
            yield checks.unsupported(f"{field}.kind", kind, ("ServiceAccount", "User", "Group"))
