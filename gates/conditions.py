"""Conditions on what was measured, in the notation that Argo Rollouts has made known (expr-lang): `result[0] >= 0.95`,
`asFloat(result) < 1`, `all(result, # > 10)`, `len(result) == 0 || result[0] < 0.05`.

A small part of that language, evaluated on plain JSON: nothing in it can call, change or reach anything. What types are known
beforehand is checked when it is read, as the original does: `asFloat(result) == "1"` is an error, whatever is measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from .operations import FUNCTIONS, ON_ITEMS, Node, Unfit, indexed, items, member, negated, number, operation, truth, type_of

MOST_TEXT = 2000
MOST_DEPTH = 60


_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+\.\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?|\d+(?:[eE][+-]?\d+)?)"
    r"|(?P<text>\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`)"
    r"|(?P<name>[A-Za-z_$][A-Za-z0-9_$]*)"
    r"|(?P<sign>\|\||&&|==|!=|<=|>=|\?\?|\?\.|\*\*|[-+*/%<>!?:.,()\[\]{}#|]))"
)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r"}


def condition(text: str) -> Callable[[Any], bool]:
    """What a condition says of a result. Raises Unfit where it cannot be read; what it answers does where it does not fit."""
    node = _parsed(text)
    if node.type not in ("", "bool"):
        raise Unfit(f"expected bool, but got {node.type}")

    def holds(result: Any) -> bool:
        value = _asked(node, result)
        if not isinstance(value, bool):
            raise Unfit(f"expected bool, but got {type_of(value)}")
        return value

    return holds


def _asked(node: Node, result: Any) -> Any:
    try:
        return node.at({"result": result})
    except Unfit as unfit:
        if result is None or result == []:
            raise Unfit(f"metric result is nil or empty: {unfit}") from None
        raise
    except (ArithmeticError, TypeError, ValueError, RecursionError) as error:
        raise Unfit(str(error) or type(error).__name__) from None


@lru_cache(maxsize=256)
def _parsed(text: str) -> Node:
    if len(text) > MOST_TEXT:
        raise Unfit(f"longer than {MOST_TEXT} characters")
    parser = _Parser(list(_tokens(text)))
    node = parser.expression(0)
    parser.expect_end()
    return node


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unfit(f"unexpected {text[at:].lstrip()[:1]!r}")
        kind = str(found.lastgroup)
        yield kind, found[kind]
        at = found.end()


# reading

_BINDING = {
    "|": 1, "??": 2, "||": 3, "or": 3, "&&": 4, "and": 4, "==": 5, "!=": 5, "<": 6, "<=": 6, ">": 6, ">=": 6, "in": 6, "not": 6,
    "contains": 6, "startsWith": 6, "endsWith": 6, "matches": 6, "+": 7, "-": 7, "*": 8, "/": 8, "%": 8, "**": 9,
}  # fmt: skip
_UNARY = 8


class _Parser:
    """Precedence climbing."""

    def __init__(self, tokens: Sequence[tuple[str, str]]) -> None:
        self._tokens, self._at, self._depth, self._closures = tokens, 0, 0, 0

    def expression(self, least: int) -> Node:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            raise Unfit("nested too deeply")
        left = self._operand()
        while (sign := self._sign()) and _BINDING.get(sign, 0) > least:
            left = self._binary(left, sign)
        if least == 0 and self._sign() == "?":
            left = self._choice(left)
        self._depth -= 1
        return left

    def expect_end(self) -> None:
        if self._at < len(self._tokens):
            raise Unfit(f"unexpected {self._tokens[self._at][1]!r}")

    def _binary(self, left: Node, sign: str) -> Node:
        self._next()
        if sign == "|":
            name = self._next()[1]
            return self._call(name, [left])
        is_not_in = sign == "not"
        if is_not_in:
            self._expect("in")
            sign = "in"
        # ** binds to the right
        right = self.expression(_BINDING[sign] - (sign == "**"))
        node = operation(sign, left, right)
        return negated(node) if is_not_in else node

    def _choice(self, test: Node) -> Node:
        self._next()
        then = self.expression(0)
        self._expect(":")
        otherwise = self.expression(0)
        type_ = then.type if then.type == otherwise.type else ""
        return Node(type_, lambda names: then.at(names) if truth(test.at(names)) else otherwise.at(names))

    def _operand(self) -> Node:
        kind, text = self._next()
        if text in ("!", "not"):
            return negated(self.expression(_UNARY if text == "!" else _BINDING["and"]))
        if text in ("-", "+"):
            inner = self.expression(_UNARY)
            sign = -1 if text == "-" else 1
            return Node(inner.type, lambda names: sign * number(inner.at(names)))
        return self._followed(self._primary(kind, text))

    def _primary(self, kind: str, text: str) -> Node:
        if kind == "number":
            is_whole = text.isdigit()
            figure: int | float = int(text) if is_whole else float(text)
            return Node("int" if is_whole else "float", lambda names: figure)
        if kind == "text":
            value = text[1:-1] if text[0] == "`" else re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), text[1:-1])
            return Node("string", lambda names: value)
        if text == "(":
            inner = self.expression(0)
            self._expect(")")
            return inner
        if text == "[":
            parts = self._list("]")
            return Node("list", lambda names: [part.at(names) for part in parts])
        if text == "#" and self._closures:
            return Node("", lambda names: names["#"])
        if text == "." and self._closures:  # a field of what a closure is asked of
            self._at -= 1
            return Node("", lambda names: names["#"])
        if kind == "name":
            return self._name(text)
        raise Unfit(f"unexpected {text!r}")

    def _name(self, text: str) -> Node:
        constants: Mapping[str, tuple[str, Any]] = {"true": ("bool", True), "false": ("bool", False), "nil": ("nil", None)}
        if text in constants:
            type_, value = constants[text]
            return Node(type_, lambda names: value)
        if self._sign() == "(":
            return self._call(text, [])
        if text != "result":
            raise Unfit(f"unknown name {text}")
        return Node("", lambda names: names["result"])

    def _call(self, name: str, given: list[Node]) -> Node:
        self._expect("(")
        if name in ON_ITEMS:
            return self._on_items(name, given)
        arguments = given + self._list(")")
        if name not in FUNCTIONS:
            raise Unfit(f"unknown function {name}")
        type_, least, most, function = FUNCTIONS[name]
        if not least <= len(arguments) <= most:
            raise Unfit(f"{name} takes {least} argument{'s' if least != 1 else ''}, not {len(arguments)}")
        return Node(type_, lambda names: function(*(argument.at(names) for argument in arguments)))

    def _on_items(self, name: str, given: list[Node]) -> Node:
        """`all(result, # > 10)`, `any(result, {.ok})`."""
        whole = given[0] if given else self.expression(0)
        if not given:
            self._expect(",")
        has_braces = self._sign() == "{"
        if has_braces:
            self._next()
        self._closures += 1
        test = self.expression(0)
        self._closures -= 1
        if has_braces:
            self._expect("}")
        self._expect(")")
        type_, function = ON_ITEMS[name]

        def at(names: Mapping[str, Any]) -> Any:
            each = items(whole.at(names))
            return function([test.at({**names, "#": item}) for item in each], each)

        return Node(type_, at)

    def _followed(self, node: Node) -> Node:
        while (sign := self._sign()) in (".", "?.", "["):
            self._next()
            if sign == "[":
                index = self.expression(0)
                self._expect("]")
                node = indexed(node, index)
            else:
                kind, name = self._next()
                if kind != "name" or self._sign() == "(":
                    raise Unfit(f"nothing can be called: .{name}")
                node = member(node, name, is_optional=sign == "?.")
        return node

    def _list(self, end: str) -> list[Node]:
        items: list[Node] = []
        while self._sign() != end:
            items.append(self.expression(0))
            if self._sign() != end:
                self._expect(",")
        self._next()
        return items

    def _sign(self) -> str:
        if self._at >= len(self._tokens):
            return ""
        kind, text = self._tokens[self._at]
        return "" if kind in ("text", "number") else text

    def _next(self) -> tuple[str, str]:
        if self._at >= len(self._tokens):
            raise Unfit("unexpected end")
        self._at += 1
        return self._tokens[self._at - 1]

    def _expect(self, text: str) -> None:
        if self._next()[1] != text:
            raise Unfit(f"expected {text!r}, seen {self._tokens[self._at - 1][1]!r}")
