"""What the API server knows of a kind when an object of it is read and written: built in, or by its definition (`defined`)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Protocol

from ...kube import codec, defaults
from ...kube.objects import Kind, Obj
from ...kube.schema import Struct, Type, open_type, schema_of
from ...kube.validation import dispatch as validation
from ..store.customs import Custom
from .registry import Rules, rules_of
from .scale import BUILT_IN, Paths

Strict = list[str]
"""What strict decoding refuses: `unknown field "spec.replica"`."""


class Shape(Protocol):
    """`owned` is how fields are merged and owned; None where the object itself says it (`kube.ssa.type_of`). `selectable` are the
    fields that a selector may name beside those of the kind's table."""

    @property
    def kind(self) -> Kind: ...
    @property
    def rules(self) -> Rules: ...
    @property
    def type_(self) -> Struct: ...
    @property
    def owned(self) -> Type | None: ...
    @property
    def scale(self) -> Paths: ...
    @property
    def selectable(self) -> Sequence[str]: ...

    def read(self, obj: Obj) -> tuple[Obj, Strict]:
        """The object as it is kept. Raises codec.Misfit."""

    def fill(self, obj: Obj) -> None:
        """Sets the defaults, in place."""

    def warnings(self, obj: Obj) -> Sequence[str]:
        """What the server says of a write that it accepts."""

    def refuse_new(self, obj: Obj) -> None:
        """Raises Invalid, as the next two do; 405 where the kind's definition is being deleted."""

    def refuse_changed(self, obj: Obj, before: Obj) -> None: ...
    def refuse_status(self, obj: Obj, before: Obj) -> None: ...


class BuiltIn:
    """By the tables of `kube`; a kind that they lack is kept as it is written."""

    owned = None
    scale = BUILT_IN
    selectable = ()

    def __init__(self, kind: Kind, rules: Rules | None = None) -> None:
        self.kind, self.rules = kind, rules or rules_of(kind)
        self.type_ = schema_of(kind) or open_type(kind.name)

    def read(self, obj: Obj) -> tuple[Obj, Strict]:
        return codec.decoded(obj, self.type_)

    def fill(self, obj: Obj) -> None:
        defaults.fill(obj)

    def warnings(self, obj: Obj) -> Sequence[str]:
        return validation.warnings(self.kind, obj)

    def refuse_new(self, obj: Obj) -> None:
        validation.refuse_new(self.kind, obj)

    def refuse_changed(self, obj: Obj, before: Obj) -> None:
        validation.refuse_changed(self.kind, obj, before)

    def refuse_status(self, obj: Obj, before: Obj) -> None:
        validation.refuse_status(self.kind, obj, before)


def shape_of(kind: Kind, custom: Custom | None) -> Shape:
    if custom is None:
        return built_in(kind)
    from .defined import Defined  # a rehearsal without definitions does without what reads their schemas

    return Defined(custom)


@cache
def built_in(kind: Kind) -> BuiltIn:
    return BuiltIn(kind)
