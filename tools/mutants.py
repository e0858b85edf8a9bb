"""Small faults that a test should notice, one at a time: what they are, and a module's code with one of them. Pure.

They are what slips in while writing: a bound by one, a condition or an element left out, a flag turned, a call or a refusal that
is not there, a field's name that is another's. Types, docstrings and texts for people are left alone.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import NamedTuple

SWAPPED: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
}  # fmt: skip
CALLED = {"min": "max", "max": "min", "any": "all", "all": "any"}
WORD = re.compile(r"[A-Za-z][A-Za-z0-9./-]*")
"""A text that names something: a field, a kind, a phase. What holds a space is for people."""

Field = tuple[str, int | None]
"""Where a node is in its parent: the attribute, and which of it where that is a list."""


class Mutant(NamedTuple):
    """`at` leads from the module to the node that `after` takes the place of. `where` is the function, `Class.name`."""

    line: int
    last_line: int
    where: str
    before: str
    after: str
    at: tuple[Field, ...]

    @property
    def key(self) -> tuple[str, str, str]:
        """What stays the same when lines are added above it."""
        return self.where, self.before, self.after


def mutants(source: str) -> list[Mutant]:
    """All of a module, from its first line to its last."""
    return list(_within(ast.parse(source), (), ()))


def mutated(source: str, mutant: Mutant) -> ast.Module:
    """The module with that fault; the lines of everything stay as they were."""
    tree = ast.parse(source)
    parent: ast.AST = tree
    for name, index in mutant.at[:-1]:
        held = getattr(parent, name)
        parent = held if index is None else held[index]
    name, index = mutant.at[-1]
    held = getattr(parent, name)
    old = held if index is None else held[index]
    new = ast.parse(mutant.after).body[0]
    node = new if isinstance(old, ast.stmt) else new.value if isinstance(new, ast.Expr) else new
    for each in ast.walk(node):
        if "lineno" in each._attributes:
            ast.copy_location(each, old)
    if index is None:
        setattr(parent, name, node)
    else:
        held[index] = node
    return tree


_LEFT_ALONE = ("annotation", "returns", "type_params", "decorator_list", "pattern", "ctx", "op", "ops")


def _within(node: ast.AST, at: tuple[Field, ...], names: tuple[str, ...]) -> Iterator[Mutant]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        names = (*names, node.name)
    for each in _faults(node):
        yield Mutant(node.lineno, node.end_lineno or node.lineno, ".".join(names), ast.unparse(node), ast.unparse(each), at)  # type: ignore[attr-defined]
    for name, value in ast.iter_fields(node):
        if name in _LEFT_ALONE or (name == "bases") or _is_for_types(node):
            continue
        for index, below in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(below, ast.AST) and not _is_text(node, below):
                yield from _within(below, (*at, (name, index)), names)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _is_text(parent: ast.AST, node: ast.AST) -> bool:
    """A docstring, or an f-string: for people."""
    return isinstance(node, ast.JoinedStr) or (isinstance(parent, ast.Expr) and isinstance(node, ast.Constant))


def _faults(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(ops=ops):
            for index, op in enumerate(ops):
                yield _with(node, "ops", index, SWAPPED[type(op)]())
        case ast.BoolOp(values=values):
            for index in range(len(values)):
                left = [value for place, value in enumerate(values) if place != index]
                yield left[0] if len(left) == 1 else ast.BoolOp(node.op, left)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.BinOp(op=op) if type(op) in SWAPPED and not _is_joined(node):
            yield _with(node, "op", None, SWAPPED[type(op)]())
        case ast.IfExp(body=body, orelse=orelse):
            yield body
            yield orelse
        case ast.Constant():
            yield from _other_constant(node)
        case ast.Tuple(elts=elts, ctx=ast.Load()) | ast.List(elts=elts, ctx=ast.Load()) | ast.Set(elts=elts) if len(elts) > 1:
            for index in range(len(elts)):
                yield _without(node, "elts", index)
        case ast.GeneratorExp() | ast.ListComp() | ast.SetComp() | ast.DictComp():
            for index, each in enumerate(node.generators):
                for place in range(len(each.ifs)):
                    yield _with(node, "generators", index, _without(each, "ifs", place))
        case ast.Call(func=ast.Name(id=name)) if name in CALLED:
            yield _with(node, "func", None, ast.Name(CALLED[name], ast.Load()))
        case ast.Expr(value=ast.Call() | ast.Await()) | ast.Raise() | ast.Break() | ast.Continue() | ast.AugAssign():
            yield ast.Pass()
        case ast.Return(value=None):
            yield ast.Pass()


def _other_constant(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and WORD.fullmatch(value):
        yield ast.Constant(value + "X")


def _is_joined(node: ast.BinOp) -> bool:
    """Texts put together: there is no other operator for them."""
    return any(
        isinstance(side, ast.JoinedStr) or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _with(node: ast.AST, name: str, index: int | None, new: ast.AST) -> ast.AST:
    out = copy.deepcopy(node)
    if index is None:
        setattr(out, name, new)
    else:
        getattr(out, name)[index] = new
    return out


def _without(node: ast.AST, name: str, index: int) -> ast.AST:
    out = copy.deepcopy(node)
    del getattr(out, name)[index]
    return out
