"""An OpenAPI v2 document as protobuf, which is the only form that kubectl reads it in. (gnostic: OpenAPIv2.proto.)

Only what `openapi.v2` says has its number here; what is not in the tables goes along as a vendor extension, which is YAML.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ...kube.wire import embedded, tag, text, whole

MEDIA = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""As it is answered; who asks for it writes `v2@v1.0`, which is no media type."""

_TEXTS = {"$ref": 1, "format": 2, "title": 3, "description": 4, "pattern": 13}
_DOUBLES = {"multipleOf": 6, "maximum": 7, "minimum": 9}
_FLAGS = {"exclusiveMaximum": 8, "exclusiveMinimum": 10, "uniqueItems": 16}
_COUNTS = {"maxLength": 11, "minLength": 12, "maxItems": 14, "minItems": 15, "maxProperties": 17, "minProperties": 18}
_EXTENSION = 31
_VERBS = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}


def document(openapi: Mapping[str, Any]) -> bytes:
    """`Document`: swagger 1, info 2, paths 8, definitions 9."""
    info = text(1, openapi["info"]["title"]) + text(2, openapi["info"]["version"])
    paths = b"".join(embedded(2, _named(path, _path_item(verbs))) for path, verbs in openapi["paths"].items())
    definitions = b"".join(embedded(1, _named(name, _schema(each))) for name, each in openapi["definitions"].items())
    return text(1, openapi["swagger"]) + embedded(2, info) + embedded(8, paths) + embedded(9, definitions)


def _path_item(verbs: Mapping[str, Any]) -> bytes:
    return b"".join(embedded(_VERBS[verb], _operation(each)) for verb, each in verbs.items())


def _operation(operation: Mapping[str, Any]) -> bytes:
    """Its parameters (8), each one of a query (NonBodyParameter 2, of it QueryParameterSubSchema 3), and extensions (13)."""
    parameters = b"".join(embedded(8, embedded(1, embedded(2, embedded(3, _query(each))))) for each in operation["parameters"])
    return parameters + b"".join(_extension(13, key, each) for key, each in operation.items() if key.startswith("x-"))


def _query(parameter: Mapping[str, Any]) -> bytes:
    return text(2, parameter["in"]) + text(4, parameter["name"]) + text(6, parameter["type"])


def _schema(schema: Mapping[str, Any]) -> bytes:
    return b"".join(_keyword(key, value) for key, value in schema.items())


def _keyword(key: str, value: Any) -> bytes:
    if (writer := _WRITERS.get(key)) is not None:
        return writer(value)
    return _extension(_EXTENSION, key, value) if key.startswith("x-") else b""


def _double(number: int, value: float) -> bytes:
    return tag(number, 1) + struct.pack("<d", value)


def _properties(fields: Mapping[str, Any]) -> bytes:
    return embedded(25, b"".join(embedded(1, _named(name, _schema(each))) for name, each in fields.items()))


_WRITERS: Mapping[str, Callable[[Any], bytes]] = {
    **{key: partial(text, number) for key, number in _TEXTS.items()},
    **{key: partial(_double, number) for key, number in _DOUBLES.items()},
    **{key: partial(whole, number) for key, number in {**_FLAGS, **_COUNTS}.items()},
    "required": lambda names: b"".join(text(19, name) for name in names),
    "enum": lambda values: b"".join(embedded(20, _any(value)) for value in values),
    "additionalProperties": lambda value: embedded(21, _values(value)),
    "type": lambda value: embedded(22, text(1, value)),
    "items": lambda value: embedded(23, embedded(1, _schema(value))),
    "properties": _properties,
}


def _values(value: Any) -> bytes:
    return embedded(1, _schema(value)) if isinstance(value, Mapping) else whole(2, value)


def _extension(number: int, key: str, value: Any) -> bytes:
    return embedded(number, _named(key, _any(value)))


def _any(value: Any) -> bytes:
    """Its YAML (2), which JSON is."""
    return text(2, json.dumps(value, ensure_ascii=False))


def _named(name: str, value: bytes) -> bytes:
    return text(1, name) + embedded(2, value)
