"""What pods take their configuration from: ConfigMaps, Secrets, and their keys, that may not be there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ..kube.objects import CONFIG_MAP, Kind, Obj, Ref, kind_of
from ..release.config import Use, uses, written_name
from ..release.file import nearest
from .case import POD, Case, mapping
from .model import Found

_IN_EVERY_NAMESPACE = {(CONFIG_MAP, "kube-root-ca.crt")}


class Pods(NamedTuple):
    """Whose they are, what they are made from, and the object that says so."""

    name: str
    spec: Obj
    obj: Obj


def missing(case: Case) -> Iterator[Found]:
    """Of the application's pods, and of what else its hooks' have."""
    told: set[tuple[Kind, str, str]] = set()
    for pods in _pods(case):
        for use in uses(pods.spec):
            if use.is_optional or not use.name or (use.kind, use.name) in _IN_EVERY_NAMESPACE:
                continue
            for key, found in _of(case, use, pods):
                if (use.kind, use.name, key) not in told:
                    told.add((use.kind, use.name, key))
                    yield found


def _pods(case: Case) -> Iterator[Pods]:
    """A hook that is written in short has what the application's own pods have."""
    yield Pods("the pods", case.pod, case.workload)
    for each in case.release.sources.hooks:
        if each.manifest is not None:
            yield Pods(f"the pods of {each.hook.when} {each.hook.name}", mapping(each.hook.job, *POD), each.manifest.obj)


def _of(case: Case, use: Use, pods: Pods) -> Iterator[tuple[str, Found]]:
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
        where = f"nor in namespace {ref.namespace}" if is_surely else f"and has to be in the cluster before {pods.name} start"
        message = f"{what} is not in the manifests, {where}"
        hint = "write it, create it first, or mark the reference as optional: true"
        yield "", Found(pods.obj, path, message, hint=hint, severity=None if is_surely else "info")
        return
    has = {key for obj in (written, live) if obj for field in ("data", "binaryData") for key in mapping(obj, field)}
    for key in use.keys:
        if key not in has:
            known = nearest(key, sorted(has)) or (f"it has {', '.join(sorted(has))}" if has else "it is empty")
            yield key, Found(pods.obj, path, f"{what} has no key {key}: {pods.name} cannot start", hint=known)


def _is_custom(obj: Obj) -> bool:
    """Of a kind that may make Secrets and ConfigMaps: an ExternalSecret, a SealedSecret, a Certificate."""
    return kind_of(obj["apiVersion"], obj["kind"]) is None


def _mentions(value: Any, name: str) -> bool:
    if isinstance(value, dict):
        return any(_mentions(below, name) for below in value.values())
    if isinstance(value, list):
        return any(_mentions(below, name) for below in value)
    return bool(value == name)
