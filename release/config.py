"""ConfigMaps and Secrets named by their content, so that they belong to one version.

Old pods keep the configuration they were started with until they are gone, a canary gets its own beside them, and a rollback
brings the old one back. Only what the workload's pods refer to is renamed; what another manifest names stays as well.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..kube.objects import Obj, digest, get, labels_of

CONTENT_LABEL = "rollway.dev/content"
LONGEST_NAME = 253
_HASH = 8
_REFERENCES = {"configMap", "secret", "configMapRef", "secretRef", "configMapKeyRef", "secretKeyRef"}


class _Use(NamedTuple):
    """A place in a pod's spec that names a ConfigMap or a Secret."""

    kind: str
    holder: Obj
    key: str

    @property
    def name(self) -> str:
        return str(self.holder.get(self.key, ""))


def pinned(workload: Obj, services: tuple[Obj, ...], others: tuple[Obj, ...]) -> tuple[Obj, tuple[Obj, ...]]:
    """The workload and the other objects with the pods' configuration named by content. Twice is once."""
    out = copy.deepcopy(workload)
    uses = list(_uses(get(out, "spec", "template", "spec", default={})))
    wanted = {(use.kind, use.name) for use in uses}
    named: dict[tuple[str, str], str] = {}
    objects: list[Obj] = []
    for obj in others:
        key = (obj["kind"], obj["metadata"]["name"])
        if key not in wanted or CONTENT_LABEL in labels_of(obj):
            objects.append(obj)
            continue
        copied = _by_content(obj)
        named[key] = copied["metadata"]["name"]
        objects.append(copied)
        if any(_names(other, key[1]) for other in (*services, *others) if other is not obj):
            objects.append(obj)
    for use in uses:
        use.holder[use.key] = named.get((use.kind, use.name), use.name)
    return out, tuple(objects)


def is_pinned(obj: Obj) -> bool:
    return CONTENT_LABEL in labels_of(obj)


def _by_content(obj: Obj) -> Obj:
    meta = obj["metadata"]
    mark = digest([obj.get("data"), obj.get("binaryData"), obj.get("type")])[:_HASH]
    name = f"{meta['name'][: LONGEST_NAME - _HASH - 1]}-{mark}"
    return {**obj, "metadata": {**meta, "name": name, "labels": {**labels_of(obj), CONTENT_LABEL: mark}}}


def _uses(pod: Obj) -> Iterator[_Use]:
    for volume in _mappings(pod, "volumes"):
        yield from _refs(volume, "configMap", "secret", secret_name="secretName")
        for source in _mappings(volume.get("projected"), "sources"):
            yield from _refs(source, "configMap", "secret")
    for container in [*_mappings(pod, "initContainers"), *_mappings(pod, "containers")]:
        for source in _mappings(container, "envFrom"):
            yield from _refs(source, "configMapRef", "secretRef")
        for variable in _mappings(container, "env"):
            yield from _refs(variable.get("valueFrom"), "configMapKeyRef", "secretKeyRef")


def _refs(source: Any, config_map: str, secret: str, *, secret_name: str = "name") -> Iterator[_Use]:
    for kind, key, name in (("ConfigMap", config_map, "name"), ("Secret", secret, secret_name)):
        holder = source.get(key) if isinstance(source, dict) else None
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            yield _Use(kind, holder, name)


def _mappings(holder: Any, key: str) -> list[Obj]:
    """The mappings of a list; what is of another shape is the API server's to refuse."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _names(value: Any, name: str, above: str = "") -> bool:
    """Whether a manifest refers to a ConfigMap or Secret of that name: by a reference as pods have it, or by `secretName`."""
    if isinstance(value, dict):
        is_named = value.get("secretName") == name or (above in _REFERENCES and value.get("name") == name)
        return is_named or any(_names(below, name, key) for key, below in value.items())
    if isinstance(value, list):
        return any(_names(below, name, above) for below in value)
    return False
