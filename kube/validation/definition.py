"""What the API server refuses in the definition of a custom resource. (Kubernetes 1.36, apiextensions: validation.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..objects import Obj, get
from . import checks
from .checks import Problems

_SCOPES = ("Cluster", "Namespaced")


def definition(obj: Obj) -> Problems:
    spec = obj["spec"]
    names, group = spec["names"], spec["group"]
    if obj["metadata"].get("name", "") != f"{names['plural']}.{group}":
        yield checks.invalid("metadata.name", obj["metadata"].get("name", ""), 'must be spec.names.plural+"."+spec.group')
    if not group:
        yield checks.required("spec.group")
    else:
        yield from checks.by_rule("spec.group", group, checks.subdomain_name)
        if len(group.split(".")) < 2:
            yield checks.invalid("spec.group", group, "should be a domain with at least one dot")
    if not spec["scope"]:
        yield checks.required("spec.scope")
    elif spec["scope"] not in _SCOPES:
        yield checks.unsupported("spec.scope", spec["scope"], _SCOPES)
    yield from _versions(spec.get("versions") or ())
    yield from _names(names)


def _versions(versions: Any) -> Problems:
    for i, version in enumerate(versions):
        path = f"spec.versions[{i}]"
        yield from checks.by_rule(f"{path}.name", version["name"], checks.label_1035)
        if not isinstance(get(version, "schema", "openAPIV3Schema"), Mapping):
            yield checks.required(f"{path}.schema.openAPIV3Schema", "schemas are required")
    if len({version["name"] for version in versions}) < len(versions):
        yield checks.invalid("spec.versions", [version["name"] for version in versions], "must contain unique version names")
    if sum(1 for version in versions if version["storage"]) != 1:
        yield checks.invalid("spec.versions", list(versions), "must have exactly one version marked as storage version")


def _names(names: Obj) -> Problems:
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field) or ""
        if not value:
            yield checks.required(f"spec.names.{field}")
        else:
            yield from checks.by_rule(f"spec.names.{field}", value.lower(), checks.label_1035)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield checks.invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")
