"""Fixes: as YAML to read, and applied to a release in memory. Into files they are written by `preflight.writing`."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from ..kube.objects import Obj
from ..kube.secrecy import hides, is_secret, mask
from ..release.dump import manifests_text
from ..release.model import Release, key_of
from ..release.options import StrategyOptions
from ..release.yamlfile import Path
from .model import Edit, Finding


def fixed(release: Release, *findings: Finding) -> Release:
    """The release with the fixes of these findings; those without one change nothing. No file is touched."""
    edits = [edit for finding in findings for edit in finding.fix]

    def mended(obj: Obj) -> Obj:
        own = [edit for edit in edits if edit.target == key_of(obj)]
        return applied(obj, own) if own else obj

    options = [edit for edit in edits if edit.target is None and edit.path[0] == "strategies"]
    return replace(
        release,
        workload=mended(release.workload),
        services=tuple(mended(service) for service in release.services),
        others=tuple(mended(other) for other in release.others),
        options=_options(release.options, options) if options else release.options,
    )


def _options(options: StrategyOptions, edits: Sequence[Edit]) -> StrategyOptions:
    data = options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return type(options).model_validate(applied({"strategies": data}, edits)["strategies"])


def applied(data: Any, edits: Iterable[Edit], below: Path = ()) -> Any:
    """A copy of the data with the edits made, one after the other; `below` is where in the data their paths begin."""
    out = copy.deepcopy(data)
    for edit in edits:
        if edit.is_twin:
            continue
        _apply(out, (*below, *edit.path), edit)
    return out


def _apply(data: Any, path: Path, edit: Edit) -> None:
    *parents, last = path
    for place, key in enumerate(parents):
        if isinstance(data, dict) and data.get(key) is None:
            if edit.is_removal:
                return
            data[key] = [] if isinstance(path[place + 1], int) else {}
        if not _has(data, key):
            return  # something else stands there, which is wrong in its own way
        data = data[key]
    if isinstance(data, list) and isinstance(last, int):
        data[last : last + 1] = [] if edit.is_removal else [copy.deepcopy(edit.value)]
    elif isinstance(data, dict) and edit.is_removal:
        data.pop(last, None)
    elif isinstance(data, dict):
        data[last] = copy.deepcopy(edit.value)


def patch_text(obj: Obj | None, edits: Sequence[Edit]) -> str:
    """The edits of an object (None: of the release file) as YAML in the shape of a merge patch.

    What is taken away is null; an item of a list is known by its name, where it has one.
    """
    edits = [edit for edit in edits if not edit.is_twin]
    if not edits:
        return ""
    patch: Any = {}
    for edit in _shown(obj, edits):
        _lay(patch, obj, edit.path, None if edit.is_removal else edit.value)
    return manifests_text([patch]).rstrip("\n")


def snippet_text(obj: Obj | None, edits: Sequence[Edit]) -> tuple[Path, str]:
    """(path, YAML): the edits as they read at the nearest place that holds all of them and is there already."""
    edits = _shown(obj, [edit for edit in edits if not edit.is_twin])
    if not edits:
        return (), ""
    common = list(edits[0].path[:-1])
    for edit in edits:
        while tuple(common) != edit.path[: len(common)] or len(common) >= len(edit.path):
            common.pop()
    known: Any = obj
    for depth, key in enumerate(common):
        known = known[key] if _has(known, key) else None
        if known is None:
            common = common[:depth]
            break
    relative = [edit._replace(path=edit.path[len(common) :]) for edit in edits]
    if any(isinstance(edit.path[0], int) for edit in relative):
        common, relative = common[:-1], [edit._replace(path=(*common[-1:], *edit.path)) for edit in relative]
    return tuple(common), patch_text(_at(obj, tuple(common)), relative)


def _shown(obj: Obj | None, edits: Iterable[Edit]) -> list[Edit]:
    """The edits without what a Secret holds."""
    if not isinstance(obj, dict) or not is_secret(obj):
        return list(edits)
    return [edit._replace(value=mask(edit.value)) if hides(f".{edit.path[0]}", edit.value) else edit for edit in edits]


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key] if _has(value, key) else None
    return value


def _lay(patch: Any, known: Any, path: Path, value: Any) -> None:
    for place, key in enumerate(path):
        known = known[key] if _has(known, key) else None
        is_last = place == len(path) - 1
        if isinstance(key, int):
            patch = _item(patch, known, value if is_last else None, is_last)
        elif is_last:
            patch[key] = value
        else:
            patch = patch.setdefault(key, [] if isinstance(path[place + 1], int) else {})


def _item(patch: Any, known: Any, value: Any, is_last: bool) -> Any:
    """The item of a list in the patch that stands for `known`."""
    if is_last:
        patch.append(value)
        return None
    name = known.get("name") if isinstance(known, dict) else None
    for item in patch:
        if isinstance(item, dict) and item.get("name") == name:
            return item
    patch.append({"name": name} if name else {})
    return patch[-1]


def _has(value: Any, key: str | int) -> bool:
    if isinstance(key, int):
        return isinstance(value, list) and key < len(value)
    return isinstance(value, dict) and key in value
