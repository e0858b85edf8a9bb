"""Fields that Kubernetes does not have, where a slip of the keyboard makes a probe or a number count for nothing; and values that
it does not take."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..kube.objects import HPA, Obj, is_a, kind_of
from ..kube.schema import ListOf, MapOf, Struct, Type, field_type, is_declared, schema_of
from ..kube.validation.manifest import Mistake, mistakes
from ..kube.validation.manifest import named as named_path
from ..release.file import nearest
from ..release.model import key_of
from ..release.yamlfile import Path, Twin
from .case import POD, Case, named
from .model import Edit, Found


def refused(case: Case) -> Iterator[Found]:
    """Values that the API server would refuse: of another type, out of bounds, twice, or naming what is not there."""
    hooks = [each.manifest.obj for each in case.release.sources.hooks if each.manifest]
    for obj in case.as_written():
        kind, is_hook = kind_of(obj["apiVersion"], obj["kind"]), any(obj is each for each in hooks)
        for mistake in mistakes(kind, obj) if kind else ():
            # RW010 says so with what the release file adds to it, and so does RW046
            is_released = obj["kind"] == case.workload["kind"] and key_of(obj) == case.key
            if is_released and mistake.path[:2] == ("spec", "strategy"):
                continue
            if not (is_hook and mistake.path == (*POD, "restartPolicy")):
                yield _refused(obj, mistake)


def _refused(obj: Obj, mistake: Mistake) -> Found:
    edits = (Edit(key_of(obj), mistake.path, mistake.meant),) if mistake.meant is not None else ()
    return Found(obj, mistake.path, f"{named(obj)}: {mistake.text}", edits, hint=mistake.hint)


def twice(case: Case) -> Iterator[Found]:
    """Keys that are there twice with one value; with two it is refused when it is read."""
    file = case.release.sources.file
    yield from (_twin(None, twin, twin.path) for twin in file.twins) if file else ()
    for item in case.release.sources.objects.values():
        for twin in item.document.twins:
            if twin.path[: len(item.path)] == item.path:
                yield _twin(item.obj, twin, twin.path[len(item.path) :])


def _twin(obj: Obj | None, twin: Twin, path: Path) -> Found:
    whose = f"{named(obj)} has" if obj else "the release file has"
    return Found(
        obj, path, f"{whose} {path[-1]} twice, also in line {twin.first_line}",
        (Edit(key_of(obj) if obj else None, path, is_twin=True),), mark=(twin.line, twin.column),
    )  # fmt: skip


def unknown(case: Case) -> Iterator[Found]:
    for obj in case.release.manifests:
        kind = kind_of(obj["apiVersion"], obj["kind"])
        struct = schema_of(kind) if kind else None
        for path, holder, of in _unknown(struct, obj, ()) if struct else ():
            yield _found(obj, path, holder, of)


def _found(obj: Obj, path: Path, holder: Obj, of: Struct) -> Found:
    key = str(path[-1])
    near = nearest(key, of.fields)
    if of.name == "LabelSelector" and not near:
        return _flat(obj, path, holder)
    if is_a(obj, HPA) and key == _OF_V1 and path[:-1] == ("spec",):
        hint = (
            "in v2 it is metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]"
        )
        return Found(obj, path, f"{named(obj)} has {key}, a field of autoscaling/v1", hint=hint)
    meant = near.partition('"')[2].partition('"')[0]
    edits: tuple[Edit, ...] = ()
    if meant and meant not in holder:
        edits = (Edit(key_of(obj), path, is_removal=True), Edit(key_of(obj), (*path[:-1], meant), holder[key]))
    told = f"; {near}" if near else ""
    # without a near name it may be younger than what we know of Kubernetes
    return Found(
        obj, path, f"{named(obj)} has an unknown field {key}{told}", edits,
        hint="take it out, or see `kubectl explain`", severity="error" if near else "warning",
    )  # fmt: skip


def _flat(obj: Obj, path: Path, holder: Obj) -> Found:
    """Of a label right in a selector, as Services have them: elsewhere labels are below matchLabels, in any version."""
    key, where = str(path[-1]), named_path(path[:-1])
    edits = (Edit(key_of(obj), path, is_removal=True), Edit(key_of(obj), (*path[:-1], "matchLabels", key), holder[key]))
    return Found(
        obj, path, f"{named(obj)} has the label {key} right in {where}", edits if isinstance(holder[key], str) else (),
        hint=f"write {path[-2]}: {{matchLabels: {{{key}: …}}}}",
    )  # fmt: skip


_OF_V1 = "targetCPUUtilizationPercentage"


def _unknown(type_: Type | None, value: Any, path: Path) -> Iterator[tuple[Path, Obj, Struct]]:
    """(path, mapping, its type) of each key that a struct does not declare."""
    match type_:
        case Struct() if isinstance(value, dict):
            for key, below in value.items():
                if not is_declared(type_, key) and not type_.is_open:
                    yield (*path, key), value, type_
                else:
                    yield from _unknown(field_type(type_, key), below, (*path, key))
        case MapOf(item=item) if isinstance(value, dict):
            for key, below in value.items():
                yield from _unknown(item, below, (*path, key))
        case ListOf(item=item) if isinstance(value, list):
            for index, below in enumerate(value):
                yield from _unknown(item, below, (*path, index))
        case _:
            return
