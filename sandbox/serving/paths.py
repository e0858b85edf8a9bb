"""What a path of the API addresses."""

from __future__ import annotations

from typing import NamedTuple

from ...kube.objects import Kind
from ..api.bindings import BINDING
from ..api.registry import rules_of
from ..store.refusals import no_such_resource
from ..store.store import Store
from . import discovery

POD_SUBRESOURCES = ("binding", "eviction", "log", "exec", "attach", "portforward")
"""What is asked of a pod besides its fields."""


class Target(NamedTuple):
    """What a path addresses."""

    kind: Kind
    namespace: str
    name: str
    subresource: str


def target_of(parts: list[str], store: Store) -> Target | None:
    """None for addresses of no API; raises ApiError (404) for resources that a known API does not have."""
    match parts:
        case ["api", version, *rest]:
            group_version = version
        case ["apis", group, version, *rest]:
            group_version = f"{group}/{version}"
        case _:
            return None
    kinds = discovery.served(store).get(group_version)
    if kinds is None or not rest:
        return None
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    kind = BINDING if group_version == "v1" and namespace and rest == [BINDING.plural] else kinds.get(rest[0])
    if kind is None or len(rest) > 3 or kind.namespaced < bool(namespace):
        raise no_such_resource()
    name, subresource = [*rest[1:], "", ""][:2]
    if subresource and not _has_subresource(kind, subresource, store):
        raise no_such_resource()
    return Target(kind, namespace, name, subresource)


def _has_subresource(kind: Kind, subresource: str, store: Store) -> bool:
    if (custom := store.customs.get(kind)) is not None:
        return (subresource == "status" and custom.has_status) or (subresource == "scale" and custom.scale is not None)
    rules = rules_of(kind)
    return (
        (subresource == "status" and rules.has_status)
        or (subresource == "scale" and rules.has_scale)
        or (kind.name == "Pod" and subresource in ("ephemeralcontainers", "resize"))
        or (kind.name == "CertificateSigningRequest" and subresource == "approval")
        or (kind.name == "ServiceAccount" and subresource == "token")
        or (kind.name == "Pod" and subresource in POD_SUBRESOURCES)
    )
