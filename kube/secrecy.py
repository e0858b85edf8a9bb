"""What of a Secret may be shown: which keys it has, never what they hold. The one place that knows."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import Any

from .objects import SECRET, Obj, annotations_of

MASK = "•••"
_WHOLE = 100
"""An annotation of a Secret that is longer, or holds a brace, may be a copy of the whole: kubectl and others keep one there."""


def is_secret(obj: Mapping[str, Any]) -> bool:
    return obj.get("apiVersion", SECRET.api_version) == SECRET.api_version and obj.get("kind") == SECRET.name


def masked(obj: Obj) -> Obj:
    """A copy that may be shown. Other kinds are answered as they are."""
    if not is_secret(obj):
        return obj
    shown = {**obj, **{key: dict.fromkeys(obj[key], MASK) for key in ("data", "stringData") if obj.get(key)}}
    annotations = annotations_of(obj)
    if hidden := {key: MASK for key, value in annotations.items() if _may_hold_all(value)}:
        shown["metadata"] = {**obj["metadata"], "annotations": {**annotations, **hidden}}
    return shown


def redacted(text: str, obj: Obj) -> str:
    """What a server says of an object, without what a Secret holds: messages quote values."""
    for value in sorted(_values(obj), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def hides(path: str, value: object) -> bool:
    """Whether a leaf of a Secret, at a path such as ".data.password", may not be shown."""
    return path.startswith((".data", ".stringData")) or (path.startswith(".metadata.annotations") and _may_hold_all(value))


def _may_hold_all(value: object) -> bool:
    return value is not None and (not isinstance(value, str) or len(value) > _WHOLE or "{" in value)


def _values(obj: Obj) -> Iterator[str]:
    if not is_secret(obj):
        return
    for field in ("data", "stringData"):
        for value in (obj.get(field) or {}).values():
            for text in (str(value), _decoded(str(value))):
                yield from {text, json.dumps(text)[1:-1]} - {""}


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
