"""What the API server knows of the shape of objects: the types of fields, and how lists and maps are merged.

The types stand in tables (`types_core`, `types_workloads`, `types_istio`, `types_gateway`, and for kinds on which nothing acts
`published/types.txt`, which tools/published.py writes), one type a line, in this notation:

    Name@ field!:type …      `@`: the whole struct is one value (atomic); `...`: further fields are kept as they are
    field!   is written even when empty (in a custom resource: is required);  field?  is left out when zero
    field=GoName             where the Go name is not the field's with a capital
    *type    a pointer: zero is a value, absent is another
    [type]   a list; `<a,b>` a map by these keys, `<=>` a set, else one value; then `1-16`: how many items it has
    {type}   a map of strings; `{type}@` one value
    ~key     merged by that key in strategic merge patches (`~=`: by value), `%` retains keys, `^` replaces
    s i l b f y T M Q I A    string, int32, int64, bool, float64, bytes, Time, MicroTime, Quantity, IntOrString, any
    'Name    a string type of that name;  e(A|B) an enumeration;  u uint32;  d a duration;  one(a|b) at most one of
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, ClassVar

from .inert import INERT
from .objects import Kind, is_namesake
from .types_core import CORE_TYPES
from .types_gateway import GATEWAY_SCALARS, GATEWAY_TYPES
from .types_gateway import GROUP as GATEWAY_API
from .types_istio import ISTIO_TYPES
from .types_workloads import WORKLOAD_TYPES

ONE_OF = "one("


@dataclass(frozen=True, slots=True)
class Scalar:
    """`code` as in the notation; `go` is its name in error messages; `enum` the allowed values of an enumeration. In a custom
    resource also `least` and `most` (of a number, of a text's length) and the `pattern` of a text."""

    code: str
    go: str
    enum: tuple[str | int, ...] = ()
    least: int | None = None
    most: int | None = None
    pattern: str = ""

    is_atomic: ClassVar[bool] = True
    """Whether it is one value, which is owned as a whole."""


@dataclass(frozen=True, slots=True)
class ListOf:
    """With neither `keys` nor `is_set` the list is one value (atomic)."""

    item: Type
    keys: tuple[str, ...] = ()
    is_set: bool = False
    at_least: int = 0
    at_most: int | None = None

    @property
    def is_atomic(self) -> bool:
        return not self.keys and not self.is_set


@dataclass(frozen=True, slots=True)
class MapOf:
    item: Type
    is_atomic: bool = False


@dataclass(eq=False)
class Struct:
    """Its fields are read from the table when they are first asked for: a release looks at a tenth of the types, and they refer
    to each other. `tokens` are the fields as they are written, `table` holds the types that they name."""

    name: str
    is_atomic: bool
    is_custom: bool
    tokens: Sequence[str]
    table: Mapping[str, Struct]

    @cached_property
    def fields(self) -> Mapping[str, Field]:
        declared = (_field(token, self.table) for token in self.tokens if token != "..." and not token.startswith(ONE_OF))
        return {each.name: each for each in declared}

    @cached_property
    def types(self) -> Mapping[str, Type]:
        """Of all that is declared, with what every object says of itself."""
        return {**_TYPE_META, **{name: each.type for name, each in self.fields.items()}}

    @cached_property
    def is_open(self) -> bool:
        return "..." in self.tokens

    @cached_property
    def one_of(self) -> Sequence[tuple[str, ...]]:
        return [tuple(token[len(ONE_OF) : -1].split("|")) for token in self.tokens if token.startswith(ONE_OF)]


Type = Scalar | ListOf | MapOf | Struct


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    go: str
    type: Type
    is_pointer: bool = False
    is_always: bool = False
    is_omitzero: bool = False
    merge_key: str = ""
    replaces: bool = False


ANYTHING = Scalar("A", "interface {}")
ATOMIC_LIST = ListOf(ANYTHING)
FREE_MAP = MapOf(ANYTHING)

_GO_NAMES = {
    "s": "string", "i": "int32", "l": "int64", "b": "bool", "f": "float64", "y": "[]uint8", "T": "v1.Time",
    "M": "v1.MicroTime", "Q": "resource.Quantity", "I": "intstr.IntOrString", "A": "interface {}", "u": "uint32",
    "d": "string",
}  # fmt: skip
_KEY_DEFAULTS: Mapping[str, Any] = {"protocol": "TCP"}

_FIELD = re.compile(
    r"(?P<name>[\w-]+)(?P<flag>[!?]?)(=(?P<go>\w+))?:(?P<pointer>\*?)(?P<type>.*?)"
    r"(~(?P<merge>[\w=]+))?%?(?P<replace>\^?)$"
)


@cache
def types() -> Mapping[str, Struct]:
    """All types by name, read from the tables at first use."""
    table: dict[str, Struct] = {}
    for text, is_custom in ((CORE_TYPES, False), (WORKLOAD_TYPES, False), (ISTIO_TYPES, True), (GATEWAY_TYPES, True)):
        for line in _lines(text):
            name, *tokens = line.split()
            table[name.rstrip("@")] = Struct(name.rstrip("@"), name.endswith("@"), is_custom, tokens, table)
    for line in published("types").splitlines():
        name, *tokens = line.split()
        table[name.rstrip("@")] = Struct(name.rstrip("@"), name.endswith("@"), False, tokens, table)
    for kind in INERT:
        table.setdefault(kind.name, open_type(kind.name, table, is_custom="istio" in kind.group))
    return table


def published(name: str) -> str:
    """A table of what Kubernetes publishes of its types, as tools/published.py wrote it: `types`, `numbers`."""
    return (Path(__file__).parent / "published" / f"{name}.txt").read_text()


def open_type(name: str, table: Mapping[str, Struct] | None = None, *, is_custom: bool = True) -> Struct:
    """Of a kind whose fields are not known: they are kept as they are."""
    return Struct(name, False, is_custom, ("metadata:ObjectMeta", "..."), types() if table is None else table)


_OF_ANOTHER_SHAPE = {
    ("events.k8s.io/v1", "Event"): "GroupedEvent",
    ("autoscaling/v1", "HorizontalPodAutoscaler"): "HorizontalPodAutoscalerV1",
    (f"{GATEWAY_API}/v1", "Gateway"): "ApiGateway",
    (f"{GATEWAY_API}/v1beta1", "Gateway"): "ApiGateway",
}


def schema_of(kind: Kind) -> Struct | None:
    """None of a kind that is not known here."""
    if is_namesake(kind.api_version, kind.name):
        return None
    return types().get(_OF_ANOTHER_SHAPE.get((kind.api_version, kind.name), kind.name))


def field_type(type_: Type, key: str) -> Type | None:
    """The type of what stands under a key of a struct or map; None where the schema does not declare it."""
    if isinstance(type_, Struct):
        return type_.types.get(key) or (ANYTHING if type_.is_open else None)
    return type_.item if isinstance(type_, MapOf) else ANYTHING


def is_declared(type_: Type, key: str) -> bool:
    """Whether the key is a field of a struct, rather than a key of a map."""
    return isinstance(type_, Struct) and key in type_.types


def shape(type_: Type, value: Any) -> Type:
    """The type, or, where the schema leaves it open, what the value shows itself to be (lists are one value then)."""
    if not isinstance(type_, Scalar) or type_.code != "A":
        return type_
    if isinstance(value, dict):
        return FREE_MAP
    return ATOMIC_LIST if isinstance(value, list) else type_


def key_default(name: str) -> Any:
    """What a missing key field of a list item counts as (a port without protocol is TCP)."""
    return _KEY_DEFAULTS.get(name)


def zero(type_: Struct) -> dict[str, Any]:
    """The empty object of a built-in type as Go writes it: what is there before a create, for field ownership."""
    out: dict[str, Any] = {}
    for spec in type_.fields.values() if not type_.is_custom else ():
        if isinstance(spec.type, Struct) and not spec.is_pointer:
            out[spec.name] = zero(spec.type)
        elif spec.is_always or (_is_go_struct(spec) and not spec.is_omitzero):
            out[spec.name] = empty(spec)
    return out


def _is_go_struct(spec: Field) -> bool:
    """Times and quantities are structs in Go, which its encoder never leaves out."""
    return not spec.is_pointer and isinstance(spec.type, Scalar) and spec.type.code in "TMIQ"


def empty(spec: Field) -> Any:
    """What Go writes for a field that was never set, where it writes it at all."""
    if spec.is_pointer or not isinstance(spec.type, Scalar):
        return None
    return {"b": False, "i": 0, "l": 0, "f": 0, "I": 0, "Q": "0", "T": None, "M": None, "y": None}.get(spec.type.code, "")


_TYPE_META: Mapping[str, Type] = {"apiVersion": Scalar("s", "string"), "kind": Scalar("s", "string")}


def _lines(text: str) -> list[str]:
    return text.strip().replace("\n  ", " ").split("\n")


def _field(token: str, table: Mapping[str, Struct]) -> Field:
    parts = _FIELD.match(token)
    if parts is None:
        raise ValueError(f"not a field: {token}")
    name = parts["name"]
    return Field(
        name,
        parts["go"] or name[0].upper() + name[1:],
        _type(parts["type"], table),
        is_pointer=bool(parts["pointer"]),
        is_always=parts["flag"] == "!",
        is_omitzero=parts["flag"] == "?",
        merge_key=parts["merge"] or "",
        replaces=bool(parts["replace"]),
    )


_LIST = re.compile(r"\[(?P<item>.*)\](<(?P<keys>[^>]*)>)?((?P<least>\d+)-(?P<most>\d+))?")


def _type(text: str, table: Mapping[str, Struct]) -> Type:
    if parts := _LIST.fullmatch(text):
        keys = tuple(parts["keys"].split(",")) if parts["keys"] not in (None, "=") else ()
        most = int(parts["most"]) if parts["most"] else None
        return ListOf(_type(parts["item"], table), keys, parts["keys"] == "=", int(parts["least"] or 0), most)
    if text.startswith("{"):
        inner, _, mark = text[1:].rpartition("}")
        return MapOf(_type(inner, table), mark == "@")
    if text.startswith("'"):
        return Scalar("s", f"v1.{text[1:]}")
    if text.startswith("e("):
        return Scalar("s", "string", tuple(text[2:-1].split("|")))
    if text in _GO_NAMES:
        return Scalar(text, _GO_NAMES[text])
    return _scalars().get(text) or table[text]


@cache
def _scalars() -> Mapping[str, Scalar]:
    """The scalars that have a name, and bounds."""
    return {line.split()[0]: _named(*line.split()[1:]) for line in _lines(GATEWAY_SCALARS)}


def _named(code: str, bounds: str, pattern: str = "") -> Scalar:
    least, _, most = bounds.partition("-")
    numbers = tuple(map(int, pattern.split("|"))) if code == "i" and pattern else ()
    low, high = int(least) if least else None, int(most) if most else None
    return Scalar(code, _GO_NAMES[code], numbers, low, high, "" if numbers else pattern)
