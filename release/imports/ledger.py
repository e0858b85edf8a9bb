"""What became of each field of a foreign manifest: taken over, or named with the reason why it is not.

An importer reads by `Field`s, and whatever it does not read is told by itself: nothing can be dropped by being forgotten.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ..file import shown
from ..yamlfile import Path

UNKNOWN = "rollway has nothing that corresponds to it"
NOTHING = "nothing is written there"


class Fate(NamedTuple):
    """What was decided of a place and all below it, and when: what is decided later has the say. No reason means taken over."""

    order: int
    reason: str | None


@dataclass
class Ledger:
    """Of one document: what was decided of which place, and `remarks` on what was taken over in another way than it was meant."""

    data: Any
    fates: dict[Path, Fate] = field(default_factory=dict)
    remarks: dict[Path, str] = field(default_factory=dict)
    decided: int = 0

    @property
    def root(self) -> Field:
        return Field(self.data, (), self)

    def decide(self, path: Path, reason: str | None) -> None:
        self.decided += 1
        self.fates[path] = Fate(self.decided, reason)

    def left(self) -> dict[Path, str]:
        """Everything that was not taken over, with the reason, in the document's order: whole parts where nothing of one was."""
        latest: dict[Path, int] = {}
        for path, fate in self.fates.items():
            for end in range(len(path)):
                latest[path[:end]] = max(latest.get(path[:end], -1), fate.order)
        return dict(self._left((), self.data, Fate(-1, UNKNOWN), latest))

    def _left(self, path: Path, value: Any, above: Fate, latest: Mapping[Path, int]) -> Iterator[tuple[Path, str]]:
        fate = max(above, self.fates.get(path, above), key=lambda fate: fate.order)
        if latest.get(path, -1) <= fate.order or not isinstance(value, Mapping | list) or not value:
            if fate.reason is not None:
                yield path, NOTHING if value is None and fate.reason == UNKNOWN else fate.reason
            return
        for key, below in value.items() if isinstance(value, Mapping) else enumerate(value):
            yield from self._left((*path, key), below, fate, latest)

    def kept_remarks(self) -> dict[Path, str]:
        """The remarks on what was taken over in the end."""
        left = self.left()
        return {path: text for path, text in self.remarks.items() if not any(path[:end] in left for end in range(len(path) + 1))}


@dataclass(frozen=True)
class Field:
    """A place in a foreign manifest. Reading it by `whole`, `text` and so on takes it over; what is of another type than the one
    asked for is told, and counts as not there."""

    value: Any
    path: Path
    ledger: Ledger

    def __getitem__(self, key: str) -> Field:
        below = self.value.get(key) if isinstance(self.value, Mapping) else None
        return Field(below, (*self.path, key), self.ledger)

    def at(self, *keys: str) -> Field:
        found = self
        for key in keys:
            found = found[key]
        return found

    @property
    def is_there(self) -> bool:
        return self.value is not None

    @property
    def is_written(self) -> bool:
        """Whether the document has this place at all."""
        value: Any = self.ledger.data
        for key in self.path:
            is_item = isinstance(value, list) and isinstance(key, int) and key < len(value)
            if not is_item and not (isinstance(value, Mapping) and key in value):
                return False
            value = value[key]
        return True

    def items(self) -> list[Field]:
        """The items of a list."""
        if isinstance(self.value, list):
            if not self.value:
                self.take()
            return [Field(item, (*self.path, place), self.ledger) for place, item in enumerate(self.value)]
        self._wrong("a list")
        return []

    def pairs(self) -> list[tuple[str, Field]]:
        """The keys and values of a mapping."""
        if isinstance(self.value, Mapping):
            if not self.value:
                self.take()
            return [(key, self[key]) for key in self.value]
        self._wrong("a mapping")
        return []

    def take(self) -> Any:
        """All of it, whatever it is."""
        if self.is_written:
            self.ledger.decide(self.path, None)
        return self.value

    def name(self, reason: str) -> None:
        """Says why it is not taken over, all of it."""
        if self.is_written:
            self.ledger.decide(self.path, reason)

    def remark(self, text: str) -> None:
        """Says in which way it was taken over."""
        if self.is_written:
            self.ledger.remarks[self.path] = text

    # what is of a type

    def text(self) -> str | None:
        if isinstance(self.value, str):
            self.take()
            return self.value
        self._wrong("a text")
        return None

    def flag(self) -> bool | None:
        if isinstance(self.value, bool):
            self.take()
            return self.value
        self._wrong("true or false")
        return None

    def number(self) -> float | None:
        if isinstance(self.value, int | float) and not isinstance(self.value, bool) and math.isfinite(self.value):
            self.take()
            return self.value
        self._wrong("a number")
        return None

    def count(self, least: int = 0, most: int = 2**31 - 1) -> int | None:
        """A whole number from `least` to `most`; numbers that are written as texts, too, as the CRDs allow in places."""
        value = self.value
        if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,10}", value):
            value = int(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
            self.take()
            return value
        self._wrong(f"a whole number from {least}" + (f" to {most}" if most < 2**31 - 1 else ""))
        return None

    def seconds(self) -> int | None:
        """A duration as Go writes it, or seconds as a number. Fractions are rounded up, which is told."""
        exact = go_seconds(self.value)
        if exact is None:
            self._wrong("a duration such as 5m or 90s")
            return None
        whole = math.ceil(exact)
        self.take()
        if whole != exact:
            self.remark(f"rounded up to {whole} s")
        return whole

    def _wrong(self, wanted: str) -> None:
        if self.value is not None:
            self.ledger.decide(self.path, f"it is {shown(self.value)}, where {wanted} is expected")


def go_seconds(value: Any) -> float | None:
    """Of "1h30m", "1.5h", "300ms", "20" or 20; None for what is no duration from 0 on, or longer than 30 days."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number or (isinstance(value, str) and re.fullmatch(r"[0-9]{1,9}", value)):
        total = float(value)
    elif isinstance(value, str) and _GO.fullmatch(value):
        total = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(value))
    else:
        return None
    return total if 0 <= total <= 30 * 24 * 3600 else None


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{0,12})?|\.[0-9]{1,12})(h|ms|us|µs|ns|m|s)", re.ASCII)
_GO = re.compile(rf"(?:{_PART.pattern})+", re.ASCII)
