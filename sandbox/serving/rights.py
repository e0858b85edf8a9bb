"""What a user who is not the owner may do: what Roles and their bindings give. (Kubernetes 1.36, rbac authorizer.)"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence

from ...errors import ApiError, NotFound
from ...kube.objects import Kind, Obj, get, labels_of, matches
from ..store.refusals import forbidden
from ..store.store import Store
from .identity import MASTERS, User

GROUP = "rbac.authorization.k8s.io/v1"
ROLE, ROLE_BINDING = Kind(GROUP, "Role", "roles"), Kind(GROUP, "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind(GROUP, "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(GROUP, "ClusterRoleBinding", "clusterrolebindings", namespaced=False)


def check(store: Store, user: User, verb: str, kind: Kind, namespace: str, name: str, subresource: str = "") -> None:
    """Raises ApiError (403), in the API server's words."""
    wanted = {"verb": verb, "group": kind.group, "resource": kind.plural, "subresource": subresource}
    wanted |= {"namespace": namespace, "name": name}
    if _may(store, user, {"resourceAttributes": wanted}):
        return
    resource = f"{kind.plural}/{subresource}" if subresource else kind.plural
    where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
    said = f'User "{user.name}" cannot {verb} resource "{resource}" in API group "{kind.group}" {where}'
    raise forbidden(kind, name, said)


def check_path(store: Store, user: User, verb: str, path: str) -> None:
    """Raises ApiError (403)."""
    if not _may(store, user, {"nonResourceAttributes": {"path": path, "verb": verb}}):
        raise ApiError(403, "Forbidden", f'forbidden: User "{user.name}" cannot {verb} path "{path}"')


def _may(store: Store, user: User, wanted: Obj) -> bool:
    return user.is_master or is_allowed(store, {"user": user.name, "groups": user.groups, **wanted})


def rules_for(store: Store, namespace: str, user: User) -> tuple[list[Obj], list[Obj]]:
    """What somebody may do in a namespace: the rules for resources, and those for other paths."""
    if user.is_master:
        return [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}], [{"verbs": ["*"], "nonResourceURLs": ["*"]}]
    found = list(_rules(store, namespace, user.name, user.groups))
    return [each for each in found if each.get("resources")], [each for each in found if each.get("nonResourceURLs")]


def is_allowed(store: Store, spec: Obj) -> bool:
    """`spec` is that of a SubjectAccessReview: `user`, `groups`, and what is asked for."""
    user, groups = spec.get("user") or "", spec.get("groups") or ()
    if MASTERS in groups:
        return True
    wanted = spec.get("resourceAttributes")
    space = (wanted or {}).get("namespace") or ""
    return any(_covers(rule, wanted, spec) for rule in _rules(store, space, user, groups))


def _rules(store: Store, namespace: str, user: str, groups: Sequence[str]) -> Iterator[Obj]:
    bindings = [*store.list(CLUSTER_ROLE_BINDING), *(store.list(ROLE_BINDING, namespace) if namespace else ())]
    for binding in bindings:
        if not any(_is_meant(subject, namespace, user, groups) for subject in binding.get("subjects") or ()):
            continue
        with contextlib.suppress(NotFound):
            yield from rules_of_role(store, namespace, binding.get("roleRef") or {})


def rules_of_role(store: Store, namespace: str, ref: Obj) -> Sequence[Obj]:
    """What the role of a binding says. Raises NotFound."""
    of_cluster = ref.get("kind") == CLUSTER_ROLE.name
    role = store.get(CLUSTER_ROLE if of_cluster else ROLE, "" if of_cluster else namespace, ref.get("name", ""))
    return [*(role.get("rules") or ()), *_aggregated(store, role)]


def _aggregated(store: Store, role: Obj) -> Iterator[Obj]:
    """The rules of the roles that a role gathers by their labels."""
    selectors = get(role, "aggregationRule", "clusterRoleSelectors", default=())
    for other in store.list(CLUSTER_ROLE) if selectors else ():
        if other is not role and any(matches(selector, labels_of(other)) for selector in selectors):
            yield from other.get("rules") or ()


def _is_meant(subject: Obj, namespace: str, user: str, groups: Sequence[str]) -> bool:
    name = subject.get("name", "")
    match subject.get("kind"):
        case "User":
            return bool(name == user)
        case "Group":
            return name in groups
        case "ServiceAccount":
            return user == f"system:serviceaccount:{subject.get('namespace') or namespace}:{name}"
        case _:
            return False


def _covers(rule: Obj, wanted: Obj | None, spec: Obj) -> bool:
    if wanted is None:
        path = spec.get("nonResourceAttributes") or {}
        urls = rule.get("nonResourceURLs") or ()
        return _has(rule, "verbs", path.get("verb", "")) and any(is_at(path.get("path", ""), url) for url in urls)
    plural, sub = wanted.get("resource", ""), wanted.get("subresource") or ""
    full = f"{plural}/{sub}" if sub else plural
    resources = rule.get("resources") or ()
    names = rule.get("resourceNames") or ()
    return (
        _has(rule, "verbs", wanted.get("verb", ""))
        and _has(rule, "apiGroups", wanted.get("group") or "")
        and (full in resources or "*" in resources or bool(sub and f"*/{sub}" in resources))
        and (not names or wanted.get("name", "") in names)
    )


def _has(rule: Obj, part: str, value: str) -> bool:
    found = rule.get(part) or ()
    return value in found or "*" in found


def is_at(path: str, url: str) -> bool:
    return url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1]))
