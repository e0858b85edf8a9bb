"""Text in Markdown that shows as it is."""

from __future__ import annotations

import re


def plain(text: str) -> str:
    """Text that Markdown shows as it is, on one line, in a table too."""
    return re.sub(r"([\\`*_{}\[\]<>#|~!&])", r"\\\1", " ".join(text.split()))


def fenced(text: str, language: str) -> str:
    """A block of code, whose fence is longer than whatever looks like one inside of it."""
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{fence}{language}\n{text}\n{fence}"
