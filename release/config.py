"""ConfigMaps and Secrets named by their content, so that they belong to one version.

Old pods keep the configuration they were started with until they are gone, a canary gets its own beside them, and a rollback
brings the old one back. Only what the workload's pods refer to is renamed; what another manifest names stays as well.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..kube.objects import CONFIG_MAP, SECRET, Kind, Obj, digest, get, is_a, labels_of
from .yamlfile import Path

CONTENT_LABEL = "rollway.dev/content"
LONGEST_NAME = 253
_HASH = 8
_REFERENCES = {"configMap", "secret", "configMapRef", "secretRef", "configMapKeyRef", "secretKeyRef"}


class Use(NamedTuple):
    """A place in a pod's spec that names a ConfigMap or a Secret: `holder[field]`, at `path` within the spec."""

    kind: Kind
    holder: Obj
    field: str
    path: Path

    @property
    def name(self) -> str:
        return str(self.holder.get(self.field, ""))

    @property
    def is_optional(self) -> bool:
        return self.holder.get("optional") is True

    @property
    def keys(self) -> list[str]:
        """The keys that have to be there; none where all are taken as they are."""
        wanted = [self.holder.get("key"), *(item.get("key") for _, item in _mappings(self.holder, "items"))]
        return [key for key in wanted if isinstance(key, str)]


def pinned(workload: Obj, services: tuple[Obj, ...], others: tuple[Obj, ...]) -> tuple[Obj, tuple[Obj, ...]]:
    """The workload and the other objects with the pods' configuration named by content. Twice is once."""
    out = copy.deepcopy(workload)
    found = list(uses(get(out, "spec", "template", "spec", default={})))
    wanted = {(use.kind, use.name) for use in found}
    named: dict[tuple[Kind | None, str], str] = {}
    objects: list[Obj] = []
    for obj in others:
        key = (_kind(obj), obj["metadata"]["name"])
        if key not in wanted or CONTENT_LABEL in labels_of(obj):
            objects.append(obj)
            continue
        copied = _by_content(obj)
        named[key] = copied["metadata"]["name"]
        objects.append(copied)
        if any(_names(other, key[1]) for other in (*services, *others) if other is not obj):
            objects.append(obj)
    for use in found:
        use.holder[use.field] = named.get((use.kind, use.name), use.name)
    return out, tuple(objects)


def as_written(workload: Obj, others: tuple[Obj, ...]) -> tuple[Obj, tuple[Obj, ...]]:
    """The same under the names that the user gave, as though nothing had been named by content; what was given where nothing
    is."""
    names = {(_kind(obj), obj["metadata"]["name"]): written_name(obj) for obj in others if is_pinned(obj)}
    if not names:
        return workload, others
    out = copy.deepcopy(workload)
    for use in uses(get(out, "spec", "template", "spec", default={})):
        use.holder[use.field] = names.get((use.kind, use.name), use.name)
    there = {(_kind(obj), obj["metadata"]["name"]) for obj in others}
    return out, tuple(
        _unmarked(obj) if is_pinned(obj) else obj
        for obj in others
        if not is_pinned(obj) or (_kind(obj), written_name(obj)) not in there
    )


def holds_the_same(live: Obj | None, wanted: Obj) -> bool:
    """Whether a ConfigMap or Secret of the cluster has what this one has, and nothing besides."""
    return live is not None and all((live.get(key) or {}) == (wanted.get(key) or {}) for key in ("data", "binaryData"))


def _kind(obj: Obj) -> Kind | None:
    return next((kind for kind in (CONFIG_MAP, SECRET) if is_a(obj, kind)), None)


def is_pinned(obj: Obj) -> bool:
    return CONTENT_LABEL in labels_of(obj)


def written_name(obj: Obj) -> str:
    """The name that the user gave it."""
    return str(obj["metadata"]["name"]).removesuffix(f"-{labels_of(obj).get(CONTENT_LABEL)}")


def _by_content(obj: Obj) -> Obj:
    meta = obj["metadata"]
    mark = digest([obj.get("data"), obj.get("binaryData"), obj.get("type")])[:_HASH]
    name = f"{meta['name'][: LONGEST_NAME - _HASH - 1]}-{mark}"
    return {**obj, "metadata": {**meta, "name": name, "labels": {**labels_of(obj), CONTENT_LABEL: mark}}}


def _unmarked(obj: Obj) -> Obj:
    labels = {key: value for key, value in labels_of(obj).items() if key != CONTENT_LABEL}
    meta = {key: value for key, value in obj["metadata"].items() if key != "labels"}
    return {**obj, "metadata": {**meta, "name": written_name(obj), **({"labels": labels} if labels else {})}}


def uses(pod: Obj) -> Iterator[Use]:
    """The ConfigMaps and Secrets that a pod's volumes and variables are from."""
    for place, volume in _mappings(pod, "volumes"):
        yield from _refs(volume, ("volumes", place), "configMap", "secret", secret_name="secretName")
        for index, source in _mappings(volume.get("projected"), "sources"):
            yield from _refs(source, ("volumes", place, "projected", "sources", index), "configMap", "secret")
    for group in ("initContainers", "containers"):
        for place, container in _mappings(pod, group):
            for index, source in _mappings(container, "envFrom"):
                yield from _refs(source, (group, place, "envFrom", index), "configMapRef", "secretRef")
            for index, variable in _mappings(container, "env"):
                path = (group, place, "env", index, "valueFrom")
                yield from _refs(variable.get("valueFrom"), path, "configMapKeyRef", "secretKeyRef")


def _refs(source: Any, path: Path, config_map: str, secret: str, *, secret_name: str = "name") -> Iterator[Use]:
    for kind, key, name in ((CONFIG_MAP, config_map, "name"), (SECRET, secret, secret_name)):
        holder = source.get(key) if isinstance(source, dict) else None
        if isinstance(holder, dict) and isinstance(holder.get(name), str):
            yield Use(kind, holder, name, (*path, key))


def _mappings(holder: Any, key: str) -> list[tuple[int, Obj]]:
    """The mappings of a list, each with its place; what is of another shape is the API server's to refuse."""
    found = holder.get(key) if isinstance(holder, dict) else None
    return [(place, item) for place, item in enumerate(found) if isinstance(item, dict)] if isinstance(found, list) else []


def _names(value: Any, name: str, above: str = "") -> bool:
    """Whether a manifest refers to a ConfigMap or Secret of that name: by a reference as pods have it, or by `secretName`."""
    if isinstance(value, dict):
        is_named = value.get("secretName") == name or (above in _REFERENCES and value.get("name") == name)
        return is_named or any(_names(below, name, key) for key, below in value.items())
    if isinstance(value, list):
        return any(_names(below, name, above) for below in value)
    return False
