"""Names as the API server accepts them. Each rule answers a sentence about what is wrong, or an empty one."""

from __future__ import annotations

import re

from ..errors import BadInput
from ..kube.objects import NAMESPACE, SERVICE

MAX_APP = 50
"""Of an application's name: suffixes such as "-preview", and a ReplicaSet's and a pod's own, have to fit into 63 behind it."""

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_1035 = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PATH_SEGMENT = re.compile(r"[^/%]+")


def wrong_label(name: str, longest: int = 63) -> str:
    """DNS-1123 label: namespaces, containers, applications."""
    if len(name) > longest:
        return f"{len(name)} characters long, of at most {longest}"
    if not _LABEL.fullmatch(name):
        return "not made of lower-case letters, digits and inner hyphens"
    return ""


def refuse_namespace(asked: str | None) -> None:
    """Raises BadInput for what the command line names and no namespace can be called."""
    if asked is not None and (wrong := wrong_label(asked)):
        raise BadInput(f"{asked!r} is no valid namespace: {wrong}", where="--namespace")


def wrong_service_name(name: str) -> str:
    """DNS-1035 label: Services, whose names start with a letter."""
    if wrong := wrong_label(name):
        return wrong
    return "" if _LABEL_1035.fullmatch(name) else "not starting with a letter, as a Service's name must"


def wrong_subdomain(name: str) -> str:
    """DNS-1123 subdomain: most objects, and hosts."""
    if len(name) > 253:
        return f"{len(name)} characters long, of at most 253"
    if not _SUBDOMAIN.fullmatch(name):
        return "not made of lower-case letters, digits and inner hyphens and dots"
    return ""


def wrong_object_name(kind: str, name: str) -> str:
    """By the rule of the object's kind."""
    if kind == SERVICE.name:
        return wrong_service_name(name)
    if kind == NAMESPACE.name:
        return wrong_label(name)
    if kind in _PATH_SEGMENT_KINDS:
        # RBAC names such as "system:node" are any path segment
        return "" if _PATH_SEGMENT.fullmatch(name) and name not in (".", "..") else "not usable as a path segment"
    return wrong_subdomain(name)


def wrong_host(host: str) -> str:
    """A host of an Istio VirtualService or Gateway: a DNS name, `*`, or `*.` before one."""
    return "" if host == "*" else wrong_subdomain(host.removeprefix("*."))


def safe_name(text: str) -> str:
    """The nearest valid label, for a hint; empty where nothing is left of it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower())[:MAX_APP].strip("-")


_PATH_SEGMENT_KINDS = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding")
