"""`# rollway: ignore RW003 because …`, on or above a line.

Of a field it speaks of all below that field, of an object's first line of the whole object.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from ..release.yamlfile import Document, Note, Path

_IGNORE = re.compile(r"\s*ignore\b(?P<ids>[\sA-Za-z0-9,]*?)(?:\bbecause\b(?P<reason>.*))?$")


class Ignore(NamedTuple):
    """`ids` as written; `note` is the comment; `source` its file."""

    source: str
    note: Note
    ids: tuple[str, ...]
    reason: str


def ignores_in(documents: Iterable[Document]) -> list[Ignore]:
    """Every such comment, once. One of another form has no ids."""
    found: dict[tuple[str, int], Ignore] = {}
    for document in documents:
        for note in document.notes:
            parts = _IGNORE.match(note.text)
            ids = tuple(re.split(r"[\s,]+", parts["ids"].strip())) if parts and parts["ids"].strip() else ()
            reason = (parts["reason"] or "").strip(" \t:…") if parts else ""
            found.setdefault((document.source, note.line), Ignore(document.source, note, ids, reason))
    return list(found.values())


def heads_of(document: Document) -> dict[int, Path]:
    """Of each line of the document what begins there, the outermost of it."""
    heads: dict[int, Path] = {}
    for path, (line, _) in document.marks.items():
        if line not in heads or len(path) < len(heads[line]):
            heads[line] = path
    return heads
