"""What every cluster has from its beginning besides namespaces: the system's PriorityClasses, roles for its users, APIServices.

Put where nobody has put an object of that name, each time the sandbox starts. (Kubernetes 1.36)
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..kube.clock import timestamp
from ..kube.objects import Kind, Obj
from .api.admission.priority import PRIORITY_CLASS, SYSTEM
from .controllers import localapis
from .serving.discovery import group_versions
from .serving.rights import CLUSTER_ROLE, CLUSTER_ROLE_BINDING
from .store.store import Store

_BOOTSTRAPPED = {"labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}}
_UPDATES = {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"}}
_READ = ["get", "list", "watch"]
_WRITE = ["create", "delete", "deletecollection", "patch", "update"]
_WORKLOADS = {
    "apps": (
        "daemonsets", "deployments", "deployments/scale", "replicasets", "replicasets/scale", "statefulsets",
        "statefulsets/scale",
    ),
    "autoscaling": ("horizontalpodautoscalers",),
    "batch": ("cronjobs", "jobs"),
    "policy": ("poddisruptionbudgets",),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "": (
        "configmaps", "events", "persistentvolumeclaims", "pods", "replicationcontrollers", "replicationcontrollers/scale",
        "serviceaccounts", "services", "endpoints",
    ),
}  # fmt: skip
_SEEN = {
    "": (
        "bindings", "limitranges", "namespaces", "namespaces/status", "pods/log", "pods/status", "resourcequotas",
        "services/status",
    ),
    "apps": ("controllerrevisions", "deployments/status", "replicasets/status", "statefulsets/status", "daemonsets/status"),
    "discovery.k8s.io": ("endpointslices",),
}  # fmt: skip
_PATHS = (
    "/api",
    "/api/*",
    "/apis",
    "/apis/*",
    "/healthz",
    "/livez",
    "/openapi",
    "/openapi/*",
    "/readyz",
    "/version",
    "/version/",
)


def furnish(store: Store, now: datetime) -> None:
    """Idempotent."""
    for kind, obj in (*_priorities(), *_roles(), *_bindings()):
        meta = obj["metadata"]
        if store.find(kind, "", meta["name"]) is None:
            head = {"apiVersion": kind.api_version, "kind": kind.name}
            store.create(kind, head | obj | {"metadata": meta | {"creationTimestamp": timestamp(now)}})
    localapis.ensure(store, group_versions(store), now)


def _priorities() -> Iterator[tuple[Kind, Obj]]:
    for name, value in SYSTEM.items():
        said = "Used for system critical pods that must " + (
            "run in the cluster, but can be moved to another node if necessary."
            if "cluster" in name
            else "not be moved from their current node."
        )
        yield (
            PRIORITY_CLASS,
            {
                "metadata": {"name": name, "generation": 1},
                "value": value,
                "preemptionPolicy": "PreemptLowerPriority",
                "description": said,
            },
        )


def _rule(verbs: list[str], group: str, *resources: str) -> Obj:
    return {"apiGroups": [group], "resources": list(resources), "verbs": verbs}


def _roles() -> Iterator[tuple[Kind, Obj]]:
    everything = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}, {"nonResourceURLs": ["*"], "verbs": ["*"]}]
    yield _role("cluster-admin", everything)
    view = [_rule(_READ, group, *names) for table in (_WORKLOADS, _SEEN) for group, names in table.items()]
    edit = [_rule(_WRITE, group, *names) for group, names in _WORKLOADS.items()]
    edit += [
        _rule([*_READ, *_WRITE], "", "secrets"),
        _rule([*_READ, *_WRITE], "", "pods/attach", "pods/exec", "pods/portforward", "pods/proxy", "services/proxy"),
        _rule(["create"], "", "pods/eviction", "serviceaccounts/token"),
        _rule(["impersonate"], "", "serviceaccounts"),
        _rule([*_READ, *_WRITE], "coordination.k8s.io", "leases"),
    ]
    admin = [
        _rule([*_READ, *_WRITE], "rbac.authorization.k8s.io", "roles", "rolebindings"),
        _rule(["create"], "authorization.k8s.io", "localsubjectaccessreviews"),
    ]
    yield _role("view", view, gathers="view")
    yield _role("edit", [*view, *edit], gathers="edit")
    yield _role("admin", [*view, *edit, *admin], gathers="admin")
    yield _role("system:discovery", [{"nonResourceURLs": list(_PATHS), "verbs": ["get"]}])
    yield _role(
        "system:public-info-viewer",
        [{"nonResourceURLs": ["/healthz", "/livez", "/readyz", "/version", "/version/"], "verbs": ["get"]}],
    )
    reviews = [
        _rule(["create"], "authorization.k8s.io", "selfsubjectaccessreviews", "selfsubjectrulesreviews"),
        _rule(["create"], "authentication.k8s.io", "selfsubjectreviews"),
    ]
    yield _role("system:basic-user", reviews)


def _role(name: str, rules: list[Obj], gathers: str = "") -> tuple[Kind, Obj]:
    """What other roles say by the label that they add to is added."""
    role: Obj = {"metadata": {"name": name, **_BOOTSTRAPPED, **_UPDATES}, "rules": rules}
    if gathers:
        label = {f"rbac.authorization.k8s.io/aggregate-to-{gathers}": "true"}
        role["aggregationRule"] = {"clusterRoleSelectors": [{"matchLabels": label}]}
    return CLUSTER_ROLE, role


def _bindings() -> Iterator[tuple[Kind, Obj]]:
    for role, group in (
        ("cluster-admin", "system:masters"),
        ("system:discovery", "system:authenticated"),
        ("system:basic-user", "system:authenticated"),
        ("system:public-info-viewer", "system:authenticated"),
    ):
        api = "rbac.authorization.k8s.io"
        subjects = [{"kind": "Group", "apiGroup": api, "name": group}]
        reference = {"apiGroup": api, "kind": CLUSTER_ROLE.name, "name": role}
        yield (
            CLUSTER_ROLE_BINDING,
            {"metadata": {"name": role, **_BOOTSTRAPPED, **_UPDATES}, "subjects": subjects, "roleRef": reference},
        )
