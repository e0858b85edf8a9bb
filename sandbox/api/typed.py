"""From the body of a write to the typed object that is meant, or to the server's complaint about it."""

from __future__ import annotations

import copy
import json
from typing import Any

from ...kube import codec
from ...kube.objects import Kind, Obj, copied, kind_of, merged
from ...kube.patch import PatchFailed, go_map, json_patched, strategic_patched
from ...kube.validation import checks
from ..store.refusals import Generic, bad_request, unsupported_body
from .options import Options
from .shape import Shape


def decoded(shape: Shape, body: Any, asked: Options, *, only: str = "") -> Obj:
    """The typed object of a body. Raises ApiError (400)."""
    kind, is_custom = shape.kind, shape.rules.is_custom
    _check_kind(shape, body)
    meant = {**body, "apiVersion": kind.api_version, "kind": kind.name}
    if meant.get("metadata") is None:
        meant["metadata"] = {}
    try:
        # not `copied`: what tells of a key that is there twice has to be in the copy, too
        obj, strict = shape.read(copy.deepcopy(meant) if is_custom else meant)
    except codec.Misfit as problem:
        raise bad_request(_unreadable(kind, str(problem))) from None
    if strict and asked.field_validation == "Strict" and not only:
        raise bad_request(_unreadable(kind, "strict decoding error: " + ", ".join(strict)))
    if asked.field_validation == "Warn":
        asked.warnings.extend(strict)
    if is_custom and "metadata" not in obj:
        obj["metadata"] = {}
    return {key: value for key, value in obj.items() if key == only} if only else obj


def patched(shape: Shape, live: Obj, patch: Any, type_: str) -> Obj:
    try:
        match type_:
            case "json":
                return dict(json_patched(live, patch))
            case "strategic":
                if shape.rules.is_custom:
                    raise unsupported_body("json-patch+json, merge-patch+json, apply-patch+yaml")
                return strategic_patched(live, patch, shape.type_)
            case _:
                return merged(live, patch)
    except PatchFailed as problem:
        raise Generic(422, "Invalid", "the server rejected our request due to an error in our request") from problem


def decoded_patch(shape: Shape, patched: Any, patch: Any, type_: str, asked: Options) -> Obj:
    """What does not fit after a patch is the patch's fault: 422. A strategic patch cannot change what the object is."""
    kind = shape.kind
    try:
        if type_ == "strategic":
            patched = patched | {"apiVersion": kind.api_version, "kind": kind.name}
        _compare_kind(shape, patched.get("apiVersion") or "", patched.get("kind") or "")
        obj, strict = shape.read(patched)
    except codec.Misfit as problem:
        value = (
            go_map(patch)
            if type_ == "strategic"
            else checks.shown(_merged_order(patched, patch) if type_ == "merge" else patched)
        )
        why = _unconverted(str(problem)) if type_ == "strategic" else str(problem)
        raise checks.refusal("", "", "", [checks.invalid("patch", value, why)]) from None
    if strict and asked.field_validation == "Strict":
        value = go_map(patch) if type_ == "strategic" else _as_kept(shape, patched)
        raise checks.refusal("", "", "", [checks.invalid("patch", value, "strict decoding error: " + ", ".join(strict))])
    if asked.field_validation == "Warn":
        asked.warnings.extend(strict)
    return copied(obj)


def _merged_order(patched: Any, patch: Any) -> Any:
    """A merge writes anew what the patch touches, as maps: with their keys sorted."""
    if not isinstance(patched, dict) or not isinstance(patch, dict):
        return patched
    out = {key: _merged_order(patched[key], patch.get(key)) for key in sorted(patched)}
    if entries := out.get("managedFields"):
        # sets of fields are sorted as they are written
        out["managedFields"] = [
            {**each, "fieldsV1": json.loads(json.dumps(each["fieldsV1"], sort_keys=True))} for each in entries
        ]
    return out


def _as_kept(shape: Shape, obj: Obj) -> str:
    """A whole object in a message: a custom resource is a map to the server, whose keys it sorts."""
    is_map = shape.rules.is_custom
    return json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False) if is_map else checks.shown(obj)


_INTERNAL = {
    "": "core", "apps": "apps", "policy": "policy", "autoscaling": "autoscaling", "networking.k8s.io": "networking",
    "discovery.k8s.io": "discovery", "coordination.k8s.io": "coordination", "rbac.authorization.k8s.io": "rbac",
}  # fmt: skip


def _check_kind(shape: Shape, body: Any) -> None:
    """A body may leave out what it is; if it says so, it has to be what the address says."""
    kind = shape.kind
    version, name = body.get("apiVersion") or kind.api_version, body.get("kind") or kind.name
    try:
        _compare_kind(shape, version, name)
    except codec.Misfit as problem:
        if shape.rules.is_custom:
            raise bad_request(str(problem)) from None
        short = version.rpartition("/")[2]
        raise bad_request(f'{name} in version "{short}" cannot be handled as a {kind.name}: {problem}') from None


def _compare_kind(shape: Shape, version: str, name: str) -> None:
    """Raises Misfit where they are not the kind's."""
    kind = shape.kind
    if (version, name) == (kind.api_version, kind.name):
        return
    if shape.rules.is_custom:
        raise codec.Misfit(_custom_mismatch(kind, version, name))
    if kind_of(version, name) is not None:
        internal = f"({_INTERNAL.get(kind.group, kind.group)}.{kind.name})"
        raise codec.Misfit(f"converting (v1.{name}) to {internal}: unknown conversion")
    raise codec.Misfit(f'no kind "{name}" is registered for version "{version}" in scheme "pkg/api/legacyscheme/scheme.go:30"')


def _custom_mismatch(kind: Kind, version: str, name: str) -> str:
    if version != kind.api_version:
        return f"the API version in the data ({version}) does not match the expected API version ({kind.api_version})"
    return f"the kind in the data ({name}) does not match the expected kind ({kind.name})"


def _unreadable(kind: Kind, why: str) -> str:
    return f'{kind.name} in version "{kind.api_version.rpartition("/")[2]}" cannot be handled as a {kind.name}: {why}'


def _unconverted(why: str) -> str:
    """A strategic patch is converted, not decoded, with other words for the same misfit."""
    seen, _, wanted = why.removeprefix("json: cannot unmarshal ").partition(" into ")
    target = wanted.rpartition(" of type ")[2]
    if target.startswith("map["):
        return f"cannot restore map from {seen}"
    if target.startswith("[]"):
        return f"cannot restore slice from {seen}"
    if target in ("int32", "int64", "bool", "string", "float64"):
        return f"unrecognized type: {target}"
    return why


def check_apply_target(kind: Kind, manifest: Obj) -> None:
    """What is applied has to say what it is, in the address's own version."""
    version, name = manifest.get("apiVersion") or "", manifest.get("kind") or ""
    if (version, name) != (kind.api_version, kind.name):
        raise bad_request(f"invalid object type: {version if '/' in version else '/' + version}, Kind={name}")
    if manifest.get("metadata") is None:
        manifest["metadata"] = {}


def fit_namespace(kind: Kind, obj: Obj, namespace: str) -> None:
    meta = obj["metadata"]
    if kind.namespaced:
        if meta.get("namespace") not in (None, "", namespace):
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        meta["namespace"] = namespace
    else:
        meta.pop("namespace", None)


def fit_name(obj: Obj, name: str) -> None:
    given = obj["metadata"].get("name")
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
