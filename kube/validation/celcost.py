"""What an expression in CEL may cost at most, told before it is evaluated: nothing ends an evaluation that has begun, and the
API server of the sandbox would answer nobody meanwhile.

As in Kubernetes cost is counted in steps, of a rule and of all rules asked of an object, and what may go beyond is not asked.
The count is an upper bound from the text and the sizes in the value: loops that stand in one another multiply, and so does what
a loop makes longer. (A million steps take the library 0.8 s. Kubernetes 1.36 has 1,000,000 of its units for a call, and ten times
that for an object.)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

MOST_OF_RULE, MOST_OF_OBJECT = 1_000_000, 2_000_000
LONGEST_TEXT = 1_000_000
"""Of a text that a function makes, in characters."""
EXCEEDED = "operation cancelled: actual cost limit exceeded"
_TOKEN = re.compile(
    r"""[rRbB]*(?:'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
    r"|(?P<loop>\.\s*(?:all|exists|exists_one|existsOne|filter|map|transformList|transformMap)\s*\()|(?P<mark>[()+,])",
    re.DOTALL,
)
_QUANTIFIER = re.compile(r"(?<!\\)[*+{]")


class Exceeded(ValueError):
    """It costs more than it may."""


class _Shape(NamedTuple):
    """How deep loops stand in one another, how many times longer they may make what they go through, how many commas there are
    (no list that is written out has more items)."""

    depth: int
    growth: int
    commas: int


@dataclass
class Budget:
    """What is left for the rules that are asked of one object."""

    left: int = MOST_OF_OBJECT

    def spend(self, text: str, known: Mapping[str, Any]) -> None:
        """Raises Exceeded."""
        cost = steps(text, known)
        self.left -= cost
        if cost > MOST_OF_RULE or self.left < 0:
            raise Exceeded(EXCEEDED)


def steps(text: str, known: Mapping[str, Any]) -> int:
    """At most so many are made in evaluating it. `known`: the values by their names there."""
    shape = _shape(text)
    if not shape.depth:
        return 1
    longest = max((size for value in known.values() for size in _sizes(value)), default=0)
    longest = max(longest, shape.commas + 1, _longest_text(known) if ".split" in text or ".findAll" in text else 0)
    return (longest * shape.growth) ** shape.depth if shape.growth <= MOST_OF_RULE else MOST_OF_RULE + 1


def bounded(made: Any) -> Any:
    """What a function made. Raises Exceeded for a text that is too long, and for parts that are too many."""
    if isinstance(made, str | list) and len(made) > LONGEST_TEXT:
        raise Exceeded(EXCEEDED)
    return made


def check_pattern(pattern: str, text: str) -> None:
    """Raises Exceeded for a regex that Python may try in too many ways: RE2, which Kubernetes has, tries each place once."""
    repeats = len(_QUANTIFIER.findall(pattern))
    if re.search(r"(?<!\\)\)[*+{]", pattern) or (repeats > 1 and len(text) ** repeats > MOST_OF_RULE):
        raise Exceeded(EXCEEDED)


@lru_cache(maxsize=512)
def _shape(text: str) -> _Shape:
    deepest, commas, pluses = 0, 0, 0
    open_: list[int] = []  # pluses in each parenthesis that is open; of none that is no loop: -1
    grown: list[int] = []
    for token in _TOKEN.finditer(text):
        mark = token["mark"]
        if token["loop"]:
            open_.append(0)
            deepest = max(deepest, sum(each >= 0 for each in open_))
        elif mark == "(":
            open_.append(-1)
        elif mark == ")" and open_:
            grown.append(1 + max(open_.pop(), 0))
        elif mark == ",":
            commas += 1
        elif mark == "+":
            pluses += 1
            innermost = next((place for place in reversed(range(len(open_))) if open_[place] >= 0), None)
            if innermost is not None:
                open_[innermost] += 1
    return _Shape(deepest, (1 + pluses) * prod(grown), commas)


def _sizes(value: Any) -> Iterator[int]:
    if isinstance(value, Mapping | list):
        yield len(value)
        for child in value.values() if isinstance(value, Mapping) else value:
            yield from _sizes(child)


def _longest_text(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Mapping | list):
        return max(map(_longest_text, value.values() if isinstance(value, Mapping) else value), default=0)
    return 0
