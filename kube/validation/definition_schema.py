"""Whether the schema of a definition is structural, and what else the API server refuses in it.

(Kubernetes 1.36, apiextensions: structural schemas, their defaults, list and map types.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import structural
from ..structural import EMBEDDED, INT_OR_STRING, KEEPS_UNKNOWN, Schema, items, properties
from . import checks
from .checks import Problem, Problems
from .structural import problems as misfits

_TYPES = ("array", "boolean", "integer", "number", "object", "string")
_FORBIDDEN = {
    "id": "id is not supported", "additionalItems": "additionalItems is not supported",
    "patternProperties": "patternProperties is not supported", "definitions": "definitions is not supported",
    "dependencies": "dependencies is not supported", "$ref": "$ref is not supported",
}  # fmt: skip
_INT_OR_STRING = [{"type": "integer"}, {"type": "string"}]


def schema(path: str, document: Schema) -> Problems:
    """Everything that is wrong with it; `path` is where it stands in the definition."""
    yield from sorted(_walk(path, document, _AT_ROOT), key=lambda problem: (problem.field, problem.text))


_AT_ROOT, _ITEM, _FIELD = "at the root", "for specified array items", "for specified object fields"


def _walk(path: str, document: Schema, level: str) -> Problems:
    if not isinstance(document, Mapping):
        return
    yield from _type(path, document, level)
    yield from _keywords(path, document)
    yield from _list_and_map(path, document)
    if document.get("type") == "array" and not items(document):
        yield checks.required(f"{path}.items", "must be specified")
    if "default" in document:
        yield from _default(f"{path}.default", document)
    if items(document):
        yield from _walk(f"{path}.items", items(document), _ITEM)
    for name, each in properties(document).items():
        if level == _AT_ROOT and name == "metadata":
            yield from _metadata(f"{path}.properties[{name}]", each)
        else:
            yield from _walk(f"{path}.properties[{name}]", each, _FIELD)
    values = document.get("additionalProperties")
    if values is not None and level == _AT_ROOT:
        yield checks.forbidden(f"{path}.additionalProperties", "must not be used at the root")
    if isinstance(values, Mapping):
        if properties(document):
            yield checks.forbidden(f"{path}.additionalProperties", "additionalProperties and properties are mutual exclusive")
        yield from _walk(f"{path}.additionalProperties", values, _FIELD)
    yield from _nested(path, document)


def _type(path: str, document: Schema, level: str) -> Problems:
    given = document.get("type") or ""
    if document.get(EMBEDDED) and given != "object":
        yield _missing_or_wrong(f"{path}.type", given, f"must be object if {EMBEDDED} is true")
    elif not given and not document.get(INT_OR_STRING) and not document.get(KEEPS_UNKNOWN):
        yield checks.required(f"{path}.type", f"must not be empty {level}")
    elif given and given not in _TYPES:
        yield checks.unsupported(f"{path}.type", given, _TYPES)
    if level == _AT_ROOT and given and given != "object":
        yield checks.invalid(f"{path}.type", given, "must be object at the root")


def _missing_or_wrong(path: str, given: str, why: str) -> Problem:
    return checks.invalid(path, given, why) if given else checks.required(path, why)


def _metadata(path: str, document: Schema) -> Problems:
    if document.get("type") != "object":
        yield checks.invalid(f"{path}.type", document.get("type") or "", "must be object")
    further = set(document) - {"type", "description", "properties"} or set(properties(document)) - {"name", "generateName"}
    if further:
        why = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        yield checks.forbidden(path, why)


def _keywords(path: str, document: Schema) -> Problems:
    for key, why in _FORBIDDEN.items():
        if document.get(key):
            yield checks.forbidden(f"{path}.{key}", why)
    if document.get("uniqueItems"):
        why = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        yield checks.forbidden(f"{path}.uniqueItems", why)
    if document.get(INT_OR_STRING):
        for other in (KEEPS_UNKNOWN, EMBEDDED):
            if document.get(other):
                yield checks.invalid(f"{path}.{other}", True, f"must be false if {INT_OR_STRING} is true")


def _list_and_map(path: str, document: Schema) -> Problems:
    listed, keys = document.get("x-kubernetes-list-type"), document.get("x-kubernetes-list-map-keys") or []
    if listed is not None and listed not in ("atomic", "set", "map"):
        yield checks.unsupported(f"{path}.x-kubernetes-list-type", listed, ("atomic", "map", "set"))
    if listed is not None and document.get("type") != "array":
        given = document.get("type") or ""
        yield _missing_or_wrong(f"{path}.type", given, "must be array if x-kubernetes-list-type is specified")
    mapped = document.get("x-kubernetes-map-type")
    if mapped is not None and mapped not in ("atomic", "granular"):
        yield checks.unsupported(f"{path}.x-kubernetes-map-type", mapped, ("atomic", "granular"))
    if keys and listed != "map":
        why = "must be map if x-kubernetes-list-map-keys is non-empty"
        yield _missing_or_wrong(f"{path}.x-kubernetes-list-type", listed or "", why)
    if listed != "map":
        return
    if not keys:
        yield checks.required(f"{path}.x-kubernetes-list-map-keys", "must not be empty if x-kubernetes-list-type is map")
    for place, key in enumerate(keys):
        yield from _key(path, place, key, items(document))


def _key(path: str, place: int, key: str, item: Schema) -> Problems:
    named = properties(item).get(key)
    if named is None:
        yield checks.invalid(f"{path}.x-kubernetes-list-map-keys[{place}]", key, "entries must all be names of item properties")
    elif named.get("type") in ("array", "object"):
        why = "must be a scalar type if parent array's x-kubernetes-list-type is map"
        yield checks.invalid(f"{path}.items.properties[{key}].type", named["type"], why)
    elif key not in (item.get("required") or ()) and "default" not in named:
        why = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
        yield checks.required(f"{path}.items.properties[{key}].default", why)


def _default(path: str, document: Schema) -> Problems:
    """A default has to fit what it is a default of."""
    default = document["default"]
    if default is None and not document.get("nullable"):
        return
    _, unknown = structural.pruned(default, document, is_root=bool(document.get(EMBEDDED)))
    if unknown:
        yield checks.invalid(path, default, "must not have unknown fields")
    for each in misfits(default, document):
        if each.field != "<nil>":
            yield each._replace(field=f"{path}.{each.field}" if each.field else path)


_ONLY_OUTSIDE: Mapping[str, str] = {
    "type": "must be empty to be structural", "additionalProperties": "must be undefined to be structural",
    "default": "must be undefined to be structural", "title": "must be empty to be structural",
    "description": "must be empty to be structural", "nullable": "must be false to be structural",
    KEEPS_UNKNOWN: "must be false to be structural", EMBEDDED: "must be false to be structural",
    INT_OR_STRING: "must be false to be structural", "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural", "x-kubernetes-map-type": "must be undefined to be structural",
}  # fmt: skip


def _nested(path: str, document: Schema) -> Problems:
    """Below allOf, anyOf, oneOf and not stand only conditions on what is described outside of them."""
    for key in ("allOf", "anyOf", "oneOf"):
        for place, each in enumerate(document.get(key) or ()):
            if not _is_int_or_string(document, key, place):
                yield from _conditions(f"{path}.{key}[{place}]", each)
    if (refused := document.get("not")) is not None:
        yield from _conditions(f"{path}.not", refused)


def _is_int_or_string(document: Schema, key: str, place: int) -> bool:
    """The one place where types may stand below: x-kubernetes-int-or-string written out for other tools."""
    if not document.get(INT_OR_STRING):
        return False
    alternatives: Any = document.get(key) if key == "anyOf" else document[key][place].get("anyOf")
    return alternatives == _INT_OR_STRING and (key == "anyOf" or (key == "allOf" and place == 0))


def _conditions(path: str, document: Schema) -> Problems:
    for key, why in _ONLY_OUTSIDE.items():
        if document.get(key):
            yield checks.forbidden(f"{path}.{key}", why)
    if items(document):
        yield from _conditions(f"{path}.items", items(document))
    for name, each in properties(document).items():
        yield from _conditions(f"{path}.properties[{name}]", each)
    yield from _nested(path, document)
