"""What a user who is not the owner may do: what Roles and their bindings give. (Kubernetes 1.36, rbac authorizer.)"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...kube.objects import Kind, Obj
from ..store.store import Store

GROUP = "rbac.authorization.k8s.io/v1"
ROLE, ROLE_BINDING = Kind(GROUP, "Role", "roles"), Kind(GROUP, "RoleBinding", "rolebindings")
CLUSTER_ROLE = Kind(GROUP, "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(GROUP, "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
MASTERS = "system:masters"


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
        ref = binding.get("roleRef") or {}
        of_cluster = ref.get("kind") == CLUSTER_ROLE.name
        role = store.find(CLUSTER_ROLE if of_cluster else ROLE, "" if of_cluster else namespace, ref.get("name", ""))
        yield from (role or {}).get("rules") or ()


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
        return _has(rule, "verbs", path.get("verb", "")) and any(_is_at(path.get("path", ""), url) for url in urls)
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


def _is_at(path: str, url: str) -> bool:
    return url in ("*", path) or (url.endswith("*") and path.startswith(url[:-1]))
