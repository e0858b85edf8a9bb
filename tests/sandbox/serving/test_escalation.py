"""Nobody gives what he does not have."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from rollway.errors import ApiError, NotFound
from rollway.kube.objects import Kind, Obj
from rollway.sandbox.api.server import Api
from rollway.sandbox.furniture import furnish
from rollway.sandbox.serving.escalation import vet
from rollway.sandbox.serving.identity import OWNER, User
from rollway.sandbox.serving.rights import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING
from rollway.sandbox.store.store import Store

EVE = User("eve", ("devs", "system:authenticated"))
READ = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
Write = Callable[..., Obj]


def rule(group: str, resource: str, *verbs: str, **more: Any) -> Obj:
    return {"apiGroups": [group], "resources": [resource], "verbs": list(verbs), **more}


def binding(role: str, kind: str = "Role", user: str = "eve") -> Obj:
    subject = {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": user}
    return {"subjects": [subject], "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": role}}


@pytest.fixture
def api() -> Api:
    """Eve reads pods in shop, and writes roles and bindings there."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    out = Api(Store(), lambda: at)
    furnish(out.store, at)
    out.create(Kind("v1", "Namespace", "namespaces", namespaced=False), "", {"metadata": {"name": "shop"}})
    rbac = rule("rbac.authorization.k8s.io", "*", "create", "update", "patch")
    write(out, OWNER)(ROLE, "eve", rules=[READ, rbac, rule("apps", "*", "*", resourceNames=["web"])])
    write(out, OWNER)(ROLE_BINDING, "eve", **binding("eve"))
    return out


def write(api: Api, user: User = EVE) -> Write:
    def written(kind: Kind, name: str, *, update: bool = False, meta: Obj | None = None, **body: Any) -> Obj:
        namespace, how = "shop" if kind.namespaced else "", {"vet": partial(vet, api.store, user)}
        given = {"metadata": {"name": name} | (meta or {})} | body
        return api.update(kind, namespace, name, given, **how) if update else api.create(kind, namespace, given, **how)

    return written


def test_a_role_says_what_its_writer_may(api: Api) -> None:
    """Of one verb less than he may: yes. Of more: which, in one line for each resource, in order."""
    write(api)(ROLE, "less", rules=[rule("", "pods", "get")])
    write(api)(ROLE, "one", rules=[rule("apps", "deployments/scale", "patch", resourceNames=["web"])])
    more = [rule("", "secrets", "get", "list"), rule("", "pods", "get", "delete"), rule("apps", "deployments", "get")]
    with pytest.raises(ApiError) as refused:
        write(api)(ROLE, "more", rules=[*more, rule("apps", "deployments", "get", resourceNames=["web", "other"])])
    assert refused.value.code == 403
    assert str(refused.value).endswith(
        'roles.rbac.authorization.k8s.io "more" is forbidden: user "eve" (groups=["devs" "system:authenticated"]) '
        "is attempting to grant RBAC permissions not currently held:\n"
        '{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n'
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}\n'
        '{APIGroups:["apps"], Resources:["deployments"], ResourceNames:["other"], Verbs:["get"]}\n'
        '{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}'
    )
    write(api, OWNER)(ROLE, "more", rules=more)


def test_a_binding_names_a_role_that_its_writer_has(api: Api) -> None:
    """Neither the cluster's administrator, nor a role that is not there."""
    write(api)(ROLE, "less", rules=[rule("", "pods", "get")])
    write(api)(ROLE_BINDING, "less", **binding("less", user="joe"))
    said = r'\{APIGroups:\["\*"\], Resources:\["\*"\], Verbs:\["\*"\]\}\n\{NonResourceURLs:\["\*"\], Verbs:\["\*"\]\}'
    with pytest.raises(ApiError, match=said):
        write(api)(ROLE_BINDING, "root", **binding("cluster-admin", "ClusterRole"))
    with pytest.raises(NotFound, match=r'roles.rbac.authorization.k8s.io "missing" not found'):
        write(api)(ROLE_BINDING, "root", **binding("missing"))
    with pytest.raises(ApiError, match="not currently held"):
        write(api)(CLUSTER_ROLE_BINDING, "root", **binding("view", "ClusterRole"))


def test_who_may_escalate_or_bind_gives_what_he_likes(api: Api) -> None:
    """By the name of the role, where the right names one."""
    rights = [rule("rbac.authorization.k8s.io", "roles", "escalate", resourceNames=["any"])]
    rights += [rule("rbac.authorization.k8s.io", "clusterroles", "bind", resourceNames=["edit"])]
    write(api, OWNER)(ROLE, "special", rules=rights)
    write(api, OWNER)(ROLE_BINDING, "special", **binding("special"))
    write(api)(ROLE, "any", rules=[rule("*", "*", "*")])
    write(api)(ROLE_BINDING, "edit", **binding("edit", "ClusterRole"))
    with pytest.raises(ApiError, match="not currently held"):
        write(api)(ROLE, "other", rules=[rule("*", "*", "*")])
    with pytest.raises(ApiError, match="not currently held"):
        write(api)(ROLE_BINDING, "admin", **binding("admin", "ClusterRole"))


def test_what_changes_is_held_to_it_too(api: Api) -> None:
    """A role that says more than its writer may can be given finalizers, as garbage collection does, and nothing else."""
    write(api, OWNER)(ROLE, "much", rules=[rule("", "secrets", "get")])
    write(api)(ROLE, "much", update=True, meta={"finalizers": ["example.com/a"]}, rules=[rule("", "secrets", "get")])
    with pytest.raises(ApiError, match=r'Resources:\["secrets"\]'):
        write(api)(ROLE, "much", update=True, rules=[rule("", "secrets", "get", "list")])


def test_only_who_may_everything_gathers(api: Api) -> None:
    """A role that gathers others may come to anything."""
    gathers = {"clusterRoleSelectors": [{"matchLabels": {"a": "b"}}]}
    with pytest.raises(ApiError, match="must have cluster-admin privileges to use the aggregationRule"):
        write(api)(CLUSTER_ROLE, "all", aggregationRule=gathers)
    write(api, OWNER)(CLUSTER_ROLE_BINDING, "eve", **binding("cluster-admin", "ClusterRole"))
    write(api)(CLUSTER_ROLE, "all", aggregationRule=gathers)
