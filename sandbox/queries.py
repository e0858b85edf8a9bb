"""What a request asks for besides its path: the body, and the options in query and body. All raise ApiError (400, 415, 422)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import yaml
from aiohttp import web

from ..kube.objects import Obj
from . import checks, gojson, protobuf
from .paths import Target
from .refusals import Generic, bad_request, unsupported_body
from .registry import RULES

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

_READERS: Mapping[str, Callable[[bytes], Any]] = {
    "application/json": lambda raw: gojson.parse(raw.decode(errors="replace")),
    "application/yaml": yaml.safe_load,
    "application/vnd.kubernetes.protobuf": protobuf.parse,
}


async def body_of(request: web.Request, kind: str) -> Obj:
    """The object that a write sends, as JSON values; `kind` is what it should be."""
    raw = await request.read()
    reader = _READERS.get(request.content_type if "Content-Type" in request.headers else "application/json")
    if reader is None:
        raise unsupported_body("json, yaml, vnd.kubernetes.protobuf")
    unrecognized = f"the object provided is unrecognized (must be of type {kind}): "
    try:
        body = reader(raw)
    except protobuf.Unreadable as problem:
        raise bad_request(f"{unrecognized}{problem}") from None
    except (gojson.NotJson, yaml.YAMLError) as problem:
        why = f"couldn't get version/kind; json parse error: {problem} ({gojson.summary(raw)})"
        raise bad_request(unrecognized + why) from None
    if body is None:
        return {}
    if not isinstance(body, dict):
        seen = {list: "array", str: "string", bool: "bool"}.get(type(body), "number")
        why = f"couldn't get version/kind; json parse error: json: cannot unmarshal {seen} into Go value of type {_HEAD}"
        raise bad_request(f"{unrecognized}{why} ({gojson.summary(raw)})")
    return body


def patch_type(request: web.Request, target: Target) -> str:
    is_custom = RULES[target.kind.name].is_custom
    type_ = _PATCHES.get(request.content_type)
    if type_ and not (type_ == "strategic" and is_custom):
        return type_
    if is_custom:
        raise unsupported_body("json-patch+json, merge-patch+json, apply-patch+yaml")
    raise Generic(415, "UnsupportedMediaType", "415: Unsupported Media Type")


async def patch_of(request: web.Request, type_: str) -> Any:
    raw = await request.read()
    try:
        return yaml.safe_load(raw) if type_ == "apply" else gojson.parse(raw.decode(errors="replace"))
    except yaml.YAMLError as problem:
        raise bad_request(f"error decoding YAML: {problem}") from None
    except gojson.NotJson as problem:
        raise bad_request(f"error decoding patch: {problem}") from None


# options


def write_options(request: web.Request, target: Target, options_kind: str) -> dict[str, Any]:
    """The keyword arguments of the Api's writing methods. Raises Invalid for values that do not exist."""
    query = request.query
    problems = []
    dry_run = query.getall("dryRun", [])
    if any(value != "All" for value in dry_run):
        problems.append(checks.unsupported("dryRun", dry_run, ("All",)))
    validation = query.get("fieldValidation", "")
    if validation not in ("", "Ignore", "Warn", "Strict"):
        problems.append(checks.unsupported("fieldValidation", validation, ("Ignore", "Strict", "Warn")))
    if problems:
        raise checks.refusal(options_kind, "meta.k8s.io", "", problems)
    agent = request.headers.get("User-Agent", "").partition("/")[0]
    return {
        "manager": query.get("fieldManager") or agent or "unknown",
        "dry_run": bool(dry_run),
        "field_validation": validation or "Warn",
        "subresource": target.subresource,
        "warnings": [],
    }


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
    raw = await request.read()
    try:
        body = gojson.parse(raw.decode(errors="replace")) if raw.strip() else {}
    except gojson.NotJson as problem:
        raise bad_request(f"couldn't get version/kind; json parse error: {problem}") from None
    if not isinstance(body, dict):
        raise bad_request("couldn't get version/kind; json parse error: the options are not an object")
    preconditions = body.get("preconditions") or {}
    grace = body.get("gracePeriodSeconds", request.query.get("gracePeriodSeconds"))
    propagation = body.get("propagationPolicy") or request.query.get("propagationPolicy") or ""
    if body.get("orphanDependents") is not None and not propagation:
        propagation = "Orphan" if body["orphanDependents"] else "Background"
    if propagation not in ("", "Background", "Foreground", "Orphan"):
        problem_ = checks.unsupported("propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil"))
        raise checks.refusal("DeleteOptions", "meta.k8s.io", "", [problem_])
    how = {
        "propagation": propagation,
        "grace_s": integer(str(grace)) if grace is not None else None,
        "uid": preconditions.get("uid") or "",
        "resource_version": preconditions.get("resourceVersion") or "",
    }
    return how, bool(body.get("dryRun") or request.query.get("dryRun"))
