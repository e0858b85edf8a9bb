"""What a server's JSON says at a JSONPath, in the notation of Kubernetes (`{.status.ok}`) or of RFC 9535 (`$.status.ok`)."""

from __future__ import annotations

import json
from typing import Any

SHOWN = 80


class Unreadable(ValueError):
    """Its text says what is wrong."""


def value_at(body: bytes, path: str) -> Any:
    """The value; where the path finds several, the list of them. What is no JSON is a text. Raises Unreadable where there is
    nothing at the path."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
    query = plain(path)
    if query == "$":
        return document
    found = _compiled(query).findall(document)
    if not found:
        raise Unreadable(f"the answer has nothing at {path[:SHOWN]}")
    return found[0] if len(found) == 1 else found


def plain(path: str) -> str:
    """The path without Kubernetes' braces, from the root on."""
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    if text in ("", ".", "$"):
        return "$"
    return text if text.startswith("$") else f"${text}" if text[0] in ".[" else f"$.{text}"


def check(path: str) -> None:
    """Raises Unreadable for a path that is none."""
    _compiled(plain(path))


def _compiled(query: str) -> Any:
    import jsonpath  # only where a gate asks for it

    try:
        return jsonpath.compile(query)
    except jsonpath.JSONPathError as error:
        raise Unreadable(f"{query[:SHOWN]!r} is no JSONPath: {str(error).splitlines()[0]}") from None
