"""Fields of kinds without a schema of ours that are for an object's whole life, in the API server's own words."""

from __future__ import annotations

from collections.abc import Mapping

from ..objects import Kind, Obj, get
from . import checks
from .checks import Problems

_ROLE_REF = (("roleRef",), "cannot change roleRef")
_IMMUTABLE = "field is immutable"
_FOR_LIFE: Mapping[tuple[str, str], tuple[tuple[tuple[str, ...], str], ...]] = {
    ("rbac.authorization.k8s.io", "RoleBinding"): (_ROLE_REF,),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): (_ROLE_REF,),
    ("storage.k8s.io", "StorageClass"): tuple(
        ((name,), _IMMUTABLE) for name in ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode")
    ),
    ("scheduling.k8s.io", "PriorityClass"): ((("value",), _IMMUTABLE), (("preemptionPolicy",), _IMMUTABLE)),
    ("networking.k8s.io", "IngressClass"): ((("spec", "controller"), _IMMUTABLE),),
}
_CLAIM_KEEPS = ("accessModes", "dataSource", "dataSourceRef", "selector", "storageClassName", "volumeMode")


def _internal(role_ref: Obj) -> Obj:
    return {go: role_ref.get(name, "") for name, go in (("apiGroup", "APIGroup"), ("kind", "Kind"), ("name", "Name"))}


def update(kind: Kind, obj: Obj, before: Obj) -> Problems:
    for path, why in _FOR_LIFE.get((kind.group, kind.name), ()):
        was, now = get(before, *path), get(obj, *path)
        if was != now:
            yield checks.invalid(".".join(path), _internal(now) if path == ("roleRef",) else now, why)
    if (kind.group, kind.name) == ("", "PersistentVolumeClaim"):
        kept = ({name: get(each, "spec", name) for name in _CLAIM_KEEPS} for each in (obj, before))
        if next(kept) != next(kept):
            why = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
            yield checks.forbidden("spec", why)
