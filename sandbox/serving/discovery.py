"""What the server says it serves: groups, versions, resources, its own version. Plain documents, made once."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from ...kube.inert import INERT
from ...kube.objects import GROUPED_EVENT, HOMES, KINDS, Kind
from ...kube.types_gateway import GROUP as GATEWAY_API
from ..api.bindings import BINDING
from ..api.registry import rules_of
from ..store.customs import Custom
from ..store.store import Store
from .access import LOCAL, REVIEWS
from .components import COMPONENT, RESOURCE

Document = dict[str, Any]

VERSION: Mapping[str, str] = {
    "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36", "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35", "gitVersion": "v1.36.2", "gitCommit": "rollway", "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z", "goVersion": "go1.26", "compiler": "gc", "platform": "linux/amd64",
}  # fmt: skip

ISTIO = "networking.istio.io"
_VERSIONS: Mapping[str, tuple[str, ...]] = {
    ISTIO: ("v1", "v1beta1", "v1alpha3"), "autoscaling": ("v2", "v1"),
    GATEWAY_API: ("v1", "v1beta1"),
    "security.istio.io": ("v1", "v1beta1"), "telemetry.istio.io": ("v1", "v1alpha1"),
}  # fmt: skip
_SHORT: Mapping[str, tuple[str, ...]] = {
    "ConfigMap": ("cm",), "Deployment": ("deploy",), "DestinationRule": ("dr",), "Event": ("ev",), "Gateway": ("gw",),
    "HorizontalPodAutoscaler": ("hpa",), "Ingress": ("ing",), "Namespace": ("ns",), "NetworkPolicy": ("netpol",),
    "Node": ("no",), "PersistentVolumeClaim": ("pvc",), "Pod": ("po",), "PodDisruptionBudget": ("pdb",),
    "ReplicaSet": ("rs",), "ResourceQuota": ("quota",), "Service": ("svc",), "ServiceAccount": ("sa",),
    "VirtualService": ("vs",), "StatefulSet": ("sts",), "DaemonSet": ("ds",), "CronJob": ("cj",),
    "ReplicationController": ("rc",), "CustomResourceDefinition": ("crd", "crds"), "GatewayClass": ("gc",),
    "ReferenceGrant": ("refgrant",), f"Gateway.{GATEWAY_API}": ("gtw",),
}  # fmt: skip
_BINDINGS: Mapping[str, Any] = {
    "name": BINDING.plural, "singularName": "binding", "namespaced": True, "kind": BINDING.name, "verbs": ["create"],
}  # fmt: skip
_ONLY_NEWEST = ("GRPCRoute",)
_IN_ALL = (
    "Deployment", "ReplicaSet", "Pod", "Service", "HorizontalPodAutoscaler", "StatefulSet", "DaemonSet", "ReplicationController",
    "Job", "CronJob",
)  # fmt: skip
_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


def versions_of(kind: Kind) -> tuple[str, ...]:
    if kind.name in _ONLY_NEWEST and kind.group == GATEWAY_API:
        return _VERSIONS[GATEWAY_API][:1]
    return _VERSIONS.get(kind.group, (kind.api_version.rpartition("/")[2],))


def home_of(kind: Kind) -> str:
    """The version that a kind is known by, whichever it is asked for in."""
    versions = versions_of(kind)
    return f"{kind.group}/{versions[0]}" if kind.group else versions[0]


Served = Mapping[str, Mapping[str, Kind]]


def served(store: Store) -> Served:
    """The kinds by group version and plural: `served(store)["apps/v1"]["deployments"]`."""
    if not store.customs:
        return built_in()
    out = {group_version: dict(kinds) for group_version, kinds in built_in().items()}
    for kind in sorted(store.customs, key=lambda kind: _age(kind.api_version.rpartition("/")[2])):
        out.setdefault(kind.api_version, {})[kind.plural] = kind
    return out


def _age(version: str) -> tuple[int, int, int, str]:
    """The order of versions that Kubernetes knows, the best first: v10, v2, v11beta2, v3beta1, v12alpha1, other names last."""
    parts = re.fullmatch(r"v(\d+)(?:(alpha|beta)(\d+))?", version)
    if parts is None:
        return 3, 0, 0, version
    return {None: 0, "beta": 1, "alpha": 2}[parts[2]], -int(parts[1]), -int(parts[3] or 0), ""


@cache
def built_in() -> Served:
    out: dict[str, dict[str, Kind]] = {}
    for kind in (*KINDS, GROUPED_EVENT):
        for version in versions_of(kind):
            group_version = f"{kind.group}/{version}" if kind.group else version
            out.setdefault(group_version, {})[kind.plural] = kind._replace(api_version=group_version)
    return out


def group_versions(store: Store) -> Iterable[str]:
    """The group versions of what is kept, and of what is only asked."""
    return dict.fromkeys([*served(store), *(review.api_version for review in REVIEWS.values())])


def only_asked() -> Iterable[Kind]:
    """The kinds of what is answered and not kept."""
    yield from (COMPONENT, BINDING)
    yield from (Kind(each.api_version, each.kind, plural, plural == LOCAL) for plural, each in REVIEWS.items())


def _reviews(group_version: str) -> list[Document]:
    return [
        {
            "name": plural, "singularName": review.kind.lower(), "namespaced": plural == LOCAL, "kind": review.kind,
            "verbs": ["create"],
        }
        for plural, review in REVIEWS.items()
        if review.api_version == group_version
    ]  # fmt: skip


def core_versions(host: str) -> Document:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}],
    }


def group(name: str, store: Store) -> Document | None:
    """The APIGroup, or None where nothing of it is served."""
    versions = [version for version in group_versions(store) if version.rpartition("/")[0] == name]
    if not name or not versions:
        return None
    entries = [{"groupVersion": version, "version": version.rpartition("/")[2]} for version in versions]
    return {"kind": "APIGroup", "apiVersion": "v1", "name": name, "versions": entries, "preferredVersion": entries[0]}


def groups(store: Store) -> Document:
    names: Iterable[str] = dict.fromkeys(version.rpartition("/")[0] for version in group_versions(store) if "/" in version)
    entries = [found for name in names if (found := group(name, store))]
    bare = [{key: value for key, value in entry.items() if key not in ("kind", "apiVersion")} for entry in entries]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": bare}


def resources(group_version: str, store: Store) -> Document | None:
    """The APIResourceList, or None where the version is not served."""
    if group_version not in group_versions(store):
        return None
    out = _reviews(group_version) + ([dict(RESOURCE), dict(_BINDINGS)] if group_version == "v1" else [])
    for kind in served(store).get(group_version, {}).values():
        custom = store.customs.get(kind)
        entry: Document = {
            "name": kind.plural,
            "singularName": custom.names["singular"] if custom else kind.name.lower(),
            "namespaced": kind.namespaced,
            "kind": kind.name,
            "verbs": list(_VERBS),
        }
        if custom is None:
            own = _SHORT.get(f"{kind.name}.{kind.group}") or _SHORT.get(kind.name)
            if short := own or INERT.get(kind._replace(api_version=home_of(kind)), ()):
                entry["shortNames"] = list(short)
            if kind.name in _IN_ALL:
                entry["categories"] = ["all"]
            elif kind.group == GATEWAY_API:
                entry["categories"] = ["gateway-api"]
        else:
            entry |= {key: list(custom.names[key]) for key in ("shortNames", "categories") if custom.names.get(key)}
        entry["storageVersionHash"] = _storage_hash(kind, custom)
        out += [entry, *_subresources(kind, custom)]
    out.sort(key=lambda each: str(each["name"]))
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": out}


def _storage_hash(kind: Kind, custom: Custom | None) -> str:
    """What tells a client that objects are stored in another version than before: of group, version and kind, as in 1.36."""
    kept_as = custom.kept_as if custom else HOMES[kind.group, kind.name].api_version
    named = f"{kept_as if '/' in kept_as else f'/{kept_as}'}/{kind.name}"
    return b64encode(hashlib.sha256(named.encode()).digest()[:8]).decode()


def _subresources(kind: Kind, custom: Custom | None) -> list[Document]:
    base: Document = {"singularName": "", "namespaced": kind.namespaced, "kind": kind.name, "verbs": ["get", "patch", "update"]}
    out: list[Document] = []
    if custom.has_status if custom else rules_of(kind).has_status:
        out.append({"name": f"{kind.plural}/status"} | base)
    if custom.scale is not None if custom else rules_of(kind).has_scale:
        scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        out.append({"name": f"{kind.plural}/scale"} | base | scale)
    if kind.name == "Service":
        proxied = {"kind": "ServiceProxyOptions", "verbs": ["create", "delete", "get", "patch", "update"]}
        out.append({"name": "services/proxy"} | base | proxied)
    if kind.name == "CertificateSigningRequest":
        out.append({"name": f"{kind.plural}/approval"} | base)
    if kind.name == "ServiceAccount":
        token = {"kind": "TokenRequest", "group": "authentication.k8s.io", "version": "v1", "verbs": ["create"]}
        out.append({"name": "serviceaccounts/token"} | base | token)
    if kind.name == "Pod":
        out.append({"name": "pods/binding"} | base | {"kind": BINDING.name, "verbs": ["create"]})
        eviction = {"kind": "Eviction", "group": "policy", "version": "v1", "verbs": ["create"]}
        out.append({"name": "pods/eviction"} | base | eviction)
        out += [{"name": f"pods/{name}"} | base for name in ("ephemeralcontainers", "resize")]
        out.append({"name": "pods/log"} | base | {"verbs": ["get"]})
        for name, options in (
            ("attach", "PodAttachOptions"),
            ("exec", "PodExecOptions"),
            ("portforward", "PodPortForwardOptions"),
        ):
            out.append({"name": f"pods/{name}"} | base | {"kind": options, "verbs": ["create", "get"]})
    return out


# all of it at once, for clients that ask for that (apidiscovery.k8s.io)

AGGREGATED = "apidiscovery.k8s.io"


def aggregated_version(accept: str) -> str:
    """The version in which a client takes it, by the media types that it accepts; empty where it does not."""
    for clause in accept.split(","):
        wanted = dict(part.strip().partition("=")[::2] for part in clause.split(";")[1:])
        if (wanted.get("g"), wanted.get("as")) == (AGGREGATED, "APIGroupDiscoveryList") and wanted.get("v") in ("v2", "v2beta1"):
            return wanted["v"]
    return ""


def aggregated(root: str, version: str, store: Store) -> Document:
    """The APIGroupDiscoveryList of `api` or `apis`."""
    of_group: dict[str, list[Document]] = {}
    for group_version in group_versions(store):
        group_, _, short = group_version.rpartition("/")
        if bool(group_) == (root == "apis"):
            listed = resources(group_version, store) or {"resources": []}
            entry = {"version": short, "resources": _discovered(listed["resources"], group_, short), "freshness": "Current"}
            of_group.setdefault(group_, []).append(entry)
    items = [{"metadata": {"name": name, "creationTimestamp": None}, "versions": each} for name, each in of_group.items()]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": f"{AGGREGATED}/{version}", "metadata": {}, "items": items}


def _discovered(listed: Iterable[Document], group_: str, version: str) -> list[Document]:
    """Resources, each with its subresources in it."""
    out: dict[str, Document] = {}
    for each in listed:
        name, _, subresource = each["name"].partition("/")
        said: Document = {
            "responseKind": {"group": each.get("group", group_), "version": each.get("version", version), "kind": each["kind"]},
            "verbs": each["verbs"],
        }
        if subresource:
            out[name].setdefault("subresources", []).append({"subresource": subresource} | said)
        else:
            said |= {"resource": name, "scope": "Namespaced" if each["namespaced"] else "Cluster"}
            said |= {"singularResource": each["singularName"]}
            out[name] = said | {key: each[key] for key in ("shortNames", "categories") if key in each}
    return list(out.values())
