"""The API server's two other patch formats: JSON patch (RFC 6902) and strategic merge patch. (Merge patch:
`objects.merged`.)

Both are pure: they answer a new document and leave their arguments alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import ApiError
from .objects import Obj, copied
from .schema import ANYTHING, Field, ListOf, Struct, Type, field_type

# JSON patch


class PatchFailed(Exception):
    """An operation that does not fit the document. The API server answers 422 and does not say which."""


def json_patched(document: Any, operations: Any) -> Any:
    """The document after all operations. Raises ApiError (400) for what is no patch, PatchFailed for one that misfits."""
    if not isinstance(operations, list):
        seen = {dict: "object", str: "string", bool: "bool", int: "number", float: "number"}.get(type(operations))
        raise ApiError(
            400, "BadRequest", f"error decoding patch: json: cannot unmarshal {seen} into Go value of type []handlers.jsonPatchOp"
        )
    for operation in operations:
        if not isinstance(operation, dict):
            seen = {list: "array", str: "string", bool: "bool"}.get(type(operation), "number")
            raise ApiError(400, "BadRequest", f"json: cannot unmarshal {seen} into Go value of type jsonpatch.Operation")
    out = copied(document)
    try:
        for operation in operations:
            out = _operated(out, operation)
    except (KeyError, IndexError, TypeError, ValueError) as problem:
        raise PatchFailed(str(problem)) from problem
    return out


def _operated(document: Any, operation: Mapping[str, Any]) -> Any:
    path = _pointer(operation.get("path"))
    match operation.get("op"):
        case "add":
            return _add(document, path, copied(operation.get("value")))
        case "remove":
            return _remove(document, path)
        case "replace":
            _value_at(document, path)
            return _set(document, path, copied(operation.get("value")))
        case "move":
            moved = _value_at(document, source := _pointer(operation.get("from")))
            return _add(_remove(document, source), path, moved)
        case "copy":
            return _add(document, path, copied(_value_at(document, _pointer(operation.get("from")))))
        case "test":
            _test(document, path, operation.get("value"))
            return document
        case other:
            raise PatchFailed(f"unexpected kind: {other}")


def _test(document: Any, path: list[str], wanted: Any) -> None:
    try:
        seen = _value_at(document, path)
    except PatchFailed:
        if wanted is None:
            return
        raise
    if not _same(seen, wanted):
        raise PatchFailed("testing value failed")


def _same(left: Any, right: Any) -> bool:
    """JSON equality: true is not 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right)


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise PatchFailed(f"not a JSON pointer: {text!r}")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _value_at(document: Any, path: Sequence[str]) -> Any:
    for part in path:
        if isinstance(document, list):
            document = document[_index(part, len(document) - 1)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            raise PatchFailed(f"missing path: {part}")
    return document


def _index(part: str, last: int) -> int:
    if not re.fullmatch(r"-?\d+", part):
        raise PatchFailed(f"not an index: {part}")
    index = int(part) if int(part) >= 0 else last + 1 + int(part)
    if not 0 <= index <= last:
        raise PatchFailed(f"out of bounds: {part}")
    return index


def _add(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _value_at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else _index(last, len(parent)), value)
        return document
    return _set(document, path, value)


def _set(document: Any, path: Sequence[str], value: Any) -> Any:
    if not path:
        return value
    parent, last = _value_at(document, path[:-1]), path[-1]
    if isinstance(parent, list):
        parent[_index(last, len(parent) - 1)] = value
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise PatchFailed(f"no container at {path[:-1]}")
    return document


def _remove(document: Any, path: Sequence[str]) -> Any:
    _value_at(document, path)
    if not path:
        raise PatchFailed("the document itself cannot be removed")
    parent, last = _value_at(document, path[:-1]), path[-1]
    del parent[_index(last, len(parent) - 1) if isinstance(parent, list) else last]
    return document


# strategic merge patch

_ORDER = "$setElementOrder/"
_DELETE_PRIMITIVES = "$deleteFromPrimitiveList/"
_RETAIN = "$retainKeys"
_DIRECTIVE = "$patch"


def strategic_patched(document: Obj, patch: Mapping[str, Any], type_: Type) -> Obj:
    """The document with a strategic merge patch laid on it, by the merge keys of the schema."""
    return _merge_map(document, patch, type_)


def _merge_map(original: Mapping[str, Any], patch: Mapping[str, Any], type_: Type) -> Obj:
    match patch.get(_DIRECTIVE, "merge"):
        case "replace":
            return {key: copied(value) for key, value in patch.items() if key != _DIRECTIVE}
        case "delete":
            return {}
        case "merge":
            pass
        case other:
            raise ApiError(500, "", f"unknown patch type found: {other}")
    out = {key: value for key, value in original.items() if _RETAIN not in patch or key in patch[_RETAIN]}
    for key, value in patch.items():
        if key in (_DIRECTIVE, _RETAIN):
            continue
        if key.startswith(_DELETE_PRIMITIVES):
            name = key.removeprefix(_DELETE_PRIMITIVES)
            if name in out:
                out[name] = [item for item in out[name] if item not in value]
        elif key.startswith(_ORDER):
            name = key.removeprefix(_ORDER)
            _reorder(out, name, value, patch, type_)
        elif f"{_ORDER}{key}" not in patch:
            _merge_field(out, key, value, type_)
    return out


def _merge_field(out: Obj, key: str, value: Any, type_: Type) -> None:
    declared = _declared(type_, key)
    below = field_type(type_, key) or ANYTHING
    live = out.get(key)
    if value is None:
        out.pop(key, None)
    elif isinstance(value, Mapping) and not (declared and declared.replaces):
        out[key] = _merge_map(live if isinstance(live, Mapping) else {}, value, below)
    elif isinstance(value, list) and declared and declared.merge_key:
        out[key] = _merge_list(live if isinstance(live, list) else [], value, declared, value)
    else:
        out[key] = copied(value)


def _declared(type_: Type, key: str) -> Field | None:
    return type_.fields.get(key) if isinstance(type_, Struct) else None


def _reorder(out: Obj, name: str, order: Sequence[Any], patch: Mapping[str, Any], type_: Type) -> None:
    """`$setElementOrder/x`: the list in that order, live items in between kept near their neighbours."""
    declared = _declared(type_, name)
    if declared is None or (name not in out and name not in patch):
        return
    live = out.get(name) or []
    if patch.get(name, ...) is None:
        out.pop(name, None)
        return
    out[name] = _merge_list(live, patch.get(name) or [], declared, order)


def _merge_list(live: list[Any], patch: Sequence[Any], declared: Field, order: Sequence[Any]) -> list[Any]:
    if declared.merge_key == "=":
        merged = list(dict.fromkeys([*live, *patch]))
        return _interleaved(merged, live, order, "")
    key = declared.merge_key
    item_type = declared.type.item if isinstance(declared.type, ListOf) else ANYTHING
    if any(item.get(_DIRECTIVE) == "replace" for item in patch):
        return [_without_directive(item) for item in patch if len(item) > 1 or _DIRECTIVE not in item]
    merged = list(live)
    for item in patch:
        if key not in item:
            raise ApiError(500, "", f"map: {go_map(item)} does not contain declared merge key: {key}")
        at = next((place for place, mine in enumerate(merged) if mine.get(key) == item[key]), None)
        if item.get(_DIRECTIVE) == "delete":
            merged = [mine for mine in merged if mine.get(key) != item[key]]
        elif at is None:
            merged.append(_merge_map({}, item, item_type))
        else:
            merged[at] = _merge_map(merged[at], item, item_type)
    return _interleaved(merged, live, order, key)


def _interleaved(merged: list[Any], live: Sequence[Any], order: Sequence[Any], key: str) -> list[Any]:
    """What the patch names comes in the patch's order; the others go before the first one they preceded in the live
    list.
    """

    def name(item: Any) -> Any:
        return item.get(key) if key else item

    places = {name(item): place for place, item in enumerate(live)}
    wanted = [name(item) for item in order]
    right = sorted((item for item in merged if name(item) in wanted), key=lambda item: wanted.index(name(item)))
    left = [item for item in merged if name(item) not in wanted]
    out: list[Any] = []
    while left and right:
        ours, theirs = places.get(name(left[0])), places.get(name(right[0]))
        goes_first = ours is not None and theirs is not None and ours < theirs
        out.append((left if goes_first else right).pop(0))
    return out + left + right


def _without_directive(item: Mapping[str, Any]) -> Obj:
    return {key: copied(value) for key, value in item.items() if key != _DIRECTIVE}


def go_map(value: Any) -> str:
    """As Go prints values with %v: `map[spec:map[replicas:two]]`."""
    match value:
        case dict():
            return "map[" + " ".join(f"{key}:{go_map(value[key])}" for key in sorted(value)) + "]"
        case list():
            return "[" + " ".join(map(go_map, value)) + "]"
        case None:
            return "<nil>"
        case bool():
            return str(value).lower()
        case _:
            return str(value)
