"""Columns of text."""

from __future__ import annotations

from collections.abc import Sequence


def columns(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "   ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()
