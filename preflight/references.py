"""What pods take their configuration from: ConfigMaps, Secrets, and their keys, that may not be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kube.objects import CONFIG_MAP, Kind, Obj, Ref, kind_of
from ..release.config import Use, uses, written_name
from ..release.file import nearest
from .case import POD, Case, mapping
from .model import Found

_IN_EVERY_NAMESPACE = {(CONFIG_MAP, "kube-root-ca.crt")}


def missing(case: Case) -> Iterator[Found]:
    told: set[tuple[Kind, str, str]] = set()
    for use in uses(case.pod):
        if use.is_optional or not use.name or (use.kind, use.name) in _IN_EVERY_NAMESPACE:
            continue
        for key, found in _of(case, use):
            if (use.kind, use.name, key) not in told:
                told.add((use.kind, use.name, key))
                yield found


def _of(case: Case, use: Use) -> Iterator[tuple[str, Found]]:
    """What is missing of one: ("", of the object itself) or (key, of it)."""
    path = (*POD, *use.path)
    written = next((obj for obj in case.written(use.kind) if obj["metadata"]["name"] == use.name), None)
    ref = Ref(use.kind.api_version, use.kind.name, case.release.namespace, use.name)
    live = case.observed.objects.get(ref)
    what = f"{use.kind.name} {written_name(written) if written else use.name}"
    if written is None and live is None:
        is_surely = ref in case.observed.objects
        if any(_mentions(obj, use.name) for obj in case.release.manifests if _is_custom(obj)):
            return
        where = f"nor in namespace {ref.namespace}" if is_surely else "and has to be in the cluster before the pods start"
        message = f"{what} is not in the manifests, {where}"
        hint = "write it, create it first, or mark the reference as optional: true"
        yield "", Found(case.workload, path, message, hint=hint, severity=None if is_surely else "info")
        return
    has = {key for obj in (written, live) if obj for field in ("data", "binaryData") for key in mapping(obj, field)}
    for key in use.keys:
        if key not in has:
            known = nearest(key, sorted(has)) or (f"it has {', '.join(sorted(has))}" if has else "it is empty")
            yield key, Found(case.workload, path, f"{what} has no key {key}: the pods cannot start", hint=known)


def _is_custom(obj: Obj) -> bool:
    """Of a kind that may make Secrets and ConfigMaps: an ExternalSecret, a SealedSecret, a Certificate."""
    return kind_of(obj["apiVersion"], obj["kind"]) is None


def _mentions(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return any(_mentions(below, name) for below in value.values())
    if isinstance(value, list):
        return any(_mentions(below, name) for below in value)
    return bool(value == name)
