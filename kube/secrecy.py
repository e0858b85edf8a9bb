"""What of a Secret may be shown: which keys it has, never what they hold. The one place that knows."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from .objects import SECRET, Obj, get

MASK = "•••"
_WHOLE = 100
"""An annotation of a Secret that is longer, or holds a brace, may be a copy of the whole: kubectl and others keep one there."""
_SHORTEST = 4
"""Of what a Secret holds, as it may stand anywhere in an annotation or a label: shorter is in every word."""
_OPEN = ("apiVersion", "kind", "metadata", "type", "immutable")
"""The fields that hold nothing. Any other, such as one that is misspelt, may."""


def is_secret(obj: Mapping[str, Any]) -> bool:
    return obj.get("apiVersion", SECRET.api_version) == SECRET.api_version and obj.get("kind") == SECRET.name


def masked(obj: Obj) -> Obj:
    """A copy that may be shown. Other kinds are answered as they are."""
    if not is_secret(obj):
        return obj
    shown = {key: value if key in _OPEN else mask(value) for key, value in obj.items()}
    held = values_of(obj)
    for part in ("annotations", "labels"):
        entries = get(obj, "metadata", part, default={})
        if hidden := {key: MASK for key, value in entries.items() if _may_tell(value, held)}:
            shown["metadata"] = {**shown["metadata"], part: {**entries, **hidden}}
    return shown


def mask(value: Any) -> Any:
    """Of a mapping its keys are shown."""
    return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else MASK


def redacted(text: str, obj: Obj) -> str:
    """What a server says of an object, without what a Secret holds: messages quote values."""
    for value in sorted(_values(obj), key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


def hides(path: str, value: object, held: Collection[str] = ()) -> bool:
    """Whether a leaf of a Secret that holds `held`, at a path such as ".data.password", may not be shown."""
    if not re.match(rf"\.({'|'.join(_OPEN)})\b", path):
        return True
    return path.startswith((".metadata.annotations", ".metadata.labels")) and _may_tell(value, held)


def values_of(*objects: Mapping[str, Any] | None) -> frozenset[str]:
    """What Secrets hold, as it is written, decoded, and encoded."""
    return frozenset(value for obj in objects if obj for value in _values(obj))


_KEY = re.compile(r"(\s*(?:- )?\s*)([^\s:#{}]+):(\s.*)?$")


def masked_text(text: str) -> str:
    """A file of manifests without what its Secrets hold: of their documents what stands behind a key, but for a few."""
    documents = re.split(r"(?m)^(?=---)", text)
    return "".join(_masked_document(each) if re.search(r"\bkind[\"']?:\s*[\"']?Secret\b", each) else each for each in documents)


def _masked_document(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(_masked_line(line.rstrip("\r\n")) + line[len(line.rstrip("\r\n")) :] for line in lines)


def _masked_line(line: str) -> str:
    if not line.strip() or line.lstrip().startswith(("#", "---", "...")):
        return line
    found = _KEY.match(line)
    if not found:
        return line[: len(line) - len(line.lstrip())] + MASK
    lead, key, rest = found[1], found[2], (found[3] or "").strip()
    is_open = key in (*_OPEN, "name", "namespace") and "annotations" not in rest and (key == "metadata" or "{" not in rest)
    return line if is_open or not rest else f"{lead}{key}: {MASK}"


def _may_tell(value: object, held: Collection[str]) -> bool:
    """Whether a label or an annotation may hold a copy of the Secret, or a value of it."""
    if value is None:
        return False
    is_whole = not isinstance(value, str) or len(value) > _WHOLE or "{" in value
    return is_whole or any(len(each) >= _SHORTEST and each in str(value) for each in held)


def _values(obj: Mapping[str, Any]) -> Iterator[str]:
    if not is_secret(obj):
        return
    for field in (key for key in obj if key not in _OPEN):
        entries = obj[field].values() if isinstance(obj[field], Mapping) else [obj[field]]
        for value in (each for each in entries if each is not None):
            for text in (str(value), _decoded(str(value)), base64.b64encode(str(value).encode()).decode()):
                yield from {text, json.dumps(text)[1:-1]} - {""}


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        return ""
