"""Expressions in CEL, the Common Expression Language: what is asked of several figures at once. The library is an extra; it is
imported where an expression is read, and nowhere else.

`result` is what a source answered, a number of Prometheus as a list of its series. Where figures of both versions are measured
there are `new` and `stable`: with `requests`, `errors` and `share` (of errors) where requests are counted, else with the names
under `compare`. All of them are of CEL's type double, which mixes with no int: `new.p95 * 2.0`, not `* 2`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from .figures import Both, Counts, Figures, Pair, Pairs, Value
from .operations import Unfit

LONGEST = 2000
"""Of an expression, in characters."""
MOST_ITEMS = 100
"""Of a list, or an object, that is asked about."""
MOST_LOOPS = 3
"""Nothing ends an evaluation that has begun: a million steps, so a third of a second, are as far as one may go."""

_LOOP = re.compile(r"\.\s*(all|exists|exists_one|existsOne|filter|map)\s*\(")

INSTALL = "expressions in CEL want an extra: pip install 'rollway[cel]'"

Known = Mapping[str, Any]


class Missing(Exception):
    """The extra is not installed."""


def checked(text: str, example: Known | None) -> None:
    """Raises Unfit for what is no expression, names something that is not there, or answers something else than true or false, as
    far as figures like those of the example tell; without one only how it is written is looked at. Raises Missing."""
    _program(text)
    if example is not None:
        holds(text, example)


def holds(text: str, known: Known) -> bool:
    """Raises Unfit where it cannot be said, and Missing."""
    try:
        answer = _program(text).execute(dict(known))
    except KeyError as error:
        raise Unfit(f"nothing is called {error.args[0]!r} there; known are {_names(known)}") from None
    except Exception as error:  # whatever the library raises says that it cannot be evaluated
        said = _first(str(error))
        raise Unfit(f"{said}; known are {_names(known)}" if "Undefined variable" in said else said) from None
    if not isinstance(answer, bool):
        raise Unfit(f"it answers {answer!r}, and not true or false"[:200])
    return answer


def known_of(figures: Figures) -> Known:
    """What an expression may name. Raises Unfit for figures that it has no names for."""
    match figures:
        case Value(value):
            if (longest := _longest(value)) > MOST_ITEMS:
                raise Unfit(f"{longest:,} values are more than an expression may ask of: {MOST_ITEMS}")
            return {"result": value}
        case Both(stable, new):
            return {"new": _counted(new), "stable": _counted(stable)}
        case Pairs(by_name):
            return {side: _measured(by_name, side) for side in ("new", "stable")}
        case _:
            raise Unfit("an expression has no names for what this gate measures")


def _longest(value: Any) -> int:
    """How many items the longest list or object in it has."""
    if not isinstance(value, list | dict):
        return 0
    inner = value.values() if isinstance(value, dict) else value
    return max(len(value), *map(_longest, inner), 0)


def _counted(counts: Counts) -> Mapping[str, float]:
    known = {"requests": float(counts.requests), "errors": float(counts.errors)}
    return known | ({"share": counts.errors / counts.requests} if counts.requests else {})


def _measured(pairs: Mapping[str, Pair], side: str) -> Mapping[str, float]:
    found = {name: getattr(pair, side) for name, pair in pairs.items()}
    return {name: float(value) for name, value in found.items() if value is not None}


@functools.lru_cache(maxsize=64)
def _program(text: str) -> Any:
    if len(text) > LONGEST:
        raise Unfit(f"{len(text):,} characters are more than an expression may have: {LONGEST:,}")
    if (loops := len(_LOOP.findall(text))) > MOST_LOOPS:
        raise Unfit(f"{loops} loops (all, exists, map, …) are more than an expression may have: {MOST_LOOPS}")
    try:
        compiled = import_module("cel").compile
    except (ImportError, AttributeError):
        raise Missing from None
    try:
        return compiled(text)
    except ValueError as error:
        raise Unfit(_first(str(error).partition("ERROR: ")[2] or str(error)).replace("<input>:", "at ")) from None


def _first(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "it cannot be evaluated"
    return line[:160] + ("…" if len(line) > 160 else "")


def _names(known: Known) -> str:
    inner = [f"{name}.{key}" for name, held in known.items() if isinstance(held, Mapping) for key in held]
    return ", ".join(inner or known)
