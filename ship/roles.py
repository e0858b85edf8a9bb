"""Rights as RBAC writes them down: as few rules as say it, and the Roles that `deploy rbac` prints."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby
from typing import NamedTuple

from ..cluster.port import Right
from ..kube.objects import ROLE, ROLE_BINDING, Kind, Obj
from ..release.model import Release
from .rights import rights

VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")
RBAC = "rbac.authorization.k8s.io"
CLUSTER_ROLE = Kind(f"{RBAC}/v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind(f"{RBAC}/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)


class Rule(NamedTuple):
    """A PolicyRule: `verbs` on one resource (`deployments/scale`), of the objects named, or of all where none is. `namespace` is
    empty for the release's own."""

    group: str
    resource: str
    names: tuple[str, ...]
    verbs: tuple[str, ...]
    namespace: str = ""


def rules(granted: Iterable[Right]) -> list[Rule]:
    """As few rules as say it: the verbs of one resource together, and the names that have the same verbs.

    Of `granted`, no verb may be there both for a name and for all.
    """
    out: list[Rule] = []
    for (namespace, group, resource), of_resource in groupby(
        sorted(granted, key=lambda right: (*_place(right), right.name)), key=_place
    ):
        verbs_of: dict[str, set[str]] = {}
        for right in of_resource:
            verbs_of.setdefault(right.name, set()).add(right.verb)
        names_of: dict[tuple[str, ...], list[str]] = {}
        for name, granted_verbs in verbs_of.items():
            names_of.setdefault(tuple(verb for verb in VERBS if verb in granted_verbs), []).append(name)
        out += [Rule(group, resource, tuple(filter(None, names)), verbs, namespace) for verbs, names in names_of.items()]
    return out


def _place(right: Right) -> tuple[str, str, str]:
    return right.namespace, right.group, right.resource


def manifests(release: Release, strategies: Collection[str], account: str, *, prunes: bool = False) -> list[Obj]:
    """The Role and RoleBinding for a ServiceAccount (`NAME`, or `NAMESPACE/NAME` where it is another one's), in each namespace
    that the manifests hold objects of, or gates ask a Service of, and, where they hold some of none, a ClusterRole and
    ClusterRoleBinding beside them."""
    namespace, _, name = account.rpartition("/")
    subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace or release.namespace}
    granted = rights(release, strategies, prunes=prunes)
    called = f"rollway-{release.app}"
    out: list[Obj] = []
    asked = sorted({right.namespace for right in granted} - {"", *release.elsewhere})
    for away in ("", *release.elsewhere, *asked):
        place = {"name": called if not away else f"{called}-{release.namespace}", "namespace": away or release.namespace}
        inside = [right for right in granted if right.namespaced and right.namespace == away]
        out += bound(ROLE, ROLE_BINDING, place, inside, subject)
    cluster_wide = [right for right in granted if not right.namespaced]
    if cluster_wide:
        out += bound(CLUSTER_ROLE, CLUSTER_ROLE_BINDING, {"name": f"{called}-{release.namespace}"}, cluster_wide, subject)
    return out


def bound(role: Kind, binding: Kind, meta: dict[str, str], granted: Iterable[Right], subject: Obj) -> list[Obj]:
    """A role with what is granted, and its binding."""
    ref = {"apiGroup": RBAC, "kind": role.name, "name": meta["name"]}
    return [
        {
            "apiVersion": role.api_version,
            "kind": role.name,
            "metadata": dict(meta),
            "rules": [_policy(rule) for rule in rules(granted)],
        },
        {
            "apiVersion": binding.api_version,
            "kind": binding.name,
            "metadata": dict(meta),
            "roleRef": ref,
            "subjects": [subject],
        },
    ]


def _policy(rule: Rule) -> Obj:
    named = {"resourceNames": list(rule.names)} if rule.names else {}
    return {"apiGroups": [rule.group], "resources": [rule.resource], **named, "verbs": list(rule.verbs)}
