"""The rules that a definition writes in CEL (`x-kubernetes-validations`), asked of an object. (Kubernetes 1.36, apiextensions.)

The library is the extra `rollway[cel]`, imported once there are rules; without it, and of a rule that it cannot read, nothing is
refused: `unread` says which those are. A rule that names `oldSelf` is asked where a value is changed. What an update leaves as it
was is not told of (ratcheting).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..clock import parse_timestamp
from ..structural import RULES, Schema, below, items, properties
from . import checks
from .celcost import EXCEEDED, Budget, Exceeded
from .checks import Problem, Problems

NEW = object()
"""Stands for what was there before, where nothing was."""
INSTALL = "rules in CEL want an extra: pip install 'rollway[cel]'"
_OF_OLD = re.compile(r"\boldSelf\b")
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")
_KEYWORDS = (
    "true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop",
    "package", "namespace", "return", "var", "void", "while",
)  # fmt: skip
_MOST_CHARACTERS = 10_000
"""Of an expression. The library goes as deep as it is nested: one of some 30,000 would end this process."""
_MARKS = {".": "__dot__", "-": "__dash__", "/": "__slash__"}


def problems(value: Any, schema: Schema, before: Any = NEW, path: str = "", budget: Budget | None = None) -> Problems:
    """What the rules say of a value and all that is in it. The value has to fit its schema. What is left of the budget is for all
    rules of the object: after the one that goes beyond it none is asked."""
    budget = budget if budget is not None else Budget()
    if value == before or value is None:
        return
    for rule in schema.get(RULES) or ():
        if budget.left >= 0:
            yield from _asked(rule, value, schema, before, path, budget)
    if isinstance(value, Mapping):
        for name, child in value.items():
            named = below(schema, name)
            if named is not None:
                was = before.get(name, NEW) if isinstance(before, Mapping) else NEW
                yield from problems(child, named, was, f"{path}.{name}" if path else name, budget)
    elif isinstance(value, list):
        keys = schema.get("x-kubernetes-list-map-keys") if schema.get("x-kubernetes-list-type") == "map" else None
        were = {_key(item, keys): item for item in before} if keys and isinstance(before, list) else {}
        for place, item in enumerate(value):
            was = were.get(_key(item, keys), NEW) if keys else NEW
            yield from problems(item, items(schema), was, f"{path}[{place}]", budget)


def unread(schema: Schema, path: str) -> Iterator[tuple[str, str]]:
    """The rules that cannot be asked: where they stand, and why."""
    for place, rule in enumerate(schema.get(RULES) or ()):
        if why := "optionalOldSelf: not evaluated here" if rule.get("optionalOldSelf") else _unreadable(rule["rule"]):
            yield f"{path}.{RULES}[{place}].rule", why
    for name, child in properties(schema).items():
        yield from unread(child, f"{path}.properties[{name}]")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), Mapping):
            yield from unread(schema[key], f"{path}.{key}")


def _asked(rule: Mapping[str, Any], value: Any, schema: Schema, before: Any, path: str, budget: Budget) -> Problems:
    text, is_of_old = rule["rule"], bool(_OF_OLD.search(rule["rule"]))
    if (is_of_old and before is NEW) or rule.get("optionalOldSelf") or _unreadable(text):
        return
    known = {"self": _known(value, schema)} | ({"oldSelf": _known(before, schema)} if is_of_old else {})
    where = f"{path}{rule.get('fieldPath') or ''}".removeprefix(".") or "<nil>"
    told = rule.get("message") or f"failed rule: {text}"
    try:
        if _answer(text, known, budget):
            return
        if expression := rule.get("messageExpression"):
            told = _message(expression, known, budget) or told
    except _Undefined:
        return
    except Exceeded as error:
        budget.left = -1
        why = "no further validation rules will be run due to call cost exceeds limit for rule"
        yield _invalid(where, schema, f"'{error}': {why}: {told}")
        return
    except Exception as error:  # whatever the library raises says that it cannot be evaluated
        yield _invalid(where, schema, f"{_said(error)} evaluating rule: {told}")
        return
    match rule.get("reason"):
        case "FieldValueForbidden":
            yield checks.forbidden(where, told)
        case "FieldValueRequired":
            yield Problem(where, "FieldValueRequired", f"Required value: {told}")
        case "FieldValueDuplicate":
            yield checks.duplicate(where, value)
        case _:
            yield _invalid(where, schema, told)


def _invalid(path: str, schema: Schema, told: str) -> Problem:
    """Of a value that is no object and no list its type is told, too."""
    if schema.get("type") in ("object", "array"):
        return Problem(path, "FieldValueInvalid", f"Invalid value: {told}")
    return checks.invalid(path, schema.get("type", "object"), told)


def _key(item: Any, keys: Any) -> Any:
    return tuple(str(item.get(key)) for key in keys) if keys and isinstance(item, Mapping) else None


# values


def _known(value: Any, schema: Schema) -> Any:
    """As CEL sees it: by the types of the schema, under names that CEL can say."""
    if isinstance(value, Mapping):
        return {
            _name(key) if key in properties(schema) else key: _known(child, below(schema, key) or {})
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [_known(each, items(schema)) for each in value]
    if schema.get("type") == "number" and isinstance(value, int):
        return float(value)
    if schema.get("format") == "date-time" and isinstance(value, str):
        return parse_timestamp(value)
    return value


def _name(name: str) -> str:
    if name in _KEYWORDS:
        return f"__{name}__"
    return _NO_NAME.sub(lambda mark: _MARKS.get(mark[0], mark[0]), name.replace("__", "__underscores__"))


# the library


class _Undefined(Exception):
    """A function that is not known here."""


@lru_cache(maxsize=512)
def _program(text: str) -> Any:
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"{len(text)} characters, {_MOST_CHARACTERS} at most")
    return import_module("cel").compile(text)


@lru_cache(maxsize=512)
def _unreadable(text: str) -> str:
    """Why a rule cannot be asked; empty where it can."""
    try:
        _program(text)
    except ImportError:
        return INSTALL
    except Exception as error:  # whatever the library raises says that it cannot be read
        return f"not evaluated here: {str(error).splitlines()[0]}"
    return ""


def _answer(text: str, known: Mapping[str, Any], budget: Budget) -> Any:
    from .celfunctions import FUNCTIONS

    budget.spend(text, known)
    context = import_module("cel").Context(variables=dict(known), functions=dict(FUNCTIONS))
    try:
        return _program(text).execute(context)
    except RuntimeError as error:
        if "Undefined variable or function" in str(error):
            raise _Undefined from error
        if EXCEEDED in str(error):
            raise Exceeded(EXCEEDED) from error
        raise


def _message(expression: str, known: Mapping[str, Any], budget: Budget) -> str:
    """What a rule says by an expression; without a text the rule's own message counts."""
    try:
        told = _answer(expression, known, budget)
    except Exception:  # as the API server, which notes it in its log
        return ""
    return told.strip() if isinstance(told, str) and "\n" not in told else ""


def _said(error: Exception) -> str:
    if isinstance(error, KeyError):
        return f"no such key: {error.args[0]}"
    if isinstance(error, TypeError):
        return "no such overload"
    return str(error).splitlines()[0].rstrip(".")
