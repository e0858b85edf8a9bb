"""Users who keep their side while a share grows: by a cookie that holds the side, and for the first one the weight then.

Who has met the second side stays there. Who was drawn for the first at an earlier weight g is drawn once more when it is w, with
(w − g) / (100 − g): so that all who come have the second side with w, whether they are new or have been here before. Who has no
cookie is drawn with w. A cookie of another release is called otherwise, and means nothing. Pure.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .traffic import Draw, Traffic

_PREFIX = "rollway-"
_SECOND = "b"
_ATTRIBUTES = "Path=/; HttpOnly; SameSite=Lax"
"""Without an age: it goes with the browser's session."""


class Part(NamedTuple):
    """Requests that are told apart by a match (release.matching), and how they are drawn."""

    match: dict[str, Any]
    draw: Draw


def cookie_of(app: str, revision: int) -> str:
    """The cookie's name: that of one revision, so that whatever comes after it draws anew."""
    return f"{_PREFIX}{app}-{revision}"


def drawn(traffic: Traffic) -> Draw:
    """How those are drawn who match nothing and have no cookie."""
    weight = traffic.weight
    return Draw(100 - weight, weight, _cookies(traffic) if _is_kept(traffic) else ("", ""))


def known(traffic: Traffic) -> list[Part]:
    """Those who have a cookie, each kind for itself. Who has two, of whatever places, is of the first kind that is theirs."""
    if not _is_kept(traffic) or traffic.sticky is None:
        return []
    name, weight = traffic.sticky.cookie, traffic.weight
    older = sorted({each for each in traffic.sticky.before if 0 < each < weight})
    settled = sorted({weight, *(each for each in traffic.sticky.before if weight < each < 100)})
    redrawn = [Part(_match(name, _first(each)), Draw(100 - weight, weight - each, _cookies(traffic))) for each in older]
    return [
        Part(_match(name, _SECOND), Draw(0, 1)),
        Part(_match(name, *map(_first, settled)), Draw(1, 0)),
        *redrawn,
    ]  # fmt: skip


def is_ours(value: str) -> bool:
    """Whether a Set-Cookie's value is one of these."""
    return value.startswith(_PREFIX) and value.endswith(_ATTRIBUTES)


def asks(pattern: str) -> bool:
    """Whether a regular expression for cookies is one of these."""
    return re.escape(_PREFIX) in pattern


def _is_kept(traffic: Traffic) -> bool:
    """With everybody on one side nobody has to be known again."""
    return traffic.sticky is not None and 0 < traffic.weight < 100


def _first(weight: int) -> str:
    return f"a{weight}"


def _cookies(traffic: Traffic) -> tuple[str, str]:
    name = traffic.sticky.cookie if traffic.sticky else ""
    first, second = (f"{name}={side}; {_ATTRIBUTES}" for side in (_first(traffic.weight), _SECOND))
    return first, second


def _match(name: str, *values: str) -> dict[str, Any]:
    """The header holds all cookies of a request, "a=1; b=2". Anchored, as not every proxy takes an expression for the whole."""
    wanted = values[0] if len(values) == 1 else f"({'|'.join(values)})"
    return {"headers": {"cookie": {"regex": rf"^(.*;\s*)?{re.escape(name)}={wanted}(;.*)?$"}}}
