"""What the operators and functions of conditions do, on plain JSON (gates.conditions)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_POWER = 2000


class Unfit(ValueError):
    """A condition that cannot be read, or not be asked of this value. Its text says why."""


@dataclass(frozen=True)
class Node:
    """A part of a condition. `type`: what it answers, where that is known beforehand: bool, int, float, string, list, nil; else
    empty. `at` evaluates it, for what names mean."""

    type: str
    at: Callable[[Mapping[str, Any]], Any]


# what the operators do

_NUMBERS = ("int", "float")
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}
_TEXTUAL: Mapping[str, Callable[[str, str], bool]] = {
    "contains": lambda text, part: part in text,
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "matches": lambda text, pattern: re.search(pattern, text) is not None,
}


def operation(sign: str, left: Node, right: Node) -> Node:
    if sign in ("&&", "and", "||", "or"):
        return _logical(sign, left, right)
    if sign == "??":
        return Node("", lambda names: right.at(names) if (value := left.at(names)) is None else value)
    if sign in ("==", "!="):
        if not _may_equal(left.type, right.type):
            raise Unfit(f"invalid operation: {sign} (mismatched types {left.type} and {right.type})")
        return Node("bool", lambda names: _equal(left.at(names), right.at(names)) == (sign == "=="))
    if sign in _COMPARED:
        if left.type and right.type and not (left.type == right.type or {left.type, right.type} <= set(_NUMBERS)):
            raise Unfit(f"invalid operation: {sign} (mismatched types {left.type} and {right.type})")
        return Node("bool", lambda names: _ordered(sign, left.at(names), right.at(names)))
    if sign == "in":
        return Node("bool", lambda names: _is_in(left.at(names), right.at(names)))
    if sign in _TEXTUAL:
        return Node("bool", lambda names: _TEXTUAL[sign](_string(left.at(names)), _string(right.at(names))))
    type_ = "float" if sign in ("/", "**") else left.type if left.type == right.type else ""
    return Node(type_, lambda names: _arithmetic(sign, left.at(names), right.at(names)))


def _logical(sign: str, left: Node, right: Node) -> Node:
    for side in (left, right):
        if side.type not in ("", "bool"):
            raise Unfit(f"invalid operation: {sign} (a {side.type} is no bool)")
    if sign in ("&&", "and"):
        return Node("bool", lambda names: truth(left.at(names)) and truth(right.at(names)))
    return Node("bool", lambda names: truth(left.at(names)) or truth(right.at(names)))


def negated(node: Node) -> Node:
    if node.type not in ("", "bool"):
        raise Unfit(f"invalid operation: ! (a {node.type} is no bool)")
    return Node("bool", lambda names: not truth(node.at(names)))


def _may_equal(left: str, right: str) -> bool:
    return not left or not right or left == right or {left, right} <= set(_NUMBERS) or "nil" in (left, right)


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    return bool(left == right)


def _ordered(sign: str, left: Any, right: Any) -> bool:
    are_texts = isinstance(left, str) and isinstance(right, str)
    if not are_texts and not (_is_number(left) and _is_number(right)):
        raise Unfit(f"invalid operation: {type_of(left)} {sign} {type_of(right)}")
    return _COMPARED[sign](left, right)


def _arithmetic(sign: str, left: Any, right: Any) -> Any:
    if sign == "+" and isinstance(left, str) and isinstance(right, str):
        return left + right
    a, b = number(left), number(right)
    match sign:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return math.nan if not b and not a else math.copysign(math.inf, a) if not b else a / b
        case "%":
            return math.fmod(a, b)
        case _:
            if abs(b) > MOST_POWER:
                raise Unfit(f"{a} ** {b} is too large")
            return float(a) ** b


def _is_in(item: Any, whole: Any) -> bool:
    if isinstance(whole, str):
        return _string(item) in whole
    if isinstance(whole, Mapping):
        return item in whole
    return any(_equal(item, each) for each in items(whole))


def member(node: Node, name: str, *, is_optional: bool) -> Node:
    def at(names: Mapping[str, Any]) -> Any:
        value = node.at(names)
        if value is None and is_optional:
            return None
        if not isinstance(value, Mapping):
            raise Unfit(f"cannot fetch {name} from {type_of(value)}")
        return value.get(name)

    return Node("", at)


def indexed(node: Node, index: Node) -> Node:
    def at(names: Mapping[str, Any]) -> Any:
        value, key = node.at(names), index.at(names)
        if isinstance(value, Mapping):
            return value.get(key)
        if not isinstance(value, list) or not isinstance(key, int) or isinstance(key, bool):
            raise Unfit(f"cannot fetch {key} from {type_of(value)}")
        if not -len(value) <= key < len(value):
            raise Unfit(f"index out of range: {key} (of {len(value)})")
        return value[key]

    return Node("", at)


# functions


def _as_int(value: Any) -> int:
    if isinstance(value, str):
        return int(value, 10)
    return math.trunc(number(value))


def _as_float(value: Any) -> float:
    return float(value) if isinstance(value, str) else float(number(value))


def _length(value: Any) -> int:
    if not isinstance(value, str | list | Mapping):
        raise Unfit(f"invalid argument for len: {type_of(value)}")
    return len(value)


def _default(value: Any, otherwise: Any) -> Any:
    return otherwise if value is None or value == [] else value


FUNCTIONS: Mapping[str, tuple[str, int, int, Callable[..., Any]]] = {
    "asInt": ("int", 1, 1, _as_int),
    "int": ("int", 1, 1, _as_int),
    "asFloat": ("float", 1, 1, _as_float),
    "float": ("float", 1, 1, _as_float),
    "isNaN": ("bool", 1, 1, lambda value: math.isnan(number(value))),
    "isInf": ("bool", 1, 1, lambda value: math.isinf(number(value))),
    "isNil": ("bool", 1, 1, lambda value: value is None),
    "default": ("", 2, 2, _default),
    "len": ("int", 1, 1, _length),
    "abs": ("", 1, 1, lambda value: abs(number(value))),
    "ceil": ("float", 1, 1, lambda value: float(math.ceil(number(value)))),
    "floor": ("float", 1, 1, lambda value: float(math.floor(number(value)))),
    "round": ("float", 1, 1, lambda value: float(math.floor(abs(number(value)) + 0.5)) * (1 if value >= 0 else -1)),
    "min": ("", 1, 20, lambda *values: min(_flat(values))),
    "max": ("", 1, 20, lambda *values: max(_flat(values))),
    "sum": ("", 1, 1, lambda values: sum(map(number, items(values)))),
    "mean": ("float", 1, 1, lambda values: sum(map(number, items(values))) / len(values)),
    "string": ("string", 1, 1, str),
    "lower": ("string", 1, 1, lambda value: _string(value).lower()),
    "upper": ("string", 1, 1, lambda value: _string(value).upper()),
    "trim": ("string", 1, 1, lambda value: _string(value).strip()),
}
ON_ITEMS: Mapping[str, tuple[str, Callable[[list[Any], list[Any]], Any]]] = {
    "all": ("bool", lambda tests, items: all(map(truth, tests))),
    "any": ("bool", lambda tests, items: any(map(truth, tests))),
    "none": ("bool", lambda tests, items: not any(map(truth, tests))),
    "one": ("bool", lambda tests, items: sum(map(truth, tests)) == 1),
    "count": ("int", lambda tests, items: sum(map(truth, tests))),
    "filter": ("list", lambda tests, items: [item for item, test in zip(items, tests, strict=True) if truth(test)]),
    "map": ("list", lambda tests, items: tests),
}


def _flat(values: Sequence[Any]) -> list[int | float]:
    return [number(each) for value in values for each in (value if isinstance(value, list) else [value])]


def items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Unfit(f"{type_of(value)} is no list")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: Any) -> int | float:
    if not _is_number(value):
        raise Unfit(f"{type_of(value)} is no number")
    number: int | float = value
    return number


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise Unfit(f"{type_of(value)} is no string")
    return value


def truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Unfit(f"expected bool, but got {type_of(value)}")
    return value


def type_of(value: Any) -> str:
    names = {bool: "bool", int: "int", float: "float", str: "string", list: "list", type(None): "nil"}
    return names.get(type(value), "map")
