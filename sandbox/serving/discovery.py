"""What the server says it serves: groups, versions, resources, its own version. Plain documents, made once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ...kube.objects import KINDS, Kind
from ..api.registry import RULES

Document = dict[str, Any]

VERSION: Mapping[str, str] = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "rollway", "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip

ISTIO = "networking.istio.io"
_VERSIONS: Mapping[str, tuple[str, ...]] = {ISTIO: ("v1", "v1beta1", "v1alpha3"), "autoscaling": ("v2", "v1")}
_SHORT: Mapping[str, tuple[str, ...]] = {
    "ConfigMap": ("cm",), "Deployment": ("deploy",), "DestinationRule": ("dr",), "Event": ("ev",), "Gateway": ("gw",),
    "HorizontalPodAutoscaler": ("hpa",), "Ingress": ("ing",), "Namespace": ("ns",), "NetworkPolicy": ("netpol",),
    "Node": ("no",), "PersistentVolumeClaim": ("pvc",), "Pod": ("po",), "PodDisruptionBudget": ("pdb",),
    "ReplicaSet": ("rs",), "ResourceQuota": ("quota",), "Service": ("svc",), "ServiceAccount": ("sa",),
    "VirtualService": ("vs",), "StatefulSet": ("sts",), "DaemonSet": ("ds",), "CronJob": ("cj",),
    "ReplicationController": ("rc",),
}  # fmt: skip
_IN_ALL = (
    "Deployment", "ReplicaSet", "Pod", "Service", "HorizontalPodAutoscaler", "StatefulSet", "DaemonSet", "ReplicationController",
    "Job", "CronJob",
)  # fmt: skip
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def versions_of(kind: Kind) -> tuple[str, ...]:
    return _VERSIONS.get(kind.group, (kind.api_version.rpartition("/")[2],))


@cache
def served() -> Mapping[str, Mapping[str, Kind]]:
    """The kinds by group version and plural: `served()["apps/v1"]["deployments"]`."""
    out: dict[str, dict[str, Kind]] = {}
    for kind in KINDS:
        for version in versions_of(kind):
            group_version = f"{kind.group}/{version}" if kind.group else version
            out.setdefault(group_version, {})[kind.plural] = kind._replace(api_version=group_version)
    return out


def core_versions(host: str) -> Document:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    }


def group(name: str) -> Document | None:
    """The APIGroup, or None where nothing of it is served."""
    versions = list(dict.fromkeys(v for kind in KINDS if kind.group == name for v in versions_of(kind)))
    if not name or not versions:
        return None
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": entries, "preferredVersion": entries[0]}


def groups() -> Document:
    names: Iterable[str] = dict.fromkeys(kind.group for kind in KINDS if kind.group)
    entries = [found for name in names if (found := group(name))]
    bare = [{key: value for key, value in entry.items() if key not in ("kind", "apiVersion")} for entry in entries]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": bare}


def resources(group_version: str) -> Document | None:
    """The APIResourceList, or None where the version is not served."""
    kinds = served().get(group_version)
    if kinds is None:
        return None
    out: list[Document] = []
    for kind in kinds.values():
        entry: Document = {
            "name": kind.plural,
            "singularName": kind.name.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": list(_VERBS),
        }
        if kind.name in _SHORT:
            entry["shortNames"] = list(_SHORT[kind.name])
        if kind.name in _IN_ALL:
            entry["categories"] = ["all"]
        out += [entry, *_subresources(kind)]
    out.sort(key=lambda each: str(each["name"]))
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": out}


def _subresources(kind: Kind) -> list[Document]:
    base: Document = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.name, "verbs": ["get", "patch", "update"]}
    out: list[Document] = []
    if RULES[kind.name].has_status:
        out.append({"name": f"{kind.plural}/status"} | base)
    if RULES[kind.name].has_scale:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        out.append({"name": f"{kind.plural}/scale"} | base | scale)
    if kind.name == "Pod":
        eviction = {"kind": "Eviction", "group": "policy", "version": "v1", "verbs": ["create"]}
        out.append({"name": "pods/eviction"} | base | eviction)
        out.append({"name": "pods/log"} | base | {"verbs": ["get"]})
    return out


# OpenAPI: the little of it that clients ask for, to learn that the server itself validates fields


def openapi_index() -> Document:
    paths = {_openapi_path(version): {"serverRelativeURL": f"/openapi/v3/{_openapi_path(version)}"} for version in served()}
    return {"paths": paths}


def openapi(group_version: str) -> Document | None:
    """The OpenAPI v3 document of a group version: paths and verbs, without schemas."""
    kinds = served().get(group_version)
    if kinds is None:
        return None
    root = "/" + _openapi_path(group_version)
    paths = {}
    for kind in kinds.values():
        space = "/namespaces/{namespace}" if kind.namespaced else ""
        paths[f"{root}{space}/{kind.plural}/{{name}}"] = {"patch": _operation(kind), "put": _operation(kind)}
        paths[f"{root}{space}/{kind.plural}"] = {"post": _operation(kind)}
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": {}}}


def _operation(kind: Kind) -> Document:
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    schema = {"type": "string", "uniqueItems": True}
    return {
        "parameters": [{"name": name, "in": "query", "schema": schema} for name in names],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-group-version-kind": {
            "group": kind.group,
            "version": kind.api_version.rpartition("/")[2],
            "kind": kind.name,
        },
    }


def _openapi_path(group_version: str) -> str:
    return f"apis/{group_version}" if "/" in group_version else f"api/{group_version}"
