"""Custom resources: the kinds that the cluster's CustomResourceDefinitions make, as they are served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ...kube.objects import DEFINITION, Kind, Obj, get

if TYPE_CHECKING:
    from ...kube.structural import Described


@dataclass(frozen=True)
class Custom:
    """One served version of a definition: `spec` is the definition's, `version` its part in `spec.versions`."""

    kind: Kind
    spec: Mapping[str, Any]
    version: Mapping[str, Any]
    ends: bool = False

    @property
    def kept_as(self) -> str:
        """The version that objects are stored in."""
        kept = next((each["name"] for each in self.spec["versions"] if each.get("storage")), self.version["name"])
        return f"{self.spec['group']}/{kept}"

    @property
    def names(self) -> Mapping[str, Any]:
        names: Mapping[str, Any] = self.spec["names"]
        return names

    @property
    def schema(self) -> Mapping[str, Any]:
        schema: Mapping[str, Any] = get(self.version, "schema", "openAPIV3Schema", default={})
        return schema

    @property
    def has_status(self) -> bool:
        return get(self.version, "subresources", "status") is not None

    @property
    def scale(self) -> Mapping[str, str] | None:
        """Where its replicas stand: `specReplicasPath`, `statusReplicasPath`, maybe `labelSelectorPath`."""
        scale: Mapping[str, str] | None = get(self.version, "subresources", "scale")
        return scale

    @property
    def columns(self) -> Sequence[Mapping[str, Any]]:
        return self.version.get("additionalPrinterColumns") or ()

    @property
    def selectable(self) -> Sequence[str]:
        """The fields, besides name and namespace, that a field selector may name."""
        return [each["jsonPath"].removeprefix(".") for each in self.version.get("selectableFields") or ()]

    @cached_property
    def shape(self) -> Described:
        from ...kube.structural import Described

        return Described(self.schema, self.kind.name, is_root=True)


def customs_of(definitions: Iterable[Obj]) -> Iterator[Custom]:
    """Every served version of every definition whose names are its own, the stored one of each first."""
    for definition in definitions:
        spec = definition["spec"]
        if condition(definition, "Established") == "False":
            continue
        names, versions = spec.get("names") or {}, [each for each in spec.get("versions") or () if each.get("served")]
        for version in sorted(versions, key=lambda each: not each.get("storage")):
            kind = Kind(f"{spec['group']}/{version['name']}", names["kind"], names["plural"], spec.get("scope") != "Cluster")
            yield Custom(kind, spec, version, ends="deletionTimestamp" in definition["metadata"])


def condition(obj: Obj, type_: str) -> str:
    """The status of a condition; empty where it has none of that type."""
    return next((each["status"] for each in get(obj, "status", "conditions", default=()) if each["type"] == type_), "")


def definition_of(kind: Kind) -> Obj:
    """A CustomResourceDefinition that takes whatever is written: for a custom resource that comes without one."""
    group, _, version = kind.api_version.rpartition("/")
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": DEFINITION.api_version,
        "kind": DEFINITION.name,
        "metadata": {"name": f"{kind.plural}.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": kind.name, "plural": kind.plural},
            "scope": "Namespaced" if kind.namespaced else "Cluster",
            "versions": [{"name": version, "served": True, "storage": True, "schema": schema}],
        },
    }
