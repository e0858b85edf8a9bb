"""Structural schemas: what a CustomResourceDefinition says of its objects, read for what is done with them.

A schema is the plain document that stands under `openAPIV3Schema`. Here are the shape that ownership of fields follows, pruning
of what it does not name, and the defaults that it declares (Kubernetes 1.36, apiextensions: schema, pruning, defaulting). What
it refuses is `kube.validation.structural`'s.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from .objects import Obj
from .schema import ANYTHING, FREE_MAP, Field, ListOf, MapOf, Scalar, Struct, Type, types

Schema = Mapping[str, Any]

KEEPS_UNKNOWN = "x-kubernetes-preserve-unknown-fields"
INT_OR_STRING = "x-kubernetes-int-or-string"
EMBEDDED = "x-kubernetes-embedded-resource"
RULES = "x-kubernetes-validations"
_HEAD = ("apiVersion", "kind", "metadata")
_SCALARS = {
    "string": Scalar("s", "string"), "integer": Scalar("l", "int64"), "number": Scalar("f", "float64"),
    "boolean": Scalar("b", "bool"),
}  # fmt: skip


class Described(Struct):
    """A struct as a schema describes it: its fields are read when they are first asked for."""

    def __init__(self, schema: Schema, name: str = "", *, is_root: bool = False) -> None:
        super().__init__(name, schema.get("x-kubernetes-map-type") == "atomic", True, (), {})
        self._schema, self._is_root = schema, is_root

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        known = {name: Field(name, name, typed(below)) for name, below in properties(self._schema).items()}
        if self._is_root:
            known |= {"metadata": Field("metadata", "metadata", types()["ObjectMeta"])}
        elif self._schema.get(EMBEDDED):
            known |= {"metadata": Field("metadata", "metadata", FREE_MAP)}
        return known

    @cached_property
    def is_open(self) -> bool:
        # one that names no field at all says nothing of them (kube-openapi's schemaconv): pruning alone takes them out
        return bool(self._schema.get(KEEPS_UNKNOWN)) or not properties(self._schema)


def typed(schema: Schema) -> Type:
    """The shape that ownership follows: what is merged, and by which keys."""
    if schema.get(INT_OR_STRING):
        return Scalar("I", "intstr.IntOrString")
    match schema.get("type"):
        case "object":
            if (values := _values(schema)) is not None and not properties(schema):
                return MapOf(typed(values), schema.get("x-kubernetes-map-type") == "atomic")
            return Described(schema)
        case "array":
            kind, keys = schema.get("x-kubernetes-list-type"), tuple(schema.get("x-kubernetes-list-map-keys") or ())
            return ListOf(typed(items(schema)), keys if kind == "map" else (), kind == "set")
        case name:
            return _SCALARS.get(str(name), ANYTHING)


def properties(schema: Schema) -> Mapping[str, Schema]:
    return schema.get("properties") or {}


def items(schema: Schema) -> Schema:
    return schema.get("items") or {}


def below(schema: Schema, key: str) -> Schema | None:
    """What a schema says of the value under a key; None where it names neither the key nor values at large."""
    named = properties(schema).get(key)
    return named if named is not None else _values(schema)


def _values(schema: Schema) -> Schema | None:
    """Of the values of a map. `additionalProperties: true` says that there may be any."""
    said = schema.get("additionalProperties")
    if isinstance(said, Mapping):
        return said
    return _ANY if said else None


_ANY: Schema = {KEEPS_UNKNOWN: True}


def has_rules(schema: Schema) -> bool:
    """Whether there are rules in CEL, anywhere in it."""
    inner = [*properties(schema).values(), items(schema), _values(schema) or {}]
    return bool(schema.get(RULES)) or any(has_rules(each) for each in inner if each)


# pruning


def pruned(value: Any, schema: Schema, *, is_root: bool = False) -> tuple[Any, list[str]]:
    """The value without the fields that the schema does not name, and the paths of these, sorted."""
    dropped: list[str] = []
    kept = _pruned(value, schema, "", dropped, is_object=is_root)
    return kept, sorted(dropped)


def _pruned(value: Any, schema: Schema, path: str, dropped: list[str], *, is_object: bool = False) -> Any:
    if isinstance(value, list):
        each = items(schema)
        return [_pruned(item, each, f"{path}[{place}]", dropped) for place, item in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    is_object = is_object or bool(schema.get(EMBEDDED))
    out: Obj = {}
    for key, child in value.items():
        here = f"{path}.{key}" if path else key
        named = below(schema, key)
        if is_object and key in _HEAD:
            out[key] = child
        elif named is not None:
            out[key] = _pruned(child, named, here, dropped)
        elif schema.get(KEEPS_UNKNOWN):
            out[key] = child
        else:
            dropped.append(here)
    return out


def doubled(value: Any, path: str = "") -> Iterator[str]:
    """The paths of keys that stood twice in one object (`kube.codec.Fields` remembers them)."""
    if isinstance(value, Mapping):
        yield from (f"{path}.{key}" if path else key for key in getattr(value, "doubled", ()))
        for key, child in value.items():
            yield from doubled(child, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for place, child in enumerate(value):
            yield from doubled(child, f"{path}[{place}]")


# defaults


def fill(value: Any, schema: Schema) -> None:
    """Sets in place what the schema declares for missing fields, and for null where null is no value; other nulls go."""
    if isinstance(value, list):
        for item in value:
            fill(item, items(schema))
    if not isinstance(value, dict):
        return
    for key, named in properties(schema).items():
        if "default" in named and (key not in value or (value[key] is None and not named.get("nullable"))):
            value[key] = copy.deepcopy(named["default"])
    for key in list(value):
        named_here = below(schema, key)
        if named_here is None:
            continue
        if value[key] is None and named_here is not _ANY and not named_here.get("nullable"):
            del value[key]
        else:
            fill(value[key], named_here)
