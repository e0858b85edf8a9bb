"""Small pieces of Markdown, as MyST reads it."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"([\\*_<>\[\]|$#])")
_OPTION = re.compile(r"(?<![\w`-])(--[a-z][a-z-]*)")


def prose(text: str) -> str:
    """Plain words, of a help text or a description, as Markdown that shows just these: what stands between backticks is code,
    and so is an option; line breaks within are spaces."""
    parts = re.split(r"(`[^`]+`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") and len(part) > 2 else _marked(part) for part in parts)


def _marked(text: str) -> str:
    parts = _OPTION.split(text)
    return "".join(code(part) if place % 2 else _SPECIAL.sub(r"\\\1", part) for place, part in enumerate(parts))


def code(text: str) -> str:
    """A code span, whatever backticks are in it."""
    fence = "`" * (max((len(found) for found in re.findall(r"`+", text)), default=0) + 1)
    gap = " " if "`" in text else ""
    return f"{fence}{gap}{text}{gap}{fence}"


def block(language: str, text: str) -> str:
    return f"```{language}\n{text.rstrip()}\n```"


def defined(rows: Iterable[tuple[str, str]]) -> str:
    """A list of definitions: (term, what it is), both Markdown of a line."""
    return "\n\n".join(f"{term}\n: {meaning or '–'}" for term, meaning in rows)


def manual(name: str, section: int = 1) -> str:
    """Another page of the manual, as manuals name each other; on the site it leads there."""
    return f"{{manpage}}`{name}({section})`"


def on_site(text: str) -> str:
    """What a man page does not say, as its first line has said it."""
    return f"```{{only}} html\n{text}\n```"


def page(*parts: str) -> str:
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"
