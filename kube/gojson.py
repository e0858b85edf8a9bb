"""Reading JSON with the complaints of Go's decoder, which the API server hands on."""

from __future__ import annotations

import json
import re
from typing import Any

from .codec import fields_of_pairs


class NotJson(ValueError):
    """The text is Go's."""


def parse(text: str) -> Any:
    """Raises NotJson. Keys that come twice are remembered for strict decoding."""
    try:
        return json.loads(text, object_pairs_hook=fields_of_pairs)
    except json.JSONDecodeError:
        raise NotJson(_complaint(text)) from None


def summary(body: bytes) -> str:
    """How a body that cannot be read is shown in the error."""
    if not body:
        return "<empty>"
    if body.startswith(b"{"):
        text = body[:30].decode(errors="replace")
        return f"{text} ..." if len(body) > 30 else text
    return f"{body[:30].hex()} ..." if len(body) > 30 else body.hex()


_SPACE = " \t\r\n"
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")


class _Bad(Exception):
    pass


def _complaint(text: str) -> str:
    """Where Go's scanner gives up, and what it was looking for there."""
    try:
        end = _value(text, _skip(text, 0))
        end = _skip(text, end)
        if end < len(text):
            raise _at(text, end, "after top-level value")
    except _Bad as problem:
        return str(problem)
    return "invalid JSON"


def _at(text: str, place: int, where: str) -> _Bad:
    if place >= len(text):
        return _Bad("unexpected end of JSON input")
    mark = text[place]
    quoted = {"'": r"'\''", '"': "'\"'"}.get(mark) or ("'" + json.dumps(mark)[1:-1] + "'")
    return _Bad(f"invalid character {quoted} {where}")


def _skip(text: str, place: int) -> int:
    while place < len(text) and text[place] in _SPACE:
        place += 1
    return place


def _value(text: str, place: int) -> int:
    match text[place : place + 1]:
        case "{":
            return _object(text, place + 1)
        case "[":
            return _array(text, place + 1)
        case '"':
            return _string(text, place + 1)
        case "t" | "f" | "n":
            return _literal(text, place)
        case _:
            number = _NUMBER.match(text, place)
            if number is None:
                if text[place : place + 1] == "-":
                    raise _at(text, place + 1, "in numeric literal")
                raise _at(text, place, "looking for beginning of value")
            return number.end()


def _object(text: str, place: int) -> int:
    place = _skip(text, place)
    if text[place : place + 1] == "}":
        return place + 1
    while True:
        if text[place : place + 1] != '"':
            raise _at(text, place, "looking for beginning of object key string")
        place = _skip(text, _string(text, place + 1))
        if text[place : place + 1] != ":":
            raise _at(text, place, "after object key")
        place = _skip(text, _value(text, _skip(text, place + 1)))
        match text[place : place + 1]:
            case "}":
                return place + 1
            case ",":
                place = _skip(text, place + 1)
            case _:
                raise _at(text, place, "after object key:value pair")


def _array(text: str, place: int) -> int:
    place = _skip(text, place)
    if text[place : place + 1] == "]":
        return place + 1
    while True:
        place = _skip(text, _value(text, place))
        match text[place : place + 1]:
            case "]":
                return place + 1
            case ",":
                place = _skip(text, place + 1)
            case _:
                raise _at(text, place, "after array element")


def _string(text: str, place: int) -> int:
    while place < len(text):
        mark = text[place]
        if mark == '"':
            return place + 1
        if mark == "\\":
            place += 1
            if place < len(text) and text[place] not in '"\\/bfnrtu':
                raise _at(text, place, "in string escape code")
        elif mark < " ":
            raise _at(text, place, "in string literal")
        place += 1
    raise _at(text, place, "")


def _literal(text: str, place: int) -> int:
    word = {"t": "true", "f": "false", "n": "null"}[text[place]]
    for offset in range(1, len(word)):
        if text[place + offset : place + offset + 1] != word[offset]:
            raise _at(text, place + offset, f"in literal {word} (expecting '{word[offset]}')")
    return place + len(word)
