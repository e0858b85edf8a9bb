"""Kubernetes objects as plain JSON-shaped dictionaries, and the little that everybody asks of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from .inert import INERT
from .kind import Kind as Kind

Obj = dict[str, Any]
"""An object as the API writes it. Objects that are handed around are never changed in place: copy first."""


class Ref(NamedTuple):
    """Which object. `namespace` is empty for cluster-scoped kinds. Reads as "Deployment shop"."""

    api_version: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def is_a(self, kind: Kind) -> bool:
        """Whether it is of that kind, in any version: kinds of one name in other groups are other kinds."""
        return self.kind == kind.name and self.api_version.rpartition("/")[0] == kind.group


def ref_of(obj: Mapping[str, Any]) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], obj["kind"], meta.get("namespace", ""), meta["name"])


DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
REPLICA_SET = Kind("apps/v1", "ReplicaSet", "replicasets")
POD = Kind("v1", "Pod", "pods")
SERVICE = Kind("v1", "Service", "services")
CONFIG_MAP = Kind("v1", "ConfigMap", "configmaps")
SECRET = Kind("v1", "Secret", "secrets")
EVENT = Kind("v1", "Event", "events")
GROUPED_EVENT = Kind("events.k8s.io/v1", "Event", "events")
"""The same objects in the group and the words that newer clients write them in (`kube.conversion`)."""
NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
NODE = Kind("v1", "Node", "nodes", namespaced=False)
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
RESOURCE_QUOTA = Kind("v1", "ResourceQuota", "resourcequotas")
PERSISTENT_VOLUME_CLAIM = Kind("v1", "PersistentVolumeClaim", "persistentvolumeclaims")
ENDPOINT_SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
SERVICE_NAME = "kubernetes.io/service-name"
"""The label of an EndpointSlice that names its Service."""
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")
INGRESS = Kind("networking.k8s.io/v1", "Ingress", "ingresses")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
STATEFUL_SET = Kind("apps/v1", "StatefulSet", "statefulsets")
DAEMON_SET = Kind("apps/v1", "DaemonSet", "daemonsets")
CONTROLLER_REVISION = Kind("apps/v1", "ControllerRevision", "controllerrevisions")
REPLICATION_CONTROLLER = Kind("v1", "ReplicationController", "replicationcontrollers")
JOB = Kind("batch/v1", "Job", "jobs")
CRON_JOB = Kind("batch/v1", "CronJob", "cronjobs")
HPA = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")
PDB = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
ROLE = Kind("rbac.authorization.k8s.io/v1", "Role", "roles")
ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
VIRTUAL_SERVICE = Kind("networking.istio.io/v1", "VirtualService", "virtualservices")
DESTINATION_RULE = Kind("networking.istio.io/v1", "DestinationRule", "destinationrules")
SERVICE_ENTRY = Kind("networking.istio.io/v1", "ServiceEntry", "serviceentries")
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", namespaced=False)
CLUSTER_ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False)
DEFINITION = Kind("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)
GATEWAY = Kind("networking.istio.io/v1", "Gateway", "gateways")
GATEWAY_CLASS = Kind("gateway.networking.k8s.io/v1", "GatewayClass", "gatewayclasses", namespaced=False)
API_GATEWAY = Kind("gateway.networking.k8s.io/v1", "Gateway", "gateways")
"""The Gateway API's; `GATEWAY` is Istio's."""
HTTP_ROUTE = Kind("gateway.networking.k8s.io/v1", "HTTPRoute", "httproutes")
GRPC_ROUTE = Kind("gateway.networking.k8s.io/v1", "GRPCRoute", "grpcroutes")
REFERENCE_GRANT = Kind("gateway.networking.k8s.io/v1", "ReferenceGrant", "referencegrants")

KINDS: tuple[Kind, ...] = (
    NAMESPACE, DEFINITION, SERVICE_ACCOUNT, RESOURCE_QUOTA, CONFIG_MAP, SECRET, PERSISTENT_VOLUME_CLAIM,
    CLUSTER_ROLE, CLUSTER_ROLE_BINDING, ROLE, ROLE_BINDING,
    NETWORK_POLICY, SERVICE, DEPLOYMENT, REPLICA_SET, POD, PDB, HPA, INGRESS,
    GATEWAY_CLASS, REFERENCE_GRANT, API_GATEWAY, HTTP_ROUTE, GRPC_ROUTE, GATEWAY, DESTINATION_RULE, VIRTUAL_SERVICE,
    ENDPOINT_SLICE, LEASE, EVENT, NODE, DAEMON_SET, STATEFUL_SET, REPLICATION_CONTROLLER, CONTROLLER_REVISION, JOB, CRON_JOB,
    *INERT,
)  # fmt: skip
"""The kinds that are known without discovery, in the order in which they are applied."""

_BY_NAME = {(kind.api_version, kind.name): kind for kind in (*KINDS, GROUPED_EVENT)}
HOMES: Mapping[tuple[str, str], Kind] = {
    **{(kind.group, kind.name): kind for kind in KINDS},
    (GROUPED_EVENT.group, GROUPED_EVENT.name): EVENT,
}
"""The known kinds, as they are kept, by group and name, whichever version they are written in."""
_GROUPS = {kind.name: {group for group, name in HOMES if name == kind.name} for kind in KINDS}
_OTHER_VERSIONS = {
    **{f"networking.istio.io/{version}": "networking.istio.io/v1" for version in ("v1beta1", "v1alpha3")},
    "autoscaling/v1": "autoscaling/v2",
    "gateway.networking.k8s.io/v1beta1": "gateway.networking.k8s.io/v1",
    "security.istio.io/v1beta1": "security.istio.io/v1",
    "telemetry.istio.io/v1alpha1": "telemetry.istio.io/v1",
}


def kind_of(api_version: str, name: str) -> Kind | None:
    """The known kind, or None where only the cluster's discovery can tell. Older served versions keep their own apiVersion."""
    if known := _BY_NAME.get((api_version, name)):
        return known
    served = _BY_NAME.get((_OTHER_VERSIONS.get(api_version, ""), name))
    return served._replace(api_version=api_version) if served else None


def is_namesake(api_version: str, name: str) -> bool:
    """Whether a kind is called like a known one of another group, as Knative's Service: it is another kind."""
    groups = _GROUPS.get(name)
    return groups is not None and api_version.rpartition("/")[0] not in groups


def is_a(obj: Mapping[str, Any], kind: Kind) -> bool:
    """Whether an object is of that kind, in any version: kinds of one name in other groups are other kinds."""
    return bool(obj["kind"] == kind.name and obj["apiVersion"].rpartition("/")[0] == kind.group)


def known_as(ref: Ref) -> Ref:
    """Which object, whatever version it is written in (`kube.conversion` gives it the shape of another)."""
    return ref._replace(api_version=_OTHER_VERSIONS.get(ref.api_version, ref.api_version))


def get(obj: Mapping[str, Any] | None, *path: str, default: Any = None) -> Any:
    """`get(pod, "status", "phase")`: the value at a path of keys, or the default where any part is missing or null."""
    value: Any = obj
    for key in path:
        # most are plain dicts, and asking whether something is a Mapping is slow
        if type(value) is not dict and not isinstance(value, Mapping):
            return default
        if (value := value.get(key)) is None:
            return default
    return value


def controller_ref(kind: Kind, owner: Mapping[str, Any]) -> Obj:
    """The ownerReference of what a controller makes for an object of that kind."""
    meta = owner["metadata"]
    whose = {"apiVersion": kind.api_version, "kind": kind.name, "name": meta["name"], "uid": meta["uid"]}
    return whose | {"controller": True, "blockOwnerDeletion": True}


def labels_of(obj: Mapping[str, Any]) -> dict[str, str]:
    """Asked of each object at each change, several times: most are plain dicts."""
    if type(obj) is dict and type(meta := obj.get("metadata")) is dict:
        return meta.get("labels") or {}
    return get(obj, "metadata", "labels") or {}


def annotations_of(obj: Mapping[str, Any]) -> dict[str, str]:
    return get(obj, "metadata", "annotations") or {}


def template_labels(workload: Mapping[str, Any]) -> dict[str, str]:
    return get(workload, "spec", "template", "metadata", "labels", default={}) or {}


def texts(value: Any) -> dict[str, str]:
    """A stranger's labels or selector: what in them is a text; nothing of what is no mapping."""
    return {key: text for key, text in value.items() if isinstance(text, str)} if isinstance(value, Mapping) else {}


def selects(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Whether an equality selector (a Service's) chooses these labels. An empty selector chooses nothing, as a Service's does."""
    return bool(selector) and (selector or {}).items() <= labels.items()


def matches(label_selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector (matchLabels, matchExpressions) chooses these labels."""
    selector = label_selector or {}
    if (wanted := selector.get("matchLabels")) and not selects(wanted, labels):
        return False
    return all(meets(term, labels) for term in selector.get("matchExpressions") or ())


def meets(term: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """One requirement of a LabelSelector. Raises ValueError for an operator that it does not have."""
    key, values = term["key"], term.get("values") or ()
    match term["operator"]:
        case "In":
            return key in labels and labels[key] in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case other:
            raise ValueError(f"unknown selector operator {other!r}")


T = TypeVar("T")


def copied(value: T) -> T:
    """A copy of JSON-shaped data, which shares nothing with it that could be changed. (`copy.deepcopy` also looks for circles,
    and takes three times as long.)"""
    if isinstance(value, dict):
        return {key: copied(below) for key, below in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [copied(below) for below in value]  # type: ignore[return-value]
    return value


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> Obj:
    """RFC 7386 JSON merge patch: a copy of `base` with `over` laid on it; null removes."""
    out: Obj = {key: value if key in over else copied(value) for key, value in base.items()}
    for key, value in over.items():
        if value is None:
            out.pop(key, None)
        elif isinstance(value, Mapping):
            below = out.get(key)
            out[key] = merged(below if isinstance(below, Mapping) else {}, value)
        else:
            out[key] = copied(value)
    return out


_SORTED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """A short stable fingerprint (12 hex digits) of JSON-shaped data."""
    return hashlib.sha256(_SORTED.encode(value).encode()).hexdigest()[:12]


SERVER_SET_META = (
    "managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "deletionTimestamp", "selfLink",
    "deletionGracePeriodSeconds",
)  # fmt: skip
"""The metadata that only the API server writes."""
SERVER_SET_ANNOTATIONS = (
    "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
)  # fmt: skip
"""Annotations that kubectl, controllers and the API server keep account by."""
ALLOTTED_TO_SERVICE = ("clusterIP", "clusterIPs", "healthCheckNodePort")
"""What a Service without an address of its own choice is given for its life: one that is made anew has, and keeps, another."""


def as_manifest(live: Mapping[str, Any], *, drop_annotations: Iterable[str] = ()) -> Obj:
    """A live object as a manifest that could be applied again: without status and what the server or controllers wrote."""
    out = copied({key: value for key, value in live.items() if key != "status"})
    meta = out["metadata"]
    for key in SERVER_SET_META:
        meta.pop(key, None)
    dropped = {*SERVER_SET_ANNOTATIONS, *drop_annotations}
    kept = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in dropped}
    meta.pop("annotations", None)
    if kept:
        meta["annotations"] = kept
    get(out, "spec", "template", "metadata", default={}).pop("creationTimestamp", None)
    if is_a(out, SERVICE) and get(out, "spec", "clusterIP", default="None") != "None":
        for key in ALLOTTED_TO_SERVICE:
            out["spec"].pop(key, None)
    return out
