"""Colour, where it is wanted, and how wide the screen is."""

from __future__ import annotations

import os
import shutil
from typing import Literal, TextIO

Style = Literal["good", "bad", "new", "changed", "waiting", "faint", "strong"]
_CODES: dict[Style, str] = {
    "good": "32", "bad": "31", "new": "32", "changed": "33", "waiting": "36", "faint": "2", "strong": "1",
}  # fmt: skip

GLYPHS: dict[str, Style] = {
    "+": "new", "~": "changed", "−": "bad", "-": "bad", "⇄": "waiting", "…": "faint", "∥": "waiting", "✓": "good", "✗": "bad",
}  # fmt: skip


def is_lively(stream: TextIO) -> bool:
    """Whether somebody looks at this stream: a terminal, not a pipeline. https://no-color.org"""
    if os.environ.get("NO_COLOR") or os.environ.get("CI") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return stream.isatty()
    except ValueError:  # closed
        return False


def width_of(stream: TextIO) -> int | None:
    """The terminal's columns; None where there is no terminal to fit into."""
    try:
        return shutil.get_terminal_size((100, 24)).columns if stream.isatty() else None
    except ValueError:
        return None


class Paint:
    """`paint("text", "bad")`: the text, in colour where `is_on`."""

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on

    def __call__(self, text: str, style: Style | None) -> str:
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.is_on and style and text else text

    def glyph(self, glyph: str) -> str:
        return self(glyph, GLYPHS.get(glyph))
