"""Whoever is not the owner may do what Roles and their bindings give."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.kube.objects import Kind, Obj
from rollway.sandbox.serving.rights import CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING, is_allowed
from rollway.sandbox.store.store import Store

ROBOT = "system:serviceaccount:shop:robot"


def put(store: Store, kind: Kind, name: str, namespace: str = "", **body: Any) -> None:
    meta = {"name": name} | ({"namespace": namespace} if namespace else {})
    store.create(kind, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, **body})


def bound(subject: Obj, role: str, kind: str = "Role") -> Obj:
    return {"subjects": [subject], "roleRef": {"kind": kind, "name": role}}


@pytest.fixture
def store() -> Store:
    out = Store()
    pods = {"apiGroups": [""], "resources": ["pods", "pods/log"], "verbs": ["get", "list"]}
    one = {"apiGroups": ["apps"], "resources": ["*"], "verbs": ["*"], "resourceNames": ["web"]}
    put(out, ROLE, "look", "shop", rules=[pods, one])
    put(out, ROLE_BINDING, "look", "shop", **bound({"kind": "ServiceAccount", "name": "robot"}, "look"))
    put(out, CLUSTER_ROLE, "health", rules=[{"nonResourceURLs": ["/healthz", "/live*"], "verbs": ["get"]}])
    put(out, CLUSTER_ROLE_BINDING, "health", **bound({"kind": "Group", "name": "watchers"}, "health", "ClusterRole"))
    return out


@pytest.mark.parametrize(
    ("verb", "resource", "more", "is_so"),
    [
        ("get", "pods", {}, True),
        ("get", "pods", {"subresource": "log"}, True),
        ("get", "pods", {"subresource": "exec"}, False),
        ("delete", "pods", {}, False),
        ("get", "secrets", {}, False),
        ("patch", "deployments", {"group": "apps", "name": "web"}, True),
        ("patch", "deployments", {"group": "apps", "name": "other"}, False),
        ("get", "pods", {"namespace": "elsewhere"}, False),
    ],
)
def test_resources(store: Store, verb: str, resource: str, more: Obj, is_so: bool) -> None:
    wanted = {"namespace": "shop", "verb": verb, "resource": resource} | more
    assert is_allowed(store, {"user": ROBOT, "resourceAttributes": wanted}) is is_so
    assert not is_allowed(store, {"user": "nobody", "resourceAttributes": wanted})
    assert is_allowed(store, {"user": "root", "groups": ["system:masters"], "resourceAttributes": wanted})


@pytest.mark.parametrize(("path", "is_so"), [("/healthz", True), ("/livez", True), ("/metrics", False)])
def test_other_addresses(store: Store, path: str, is_so: bool) -> None:
    spec = {"user": "ann", "groups": ["watchers"], "nonResourceAttributes": {"path": path, "verb": "get"}}
    assert is_allowed(store, spec) is is_so
