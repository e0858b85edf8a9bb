"""Custom resources: the kinds that the cluster's CustomResourceDefinitions make, as they are served."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...kube.objects import DEFINITION, Kind, Obj, get


class Custom(NamedTuple):
    """One served version of a definition. `kept_as` is the version that objects are stored in."""

    kind: Kind
    kept_as: str
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    has_status: bool = False
    has_scale: bool = False
    columns: tuple[Obj, ...] = ()


def customs_of(definitions: Iterable[Obj]) -> Iterator[Custom]:
    """Every served version of every definition, the stored one of each first."""
    for definition in definitions:
        spec = definition["spec"]
        names, versions = spec.get("names") or {}, [each for each in spec.get("versions") or () if each.get("served")]
        kept = next((each["name"] for each in spec.get("versions") or () if each.get("storage")), "")
        for version in sorted(versions, key=lambda each: each["name"] != kept):
            yield Custom(
                kind=Kind(f"{spec['group']}/{version['name']}", names["kind"], names["plural"], spec.get("scope") != "Cluster"),
                kept_as=f"{spec['group']}/{kept or version['name']}",
                short=tuple(names.get("shortNames") or ()),
                categories=tuple(names.get("categories") or ()),
                has_status=get(version, "subresources", "status") is not None,
                has_scale=get(version, "subresources", "scale") is not None,
                columns=tuple(version.get("additionalPrinterColumns") or ()),
            )


def custom_of(definitions: Iterable[Obj], kind: Kind) -> Custom | None:
    """That of a kind in its version; None where no definition makes it."""
    return next((each for each in customs_of(definitions) if each.kind == kind), None)


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
