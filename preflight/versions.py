"""API versions that are gone, with what their objects look like today."""

from __future__ import annotations

from collections.abc import Iterator

from ..kube.objects import Obj, get
from ..kube.removed import REMOVED
from ..release.model import key_of
from ..release.yamlfile import Path
from .case import Case, mappings, named
from .model import Edit, Found


def removed(case: Case) -> Iterator[Found]:
    for obj in case.release.manifests:
        version, kind = obj["apiVersion"], obj["kind"]
        current = REMOVED.get((version, kind))
        if current is None:
            continue
        edits = [Edit(key_of(obj), ("apiVersion",), current)]
        if kind == "Ingress":
            edits += _ingress(obj)
        hint = f"write apiVersion: {current}, and the fields as it has them"
        yield Found(
            obj, ("apiVersion",), f"{named(obj)}: {version} is no longer served by Kubernetes; it is {current} now",
            tuple(edits) if _is_the_same_otherwise(obj) else (), hint=hint,
        )  # fmt: skip


def _is_the_same_otherwise(obj: Obj) -> bool:
    """Whether the edits are all: an autoscaler's metrics of v2beta1 have another shape, as have the schemas of a definition."""
    if obj["apiVersion"] == "autoscaling/v2beta1":
        return not get(obj, "spec", "metrics")
    return bool(obj["kind"] != "CustomResourceDefinition")


def _ingress(obj: Obj) -> Iterator[Edit]:
    """Backends name their Service and its port apart, and each path says how it is matched: as it was until now."""
    key = key_of(obj)
    for rule, spec in mappings(obj, "spec", "rules"):
        for place, path in mappings(spec, "http", "paths"):
            at: Path = ("spec", "rules", rule, "http", "paths", place)
            if backend := _backend(path.get("backend")):
                yield Edit(key, (*at, "backend"), backend)
            if "pathType" not in path:
                yield Edit(key, (*at, "pathType"), "ImplementationSpecific")
    if backend := _backend(get(obj, "spec", "backend")):
        yield Edit(key, ("spec", "backend"), is_removal=True)
        yield Edit(key, ("spec", "defaultBackend"), backend)


def _backend(old: Obj | None) -> Obj | None:
    if not isinstance(old, dict) or "serviceName" not in old:
        return None
    port = old.get("servicePort")
    return {"service": {"name": old["serviceName"], "port": {"number" if isinstance(port, int) else "name": port}}}
