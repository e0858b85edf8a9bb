"""What the API server refuses in ConfigMaps, Secrets and Leases, in its own words."""

from __future__ import annotations

import base64
from collections.abc import Mapping

from .. import gojson
from ..codec import json_kind
from ..objects import Obj, get
from . import checks
from .checks import Problems


def config_map(obj: Obj) -> Problems:
    for part in ("data", "binaryData"):
        for key in sorted(obj.get(part) or {}):
            yield from checks.by_rule(f"{part}[{key}]", key, checks.config_key)
            if part == "binaryData" and key in (obj.get("data") or {}):
                yield checks.invalid(f"{part}[{key}]", key, "duplicate of key present in data")
    size = sum(len((value or "").encode()) for part in ("data", "binaryData") for value in (obj.get(part) or {}).values())
    if size > 1024 * 1024:
        yield checks.too_long("", 1024 * 1024)


def config_map_update(obj: Obj, before: Obj) -> Problems:
    yield from _frozen(obj, before, ("data", "binaryData"))


def _frozen(obj: Obj, before: Obj, parts: tuple[str, ...]) -> Problems:
    if not before.get("immutable"):
        return
    if not obj.get("immutable"):
        yield checks.forbidden("immutable", "field is immutable when `immutable` is set")
    for part in parts:
        if (obj.get(part) or {}) != (before.get(part) or {}):
            yield checks.forbidden(part, "field is immutable when `immutable` is set")


_SECRET_KEYS: Mapping[str, tuple[str, ...]] = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}


def secret(obj: Obj) -> Problems:
    data = obj.get("data") or {}
    for key in sorted(data):
        yield from checks.by_rule(f"data[{key}]", key, checks.config_key)
    if sum(len(value or "") * 3 // 4 for value in data.values()) > 1024 * 1024:
        yield checks.too_long("data", 1024 * 1024)
    for key in _SECRET_KEYS.get(obj.get("type", ""), ()):
        if key not in data:
            yield checks.required(f"data[{key}]")
        elif key.startswith(".docker") and (why := _unreadable(data[key] or "")):
            yield checks.invalid(f"data[{key}]", "<secret contents redacted>", why)
    if obj.get("type") == "kubernetes.io/basic-auth" and not {"username", "password"} & set(data):
        yield checks.required("data[username]")
        yield checks.required("data[password]")
    if obj.get("type") == "kubernetes.io/service-account-token" and not get(
        obj, "metadata", "annotations", "kubernetes.io/service-account.name"
    ):
        yield checks.required("metadata.annotations[kubernetes.io/service-account.name]")


def _unreadable(encoded: str) -> str:
    """Why it is no JSON object, in the words of Go's decoder."""
    try:
        value = gojson.parse(base64.b64decode(encoded).decode(errors="replace"))
    except gojson.NotJson as problem:
        return str(problem)
    if value is None or isinstance(value, dict):
        return ""
    return f"json: cannot unmarshal {json_kind(value)} into Go value of type map[string]interface {{}}"


def secret_update(obj: Obj, before: Obj) -> Problems:
    if obj.get("type") != before.get("type"):
        yield checks.immutable("type", obj.get("type"))
    yield from _frozen(obj, before, ("data",))


def lease(obj: Obj) -> Problems:
    spec = obj["spec"]
    seconds = spec.get("leaseDurationSeconds")
    if seconds is not None and seconds <= 0:
        yield checks.invalid("spec.leaseDurationSeconds", seconds, "must be greater than 0")
    yield from checks.not_negative("spec.leaseTransitions", spec.get("leaseTransitions"))
    if (strategy := spec.get("strategy")) is not None:
        yield from checks.by_rule("spec.strategy", strategy, checks.qualified_name)
