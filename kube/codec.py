"""Reading objects as the API server does: typed, forgetting unknown fields, with Go's messages for what does not fit.

`decoded` answers the object in the form in which the server writes it out again: empty fields left out where Go leaves them out,
structs always there, quantities and times in their canonical form.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from .objects import Obj
from .schema import Field, ListOf, MapOf, Scalar, Struct, Type, empty


class Misfit(Exception):
    """The text is Go's."""


@dataclass(slots=True)
class _Place:
    """Where the reader is: the innermost struct and the path of fields to here; list positions only for strict errors."""

    struct: str = ""
    fields: tuple[str, ...] = ()
    strict_path: str = ""
    unknown: list[str] = field(default_factory=list)

    def at(self, struct: str, name: str) -> _Place:
        path = f"{self.strict_path}.{name}" if self.strict_path else name
        return _Place(struct, (*self.fields, name), path, self.unknown)

    def item(self, mark: str) -> _Place:
        return _Place(self.struct, self.fields, f"{self.strict_path}{mark}", self.unknown)


class Fields(dict[str, Any]):
    """A JSON object that remembers which of its keys came twice."""

    doubled: tuple[str, ...] = ()


def fields_of_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For json.loads(object_pairs_hook=…)."""
    out = dict(pairs)
    if len(out) == len(pairs):
        return out
    seen: set[str] = set()
    marked = Fields(out)
    marked.doubled = tuple(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
    return marked


def decoded(obj: Mapping[str, Any], type_: Struct) -> tuple[Obj, list[str]]:
    """The object as the server keeps it, and the strict errors (`unknown field "spec.replica"`). Raises Misfit."""
    place = _Place()
    out = _pruned(obj, type_, place) if type_.is_custom else _struct(obj, type_, place)
    head = {key: obj[key] for key in ("apiVersion", "kind") if obj.get(key)}
    return head | out, place.unknown


def _struct(value: Any, type_: Struct, place: _Place) -> Obj:
    if not isinstance(value, Mapping):
        raise _mismatch(value, f"v1.{type_.name}", place)
    _note_strict(value, type_, place)
    known: dict[str, Any] = {}
    for name, child in value.items():
        declared = type_.fields.get(name)
        if declared is not None and child is not None:
            known[name] = _value(child, declared.type, place.at(type_.name, name))
    out: Obj = {}
    for name, declared in type_.fields.items():
        written = _written(known.get(name), declared, place)
        if written is not _LEFT_OUT:
            out[name] = written
    if type_.is_open:
        out |= {name: child for name, child in value.items() if name not in type_.fields and child is not None}
    return out


_LEFT_OUT = object()


def _written(value: Any, declared: Field, place: _Place) -> Any:
    """What Go's encoder makes of a field: itself, an empty value, or nothing."""
    type_ = declared.type
    if declared.is_pointer:
        return value if value is not None or declared.is_always else _LEFT_OUT
    if isinstance(type_, Struct):
        return value if value is not None else _struct({}, type_, place)
    if isinstance(type_, Scalar) and type_.code in "TMIQ" and value is None:
        return _LEFT_OUT if declared.is_omitzero else empty(declared)
    if declared.is_always:
        return empty(declared) if value is None else value
    return value if value or (isinstance(type_, Scalar) and type_.code in "TMIQA" and value is not None) else _LEFT_OUT


def _note_doubled(value: Mapping[str, Any], place: _Place) -> None:
    for name in getattr(value, "doubled", ()):
        place.unknown.append(f'duplicate field "{place.at("", name).strict_path}"')


def _note_strict(value: Mapping[str, Any], type_: Struct, place: _Place) -> None:
    _note_doubled(value, place)
    for name in value:
        is_known = name in type_.fields or type_.is_open or (not place.fields and name in ("apiVersion", "kind"))
        if not is_known:
            place.unknown.append(f'unknown field "{place.at("", name).strict_path}"')


def _value(value: Any, type_: Type, place: _Place) -> Any:
    match type_:
        case Struct():
            return _struct(value, type_, place)
        case ListOf():
            if not isinstance(value, list):
                raise _mismatch(value, _go_type(type_), place)
            return [_element(item, type_.item, place.item(f"[{i}]")) for i, item in enumerate(value)]
        case MapOf():
            if not isinstance(value, Mapping):
                raise _mismatch(value, _go_type(type_), place)
            _note_doubled(value, place)
            return {key: _element(child, type_.item, place.item(f".{key}")) for key, child in value.items()}
        case Scalar():
            return _scalar(value, type_, place)


def _element(value: Any, type_: Type, place: _Place) -> Any:
    """Null in a list or map is the zero value of its items."""
    if value is not None:
        return _value(value, type_, place)
    if isinstance(type_, Struct):
        return _struct({}, type_, place)
    return empty(Field("", "", type_))


def _scalar(value: Any, type_: Scalar, place: _Place) -> Any:
    match type_.code:
        case "s" | "d":
            if not isinstance(value, str):
                raise _mismatch(value, type_.go, place)
        case "b":
            if not isinstance(value, bool):
                raise _mismatch(value, type_.go, place)
        case "i" | "l" | "u":
            return _integer(value, type_, place)
        case "f":
            if not _is_number(value):
                raise _mismatch(value, type_.go, place)
        case "I":
            if isinstance(value, str):
                return value
            if not isinstance(value, int) or isinstance(value, bool):
                seen = f"number {value}" if isinstance(value, float) else json_kind(value)
                raise Misfit(f"json: cannot unmarshal {seen} into Go value of type int32")
        case "y":
            return _base64(value, type_, place)
        case "T" | "M":
            return _time(value, type_)
        case "Q":
            return quantity(value)
    return value


def _integer(value: Any, type_: Scalar, place: _Place) -> int:
    if not _is_number(value):
        raise _mismatch(value, type_.go, place)
    bits = 63 if type_.code == "l" else 31
    if not isinstance(value, int) or not -(2**bits) <= value < 2**bits:
        raise Misfit(f"json: cannot unmarshal number {value} into {_where(place)}of type {type_.go}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _base64(value: Any, type_: Scalar, place: _Place) -> str:
    if not isinstance(value, str):
        raise _mismatch(value, type_.go, place)
    text = re.sub(r"[\r\n]", "", value)
    if bad := re.search(r"[^A-Za-z0-9+/]", text.rstrip("=")):
        raise Misfit(f"illegal base64 data at input byte {bad.start()}")
    try:
        return base64.b64encode(base64.b64decode(text, validate=True)).decode()
    except binascii.Error:
        whole = len(text) // 4 * 4
        raise Misfit(f"illegal base64 data at input byte {whole if whole < len(text) else len(text) - 1}") from None


_LAYOUTS = {"T": "2006-01-02T15:04:05Z07:00", "M": "2006-01-02T15:04:05.000000Z07:00"}
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def _time(value: Any, type_: Scalar) -> str:
    if not isinstance(value, str):
        raise Misfit(f"json: cannot unmarshal {json_kind(value)} into Go value of type string")
    layout = _LAYOUTS[type_.code]
    if not _RFC3339.fullmatch(value):
        digits = re.match(r"\d{4}", value)
        rest, part = (value[4:], "-") if digits else (value, "2006")
        raise Misfit(f'parsing time "{value}" as "{layout}": cannot parse "{rest}" as "{part}"')
    if type_.code == "M" and (misfit := _micro_misfit(value)):
        raise Misfit(f'parsing time "{value}" as "{layout}": {misfit}')
    moment = datetime.fromisoformat(value).astimezone(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if type_.code == "M" else "%Y-%m-%dT%H:%M:%SZ")


def _micro_misfit(value: str) -> str:
    """Six digits after the point, no more and no fewer."""
    rest = value[len("2006-01-02T15:04:05") :]
    digits = re.match(r"\.\d{6}", rest)
    if digits is None:
        return f'cannot parse "{rest}" as ".000000"'
    return f'cannot parse "{rest[7:]}" as "Z07:00"' if rest[7:8].isdigit() else ""


def _mismatch(value: Any, go: str, place: _Place) -> Misfit:
    return Misfit(f"json: cannot unmarshal {json_kind(value)} into {_where(place)}of type {go}")


def _where(place: _Place) -> str:
    return f"Go struct field {place.struct}.{'.'.join(place.fields)} " if place.fields else "Go value "


def json_kind(value: Any) -> str:
    """What Go's decoder calls it."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"


def _go_type(type_: Type) -> str:
    match type_:
        case Struct():
            return f"v1.{type_.name}"
        case ListOf():
            return f"[]{_go_type(type_.item)}"
        case MapOf():
            is_resources = isinstance(type_.item, Scalar) and type_.item.code == "Q"
            return "v1.ResourceList" if is_resources else f"map[string]{_go_type(type_.item)}"
        case Scalar():
            return type_.go


# quantities

_QUANTITY = re.compile(r"([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)")
_BINARY = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_QUANTITY_RULE = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def quantity(value: Any) -> str:
    """The canonical form: "0.5" is "500m", "1024Mi" is "1Gi". Raises Misfit."""
    text = str(value) if _is_number(value) else value
    parts = _QUANTITY.fullmatch(text) if isinstance(text, str) else None
    if parts is None or parts[1].count(".") > 1 or not parts[1].strip("+-."):
        raise Misfit(_QUANTITY_RULE)
    number, suffix = Decimal(parts[1]), parts[2]
    if suffix in _BINARY:
        return _binary(number * 1024 ** _BINARY[suffix])
    if suffix in _DECIMAL:
        return _decimal(number.scaleb(_DECIMAL[suffix]), _DECIMAL)
    if exponent := re.fullmatch(r"[eE]([+-]?\d+)", suffix):
        return _decimal(number.scaleb(int(exponent[1])), {f"e{n}" if n else "": n for n in range(-9, 19, 3)})
    raise Misfit("unable to parse quantity's suffix")


def _binary(amount: Decimal) -> str:
    if amount != amount.to_integral_value():
        return _decimal(amount, _DECIMAL)
    whole = int(amount)
    for suffix, power in reversed(_BINARY.items()):
        if whole and whole % 1024**power == 0:
            return f"{whole // 1024**power}{suffix}"
    return str(whole)


def _decimal(amount: Decimal, suffixes: Mapping[str, int]) -> str:
    for suffix, power in sorted(suffixes.items(), key=lambda pair: -pair[1]):
        scaled = amount.scaleb(-power)
        if scaled == scaled.to_integral_value() and amount:
            return f"{int(scaled)}{suffix}"
    return "0" if not amount else f"{int(amount.scaleb(9).to_integral_value(rounding='ROUND_UP'))}n"


def amount(text: Any) -> Decimal:
    """The number that a quantity stands for."""
    canonical = quantity(text)
    parts = _QUANTITY.fullmatch(canonical)
    if parts is None:
        raise Misfit(_QUANTITY_RULE)
    if parts[2] in _BINARY:
        return Decimal(parts[1]) * int(1024 ** _BINARY[parts[2]])
    if parts[2] in _DECIMAL:
        return Decimal(parts[1]).scaleb(_DECIMAL[parts[2]])
    return Decimal(parts[1]).scaleb(int(parts[2][1:]))


# custom resources


def _pruned(value: Mapping[str, Any], type_: Struct, place: _Place) -> Obj:
    """Custom resources keep what they are given but unknown fields; their schema is checked later (kube.validation)."""
    _note_strict(value, type_, place)
    out: Obj = {}
    for name, child in value.items():
        declared = type_.fields.get(name)
        if declared is None:
            if type_.is_open:
                out[name] = child
        elif name == "metadata" and isinstance(declared.type, Struct) and child is not None:
            out[name] = _struct(child, declared.type, place.at(type_.name, name))
        elif child is not None:
            out[name] = _pruned_value(child, declared.type, place.at(type_.name, name))
    return out


def _pruned_value(value: Any, type_: Type, place: _Place) -> Any:
    match type_:
        case Struct() if isinstance(value, Mapping):
            return _pruned(value, type_, place)
        case ListOf() if isinstance(value, list):
            return [_pruned_value(item, type_.item, place.item(f"[{i}]")) for i, item in enumerate(value)]
        case MapOf() if isinstance(value, Mapping):
            return {key: _pruned_value(child, type_.item, place.item(f".{key}")) for key, child in value.items()}
        case _:
            return value
