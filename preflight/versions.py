"""API versions that are gone, with what their objects look like today."""

from __future__ import annotations

from collections.abc import Iterator

from ..kube.objects import KINDS, Obj, get
from ..kube.removed import GONE, REMOVED, Removal, home_of, meant_of
from ..release.model import key_of
from ..release.yamlfile import Path
from .case import Case, mappings, named
from .model import Edit, Found


def removed(case: Case) -> Iterator[Found]:
    for obj in case.release.manifests:
        version, kind = obj["apiVersion"], obj["kind"]
        if (removal := REMOVED.get((version, kind))) is not None:
            yield _gone(obj, removal)
        elif (home := home_of(version, kind)) is not None:
            if not home and (meant := meant_of(version, kind)):
                yield _misspelt(obj, meant)
            else:
                yield _misplaced(obj, [home] if home else [known.api_version for known in KINDS if known.name == kind])


def _misspelt(obj: Obj, meant: str) -> Found:
    told = f"{named(obj)}: there is no {obj['kind']} in {obj['apiVersion']}; it is called {meant}"
    return Found(obj, ("kind",), told, hint=f"write kind: {meant}", severity="error")


def _misplaced(obj: Obj, homes: list[str]) -> Found:
    """Of a kind that its version never had. `homes`: where it is, as far as is known."""
    edits = (Edit(key_of(obj), ("apiVersion",), homes[0]),) if len(homes) == 1 else ()
    hint = f"write apiVersion: {' or '.join(homes)}" if homes else "see `kubectl api-resources`"
    is_gone = obj["kind"] in GONE
    # without a home it may be younger than what we know of Kubernetes
    return Found(
        obj, ("apiVersion",), f"{named(obj)}: there is no {obj['kind']} in {obj['apiVersion']}", edits,
        hint="take it out: Kubernetes has it no more" if is_gone else hint, severity="error" if homes or is_gone else "warning",
    )  # fmt: skip


def _gone(obj: Obj, removal: Removal) -> Found:
    since = f" since {removal.since}" if removal.since else ""
    told = f"{named(obj)}: {obj['apiVersion']} is no longer served by Kubernetes{since}"
    if not removal.current:
        return Found(obj, ("apiVersion",), f"{told}; nothing took its place", hint="take it out")
    edits = [Edit(key_of(obj), ("apiVersion",), removal.current)]
    if obj["kind"] == "Ingress":
        edits += _ingress(obj)
    return Found(
        obj, ("apiVersion",), f"{told}; it is {removal.current} now", tuple(edits) if _is_the_same_otherwise(obj) else (),
        hint=f"write apiVersion: {removal.current}, and the fields as it has them",
    )  # fmt: skip


def _is_the_same_otherwise(obj: Obj) -> bool:
    """Whether the edits are all: an autoscaler's metrics of v2beta1 have another shape, as have the schemas of a definition."""
    if obj["apiVersion"].startswith(("autoscaling/v2beta1", "autoscaling/v2alpha1")):
        return not get(obj, "spec", "metrics")
    return obj["kind"] not in _OF_ANOTHER_SHAPE


_OF_ANOTHER_SHAPE = (
    "CustomResourceDefinition", "MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "CertificateSigningRequest",
    "EndpointSlice", "Event", "FlowSchema", "PriorityLevelConfiguration",
)  # fmt: skip


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
