"""What the API server refuses in the definition of a custom resource. (Kubernetes 1.36, apiextensions: validation.)"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from ..objects import Obj, annotations_of, get
from . import checks
from .checks import Problems
from .definition_schema import schema as schema_problems
from .rules import unread

_SCOPES = ("Cluster", "Namespaced")
_COLUMN_TYPES = ("integer", "number", "string", "boolean", "date")
APPROVED = "api-approved.kubernetes.io"


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
    yield from _approval(obj)
    if not spec["scope"]:
        yield checks.required("spec.scope")
    elif spec["scope"] not in _SCOPES:
        yield checks.unsupported("spec.scope", spec["scope"], _SCOPES)
    if spec.get("preserveUnknownFields"):
        yield checks.invalid("spec.preserveUnknownFields", True, "must be false")
    yield from _versions(spec.get("versions") or ())
    yield from _names(names)
    yield from _conversion(spec.get("conversion") or {})


def definition_update(obj: Obj, before: Obj) -> Problems:
    """What may not change: the names that objects are stored under, and versions that there still are objects of."""
    spec, was = obj["spec"], before["spec"]
    if any(
        each["type"] == "Established" and each["status"] == "True" for each in get(before, "status", "conditions", default=())
    ):
        if spec["scope"] != was["scope"]:
            yield checks.immutable("spec.scope", spec["scope"])
        if spec["names"]["kind"] != was["names"]["kind"]:
            yield checks.immutable("spec.names.kind", spec["names"]["kind"])
    if spec["group"] != was["group"]:
        yield checks.immutable("spec.group", spec["group"])
    if spec["names"]["plural"] != was["names"]["plural"]:
        yield checks.immutable("spec.names.plural", spec["names"]["plural"])
    known = {version["name"] for version in spec.get("versions") or ()}
    for place, name in enumerate(get(before, "status", "storedVersions", default=())):
        if name not in known:
            why = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions until a "
                f"storage migration ensures no data remains persisted in {name} and removes {name} from status.storedVersions"
            )
            yield checks.invalid(f"status.storedVersions[{place}]", name, why)


def unserved(obj: Obj) -> list[str]:
    """What a definition asks for that is kept, and not done here; said as the API server says its warnings."""
    told = []
    for place, version in enumerate(obj["spec"].get("versions") or ()):
        schema = get(version, "schema", "openAPIV3Schema", default={})
        told += [f"{where}: {why}" for where, why in unread(schema, f"spec.versions[{place}].schema.openAPIV3Schema")]
    if get(obj, "spec", "conversion", "strategy") == "Webhook":
        told.append("spec.conversion: no webhook is called here, versions differ by their name only")
    return told


def _approval(obj: Obj) -> Problems:
    """The groups of Kubernetes itself are kept for what it has approved."""
    if not re.search(r"(^|\.)(k8s|kubernetes)\.io$", obj["spec"]["group"]):
        return
    field, given = f"metadata.annotations[{APPROVED}]", annotations_of(obj).get(APPROVED)
    where = "see https://github.com/kubernetes/enhancements/pull/1111"
    rule = f'protected groups must have approval annotation "{APPROVED}"'
    if given is None:
        yield checks.required(field, f"{rule}, {where}")
    elif not given.startswith("unapproved") and not (urlsplit(given).scheme and urlsplit(given).netloc):
        yield checks.invalid(field, given, f'{rule} with either a URL or a reason starting with "unapproved", {where}')


def _versions(versions: Any) -> Problems:
    for i, version in enumerate(versions):
        path = f"spec.versions[{i}]"
        yield from checks.by_rule(f"{path}.name", version["name"], checks.label_1035)
        described = get(version, "schema", "openAPIV3Schema")
        if not isinstance(described, Mapping):
            yield checks.required(f"{path}.schema.openAPIV3Schema", "schemas are required")
        else:
            yield from schema_problems(f"{path}.schema.openAPIV3Schema", described)
        yield from _scale(f"{path}.subresources.scale", get(version, "subresources", "scale"))
        for place, column in enumerate(version.get("additionalPrinterColumns") or ()):
            yield from _column(f"{path}.additionalPrinterColumns[{place}]", column)
    if len({version["name"] for version in versions}) < len(versions):
        yield checks.invalid("spec.versions", [version["name"] for version in versions], "must contain unique version names")
    if sum(1 for version in versions if version["storage"]) != 1:
        yield checks.invalid("spec.versions", list(versions), "must have exactly one version marked as storage version")


def _scale(path: str, scale: Mapping[str, str] | None) -> Problems:
    for name, part in (("specReplicasPath", "spec"), ("statusReplicasPath", "status"), ("labelSelectorPath", "status")):
        given = (scale or {}).get(name, "")
        if not given:
            if scale is not None and name != "labelSelectorPath":
                yield checks.required(f"{path}.{name}")
        elif not given.startswith("."):
            yield checks.invalid(f"{path}.{name}", given, "must be a simple json path starting with .")
        elif not given.startswith(f".{part}."):
            also = " or .spec" if name == "labelSelectorPath" else ""
            if not (also and given.startswith(".spec.")):
                yield checks.invalid(f"{path}.{name}", given, f"should be a json path under .{part}{also}")


def _column(path: str, column: Mapping[str, Any]) -> Problems:
    if not column["name"]:
        yield checks.required(f"{path}.name")
    one_of = f"must be one of {','.join(_COLUMN_TYPES)}"
    if not column["type"]:
        yield checks.required(f"{path}.type", one_of)
    elif column["type"] not in _COLUMN_TYPES:
        yield checks.invalid(f"{path}.type", column["type"], one_of)
    if not column["jsonPath"]:
        yield checks.required(f"{path}.JSONPath")
    elif not column["jsonPath"].startswith("."):
        yield checks.invalid(f"{path}.JSONPath", column["jsonPath"], "must be a simple json path starting with .")


def _names(names: Obj) -> Problems:
    for field in ("plural", "singular", "kind", "listKind"):
        value = names.get(field) or ""
        if not value:
            yield checks.required(f"spec.names.{field}")
            continue
        mixed = "may have mixed case, but should otherwise match: " if field in ("kind", "listKind") else ""
        for why in checks.label_1035(value.lower() if mixed else value):
            yield checks.invalid(f"spec.names.{field}", value, mixed + why)
    for field in ("shortNames", "categories"):
        for place, value in enumerate(names.get(field) or ()):
            yield from checks.by_rule(f"spec.names.{field}[{place}]", value, checks.label_1035)
    if names.get("kind") and names.get("kind") == names.get("listKind"):
        yield checks.invalid("spec.names.listKind", names["listKind"], "kind and listKind may not be the same")


def _conversion(conversion: Mapping[str, Any]) -> Problems:
    strategy = conversion.get("strategy") or "None"
    if strategy not in ("None", "Webhook"):
        yield checks.unsupported("spec.conversion.strategy", strategy, ("None", "Webhook"))
    if strategy == "Webhook" and not get(conversion, "webhook", "clientConfig"):
        yield checks.required("spec.conversion.webhookClientConfig", "required when strategy is set to Webhook")
    if strategy == "None" and conversion.get("webhook") is not None:
        yield checks.forbidden("spec.conversion.webhookClientConfig", "should not be set when strategy is not set to Webhook")
