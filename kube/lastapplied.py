"""How `kubectl apply --server-side` follows `kubectl apply`: what the latter wrote, and noted in an annotation, is nobody else's.

The API server's own rule: it holds for the manager `kubectl` alone. The annotation is kept up, so that one can go back.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from typing import Any

from . import fieldset
from .fieldset import NOTHING, FieldSet
from .objects import Obj, annotations_of
from .schema import Type

KUBECTL = "kubectl"
ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
_MOST_ANNOTATIONS = 256 * 1024  # bytes of all of an object's, names and values


def written(live: Obj, api_version: str, type_: Type) -> FieldSet:
    """The fields that the annotation has, in that version, and that are in the object as they are in it."""
    try:
        last = json.loads(annotations_of(live).get(ANNOTATION, ""))
    except ValueError:
        return NOTHING
    if not isinstance(last, dict) or last.get("apiVersion") != api_version:
        return NOTHING
    differing = fieldset.compare(last, live, type_)
    return fieldset.fields_of(last, type_) - differing.modified - differing.added - differing.removed


def note(obj: Obj, manifest: Mapping[str, Any]) -> None:
    """Writes what is applied into the object's annotation, where it has one; takes it out where it would be too large."""
    annotations = annotations_of(obj)
    if not annotations.get(ANNOTATION):
        return
    applied = copy.deepcopy(dict(manifest))
    (applied["metadata"].get("annotations") or {}).pop(ANNOTATION, None)
    annotations = annotations | {ANNOTATION: _text(applied)}
    if sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items()) > _MOST_ANNOTATIONS:
        del annotations[ANNOTATION]
    obj["metadata"]["annotations"] = annotations


def _text(applied: Obj) -> str:
    """As the API server's encoder has it: keys in order, what HTML would read escaped, an end of line."""
    text = json.dumps(applied, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "".join(_ESCAPED.get(each, each) for each in text) + "\n"


_ESCAPED = {each: f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
