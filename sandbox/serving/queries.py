"""What a request asks for besides its path: the body, and the options in query and body. All raise ApiError (400, 415, 422)."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from aiohttp import web

from ...kube import codec, gojson
from ...kube.objects import Obj
from ...kube.schema import types
from ...kube.validation import checks
from ...kube.wire import Unreadable
from ...kube.yamlscalar import plain
from ..api.registry import rules_of
from ..store.refusals import Generic, bad_request, unsupported_body
from . import protobuf
from .paths import Target

_PATCHES = {
    "application/merge-patch+json": "merge",
    "application/strategic-merge-patch+json": "strategic",
    "application/json-patch+json": "json",
    "application/apply-patch+yaml": "apply",
}


def is_true(query: Mapping[str, str], name: str) -> bool:
    """Whatever is said but "false" and "0" is true, as the server has it; nothing said is false."""
    return name in query and query[name] != "0" and query[name].lower() != "false"


def integer(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise bad_request(f"strconv.ParseInt: parsing {json.dumps(text)}: invalid syntax") from None


# bodies

_HEAD = 'struct { APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'


class _Yaml(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """As Kubernetes reads it: dates, times and `=` are texts."""

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> Any:
        is_plain = kind is yaml.ScalarNode and implicit[0] and value != "<<"
        return _PLAIN if is_plain else super().resolve(kind, value, implicit)


_PLAIN = "!plain"
_Yaml.add_constructor(_PLAIN, lambda loader, node: plain(node.value))


def _yaml(raw: bytes) -> Any:
    """What clients send as YAML is JSON mostly, which is read quicker. Raises yaml.YAMLError."""
    text = raw.decode(errors="replace")
    if text.lstrip().startswith("{"):
        with contextlib.suppress(gojson.NotJson):  # it may be YAML in braces
            return gojson.parse(text)
    return yaml.load(text, Loader=_Yaml)


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    "application/json": lambda raw: gojson.parse(raw.decode(errors="replace")),
    "application/yaml": _yaml,
    "application/vnd.kubernetes.protobuf": protobuf.parse,
}


async def body_of(request: web.Request, kind: str) -> Obj:
    """The object that a write sends, as JSON values; `kind` is what it should be."""
    raw = await request.read()
    reader = _reader(request)
    unrecognized = f"the object provided is unrecognized (must be of type {kind}): "
    try:
        body = reader(raw)
    except Unreadable as problem:
        raise bad_request(f"{unrecognized}{problem}") from None
    except (gojson.NotJson, yaml.YAMLError) as problem:
        why = f"couldn't get version/kind; json parse error: {problem} ({gojson.summary(raw)})"
        raise bad_request(unrecognized + why) from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        seen = codec.json_kind(body)
        why = f"couldn't get version/kind; json parse error: json: cannot unmarshal {seen} into Go value of type {_HEAD}"
        raise bad_request(f"{unrecognized}{why} ({gojson.summary(raw)})")
    return body


def _reader(request: web.Request) -> Callable[[bytes], Any]:
    reader = _READERS.get(request.content_type if "Content-Type" in request.headers else "application/json")
    if reader is None:
        raise unsupported_body("json, yaml, vnd.kubernetes.protobuf")
    return reader


def patch_type(request: web.Request, target: Target) -> str:
    is_custom = rules_of(target.kind).is_custom
    type_ = _PATCHES.get(request.content_type)
    if type_ and not (type_ == "strategic" and is_custom):
        return type_
    if is_custom:
        raise unsupported_body("json-patch+json, merge-patch+json, apply-patch+yaml")
    raise Generic(415, "UnsupportedMediaType", "415: Unsupported Media Type")


async def patch_of(request: web.Request, type_: str) -> Any:
    raw = await request.read()
    try:
        return _yaml(raw) if type_ == "apply" else gojson.parse(raw.decode(errors="replace"))
    except yaml.YAMLError as problem:
        raise bad_request(f"error decoding YAML: {problem}") from None
    except gojson.NotJson as problem:
        raise bad_request(f"error decoding patch: {problem}") from None


# options


def write_options(request: web.Request, subresource: str, options_kind: str) -> dict[str, Any]:
    """The keyword arguments of the Api's writing methods. Raises Invalid for values that do not exist."""
    query = request.query
    manager, dry_run, validation = query.get("fieldManager", ""), query.getall("dryRun", []), query.get("fieldValidation", "")
    problems = [*_manager_problems(manager), *_dry_run_problems(dry_run)]
    if validation not in ("", "Ignore", "Warn", "Strict"):
        problems.append(checks.unsupported("fieldValidation", validation, ("", "Ignore", "Strict", "Warn")))
    if problems:
        raise checks.refusal(options_kind, "meta.k8s.io", "", problems)
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    return {
        "manager": manager or agent or "unknown",
        "dry_run": bool(dry_run),
        "field_validation": validation or "Warn",
        "subresource": subresource,
        "warnings": [],
    }


def _manager_problems(manager: str) -> checks.Problems:
    if len(manager.encode()) > 128:
        yield checks.too_long("fieldManager", 128)
    for place, mark in enumerate(manager):
        if not mark.isprintable():
            yield checks.invalid("fieldManager", manager, f"invalid character U+{ord(mark):04X} (at position {place})")


def _dry_run_problems(dry_run: list[str]) -> checks.Problems:
    if any(value != "All" for value in dry_run):
        yield checks.unsupported("dryRun", dry_run, ("All",))


def list_options(query: Mapping[str, str]) -> dict[str, Any]:
    """The keyword arguments of Api.list."""
    check_list_options(query)
    return {
        "label_selector": query.get("labelSelector", ""),
        "field_selector": query.get("fieldSelector", ""),
        "limit": integer(query.get("limit") or "0"),
        "continue_": query.get("continue", ""),
        "resource_version": query.get("resourceVersion", ""),
        "is_exact": query.get("resourceVersionMatch") == "Exact",
    }


def check_list_options(query: Mapping[str, str]) -> None:
    """What a list or a watch may be asked for together. Raises Invalid."""
    problems = list(_watch_problems(query) if is_true(query, "watch") else _list_problems(query))
    if problems:
        raise checks.refusal("ListOptions", "meta.k8s.io", "", problems)


def _list_problems(query: Mapping[str, str]) -> checks.Problems:
    field = "resourceVersionMatch"
    if match := query.get(field):
        if not query.get("resourceVersion"):
            yield checks.forbidden(field, f"{field} is forbidden unless resourceVersion is provided")
        if query.get("continue"):
            yield checks.forbidden(field, f"{field} is forbidden when continue is provided")
        if match not in ("Exact", "NotOlderThan"):
            yield checks.unsupported(field, match, ("Exact", "NotOlderThan", ""))
        if match == "Exact" and query.get("resourceVersion") == "0":
            yield checks.forbidden(field, f'{field} "exact" is forbidden for resourceVersion "0"')
    if "sendInitialEvents" in query:
        yield checks.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")


def _watch_problems(query: Mapping[str, str]) -> checks.Problems:
    field, match = "resourceVersionMatch", query.get("resourceVersionMatch", "")
    if "sendInitialEvents" in query and match != "NotOlderThan":
        yield checks.forbidden(field, f"sendInitialEvents requires setting {field} to NotOlderThan")
    if match:
        if "sendInitialEvents" not in query:
            yield checks.forbidden(field, f"{field} is forbidden for watch unless sendInitialEvents is provided")
        if match != "NotOlderThan":
            yield checks.unsupported(field, match, ("NotOlderThan",))
        if query.get("continue"):
            yield checks.forbidden(field, f"{field} is forbidden when continue is provided")


async def delete_options(request: web.Request) -> tuple[dict[str, Any], bool]:
    """How to delete, and whether only to try. A body is all that counts where there is one, else the query does."""
    raw = await request.read()
    given = _delete_body(raw, request) if raw.strip() else _delete_query(request)
    propagation, orphan = given.get("propagationPolicy") or "", given.get("orphanDependents")
    problems = []
    if orphan is not None and propagation:
        why = "orphanDependents and deletionPropagation cannot be both set"
        problems.append(checks.invalid("propagationPolicy", propagation, why))
    if propagation not in ("", "Background", "Foreground", "Orphan"):
        problems.append(checks.unsupported("propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil")))
    problems += _dry_run_problems(given.get("dryRun") or [])
    if problems:
        raise checks.refusal("DeleteOptions", "meta.k8s.io", "", problems)
    if orphan is not None:
        propagation = "Orphan" if orphan else "Background"
    preconditions = given.get("preconditions") or {}
    how = {
        "propagation": propagation,
        "grace_s": given.get("gracePeriodSeconds"),
        "uid": preconditions.get("uid") or "",
        "resource_version": preconditions.get("resourceVersion") or "",
    }
    return how, bool(given.get("dryRun"))


def _delete_body(raw: bytes, request: web.Request) -> Obj:
    try:
        body = _reader(request)(raw)
        return codec.decoded(body, types()["DeleteOptions"])[0] if body is not None else {}
    except Unreadable as problem:
        raise bad_request(str(problem)) from None
    except (gojson.NotJson, yaml.YAMLError) as problem:
        raise bad_request(f"couldn't get version/kind; json parse error: {problem}") from None
    except (codec.Misfit, AttributeError) as problem:
        raise bad_request(str(problem)) from None


def _delete_query(request: web.Request) -> Obj:
    query = request.query
    given: Obj = {}
    if query.get("gracePeriodSeconds"):
        given["gracePeriodSeconds"] = integer(query["gracePeriodSeconds"])
    if "orphanDependents" in query:
        given["orphanDependents"] = is_true(query, "orphanDependents")
    return {**given, "propagationPolicy": query.get("propagationPolicy", ""), "dryRun": query.getall("dryRun", [])}
