"""Objects checked against the structural schema of their definition, with the messages of the API server's schema validator.

(Kubernetes 1.36: kube-openapi's validator, and apiextensions' with its ratcheting: what an update leaves as it was is not told.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ..structural import INT_OR_STRING, KEEPS_UNKNOWN, Schema, below, has_rules, items, properties
from . import checks, rules
from .checks import Problem, Problems
from .custom import BLOCKING, NOT_CHECKED, json_type, wrong_type
from .formats import FORMATS
from .rules import NEW


def problems(value: Any, schema: Schema, before: Any = NEW, *, meta: Mapping[str, Any] | None = None) -> Problems:
    """Everything that the schema refuses. The rules in CEL are only asked of an object that fits; of another the API server says
    that it did not ask them. `meta` is what they may know of the metadata of a whole object."""
    found = [*_value("", value, schema, before), *_twins("", value, schema, before)]
    yield from found
    if not has_rules(schema):
        return
    if any(problem.reason in BLOCKING for problem in found):
        yield checks.invalid("<nil>", None, NOT_CHECKED)
    else:
        yield from rules.problems(value if meta is None else {**value, "metadata": meta}, schema, before)


def status_problems(value: Any, schema: Schema, before: Any = NEW) -> Problems:
    """Of a status, which is checked by itself: only the field that is named has the whole path."""
    for each in problems(value, schema, before):
        yield each if each.field == "<nil>" else each._replace(field=f"status.{each.field}".rstrip("."))


def _value(path: str, value: Any, schema: Schema, before: Any) -> Problems:
    if value == before and type(value) is type(before):
        return
    if value is None and schema.get("nullable"):
        return
    if problem := _type_problem(path, value, schema):
        yield problem
        return
    if (enum := schema.get("enum")) is not None and value not in enum:
        yield checks.unsupported(path, value, (each if isinstance(each, str) else checks.shown(each) for each in enum))
    match value:
        case bool() | None:
            pass
        case str():
            yield from _text(path, value, schema)
        case int() | float():
            yield from _number(path, value, schema)
        case list():
            yield from _list(path, value, schema, before)
        case Mapping():
            yield from _object(path, value, schema, before)
    yield from _junctors(path, value, schema)


def _type_problem(path: str, value: Any, schema: Schema) -> Problem | None:
    seen = json_type(value)
    if schema.get(INT_OR_STRING):
        wanted = ("integer", "string")
        return None if seen in wanted else wrong_type(path, value, ",".join(wanted))
    wanted_type = schema.get("type")
    if not wanted_type or seen == wanted_type or (wanted_type == "number" and seen == "integer"):
        return None
    if wanted_type == "integer" and isinstance(value, float) and value.is_integer():
        return None
    return wrong_type(path, value, wanted_type)


def _text(path: str, value: str, schema: Schema) -> Problems:
    if (most := schema.get("maxLength")) is not None and len(value) > most:
        yield checks.too_long(path, most)
    if (least := schema.get("minLength")) is not None and len(value) < least:
        yield checks.invalid(path, value, f"{path} in body should be at least {least} chars long")
    if (pattern := schema.get("pattern")) and not _holds(pattern, value):
        yield checks.invalid(path, value, f"{path} in body should match '{pattern}'")
    form = schema.get("format", "")
    if form in FORMATS and not FORMATS[form](value):
        seen = checks.shown(value)
        yield Problem(path, "FieldValueTypeInvalid", f"Invalid value: {seen}: {path} in body must be of type {form}: {seen}")


_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\$")


def _holds(pattern: str, value: str) -> bool:
    """As RE2 has it: a flag may stand anywhere, and `$` lets no line end pass, but in brackets."""
    flags = re.IGNORECASE if "(?i)" in pattern else re.RegexFlag(0)
    exact = _TOKEN.sub(lambda found: r"\Z" if found[0] == "$" else found[0], pattern.replace("(?i)", ""))
    try:
        return re.search(exact, value, flags) is not None
    except re.error:  # RE2's own classes (\p{L}); nothing is refused by what cannot be read here
        return True


def _number(path: str, value: float, schema: Schema) -> Problems:
    least, most, factor = schema.get("minimum"), schema.get("maximum"), schema.get("multipleOf")
    if most is not None and (value > most or (schema.get("exclusiveMaximum") and value == most)):
        bound = "less than" if schema.get("exclusiveMaximum") else "less than or equal to"
        yield checks.invalid(path, value, f"{path} in body should be {bound} {checks.shown(most)}")
    if least is not None and (value < least or (schema.get("exclusiveMinimum") and value == least)):
        bound = "greater than" if schema.get("exclusiveMinimum") else "greater than or equal to"
        yield checks.invalid(path, value, f"{path} in body should be {bound} {checks.shown(least)}")
    if factor and value % factor:
        yield checks.invalid(path, value, f"{path} in body should be a multiple of {checks.shown(factor)}")
    bits = {"int32": 31, "int64": 63}.get(schema.get("format", ""))
    if bits is not None and isinstance(value, int) and not -(2**bits) <= value < 2**bits:
        yield checks.invalid(path, value, f"{path} in body must be of type {schema['format']}: {checks.shown(str(value))}")


def _list(path: str, value: Sequence[Any], schema: Schema, before: Any) -> Problems:
    if (least := schema.get("minItems")) is not None and len(value) < least:
        yield checks.invalid(path, len(value), f"{path} in body should have at least {least} items")
    if (most := schema.get("maxItems")) is not None and len(value) > most:
        yield _too_many(path, len(value), most)
    keys = _keys(schema)
    were = {_named(item, keys): item for item in before} if keys and isinstance(before, list) else {}
    for place, item in enumerate(value):
        yield from _value(f"{path}[{place}]", item, items(schema), were.get(_named(item, keys), NEW) if keys else NEW)


def _object(path: str, value: Mapping[str, Any], schema: Schema, before: Any) -> Problems:
    if (least := schema.get("minProperties")) is not None and len(value) < least:
        yield checks.invalid(path, least, f"{path} in body should have at least {least} properties")
    if (most := schema.get("maxProperties")) is not None and len(value) > most:
        yield _too_many(path, len(value), most)
    for name in schema.get("required") or ():
        if name not in value:
            yield checks.required(f"{path}.{name}" if path else name)
    for name, child in value.items():
        named = below(schema, name)
        if named is not None:
            was = before.get(name, NEW) if isinstance(before, Mapping) else NEW
            yield from _value(f"{path}.{name}" if path else name, child, named, was)


def _too_many(path: str, count: int, most: int) -> Problem:
    return Problem(path, "FieldValueTooMany", f"Too many: {count}: must have at most {most} items")


# what is put together of several schemas


def _junctors(path: str, value: Any, schema: Schema) -> Problems:
    for each in schema.get("allOf") or ():
        yield from _value(path, value, each, NEW)
    if any_of := schema.get("anyOf"):
        yield from _alternatives(path, value, any_of, lambda fits: fits > 0, "must validate at least one schema (anyOf)")
    if one_of := schema.get("oneOf"):
        fitting = sum(_fits(path, value, each) for each in one_of)
        seen = f"Found {fitting} valid alternatives" if fitting else "Found none valid"
        why = f"must validate one and only one schema (oneOf). {seen}"
        yield from _alternatives(path, value, one_of, lambda fits: fits == 1, why)
    if (refused := schema.get("not")) is not None and _fits(path, value, refused):
        yield _composite(path, "must not validate the schema (not)")


def _alternatives(path: str, value: Any, schemas: Sequence[Schema], is_met: Callable[[int], bool], why: str) -> Problems:
    """That there are several, and what the one says that looks at the most: of alike ones the first."""
    told = [list(_value(path, value, each, NEW)) for each in schemas]
    fits = sum(not found for found in told)
    if is_met(fits):
        return
    yield _composite(path, why)
    if not fits:
        yield from max(zip(schemas, told, strict=True), key=lambda pair: _looks(value, pair[0]))[1]


def _looks(value: Any, schema: Schema) -> int:
    """How many values a schema looks at."""
    inner = [*(schema.get("allOf") or ()), *(schema.get("anyOf") or ())[:1], *(schema.get("oneOf") or ())[:1]]
    count = 1 + sum(_looks(value, each) for each in inner)
    if isinstance(value, Mapping):
        return count + sum(_looks(child, named) for key, child in value.items() if (named := below(schema, key)) is not None)
    if isinstance(value, list):
        return count + sum(_looks(item, items(schema)) for item in value)
    return count


def _fits(path: str, value: Any, schema: Schema) -> bool:
    return next(iter(_value(path, value, schema, NEW)), None) is None


def _composite(path: str, why: str) -> Problem:
    return checks.invalid("<nil>", "", f'"{path}" {why}')


# items of a map or a set that are there already


def _twins(path: str, value: Any, schema: Schema, before: Any) -> Problems:
    if value == before:
        return
    if isinstance(value, Mapping):
        for name, child in value.items():
            named = below(schema, name)
            if named is not None and not (named.get(KEEPS_UNKNOWN) and not properties(named)):
                yield from _twins(f"{path}.{name}" if path else name, child, named, _child(before, name))
    elif isinstance(value, list):
        yield from _repeated(path, value, schema)
        for place, item in enumerate(value):
            yield from _twins(f"{path}[{place}]", item, items(schema), NEW)


def _child(before: Any, name: str) -> Any:
    return before.get(name, NEW) if isinstance(before, Mapping) else NEW


def _repeated(path: str, value: Sequence[Any], schema: Schema) -> Problems:
    keys, is_set = _keys(schema), schema.get("x-kubernetes-list-type") == "set"
    seen: set[str] = set()
    for place, item in enumerate(value if keys or is_set else ()):
        text = _named(item, keys)
        if text in seen:
            yield checks.duplicate(f"{path}[{place}]", _only(item, keys))
        seen.add(text)


def _keys(schema: Schema) -> Sequence[str]:
    return schema.get("x-kubernetes-list-map-keys") or () if schema.get("x-kubernetes-list-type") == "map" else ()


def _named(item: Any, keys: Iterable[str]) -> str:
    return json.dumps(_only(item, keys), sort_keys=True)


def _only(item: Any, keys: Iterable[str]) -> Any:
    return {key: item[key] for key in keys if key in item} if keys and isinstance(item, Mapping) else item
