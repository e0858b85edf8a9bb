"""What all blocks of a release file have in common: that no key is unknown, and how a time is written."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel

from .wrong import Wrong

LONGEST_S = 30 * 24 * 3600
"""Of a duration: longer is a slip of the keyboard."""


def seconds(value: Any) -> int:
    """`90s`, `5m`, `1h`, `1h30m`, or a whole number of seconds. Raises Wrong with a sentence."""
    total = _seconds(value)
    if total is None:
        raise Wrong(f"{value!r} is no duration: write 90s, 5m, 1h or 1h30m")
    if total > LONGEST_S:
        raise Wrong(f"{value!r} is longer than 30 days")
    return total


def _seconds(value: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if value >= 0 else None
    if not isinstance(value, str) or not (found := _DURATION.fullmatch(value)) or not value:
        return None
    hours, minutes, rest = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + rest


_DURATION = re.compile(r"(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?")


_DURATION_SCHEMA = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": LONGEST_S},
        {"type": "string", "minLength": 2, "pattern": r"^([0-9]+h)?([0-9]+m)?([0-9]+s)?$"},
    ]
}

Seconds = Annotated[int, BeforeValidator(seconds), WithJsonSchema(_DURATION_SCHEMA)]


class Strict(BaseModel):
    """Frozen, camelCase in the file, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, defer_build=True)

    @model_validator(mode="before")
    @classmethod
    def _empty_is_default(cls, data: Any) -> Any:
        """`ramped:` with nothing behind it, all its lines commented out, means the defaults."""
        if not isinstance(data, Mapping):
            return data
        known = _keys_of(cls)
        return {key: value for key, value in data.items() if value is not None or key not in known}


@cache  # every record of the history is read by it
def _keys_of(model: type[Strict]) -> frozenset[str]:
    """The keys of its fields, however they may be written."""
    return frozenset((*model.model_fields, *map(to_camel, model.model_fields)))
