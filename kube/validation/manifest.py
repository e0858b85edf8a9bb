"""What is wrong with an object as somebody wrote it, each mistake at its path: types first, then what the API server refuses."""

from __future__ import annotations

import copy
import difflib
import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ..codec import Misfit, decoded, json_kind, quantity
from ..defaults import fill
from ..objects import SECRET, Kind, Obj, is_a
from ..schema import ListOf, MapOf, Scalar, Struct, Type, key_default, schema_of
from . import dispatch
from .checks import Problem

Path = tuple[str | int, ...]


class Mistake(NamedTuple):
    """`text` names the place and says what is wrong with it; `meant` is the value that was certainly meant, or None."""

    path: Path
    text: str
    hint: str = ""
    meant: Any = None


def mistakes(kind: Kind, obj: Obj) -> list[Mistake]:
    """All of them; only where types and keys are right can it be told what else would be refused."""
    type_ = schema_of(kind)
    if type_ is None:
        return []
    found = [] if type_.is_custom else [*_misfits(type_, obj, ()), *_twins(type_, obj, ())]
    if found:
        return [each._replace(text=f"{named(each.path)} {_hidden(each.text, obj)}") for each in found]
    try:
        whole, _ = decoded(copy.deepcopy(obj), type_)
        fill(whole)
    except Misfit as misfit:
        return [Mistake((), str(misfit))]
    return [_refusal(each, obj) for each in dispatch.problems(kind, whole)]


def misshapen(kind: Kind, obj: Obj) -> list[Mistake]:
    """What nobody could make anything of: other types, and items of lists that are none. Of what the API server would refuse
    besides, a younger one may take some."""
    type_ = schema_of(kind)
    if type_ is None:
        return []
    if type_.is_custom:
        try:
            whole, _ = decoded(copy.deepcopy(obj), type_)
        except Misfit as misfit:
            return [Mistake((), str(misfit))]
        return [_refusal(each, obj) for each in dispatch.problems(kind, whole) if each.reason in _OF_SHAPE]
    found = [*_misfits(type_, obj, ()), *_holes(type_, obj, ())]
    return [each._replace(text=f"{named(each.path)} {_hidden(each.text, obj)}") for each in found]


_OF_SHAPE = ("FieldValueTypeInvalid", "FieldValueRequired")


def named(path: Path) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


# types


def _misfits(type_: Type, value: Any, path: Path) -> Iterator[Mistake]:
    if value is None:
        return
    match type_:
        case Struct():
            if not isinstance(value, dict):
                yield _other(value, path, "a mapping")
                return
            for key, below in value.items():
                if declared := type_.fields.get(key):
                    yield from _misfits(declared.type, below, (*path, key))
        case ListOf(item=item):
            if not isinstance(value, list):
                yield _other(value, path, "a list")
                return
            for place, below in enumerate(value):
                yield from _misfits(item, below, (*path, place))
        case MapOf(item=item):
            if not isinstance(value, dict):
                yield _other(value, path, "a mapping")
                return
            for key, below in value.items():
                yield from _misfits(item, below, (*path, key))
        case Scalar():
            yield from _scalar(type_, value, path)


def _other(value: Any, path: Path, wanted: str, hint: str = "", meant: Any = None) -> Mistake:
    return Mistake(path, f"is {shown(value)}; it takes {wanted}", hint, meant)


def _scalar(type_: Scalar, value: Any, path: Path) -> Iterator[Mistake]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match type_.code:
        case "s" | "d" | "y" | "T" | "M":
            if not isinstance(value, str):
                yield _other(value, path, "a text", "quote it" if not isinstance(value, dict | list) else "")
        case "b":
            if not isinstance(value, bool):
                meant = {"true": True, "false": False}.get(str(value).lower()) if isinstance(value, str) else None
                yield _other(value, path, "true or false", "write true or false, without quotes", meant)
        case "i" | "l" | "u":
            yield from _whole(type_, value, path)
        case "f":
            if not is_number:
                yield _other(value, path, "a number", "write it without quotes" if isinstance(value, str) else "")
        case "I":
            if not isinstance(value, str | int) or isinstance(value, bool):
                yield _other(value, path, "a whole number or a text")
        case "Q":
            yield from _quantity(value, path)


def _whole(type_: Scalar, value: Any, path: Path) -> Iterator[Mistake]:
    bits = 63 if type_.code == "l" else 31
    if isinstance(value, str):
        digits = value if re.fullmatch("-?(0|[1-9][0-9]{0,8})", value) else ""
        number = re.match("[0-9]+", value)
        hint = f"write {value}, without quotes" if value.isdigit() else f"write {number[0]}" if number else ""
        yield _other(value, path, "a whole number", hint, int(digits) if digits else None)
    elif not isinstance(value, int) or isinstance(value, bool):
        yield _other(value, path, "a whole number")
    elif not -(2**bits) <= value < 2**bits:
        yield Mistake(path, f"is {value}, which is out of range")


def _quantity(value: Any, path: Path) -> Iterator[Mistake]:
    if isinstance(value, bool | dict | list):
        yield _other(value, path, "a quantity", "such as 500m, 64Mi or 2G")
        return
    try:
        quantity(value)
    except Misfit:
        parts = re.fullmatch(r"([0-9.]+)\s*([kmgtp])i?b?", str(value), re.IGNORECASE)
        hint = f"did you mean {parts[1]}{parts[2].upper()}i?" if parts else "such as 500m, 64Mi or 2G"
        yield _other(value, path, "a quantity", hint)


def _lists(type_: Type, value: Any, path: Path) -> Iterator[tuple[ListOf, list[Any], Path]]:
    """All lists of an object, those within others first."""
    match type_:
        case Struct() if isinstance(value, dict):
            for key, below in value.items():
                if declared := type_.fields.get(key):
                    yield from _lists(declared.type, below, (*path, key))
        case MapOf(item=item) if isinstance(value, dict):
            for key, below in value.items():
                yield from _lists(item, below, (*path, key))
        case ListOf(item=item) if isinstance(value, list):
            for place, below in enumerate(value):
                yield from _lists(item, below, (*path, place))
            yield type_, value, path


def _twins(type_: Type, value: Any, path: Path) -> Iterator[Mistake]:
    """Items of a list that are told apart by keys which they share: server-side apply refuses them."""
    for of, items, place in _lists(type_, value, path):
        yield from _alike(of, items, place)


def _alike(type_: ListOf, items: Sequence[Any], path: Path) -> Iterator[Mistake]:
    seen: dict[str, int] = {}
    for place, item in enumerate(items):
        if type_.keys and isinstance(item, dict):
            named = {key: item.get(key, key_default(key)) for key in type_.keys}
        elif type_.is_set:
            named = {"": item}
        else:
            continue
        first = seen.setdefault(json.dumps(named, sort_keys=True, default=str), place)
        if first != place and None not in named.values():
            told = ", ".join(f"{key}: {each}" if key else shown(each) for key, each in named.items())
            yield Mistake((*path, place), f"is the second with {told}", "take one of them out")


def _holes(type_: Type, value: Any, path: Path) -> Iterator[Mistake]:
    """Items of a list that are nothing, or lack what they are told apart by."""
    for of, items, where in _lists(type_, value, path):
        for place, item in enumerate(items):
            lacking = [key for key in of.keys or () if isinstance(item, dict) and item.get(key, key_default(key)) is None]
            if item is None or lacking:
                yield Mistake((*where, place), f"has no {lacking[0]}" if lacking else "is empty")


def shown(value: Any) -> str:
    """A value in a message: short, in one line."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = json.dumps(value, ensure_ascii=False)
    return f"the {json_kind(value).replace('bool', 'truth value').replace('string', 'text')} {text[:60]}"


def _hidden(text: str, obj: Obj) -> str:
    """Of a Secret nothing is quoted."""
    if not is_a(obj, SECRET):
        return text
    return re.sub(r"^is the (number|text|truth value) .*?; it takes", r"is a \1; it takes", text)


# what the API server says


def _refusal(problem: Problem, obj: Obj) -> Mistake:
    path, last = _path(problem.field, obj), problem.field.rpartition(".")[2]
    text = f"{problem.field}: {problem.text}" if problem.field else problem.text
    if problem.reason == "FieldValueRequired" and last in _UNTIL_NOW:
        return Mistake((*path, last), text, meant=_UNTIL_NOW[last])
    if problem.text.endswith("may not be 0 when `maxSurge` is 0"):
        return Mistake(path, text, "one of maxSurge and maxUnavailable has to be above 0")
    return Mistake(path, text, _HINTS.get((problem.reason, last), _near(problem)))


_UNTIL_NOW = {"pathType": "ImplementationSpecific"}
"""What a field that has to be there counted as while it might be left out."""
_OCTAL = "a mode is octal: 644 is written 0644"
_HINTS = {
    ("FieldValueInvalid", "defaultMode"): _OCTAL,
    ("FieldValueInvalid", "mode"): _OCTAL,
    ("FieldValueInvalid", "schedule"): "minute, hour, day of the month, month, day of the week: such as 0 4 * * *",
    ("FieldValueNotFound", "name"): "the pod has no volume of that name: add it to its volumes",
    ("FieldValueForbidden", "httpGet"): "a probe asks in one way: take the other out",
    ("FieldValueForbidden", "tcpSocket"): "a probe asks in one way: take the other out",
    ("FieldValueForbidden", "grpc"): "a probe asks in one way: take the other out",
}


def _near(problem: Problem) -> str:
    """The supported value that a wrong one resembles."""
    if problem.reason != "FieldValueNotSupported":
        return ""
    seen, *known = re.findall(r'"([^"]*)"', problem.text)
    seen = _SHORT.get(seen, seen)
    near = difflib.get_close_matches(seen.lower(), [each.lower() for each in known], n=1)
    return next((f'did you mean "{each}"?' for each in known if near and each.lower() == near[0]), "")


_SHORT = {"ROX": "ReadOnlyMany", "RWX": "ReadWriteMany", "RWO": "ReadWriteOnce", "RWOP": "ReadWriteOncePod"}
"""How kubectl shows access modes."""


# places

_STEP = re.compile(r"\[(?P<key>[^\]]*)\]|(?P<name>[^.\[\]]+)")


def _path(field: str, obj: Any) -> Path:
    """A field as the API server names it, as far as it is written in the object."""
    out: list[str | int] = []
    value = obj
    for step in _STEP.finditer(field):
        text = step["name"] if step["name"] is not None else step["key"]
        if isinstance(value, list) and text.isdigit() and int(text) < len(value):
            out.append(int(text))
            value = value[int(text)]
        elif isinstance(value, dict) and text in value:
            out.append(text)
            value = value[text]
        else:
            break
    return tuple(out)
