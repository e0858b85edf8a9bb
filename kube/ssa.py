"""Server-side apply and the ownership of fields: the API server's own rules, as pure functions.

The embedded cluster answers by them, and the planner predicts with them what the server will do and whose fields are
in the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..errors import ApiError, ApplyConflict
from . import fieldset, lastapplied
from .fieldset import NOTHING, FieldSet, Path
from .objects import Obj, copied, get, kind_of
from .schema import FREE_MAP, ListOf, MapOf, Scalar, Struct, Type, field_type, schema_of, shape, zero

BEFORE_FIRST_APPLY = "before-first-apply"

_NEVER_OWNED: FieldSet = frozenset(
    [("f:apiVersion",), ("f:kind",), ("f:metadata",)]
    + [
        ("f:metadata", f"f:{key}")
        for key in (
            "name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation", "managedFields",
            "resourceVersion",
        )
    ]
)  # fmt: skip


class Owner(NamedTuple):
    """Who manages fields. Appliers are the same in every version; updaters are told apart by it."""

    manager: str
    operation: str
    api_version: str
    subresource: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        version = "" if self.operation == "Apply" else self.api_version
        return (self.manager, self.operation, version, self.subresource)

    def __str__(self) -> str:
        text = json.dumps(self.manager, ensure_ascii=False)
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.operation == "Apply" else f"{text} using {self.api_version}"


class Share(NamedTuple):
    """What one owner manages; `time` is empty where the server notes none."""

    owner: Owner
    fields: FieldSet
    time: str


Shares = dict[tuple[str, str, str, str], Share]


def apply(
    live: Obj | None,
    manifest: Obj,
    manager: str,
    *,
    force: bool = False,
    now: str,
    subresource: str = "",
    ignored: Sequence[Path] = (),
    type_: Type | None = None,
    fits: bool = False,
) -> Obj:
    """The object after a server-side apply: merged, without what only this manager applied before and no longer does.

    Defaults are not filled in, and the metadata that only the server writes is the live object's. `ignored` are
    paths that this endpoint resets (the status). `type_` is the shape of a kind that is not known here. `fits`: that the manifest
    fits the schema was seen before. Raises ApplyConflict where others own a field that would change, unless forced; ApiError
    where the manifest does not fit the schema.
    """
    type_ = type_ or type_of(manifest)
    if not fits:
        refuse_misfits(manifest, type_)
    shares = _shares_before(live, now, type_) if live is not None else {}
    before = {key: value for key, value in (live or {}).items() if key != "metadata"}
    if live is not None:
        before["metadata"] = {key: value for key, value in live["metadata"].items() if key != "managedFields"}
    owner = Owner(manager, "Apply", manifest["apiVersion"], subresource)
    last = shares.get(owner.key)
    wanted = fieldset.excluding(fieldset.fields_of(manifest, type_), ignored)
    shares[owner.key] = Share(owner, wanted, last.time if last else "")
    merged = fieldset.merge(before, manifest, type_)
    if last and not last.fields <= wanted:  # else everything that was applied last is claimed still
        merged = _pruned(merged, last.fields, shares, type_)
    changed = fieldset.compare(before, merged, type_).without(ignored)
    touched = changed.modified | changed.added
    if manager == lastapplied.KUBECTL and live is not None:
        touched = touched - lastapplied.written(live, manifest["apiVersion"], type_)
    _refuse_conflicts(shares, owner, touched, force=force)
    shares = _reassigned(shares, owner, changed)
    if merged != before and owner.key in shares:
        shares[owner.key] = shares[owner.key]._replace(time=now)
    out: Obj = copied(merged)
    out["metadata"]["managedFields"] = entries_of(shares.values())
    if manager == lastapplied.KUBECTL:
        lastapplied.note(out, manifest)
    return out


def _shares_before(live: Obj, now: str, type_: Type) -> Shares:
    """Who managed what of a live object. What nobody is noted for was written before anybody applied."""
    if shares := shares_of(live):
        return shares
    entries = track_update(None, live, BEFORE_FIRST_APPLY, now=now, type_=type_)
    return shares_of({"metadata": {"managedFields": entries}})


def track_update(
    before: Obj | None,
    after: Obj,
    manager: str,
    operation: str = "Update",
    subresource: str = "",
    *,
    now: str,
    ignored: Sequence[Path] = (),
    type_: Type | None = None,
) -> list[Obj]:
    """The managedFields after an ordinary write: who changed a field owns it. `before` is None on create."""
    type_ = type_ or type_of(after)
    shares = shares_of(before or after)
    old = _plain(before) if before is not None else _blank(after, type_)
    changed = fieldset.compare(old, _plain(after), type_).without(ignored)
    owner = Owner(manager, operation, after["apiVersion"], subresource)
    taken = _ownable(changed.modified | changed.added)
    shares = _reassigned(shares, None, changed)
    if taken:
        previous = shares[owner.key].fields if owner.key in shares else NOTHING
        shares[owner.key] = Share(owner, previous | taken, now)
    return entries_of(shares.values())


def owners_of(obj: Mapping[str, Any]) -> Mapping[Path, Sequence[Owner]]:
    """Who manages each field of a live object."""
    out: dict[Path, list[Owner]] = {}
    for share in shares_of(obj).values():
        for path in share.fields:
            out.setdefault(path, []).append(share.owner)
    return out


def shares_of(obj: Mapping[str, Any]) -> Shares:
    """The managedFields of an object, decoded."""
    out: Shares = {}
    for entry in get(obj, "metadata", "managedFields", default=[]) or ():
        owner = Owner(
            entry.get("manager", ""),
            entry.get("operation", "Update"),
            entry.get("apiVersion", ""),
            entry.get("subresource", ""),
        )
        fields = fieldset.decode(entry.get("fieldsV1") or {})
        if owner.key in out:
            fields |= out[owner.key].fields
        out[owner.key] = Share(owner, fields, entry.get("time") or "")
    return out


def entries_of(shares: Iterable[Share]) -> list[Obj]:
    """As managedFields: appliers first, then by time and name. Who owns nothing is not listed."""
    entries = []
    for share in sorted(shares, key=_order):
        fields = _ownable(share.fields)
        if not fields:
            continue
        entry: Obj = {
            "manager": share.owner.manager,
            "operation": share.owner.operation,
            "apiVersion": share.owner.api_version,
            "time": share.time,
            "fieldsType": "FieldsV1",
            "fieldsV1": fieldset.encode(fields),
            "subresource": share.owner.subresource,
        }
        entries.append({key: value for key, value in entry.items() if value != ""})
    return entries


def type_of(obj: Mapping[str, Any]) -> Type:
    """By group and version: kinds of one name in other groups are of another shape, which nobody here knows."""
    kind = kind_of(obj.get("apiVersion", ""), obj.get("kind", ""))
    return (schema_of(kind) if kind else None) or FREE_MAP


def _order(share: Share) -> tuple[str, str, str, str, str]:
    owner = share.owner
    return owner.operation, share.time, owner.manager, owner.api_version, owner.subresource


def _plain(obj: Obj) -> Obj:
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return obj | {"metadata": meta}


def _blank(obj: Obj, type_: Type) -> Obj:
    start = zero(type_) if isinstance(type_, Struct) else {}
    return {"metadata": {}} | start | {"apiVersion": obj["apiVersion"], "kind": obj["kind"]}


def _ownable(fields: Iterable[Path]) -> FieldSet:
    return frozenset(fields) - _NEVER_OWNED - {()}


def _reassigned(shares: Shares, taker: Owner | None, changed: fieldset.Comparison) -> Shares:
    """Everybody but the taker gives up what was changed or removed; who is left with nothing goes."""
    lost = changed.modified | changed.added | changed.removed
    out: Shares = {}
    for key, share in shares.items():
        kept = share if taker and key == taker.key else share._replace(fields=share.fields - lost)
        if kept.fields:
            out[key] = kept
    return out


def _pruned(merged: Obj, last: FieldSet, shares: Shares, type_: Type) -> Obj:
    """Takes out what the manager applied last time and nobody claims now; gives back what was swept along with it."""
    last_named = fieldset.with_named(last, type_)
    everything = fieldset.with_named(fieldset.fields_of(merged, type_), type_)
    pruned = fieldset.remove(merged, last_named, type_)
    kept = fieldset.with_named(fieldset.fields_of(pruned, type_), type_)
    claimed = fieldset.with_named(frozenset().union(*(share.fields for share in shares.values())), type_)
    pruned = fieldset.remove(merged, everything - kept - claimed, type_)
    kept = fieldset.with_named(fieldset.fields_of(pruned, type_), type_)
    out: Obj = fieldset.remove(merged, (everything - kept) & last_named, type_)
    return out


def _refuse_conflicts(shares: Shares, owner: Owner, touched: set[Path], *, force: bool) -> None:
    conflicts = [
        (str(share.owner), fieldset.readable(path))
        for key, share in sorted(shares.items())
        if key != owner.key and not force
        for path in fieldset.ordered(share.fields & touched)
    ]
    if not conflicts:
        return
    causes = [{"reason": "FieldManagerConflict", "message": f"conflict with {who}", "field": path} for who, path in conflicts]
    raise ApplyConflict(_conflict_message(conflicts), {"causes": causes})


def _conflict_message(conflicts: Sequence[tuple[str, str]]) -> str:
    if len(conflicts) == 1:
        who, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {who}: {path}"
    lines = []
    for who in dict.fromkeys(who for who, _ in conflicts):
        lines += [f"conflicts with {who}:", *(f"- {path}" for other, path in conflicts if other == who)]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


# what does not fit the schema


def refuse_misfits(manifest: Obj, type_: Type) -> None:
    """Raises ApiError (500, as the API server has it) for undeclared fields, wrong types, and list items without
    their key.
    """
    found: list[str] = []
    _find_misfits(manifest, type_, "", found)
    if not found:
        return
    meta = manifest.get("metadata") or {}
    name = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
    group, _, version = manifest["apiVersion"].rpartition("/")
    kind = f"{group}/{version}, Kind={manifest['kind']}"
    text = found[0] if len(found) == 1 else "errors:\n" + "\n".join(f"  {line}" for line in found)
    raise ApiError(500, "", f"failed to create typed patch object ({name}; {kind}): {text}")


def _find_misfits(value: Any, type_: Type, path: str, found: list[str]) -> None:
    type_ = shape(type_, value)
    if value is None:
        return
    match type_:
        case Scalar():
            if problem := _scalar_misfit(value, type_):
                found.append(f"{path}: {problem}")
        case ListOf():
            _find_list_misfits(value, type_, path, found)
        case MapOf() | Struct():
            if not isinstance(value, Mapping):
                found.append(f"{path}: expected map, got &{{{_go(value)}}}")
                return
            for key, child in value.items():
                below = field_type(type_, key)
                if below is None:
                    found.append(f"{path}.{key}: field not declared in schema")
                else:
                    _find_misfits(child, below, f"{path}.{key}", found)


def _find_list_misfits(value: Any, type_: ListOf, path: str, found: list[str]) -> None:
    if not isinstance(value, list):
        found.append(f"{path}: expected list, got &{{{_go(value)}}}")
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        try:
            element = fieldset.element_of(type_, item, index)
        except ValueError as problem:
            found.append(f"{path}: element {index}: {problem}")
            continue
        if element in seen and not type_.is_atomic:
            found.append(f"{path}: duplicate entries for key {fieldset.readable((element,))}")
            continue
        seen.add(element)
        place = f"[{index}]" if type_.is_atomic else fieldset.readable((element,))
        _find_misfits(item, type_.item, f"{path}{place}", found)


def _scalar_misfit(value: Any, type_: Scalar) -> str:
    if type_.code in "sydTM":
        return "" if isinstance(value, str) else f"expected string, got {_unstructured(value)}"
    if type_.code in "ilfu":
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return "" if is_number else f"expected numeric (int or float), got {_go_type(value)}"
    if type_.code == "b":
        return "" if isinstance(value, bool) else f"expected boolean, got {_unstructured(value)}"
    return ""


def _unstructured(value: Any) -> str:
    return f"&value.valueUnstructured{{Value:{_go(value)}}}"


def _go(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            return json.dumps(value)
        case dict():
            inner = ", ".join(f"{json.dumps(key)}:{_go(child)}" for key, child in sorted(value.items()))
            return f"map[string]interface {{}}{{{inner}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(map(_go, value))}}}"
        case _:
            return str(value)


def _go_type(value: Any) -> str:
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case dict():
            return "map[string]interface {}"
        case _:
            return "[]interface {}"
