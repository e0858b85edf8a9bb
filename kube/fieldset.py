"""Sets of fields, and what follows from them: comparing, merging and pruning objects the way the API server does.

A field's path is a tuple of elements in the notation of managedFields: `f:name`, `k:{"name":"web"}` (an item of a
list that is a map), `v:"x"` (an item of a set), `i:0`. A set of fields is a frozenset of paths. A struct or map
stands in a set itself only where it was empty, atomic, or new as a whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .schema import ANYTHING, ListOf, MapOf, Scalar, Struct, Type, field_type, is_declared, key_default, shape

Path = tuple[str, ...]
FieldSet = frozenset[Path]
NOTHING: FieldSet = frozenset()


class _Absent:
    """What is not there, where null is a value."""


ABSENT = _Absent()


@dataclass(slots=True)
class Comparison:
    added: set[Path] = field(default_factory=set)
    modified: set[Path] = field(default_factory=set)
    removed: set[Path] = field(default_factory=set)

    def without(self, ignored: Sequence[Path]) -> Comparison:
        """The same, blind for everything at or below the ignored paths."""
        if not ignored:
            return self
        return Comparison(
            set(excluding(self.added, ignored)),
            set(excluding(self.modified, ignored)),
            set(excluding(self.removed, ignored)),
        )


def excluding(paths: Iterable[Path], ignored: Sequence[Path]) -> FieldSet:
    if not ignored:
        return frozenset(paths)
    return frozenset(path for path in paths if not any(path[: len(prefix)] == prefix for prefix in ignored))


# the fieldsV1 notation


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """A set of fields as fieldsV1. The root itself cannot be owned and is left out."""
    root: dict[str, Any] = {}
    members: list[dict[str, Any]] = []
    for path in set(paths) - {()}:
        node = root
        for element in path:
            node = node.setdefault(element, {})
        members.append(node)
    for node in members:
        if node:  # something below it is a member, too
            node["."] = {}
    return root


def decode(fields: Mapping[str, Any], prefix: Path = ()) -> FieldSet:
    found: list[Path] = []
    _decode(fields, prefix, found)
    return frozenset(found)


def _decode(fields: Mapping[str, Any], prefix: Path, found: list[Path]) -> None:
    for element, below in fields.items():
        if element == ".":
            found.append(prefix)
        elif not below:
            found.append((*prefix, element))
        else:
            _decode(below, (*prefix, element), found)


def readable(path: Path) -> str:
    """As conflicts name it: `.spec.template.spec.containers[name="web"].image`."""
    return "".join(map(_readable, path))


def _readable(element: str) -> str:
    mark, _, text = element.partition(":")
    match mark:
        case "f":
            return f".{text}"
        case "k":
            keys = json.loads(text)
            return "[" + ",".join(f"{key}={compact(keys[key])}" for key in sorted(keys)) + "]"
        case "v":
            return f"[={text}]"
        case _:
            return f"[{text}]"


def value_at(value: Any, path: Path) -> Any:
    """What stands at a path; ABSENT where nothing does."""
    for element in path:
        mark, _, text = element.partition(":")
        if mark == "f":
            value = value.get(text, ABSENT) if isinstance(value, Mapping) else ABSENT
        elif not isinstance(value, list):
            return ABSENT
        elif mark == "k":
            keys = json.loads(text)
            value = next((item for item in value if _has_keys(item, keys)), ABSENT)
        elif mark == "v":
            value = next((item for item in value if compact(item) == text), ABSENT)
        else:
            value = value[int(text)] if int(text) < len(value) else ABSENT
    return value


def _has_keys(item: Any, keys: Mapping[str, Any]) -> bool:
    return isinstance(item, Mapping) and all(item.get(key, key_default(key)) == wanted for key, wanted in keys.items())


def ordered(paths: Iterable[Path]) -> list[Path]:
    """In the order of the API server: what is owned on one level first, then level by level below."""
    members = set(paths)
    here = sorted(path for path in members if len(path) == 1)
    below: dict[str, set[Path]] = {}
    for path in members:
        if len(path) > 1:
            below.setdefault(path[0], set()).add(path[1:])
    return here + [(head, *rest) for head in sorted(below) for rest in ordered(below[head])]


compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
"""JSON without spaces, as the elements of paths are written."""


# lists that are maps


def element_of(list_type: ListOf, item: Any, index: int) -> str:
    """The path element of a list item. Raises ValueError where a key is missing."""
    if list_type.is_set:
        return f"v:{compact(item)}"
    if not list_type.keys:
        return f"i:{index}"
    keys: list[str] = []
    for name in sorted(list_type.keys):
        value = item.get(name) if isinstance(item, Mapping) else None
        if value is None:
            value = key_default(name)
        if value is None:
            raise ValueError(
                f'associative list with keys has an element that omits key field "{name}" (and doesn\'t have default value)'
            )
        keys.append(f'"{name}":{compact(value)}')  # one by one: of a text alone it costs a tenth
    return f"k:{{{','.join(keys)}}}"


def _items(list_type: ListOf, value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for index, item in enumerate(value or ()):
        out.setdefault(element_of(list_type, item, index), item)
    return out


# field sets of values


def fields_of(value: Any, type_: Type) -> FieldSet:
    """The fields that a manifest speaks about."""
    found: list[Path] = []
    _find_fields(value, type_, (), found)
    return frozenset(found)


def _find_fields(value: Any, type_: Type, path: Path, found: list[Path]) -> None:
    type_ = shape(type_, value)
    if type_.is_atomic:
        found.append(path)
    elif isinstance(value, dict) and isinstance(type_, Struct | MapOf):
        for key, child in value.items():
            below = (*path, f"f:{key}")
            _find_fields(child, field_type(type_, key) or ANYTHING, below, found)
            if child is None or child == {} or not is_declared(type_, key):
                found.append(below)
    elif isinstance(value, list) and isinstance(type_, ListOf):
        for element, child in _items(type_, value).items():
            _find_fields(child, type_.item, (*path, element), found)
            found.append((*path, element))


def with_named(paths: Iterable[Path], type_: Type) -> FieldSet:
    """The set with every struct field that stands above one of its paths."""
    out = set(paths)
    _add_named(encode(out), type_, (), out)
    return frozenset(out)


def _add_named(tree: Mapping[str, Any], type_: Type, path: Path, out: set[Path]) -> None:
    """`tree` are the paths from here on, as fieldsV1 has them."""
    for element, deeper in tree.items():
        if deeper:
            below, is_named = _descend(type_, element)
            if is_named:
                out.add((*path, element))
            _add_named(deeper, below, (*path, element), out)


def _descend(type_: Type, element: str) -> tuple[Type, bool]:
    mark, _, text = element.partition(":")
    if mark == "f":
        return field_type(type_, text) or ANYTHING, is_declared(type_, text)
    return (type_.item if isinstance(type_, ListOf) else ANYTHING), False


# comparing


def compare(before: Any, after: Any, type_: Type) -> Comparison:
    found = Comparison()
    _compare(before, after, type_, (), found)
    found.added.discard(())
    return found


def _compare(before: Any, after: Any, type_: Type, path: Path, found: Comparison) -> None:
    if before is after:
        return  # what a merge leaves as it is, it leaves where it is
    type_ = shape(type_, before if after is ABSENT or after is None else after)
    if type_.is_atomic or (_is_hollow(before) and _is_hollow(after)):
        if before is ABSENT:
            found.added.add(path)
        elif after is ABSENT:
            found.removed.add(path)
        elif before != after or type(before) is not type(after):
            found.modified.add(path)
        return
    for element, old, new, below in _pairs(before, after, type_):
        _compare(old, new, below, (*path, element), found)
    if before is ABSENT:
        found.added.add(path)
    elif after is ABSENT:
        found.removed.add(path)


def _is_hollow(value: Any) -> bool:
    return value is ABSENT or value is None or value in ({}, [])


def _pairs(left: Any, right: Any, type_: Type) -> Iterator[tuple[str, Any, Any, Type]]:
    """The children of two values side by side, by path element, but for those that are one and the same."""
    if isinstance(type_, ListOf):
        ours = _items(type_, left if isinstance(left, list) else ())
        theirs = _items(type_, right if isinstance(right, list) else ())
        for element in {**ours, **theirs}:
            yield element, ours.get(element, ABSENT), theirs.get(element, ABSENT), type_.item
        return
    ours = left if isinstance(left, dict) else {}
    theirs = right if isinstance(right, dict) else {}
    for key in {**ours, **theirs}:
        old, new = ours.get(key, ABSENT), theirs.get(key, ABSENT)
        if old is not new:
            yield f"f:{key}", old, new, field_type(type_, key) or ANYTHING


# merging


def merge(live: Any, over: Any, type_: Type) -> Any:
    """`over` laid on `live`: leaves are replaced, structs, maps and keyed lists merged. A null struct leaves the
    live one be.
    """
    if over is ABSENT:
        return live
    type_ = shape(type_, live if over is None else over)
    if type_.is_atomic or live is ABSENT or (_is_hollow(live) and _is_hollow(over)):
        return over
    if isinstance(type_, ListOf):
        return _merge_lists(live or [], over or [], type_)
    ours, theirs = (value if isinstance(value, dict) else {} for value in (live, over))
    merged = {
        key: merge(child, theirs[key], field_type(type_, key) or ANYTHING) if key in theirs else child
        for key, child in ours.items()
    }
    return merged | {key: child for key, child in theirs.items() if key not in ours}


def _merge_lists(live: list[Any], over: list[Any], type_: ListOf) -> list[Any]:
    """Both orders are kept where they agree: own items of the live list stay before the next shared one."""
    left, right = _items(type_, live), _items(type_, over)
    ours, theirs = list(left), list(right)
    shared = [element for element in theirs if element in left]
    out: list[Any] = []
    done: set[str] = set()

    def take(element: str) -> None:
        out.append(merge(left.get(element, ABSENT), right.get(element, ABSENT), type_.item))

    i = j = 0
    while i < len(ours) or j < len(theirs):
        if i < len(ours) and j < len(theirs):
            if ours[i] == theirs[j]:
                take(ours[i])
                done.add(ours[i])
                shared = shared[1:]
                i, j = i + 1, j + 1
                continue
            if ours[i] in right and shared and shared[0] != ours[i]:
                i += 1
                continue
        if i < len(ours):
            if ours[i] not in right:
                take(ours[i])
                i += 1
                continue
            if ours[i] in done:
                i += 1
        if j < len(theirs):
            take(theirs[j])
            done.add(theirs[j])
            if shared and shared[0] == theirs[j]:
                shared = shared[1:]
            j += 1
    return out


# removing


def remove(value: Any, paths: Iterable[Path], type_: Type) -> Any:
    """The value without the fields at these paths; a struct, map or list that ends empty is null."""
    by_head: dict[str, set[Path]] = {}
    for path in paths:
        by_head.setdefault(path[0], set()).add(path[1:])
    return _remove(value, by_head, type_)


def _remove(value: Any, doomed: dict[str, set[Path]], type_: Type) -> Any:
    type_ = shape(type_, value)
    if isinstance(type_, Scalar) or not doomed:
        return value
    if type_.is_atomic or not value:
        return None
    if isinstance(type_, ListOf):
        items = []
        for index, item in enumerate(value):
            below = doomed.get(element_of(type_, item, index), set())
            if () not in below:
                items.append(remove(item, below, type_.item) if below else item)
        return items or None
    kept = {}
    for key, child in value.items():
        below = doomed.get(f"f:{key}", set())
        if () not in below:
            kept[key] = remove(child, below, field_type(type_, key) or ANYTHING) if below else child
    return kept or None
