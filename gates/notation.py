"""Series of values as promtool's tests write them: `0+10x60` (61 values, each ten more), `5x3` (four times five), `_` (none),
`_x4`, `NaN`, plain numbers; between them spaces. (Prometheus, unit testing for rules.)"""

from __future__ import annotations

import re

MOST = 100_000
_NUMBER = r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[-+]?[Ii]nf|NaN"
_WORD = re.compile(rf"(?P<first>{_NUMBER})(?:(?P<step>[-+](?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+))?x(?P<times>[0-9]+))?")
_GAP = re.compile(r"_(?:x(?P<times>[0-9]+))?")


class Unreadable(ValueError):
    """The text is no series."""


def read(text: str) -> list[float | None]:
    """None where there is no value. Raises Unreadable."""
    values: list[float | None] = []
    for word in text.split():
        if gap := _GAP.fullmatch(word):
            values += [None] * _count(gap["times"] or "1", word)
        elif found := _WORD.fullmatch(word):
            first, step = float(found["first"]), float(found["step"] or 0.0)
            times = _count(found["times"], word) if found["times"] else 0
            values += [first + step * place for place in range(times + 1)]
        else:
            raise Unreadable(f"{word!r} is no value and no series of them, such as 0+10x60, 5x3, _ or NaN")
        if len(values) > MOST:
            raise Unreadable(f"more than {MOST:,} values")
    if not values:
        raise Unreadable("a series without a value")
    return values


def _count(text: str, word: str) -> int:
    if len(text) > 6 or int(text) > MOST:
        raise Unreadable(f"{word!r} is more than {MOST:,} values")
    return int(text)
