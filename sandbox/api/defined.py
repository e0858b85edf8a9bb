"""Kinds by their CustomResourceDefinition: what is kept of an object, filled in and refused."""

from __future__ import annotations

from collections.abc import Sequence

from ...kube import codec, structural
from ...kube.objects import Obj
from ...kube.schema import Struct, Type, open_type
from ...kube.validation import dispatch as validation
from ..store.customs import Custom
from ..store.refusals import ending_definition
from .registry import Rules
from .scale import paths_of
from .shape import Strict


class Defined:
    """A Shape (`shape`) by one served version of a definition."""

    def __init__(self, custom: Custom) -> None:
        self.kind, self._schema = custom.kind, custom.schema
        self.type_: Struct = custom.shape
        self.owned: Type = custom.shape
        self.scale = paths_of(custom.scale or {})
        self.selectable = custom.selectable
        self._ends = custom.ends
        self.rules = Rules(
            is_custom=True, has_status=custom.has_status, has_generation=True, updates_blindly=False,
            has_scale=custom.scale is not None,
        )  # fmt: skip

    def read(self, obj: Obj) -> tuple[Obj, Strict]:
        strict = [f'duplicate field "{path}"' for path in structural.doubled(obj)]
        kept, unknown = structural.pruned(obj, self._schema, is_root=True)
        if kept.get("metadata") is not None:
            read, found = codec.decoded({"metadata": kept["metadata"]}, open_type(self.kind.name))
            kept["metadata"] = read["metadata"]
            strict += [each for each in found if each.startswith("unknown")]
        return kept, [*strict, *(f'unknown field "{path}"' for path in unknown)]

    def fill(self, obj: Obj) -> None:
        structural.fill(obj, self._schema)

    def warnings(self, obj: Obj) -> Sequence[str]:
        return ()

    def refuse_new(self, obj: Obj) -> None:
        if self._ends:
            raise ending_definition()
        validation.refuse_custom(self.kind, obj, self._schema)

    def refuse_changed(self, obj: Obj, before: Obj) -> None:
        validation.refuse_custom(self.kind, obj, self._schema, before)

    def refuse_status(self, obj: Obj, before: Obj) -> None:
        validation.refuse_custom_status(self.kind, obj, self._schema, before)
