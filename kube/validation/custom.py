"""Custom resources checked against the schema of their definition, with the messages of the API server's schema validator."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..durations import seconds
from ..objects import Obj
from ..schema import ListOf, MapOf, Scalar, Struct, Type
from . import checks
from .checks import Problem, Problems
from .gateway import RULES, SCHEMA_RULES, WITHOUT_RULES

BLOCKING = (
    "FieldValueTypeInvalid", "FieldValueRequired", "FieldValueNotSupported", "FieldValueTooLong", "FieldValueTooMany",
)  # fmt: skip
NOT_CHECKED = (
    "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation"
)


def custom(obj: Obj, type_: Struct) -> Problems:
    """Everything that the schema refuses. The rules in CEL are only asked once the types are right."""
    found = list(_struct("", obj, type_))
    yield from found
    if not any(problem.reason in BLOCKING for problem in found):
        yield from _ruled("", obj, type_)
    elif type_.name not in WITHOUT_RULES:
        yield checks.invalid("<nil>", None, NOT_CHECKED)


def status(obj: Obj, type_: Struct) -> Problems:
    """What the schema refuses of a status, which is checked by itself: only the field that is named has the whole path."""
    declared = type_.fields.get("status")
    if declared is None or not isinstance(declared.type, Struct) or "status" not in obj:
        return
    for each in custom(obj["status"], declared.type):
        yield each if each.field == "<nil>" else each._replace(field=f"status.{each.field}")


_JSON_TYPES = {"s": "string", "d": "string", "y": "string", "T": "string", "b": "boolean", "i": "integer", "l": "integer",
               "u": "integer", "f": "number"}  # fmt: skip


def _struct(path: str, value: Any, type_: Struct) -> Problems:
    if not isinstance(value, Mapping):
        yield wrong_type(path, value, "object")
        return
    for name, declared in type_.fields.items():
        here = f"{path}.{name}" if path else name
        if name == "metadata" and not path:
            continue
        if name in value:
            yield from _value(here, value[name], declared.type)
        elif declared.is_always:
            yield checks.required(here)
    for alternatives in type_.one_of:
        if sum(name in value for name in alternatives) > 1:
            why = f'"{path}" must validate one and only one schema (oneOf). Found none valid'
            yield checks.invalid(path, value, why)
    if rule := SCHEMA_RULES.get(type_.name):
        yield from rule(path, value)


def _value(path: str, value: Any, type_: Type) -> Problems:
    match type_:
        case Struct():
            yield from _struct(path, value, type_)
        case ListOf():
            if not isinstance(value, list):
                yield wrong_type(path, value, "array")
                return
            yield from _count(path, len(value), type_)
            for place, item in enumerate(value):
                yield from _value(f"{path}[{place}]", item, type_.item)
            yield from _twins(path, value, type_)
        case MapOf():
            if not isinstance(value, Mapping):
                yield wrong_type(path, value, "object")
                return
            for key, item in value.items():
                yield from _value(f"{path}.{key}", item, type_.item)
        case Scalar():
            yield from _scalar(path, value, type_)


def _count(path: str, count: int, type_: ListOf) -> Problems:
    if count < type_.at_least:
        yield checks.invalid(path, count, f"{path} in body should have at least {type_.at_least} items")
    if type_.at_most is not None and count > type_.at_most:
        text = f"Too many: {count}: must have at most {type_.at_most} items"
        yield Problem(path, "FieldValueTooMany", text)


def _twins(path: str, items: Sequence[Any], type_: ListOf) -> Problems:
    """Items of a map or a set that are there already."""
    seen = set[str]()
    for place, item in enumerate(items):
        if type_.keys and isinstance(item, Mapping):
            named: Any = {key: item[key] for key in type_.keys if key in item}
        elif type_.is_set:
            named = item
        else:
            continue
        text = json.dumps(named, sort_keys=True)
        if text in seen:
            yield checks.duplicate(f"{path}[{place}]", named)
        seen.add(text)


def _scalar(path: str, value: Any, type_: Scalar) -> Problems:
    wanted = _JSON_TYPES.get(type_.code)
    seen = json_type(value)
    if wanted and seen != wanted and not (wanted == "number" and seen == "integer"):
        yield wrong_type(path, value, wanted)
        return
    if type_.enum and value not in type_.enum:
        yield checks.unsupported(path, value, map(str, type_.enum))
    if type_.code == "u":
        if value < 0:
            yield checks.invalid(path, value, f"{path} in body should be greater than or equal to 0")
        if value > 4294967295:
            yield checks.invalid(path, value, f"{path} in body should be less than or equal to 4294967295")
    if type_.code == "i" and not -(2**31) <= value < 2**31:
        yield checks.invalid(path, value, f"{path} in body must be of type int32: {checks.shown(str(value))}")
    if isinstance(value, str):
        yield from _text(path, value, type_)
    elif type_.least is not None and value < type_.least:
        yield checks.invalid(path, value, f"{path} in body should be greater than or equal to {type_.least}")
    elif type_.most is not None and value > type_.most:
        yield checks.invalid(path, value, f"{path} in body should be less than or equal to {type_.most}")


def _text(path: str, value: str, type_: Scalar) -> Problems:
    if type_.most is not None and len(value) > type_.most:
        yield checks.too_long(path, type_.most)
    if type_.least is not None and len(value) < type_.least:
        yield checks.invalid(path, value, f"{path} in body should be at least {type_.least} chars long")
    # Python's `$` lets a line end pass
    if type_.pattern and (not re.search(type_.pattern, value) or value.endswith("\n")):
        yield checks.invalid(path, value, f"{path} in body should match '{type_.pattern}'")


def wrong_type(path: str, value: Any, wanted: str) -> Problem:
    seen = checks.shown(json_type(value))
    return Problem(path, "FieldValueTypeInvalid", f"Invalid value: {seen}: {path} in body must be of type {wanted}: {seen}")


def json_type(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "number"
        case str():
            return "string"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"


def _ruled(path: str, value: Any, type_: Type) -> Problems:
    """What the rules in CEL say, of a value and all that is in it."""
    match type_:
        case Struct() if isinstance(value, Mapping):
            if rule := RULES.get(type_.name):
                yield from rule(path, value)
            for name, declared in type_.fields.items():
                if name in value and name != "metadata":
                    yield from _ruled(f"{path}.{name}" if path else name, value[name], declared.type)
        case ListOf() if isinstance(value, list):
            for place, item in enumerate(value):
                yield from _ruled(f"{path}[{place}]", item, type_.item)
        case Scalar(code="d"):
            if not _is_long_enough(value):
                yield checks.invalid(path, "string", "must be a valid duration greater than 1ms")
        case _:
            return


def _is_long_enough(duration: str) -> bool:
    try:
        return seconds(duration) >= 1e-3
    except ValueError:
        return False
