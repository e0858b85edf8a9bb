"""OpenAPI of what is served: the schemas that clients explain, validate and merge by (`kubectl explain`), in versions 2 and 3.

They are made of the tables by which objects are read (`kube.schema`), and of the schemas of CustomResourceDefinitions, so they
say what the server does. What built-in fields are for is `words`'; version 2, which nobody explains by any more, goes without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal

from ...kube.objects import Kind
from ...kube.schema import Field, ListOf, MapOf, Scalar, Struct, Type, open_type, schema_of, types
from ...kube.structural import KEEPS_UNKNOWN
from ..store.customs import Custom
from ..store.store import Store
from .components import COMPONENT
from .discovery import VERSION, group_versions, only_asked, served
from .words import words_of

Document = dict[str, Any]
Version = Literal[2, 3]

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_INT_OR_STRING = "io.k8s.apimachinery.pkg.util.intstr.IntOrString"
_OF_META = (
    "ObjectMeta", "OwnerReference", "ManagedFieldsEntry", "LabelSelector", "LabelSelectorRequirement", "Condition",
    "DeleteOptions", "Preconditions",
)  # fmt: skip
_SCALARS: Mapping[str, Document] = {
    "s": {"type": "string"}, "d": {"type": "string"}, "b": {"type": "boolean"}, "y": {"type": "string", "format": "byte"},
    "i": {"type": "integer", "format": "int32"}, "l": {"type": "integer", "format": "int64"},
    "u": {"type": "integer", "format": "int64", "minimum": 0}, "f": {"type": "number", "format": "double"},
    "T": {"type": "string", "format": "date-time"}, "M": {"type": "string", "format": "date-time"},
    "A": {"type": "object", KEEPS_UNKNOWN: True},
}  # fmt: skip
_NUMBER_OR_TEXT: Mapping[Version, Mapping[str, Document]] = {
    2: {_QUANTITY: {"type": "string"}, _INT_OR_STRING: {"type": "string", "format": "int-or-string"}},
    3: {
        _QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
        _INT_OR_STRING: {"oneOf": [{"type": "integer"}, {"type": "string"}], "format": "int-or-string"},
    },
}


def index(store: Store) -> Document:
    """Where the schemas of each group version are."""
    return {"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"} for path in map(_path, group_versions(store))}}


def v3(group_version: str, store: Store) -> Document | None:
    """The document of a group version; None where that is not served."""
    if group_version not in group_versions(store):
        return None
    kinds = served(store).get(group_version, {})
    asked = [kind for kind in only_asked() if kind.api_version == group_version]
    schemas = {
        name: schema
        for kind in (*kinds.values(), *asked)
        for name, schema in _definitions(kind, store.customs.get(kind), 3).items()
    }
    group, _, version = group_version.rpartition("/")
    schemas = {name: _described(name, schema, group, version) for name, schema in schemas.items()}
    paths = {path: verbs for kind in kinds.values() for path, verbs in _operations(kind, 3)}
    paths |= {_root(kind): {"get" if kind == COMPONENT else "post": _operation(kind, 3)} for kind in asked}
    return {"openapi": "3.0.0", "info": _INFO, "paths": paths, "components": {"schemas": schemas}}


def v2(store: Store) -> Document:
    """The document of everything that is served."""
    paths: Document = {}
    definitions: Document = {}
    for kinds in served(store).values():
        for kind in kinds.values():
            definitions |= _definitions(kind, store.customs.get(kind), 2)
            paths |= _operations(kind, 2)
    return {"swagger": "2.0", "info": _INFO, "paths": paths, "definitions": definitions}


_INFO = {"title": "Kubernetes", "version": VERSION["gitVersion"]}


def _described(name: str, schema: Document, group: str, version: str) -> Document:
    """A built-in type with what it is for, and its fields; a field of which nothing is said is for what its type is."""
    if not name.startswith("io.k8s.") or schema.get("type") != "object":
        return schema
    said = words_of(name.rpartition(".")[2], group, version)
    if not said.whole and not said.fields:
        return schema
    fields = {}
    for key, each in (schema.get("properties") or {}).items():
        words = said.fields.get(key) or _words_of_reference(each, group, version)
        fields[key] = {"description": words, **each} if words else each
    return {"description": said.whole, **schema, "properties": fields}


def _words_of_reference(field: Document, group: str, version: str) -> str:
    refs = [each["$ref"] for each in field.get("allOf", ())]
    return words_of(refs[0].rpartition(".")[2], group, version).whole if refs else ""


# paths: who asks whether the server validates fields looks for the parameter here


def _operations(kind: Kind, version: Version) -> Iterator[tuple[str, Document]]:
    root = _root(kind)
    yield root, {"post": _operation(kind, version)}
    yield f"{root}/{{name}}", {"patch": _operation(kind, version), "put": _operation(kind, version)}


def _root(kind: Kind) -> str:
    space = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"/{_path(kind.api_version)}{space}/{kind.plural}"


def _operation(kind: Kind, version: Version) -> Document:
    typed = {"schema": {"type": "string", "uniqueItems": True}} if version == 3 else {"type": "string", "uniqueItems": True}
    names = ("dryRun", "fieldManager", "fieldValidation", "force")
    return {
        "parameters": [{"name": name, "in": "query", **typed} for name in names],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-group-version-kind": _gvk(kind),
    }


def _path(group_version: str) -> str:
    return f"apis/{group_version}" if "/" in group_version else f"api/{group_version}"


def _gvk(kind: Kind) -> Document:
    return {"group": kind.group, "version": kind.api_version.rpartition("/")[2], "kind": kind.name}


# definitions


def _definitions(kind: Kind, custom: Custom | None, version: Version) -> Mapping[str, Document]:
    if custom is None:
        return _built_in(kind, version)
    described = custom.schema if version == 3 else _for_v2(custom.schema)
    return {_name_of(kind): _as_kind(kind, described, version)} | _closure(types()["ObjectMeta"], version)


@cache
def _built_in(kind: Kind, version: Version) -> Mapping[str, Document]:
    """The definition of a kind, and those that it refers to. Custom resources are described in one piece, as they come from a
    definition on a real cluster."""
    type_ = schema_of(kind) or open_type(kind.name)
    if type_.is_custom:
        return {_name_of(kind): _as_kind(kind, _struct(type_, version), version)} | _closure(types()["ObjectMeta"], version)
    known = _closure(type_, version)
    whole = dict(known[_name(type_)])
    return {name: schema for name, schema in known.items() if name != _name(type_)} | {
        _name_of(kind): _as_kind(kind, whole, version)
    }


def _closure(type_: Struct, version: Version) -> dict[str, Document]:
    """The definitions of a struct and of all that its fields refer to."""
    out: dict[str, Document] = dict(_NUMBER_OR_TEXT[version])
    open_ = [type_]
    while open_:
        each = open_.pop()
        if _name(each) not in out:
            out[_name(each)] = _struct(each, version)
            open_ += [found for declared in each.fields.values() for found in _structs(declared.type)]
    return out


def _structs(type_: Type) -> Iterator[Struct]:
    match type_:
        case Struct():
            yield type_
        case ListOf(item=item) | MapOf(item=item):
            yield from _structs(item)
        case _:
            return


def _as_kind(kind: Kind, schema: Mapping[str, Any], version: Version) -> Document:
    """A schema as that of a whole object: with its head, and the kind that it is of."""
    is_of = {"x-kubernetes-group-version-kind": [_gvk(kind)]}
    if version == 2 and schema.get(KEEPS_UNKNOWN):
        return {"type": "object", **is_of}  # a client of version 2 refuses every field that is not among the named ones
    text = {"type": "string"}
    head = {"apiVersion": text, "kind": text, "metadata": _ref(f"{_META}.ObjectMeta", version)}
    fields = {key: each for key, each in (schema.get("properties") or {}).items() if key not in head}
    return {**schema, "properties": head | fields, **is_of}


def _name_of(kind: Kind) -> str:
    """`io.k8s.api.apps.v1.Deployment`; of another's group its domain backwards: `com.example.v1.Widget`."""
    group, _, short = kind.api_version.rpartition("/")
    if "." not in group or group.endswith(".k8s.io"):
        return f"io.k8s.api.{group.partition('.')[0] or 'core'}.{short}.{kind.name}"
    return ".".join([*reversed(group.split(".")), short, kind.name])


def _name(type_: Struct) -> str:
    return f"{_META if type_.name in _OF_META else 'io.k8s.api.v1'}.{type_.name}"


def _struct(type_: Struct, version: Version) -> Document:
    required = [each.name for each in type_.fields.values() if each.is_always and not each.is_pointer]
    out: Document = {
        "type": "object",
        "properties": {each.name: _field(each, version, is_whole=type_.is_custom) for each in type_.fields.values()},
    }
    if required:
        out["required"] = required
    if type_.is_open:
        out[KEEPS_UNKNOWN] = True
    if type_.is_atomic:
        out["x-kubernetes-map-type"] = "atomic"
    return out


def _field(field: Field, version: Version, *, is_whole: bool) -> Document:
    out = _type(field.type, version, is_whole=is_whole)
    if field.merge_key:
        out["x-kubernetes-patch-strategy"] = "merge"
        if field.merge_key != "=":
            out["x-kubernetes-patch-merge-key"] = field.merge_key
    elif field.replaces:
        out["x-kubernetes-patch-strategy"] = "replace"
    return out


def _type(type_: Type, version: Version, *, is_whole: bool) -> Document:
    match type_:
        case Struct():
            is_inline = is_whole and type_.is_custom
            return _struct(type_, version) if is_inline else _ref(_name(type_), version)
        case ListOf():
            out: Document = {"type": "array", "items": _type(type_.item, version, is_whole=is_whole)}
            out["x-kubernetes-list-type"] = "map" if type_.keys else "set" if type_.is_set else "atomic"
            return out | ({"x-kubernetes-list-map-keys": list(type_.keys)} if type_.keys else {})
        case MapOf():
            return {"type": "object", "additionalProperties": _type(type_.item, version, is_whole=is_whole)}
        case Scalar():
            return _scalar(type_, version)


def _scalar(type_: Scalar, version: Version) -> Document:
    if type_.code in "QI":
        return _ref(_QUANTITY if type_.code == "Q" else _INT_OR_STRING, version)
    bounds = ("minLength", "maxLength") if type_.code in "sd" else ("minimum", "maximum")
    said = {bounds[0]: type_.least, bounds[1]: type_.most, "pattern": type_.pattern or None, "enum": list(type_.enum) or None}
    return dict(_SCALARS[type_.code]) | {key: value for key, value in said.items() if value is not None}


def _ref(name: str, version: Version) -> Document:
    if version == 2:
        return {"$ref": f"#/definitions/{name}"}
    return {"allOf": [{"$ref": f"#/components/schemas/{name}"}]}


_NOT_IN_V2 = ("oneOf", "anyOf", "allOf", "not", "nullable", "default", "x-kubernetes-validations", "example", "externalDocs")


def _for_v2(schema: Mapping[str, Any]) -> Document:
    """A definition's schema without what version 2 does not know; a value of several types has none there, one with unknown
    fields no named ones."""
    loose: tuple[str, ...] = ()
    if schema.get("x-kubernetes-int-or-string") or schema.get("nullable"):
        loose = ("type", "properties", "items", "additionalProperties")
    elif schema.get(KEEPS_UNKNOWN):
        loose = ("properties", "items")
    out: Document = {}
    for key, each in schema.items():
        if key in _NOT_IN_V2 or key in loose:
            continue
        if key == "properties":
            out[key] = {name: _for_v2(below) for name, below in each.items()}
        elif key in ("items", "additionalProperties") and isinstance(each, Mapping):
            out[key] = _for_v2(each)
        else:
            out[key] = each
    return out
