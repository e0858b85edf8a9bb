"""Label and field selectors as the API takes them in a query: parsed with the API server's own errors."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

from ...errors import ApiError
from ...kube.objects import GROUPED_EVENT, Kind, Obj, get, is_namesake, labels_of
from ...kube.validation import checks
from ..store.refusals import bad_request
from .registry import rules_of

Predicate = Callable[[Obj], bool]


class Requirement(NamedTuple):
    key: str
    operator: str
    values: tuple[str, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        value = labels.get(self.key)
        match self.operator:
            case "in" | "=" | "==":
                return value in self.values
            case "notin" | "!=":
                return value not in self.values
            case "exists":
                return value is not None
            case "!":
                return value is None
            case _:
                return _compared(value, self.operator, self.values[0])


def _compared(value: str | None, operator: str, bound: str) -> bool:
    if value is None or not re.fullmatch(r"-?\d+", value):
        return False
    return int(value) > int(bound) if operator in ("gt", ">") else int(value) < int(bound)


def label_predicate(text: str) -> Predicate:
    """Whether an object's labels fit the selector. Raises ApiError (400)."""
    requirements = _Parser(text).requirements()

    def fits(obj: Obj) -> bool:
        labels = labels_of(obj) if requirements else {}
        return all(requirement.matches(labels) for requirement in requirements)

    return fits


_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS = ("in", "notin", "=", "==", "!=", "gt", "lt", ">", "<")


class _Parser:
    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while (token := self._peek()) != "":
            if _is_mark(token) and token != "!":
                raise bad_request(f"found '{token}', expected: !, identifier, or 'end of string'")
            found.append(self._requirement())
            after = self._next()
            if after == "":
                break
            if after != ",":
                raise bad_request(f"found '{after}', expected: ',' or 'end of string'")
            following = self._peek()
            if following == "" or (_is_mark(following) and following != "!"):
                raise bad_request(f"found '{following}', expected: identifier after ','")
        return found

    def _requirement(self) -> Requirement:
        is_negated = self._peek() == "!"
        if is_negated:
            self._next()
        key = self._next()
        if key == "" or _is_mark(key):
            raise _unparsed(f"found '{key}', expected: identifier")
        for why in checks.qualified_name(key):
            raise _unparsed(f"key: Invalid value: {checks.shown(key)}: {why}")
        if is_negated or self._peek() in ("", ","):
            return Requirement(key, "!" if is_negated else "exists", ())
        operator = self._next()
        if operator not in _OPERATORS:
            raise _unparsed(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._set() if operator in ("in", "notin") else (self._value(),)
        _check_values(key, operator, values)
        return Requirement(key, operator, values)

    def _set(self) -> tuple[str, ...]:
        if (opening := self._next()) != "(":
            raise _unparsed(f"found '{opening}' expected: '('")
        values: list[str] = []
        expects_value = True
        while (token := self._next()) != ")":
            if token == ",":
                if expects_value:
                    values.append("")
                expects_value = True
            elif token == "" or _is_mark(token):
                wanted = "',', ')' or identifier" if expects_value and not values else "',' or ')'"
                raise _unparsed(f"found '{token}', expected: {wanted}")
            else:
                values.append(token)
                expects_value = False
        if expects_value:
            values.append("")  # "in ()": the set of the empty value
        return tuple(values)

    def _value(self) -> str:
        if self._peek() in ("", ","):
            return ""
        token = self._next()
        if _is_mark(token):
            raise _unparsed(f"found '{token}', expected: identifier")
        return token

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        self._at += 1
        return token


def _is_mark(token: str) -> bool:
    return token in ("=", "==", "!=", "!", "(", ")", ",", "<", ">")


def _unparsed(why: str) -> ApiError:
    return bad_request(f"unable to parse requirement: {why}")


def _check_values(key: str, operator: str, values: tuple[str, ...]) -> None:
    if operator in ("gt", "lt", ">", "<") and not re.fullmatch(r"-?\d+", values[0]):
        raise _unparsed(
            f"values[0]: Invalid value: {checks.shown(values[0])}: for 'Gt', 'Lt' operators, the value must be an integer"
        )
    for place, value in enumerate(sorted(values)):
        for why in checks.label_value(value):
            raise _unparsed(f"values[{place}][{key}]: Invalid value: {checks.shown(value)}: {why}")


# fields

_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Pod": (
        "spec.nodeName", "spec.restartPolicy", "spec.schedulerName", "spec.serviceAccountName", "spec.hostNetwork",
        "status.phase", "status.podIP", "status.nominatedNodeName",
    ),
    "Event": (
        "involvedObject.kind", "involvedObject.namespace", "involvedObject.name", "involvedObject.uid",
        "involvedObject.apiVersion", "involvedObject.resourceVersion", "involvedObject.fieldPath", "reason",
        "reportingComponent", "source", "type",
    ),
    "Secret": ("type",),
    "Job": ("status.successful",),
    "ReplicationController": ("status.replicas",),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Service": ("spec.clusterIP", "spec.type"),
}  # fmt: skip


_PARTS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
_GROUPED = {f"regarding.{part}": f"involvedObject.{part}" for part in _PARTS} | {"reportingController": "reportingComponent"}
"""The fields of an Event in its group, as they are kept."""


def field_predicate(text: str, kind: Kind, further: Collection[str] = ()) -> Predicate:
    """Whether an object's fields fit the selector; `further` are those that a definition lets select by. Raises ApiError (400)
    for fields that the kind cannot be selected by."""
    words = _GROUPED if kind == GROUPED_EVENT else {}
    terms: list[tuple[str, bool, str]] = []
    for term in sorted(part for part in re.split(r"(?<!\\),", text) if part):  # so the server reads them, and complains
        parts = re.fullmatch(r"(?P<key>[^=!]*)(?P<operator>==|!=|=)(?P<value>.*)", term)
        if parts is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        key = words.get(parts["key"], parts["key"])
        if key not in further:
            _check_field(key, kind)
        value = re.sub(r"\\(.)", r"\1", parts["value"])
        terms.append((key, parts["operator"] == "!=", value))
    return lambda obj: all((_field(obj, key) == value) != is_not for key, is_not, value in terms)


def _check_field(key: str, kind: Kind) -> None:
    known = () if is_namesake(kind.api_version, kind.name) else _FIELDS.get(kind.name, ())
    if key in ("metadata.name", "metadata.namespace") or key in known:
        return
    if kind.name == "Job" and known:
        raise bad_request(f'field label "{key}" not supported for Job')
    if known or rules_of(kind).is_custom:
        raise bad_request(f"field label not supported: {key}")
    raise bad_request(f'"{key}" is not a known field selector: only "metadata.name", "metadata.namespace"')


def _field(obj: Obj, key: str) -> str:
    if key == "source":
        return str(get(obj, "source", "component", default="") or obj.get("reportingComponent", ""))
    if key == "status.successful":
        return str(get(obj, "status", "succeeded", default=0))
    value: Any = get(obj, *key.split("."), default="")
    if key in ("spec.unschedulable", "spec.hostNetwork"):
        return "true" if value else "false"
    return str(value)
