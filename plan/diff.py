"""What changes between two objects, leaf by leaf."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from ..kube.objects import Obj
from ..kube.quantity import amount
from ..kube.secrecy import MASK, hides, is_secret, values_of
from .steps import Change

_SERVER_SET = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")
_IDENTITY = ("name", "namespace")


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> tuple[Change, ...]:
    """The leaves that differ, in the order of the new object, then what is gone. Status, what the server sets and what says which
    object it is are left out; what a Secret holds is masked."""
    found = _walk("", _comparable(before or {}), _comparable(after))
    if not is_secret(after):
        return tuple(found)
    held = values_of(before, after)
    return tuple(_masked(change, held) for change in found)


def inside(change: Change) -> Iterator[Change]:
    """What differs inside of a value that is written as a whole, as the rules of a route: items by their names, else by their
    places; where there are more or fewer than before, those that stay are found first."""
    path, before, after = change
    if not before or not after or type(before) is not type(after):
        yield change
    elif isinstance(after, Mapping):
        for key, old, new in _paired(before, after):
            if old != new:
                yield from inside(Change(f"{path}{_segment(key)}", old, new))
    elif isinstance(after, list):
        for place, old, new in _items(before, after):
            if old != new:
                yield from inside(Change(f"{path}[{place}]", old, new))
    else:
        yield change


def _items(before: list[Any], after: list[Any]) -> Iterator[tuple[str | int, Any, Any]]:
    """The items of two lists side by side, with their name or place; None where one has none."""
    if key := _keys(before, after):
        yield from _paired(*({item[key]: item for item in items} for items in (before, after)))
        return
    was, now = ([json.dumps(item, sort_keys=True) for item in items] for items in (before, after))
    for _, i, i_end, j, j_end in difflib.SequenceMatcher(None, was, now, autojunk=False).get_opcodes():
        pairs = zip_longest(before[i:i_end], after[j:j_end])
        yield from ((place, old, new) for place, (old, new) in enumerate(pairs, j if j_end > j else i))


def _comparable(obj: Mapping[str, Any]) -> Obj:
    out = {key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "status")}
    if "metadata" in out:
        out["metadata"] = {key: value for key, value in out["metadata"].items() if key not in _SERVER_SET + _IDENTITY}
    return out


def _walk(path: str, before: Any, after: Any) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key, old, new in _paired(before, after):
            yield from _walk(f"{path}{_segment(key)}", old, new)
    elif isinstance(before or [], list) and isinstance(after, list) and (keys := _keys(before or [], after)):
        for name, old, new in _paired(*({item[keys]: item for item in items} for items in (before or [], after))):
            yield from _walk(f"{path}[{name}]", old, new)
    elif not _same(path, before, after):
        if isinstance(after, Mapping) and after and before is None:
            for key, value in after.items():
                yield from _walk(f"{path}{_segment(key)}", None, value)
        else:
            yield Change(path, before, after)


def _paired(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    """Each key with both values, in the order of the new one, then what is gone; None where it is not there."""
    yield from ((key, before.get(key), after.get(key)) for key in [*after, *(key for key in before if key not in after)])


def _segment(key: str) -> str:
    return f'["{key}"]' if "." in key or "/" in key else f".{key}"


def _keys(before: list[Any], after: list[Any]) -> str:
    """The field by which the items of two lists are told apart: `name`, where every item has one of its own."""
    for items in (before, after):
        names = [item.get("name") if isinstance(item, Mapping) else None for item in items]
        if None in names or len(set(names)) != len(names):
            return ""
    return "name" if before or after else ""


_DROPPED_ZEROS = {
    "hostIPC", "hostNetwork", "hostPID", "hostPort", "initialDelaySeconds", "minReadySeconds", "paused",
    "publishNotReadyAddresses", "readOnly", "stdin", "stdinOnce", "tty",
}  # fmt: skip
"""Fields whose zero the API server does not write down: 0 or false there is the same as nothing."""


def _same(path: str, before: Any, after: Any) -> bool:
    """Whether what differs means the same."""
    if not before and not after and path.rpartition(".")[2] in _DROPPED_ZEROS:
        return True
    if before in (None, {}, []) and after in (None, {}, []):
        return True
    is_quantity = ".resources." in path or path.startswith(".spec.hard")
    return is_quantity and bool(_quantity(before) == _quantity(after))


def _quantity(value: Any) -> Any:
    """Quantities compare by amount: the API server writes "1000m" back as "1"."""
    try:
        return amount(value)
    except ValueError:
        return value


def _masked(change: Change, held: Collection[str]) -> Change:
    if not hides(change.path, change.before, held) and not hides(change.path, change.after, held):
        return change

    def hide(value: Any) -> Any:
        return None if value is None else MASK

    after = hide(change.after)
    return Change(change.path, hide(change.before), f"{MASK} (changed)" if after and change.before is not None else after)
