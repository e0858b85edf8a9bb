"""Columns of `kubectl get`, and those that a CustomResourceDefinition adds. (Kubernetes 1.36, apiextensions: tableconvertor.)"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

from ...kube.clock import parse_timestamp
from ...kube.objects import Obj
from ...kube.printed import age
from ...kube.structural import Schema

CREATED: Schema = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
"""The only column of a definition that names none."""


class Column(NamedTuple):
    """`priority` 1 is shown with `-o wide` only; `told` is what describes it."""

    name: str
    type: str = "string"
    priority: int = 0
    told: str = ""


# What the API says of these fields (its own reference), as it says it in every table.
_OF_NAME = (
    "Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to "
    "request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and "
    "configuration definition. Cannot be updated. More info: "
    "https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names"
)
OF_CREATION = (
    "CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set "
    "in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and "
    "is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: "
    "https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
)
OF_DATA = (
    "Data contains the configuration data. Each key must consist of alphanumeric characters, '-', '_' or '.'. Values with "
    "non-UTF-8 byte sequences must use the BinaryData field. The keys stored in Data must not overlap with the keys in the "
    "BinaryData field, this is enforced during validation process."
)
NAME, AGE = Column("Name", told=_OF_NAME), Column("Age", told=OF_CREATION)


def described(column: Schema) -> Obj:
    """A column's place in a table's head."""
    told = column.get("description") or f"Custom resource definition column (in JSONPath format): {column['jsonPath']}"
    return {
        "name": column["name"], "type": column["type"], "format": column.get("format", ""), "description": told,
        "priority": column.get("priority", 0),
    }  # fmt: skip


def cell(obj: Obj, column: Schema, now: datetime) -> Any:
    """What stands in it: of several values the first, None where there is none or it is of another type."""
    found = values(obj, column["jsonPath"])
    if not found or found[0] is None:
        return None
    value = found[0]
    match column["type"]:
        case "string":
            return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        case "integer":
            return int(value) if _is_number(value) else None
        case "number":
            return value if _is_number(value) else None
        case "boolean":
            return value if isinstance(value, bool) else None
        case "date":
            return _since(value, now) if isinstance(value, str) else None
        case _:
            return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _since(value: str, now: datetime) -> str:
    try:
        parse_timestamp(value)
    except ValueError:
        return "<invalid>"
    return age(value, now)


def values(obj: Mapping[str, Any], path: str) -> Sequence[Any]:
    """What a path in Kubernetes' notation finds (`.status.conditions[?(@.type=="Ready")].status`); nothing where it is none."""
    return _finder(path)(obj)


@cache
def _finder(path: str) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    import jsonpath  # only where a column asks for it

    try:
        return jsonpath.compile(standard(path)).findall
    except jsonpath.JSONPathError:
        return lambda obj: ()


_PART = re.compile(r"""\[(?:[^\]"']|"[^"]*"|'[^']*')*\]|\.\.|\.?(?P<name>(?:\\.|[^.\[\\])+)|.""")


def standard(path: str) -> str:
    """The path in the notation of RFC 9535, in which names with dots in them are quoted: `.metadata.labels.a\\.b/c`."""
    out = "$"
    for part in _PART.finditer(path.strip()):
        name = part["name"]
        if name == "*":
            out += "[*]"
        elif name is not None:
            plain = re.sub(r"\\(.)", r"\1", name)
            out += plain if out.endswith("..") else f"[{json.dumps(plain)}]"
        else:
            out += re.sub(r"\\\.", ".", part[0])
    return out
