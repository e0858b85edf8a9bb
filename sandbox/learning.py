"""A definition for a custom resource that comes without one: here it is kept as it is, so that the rest can be tried."""

from __future__ import annotations

from ..kube.objects import DEFINITION, Kind, Obj


def definition_of(kind: Kind) -> Obj:
    """A CustomResourceDefinition that takes whatever is written."""
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
