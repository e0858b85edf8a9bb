"""Colour, where it is wanted, and how wide the screen is."""

from __future__ import annotations

import os
import secrets
import shutil
from typing import Literal, TextIO

Style = Literal["good", "bad", "new", "changed", "waiting", "faint", "strong"]
MARK = chr(0xF0000 + secrets.randbelow(0xFFFE))
"""Stands before a style's letter in painted text, until it is written (sink.py): of a private plane, and another one in each
process, so that no text from outside can hold it."""
CODES = {"0": "0", "g": "32", "b": "31", "n": "32", "c": "33", "w": "36", "f": "2", "s": "1"}

GLYPHS: dict[str, Style] = {
    "+": "new", "~": "changed", "−": "bad", "-": "bad", "⇄": "waiting", "…": "faint", "∥": "waiting", "✓": "good", "✗": "bad",
    "!": "changed", "▸": "waiting",
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
    """`paint("text", "bad")`: the text, marked to be in colour where `is_on`."""

    def __init__(self, is_on: bool) -> None:
        self.is_on = is_on

    def __call__(self, text: str, style: Style | None) -> str:
        return f"{MARK}{style[0]}{text}{MARK}0" if self.is_on and style and text else text

    def glyph(self, glyph: str) -> str:
        return self(glyph, GLYPHS.get(glyph))
