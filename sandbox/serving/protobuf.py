"""Reading protobuf bodies, which `kubectl create` sends for objects that it makes itself: only those kinds, only the way in.

A body is the four bytes `k8s\\0` and an Unknown message, which says what it is and carries the object. The field numbers stand in
a table here, the types in `kube.schema`. A message or field that the table lacks is refused, not lost.
"""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from ...kube.objects import Kind, Obj
from ...kube.schema import ListOf, MapOf, Scalar, Struct, Type, published, schema_of, types
from ...kube.wire import Unreadable, Value, fields

MAGIC = b"k8s\0"


def parse(body: bytes) -> Obj:
    """The object as its JSON would be. Raises Unreadable."""
    if not body.startswith(MAGIC):
        raise Unreadable(f"provided data does not appear to be a protobuf message, expected prefix {list(MAGIC)}")
    envelope = _by_number(body[len(MAGIC) :])
    head = _by_number(_bytes(envelope.get(1, b"")))
    version, kind = (_text(head.get(number, b"")) for number in (1, 2))
    shape = schema_of(Kind(version, kind, ""))  # an autoscaler, as an Event, has other numbers in each of its versions
    type_ = _struct_of(shape.name if shape is not None else kind)
    return {"apiVersion": version, "kind": kind} | _message(_bytes(envelope.get(2, b"")), type_)


# values


def _by_number(data: bytes) -> dict[int, Value]:
    """Of a field that comes twice the last counts."""
    return dict(fields(data))


def _signed(value: Value) -> int:
    if not isinstance(value, int):
        raise Unreadable("proto: wrong wireType")
    return value - 2**64 if value >= 2**63 else value


def _bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        raise Unreadable("proto: wrong wireType")
    return value


def _text(value: Value) -> str:
    return _bytes(value).decode(errors="replace")


# the objects


Numbers = dict[int, Any]
"""By number: the name of a field, or the numbers inside of a message."""


@cache
def _table() -> Mapping[str, Numbers]:
    """By type and number: the field, or those of a message that JSON does not show: `{1: "host", 2: {1: "http"}}`."""
    out: dict[str, Numbers] = {}
    for line in published("numbers").splitlines():
        type_, *entries = line.split()
        out[type_] = {}
        for entry in entries:
            name, _, numbers = entry.partition("=")
            *around, last = map(int, numbers.split("."))
            place: Any = out[type_]
            for number in around:
                place = place.setdefault(number, {})
            place[last] = name
    return out


def _struct_of(name: str) -> Struct:
    if name not in _table() or name not in types():
        raise Unreadable(f"the sandbox reads no {name or 'object without a kind'} in protobuf, send JSON")
    return types()[name]


def _message(data: bytes, type_: Struct) -> Obj:
    out: Obj = {}
    if data:
        _read(data, _struct_of(type_.name), _table()[type_.name], out)
    return out


def _read(data: bytes, type_: Struct, known: Numbers, out: Obj) -> None:
    for number, value in fields(data):
        name = known.get(number)
        if isinstance(name, dict):
            _read(_bytes(value), type_, name, out)
            continue
        field = type_.fields.get(name or "")
        if field is None:
            raise Unreadable(f"the sandbox does not read field {number} of {type_.name} in protobuf, send JSON")
        match field.type:
            case ListOf(item=item):
                out.setdefault(field.name, []).append(_value(value, item))
            case MapOf(item=item):
                entry = _by_number(_bytes(value))
                out.setdefault(field.name, {})[_text(entry.get(1, b""))] = _value(entry.get(2, b""), item)
            case single:
                out[field.name] = _value(value, single)


def _value(value: Value, type_: Type) -> Any:
    match type_:
        case Struct():
            return _message(_bytes(value), type_)
        case ListOf(item=item):  # of a map, where it is a message of its own
            return [_value(each, item) for number, each in fields(_bytes(value)) if number == 1]
        case Scalar(code="s" | "d"):
            return _text(value)
        case Scalar(code="b"):
            return bool(_signed(value))
        case Scalar(code="i" | "l" | "u"):
            return _signed(value)
        case Scalar(code="f"):
            return struct.unpack("<d", _bytes(value))[0]
        case Scalar(code="y"):
            return base64.b64encode(_bytes(value)).decode()
        case Scalar(code="Q"):
            return _text(_by_number(_bytes(value)).get(1, b"0"))
        case Scalar(code="I"):
            either = _by_number(_bytes(value))
            return _text(either.get(3, b"")) if either.get(1) else _signed(either.get(2, 0))
        case Scalar(code="T" | "M" as code):
            return _time(_bytes(value), has_micros=code == "M")
        case Scalar(code="A"):
            return _json(_bytes(_by_number(_bytes(value)).get(1, b"null")))
        case _:
            raise Unreadable("the sandbox does not read this in protobuf, send JSON")


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise Unreadable(f"what is in it is no JSON: {error}") from None


def _time(value: bytes, *, has_micros: bool) -> str | None:
    """No bytes at all are the time that was never set."""
    if not value:
        return None
    said = _by_number(value)
    at = datetime.fromtimestamp(_signed(said.get(1, 0)), UTC) + timedelta(microseconds=_signed(said.get(2, 0)) // 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if has_micros else "%Y-%m-%dT%H:%M:%SZ")
