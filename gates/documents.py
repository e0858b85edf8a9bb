"""What a server's JSON says at a JSONPath, in the notation of Kubernetes (`{.status.ok}`) or of RFC 9535 (`$.status.ok`)."""

from __future__ import annotations

import json
import re
from typing import Any

SHOWN = 80
_PAGE = re.compile(rb"<(!doctype|html|\?xml)", re.IGNORECASE)
MOST_DIGITS = 300


class Unreadable(ValueError):
    """Its text says what is wrong."""


def value_at(body: bytes, path: str) -> Any:
    """The value; where the path finds several, the list of them. What is no JSON is a text. Raises Unreadable where there is
    nothing at the path."""
    try:
        document = json.loads(body, parse_int=_whole)
    except (ValueError, RecursionError):
        return body.decode(errors="replace")
    query = plain(path)
    if query == "$":
        return document
    found = _compiled(query).findall(document)
    if not found:
        raise Unreadable(f"the answer has nothing at {path[:SHOWN]}")
    return found[0] if len(found) == 1 else found


def check_answer(body: bytes, path: str) -> None:
    """Raises Unreadable for what is no figure, whatever is asked of it: nothing, half a document, a page (of a proxy, or a
    login), and where there is a path what is no JSON."""
    text = body.strip()
    if not text:
        raise Unreadable("the answer has nothing in it")
    if _PAGE.match(text):
        raise Unreadable("the answer is a page, and no figure")
    try:
        json.loads(text, parse_int=_whole)
    except (ValueError, RecursionError):
        if plain(path) != "$" or text[:1] in (b"{", b"[", b'"') or not _is_text(text):
            raise Unreadable("the answer is no JSON") from None


def _is_text(body: bytes) -> bool:
    try:
        return body.decode().isprintable()
    except UnicodeDecodeError:
        return False


def _whole(text: str) -> int | float:
    """One with more digits than any float has is beyond all of them, as 1e400 is."""
    return int(text) if len(text) <= MOST_DIGITS else float(text)


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
