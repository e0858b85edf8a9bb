"""A text file of named sections, each what one case of a table comes to: a changed behaviour reads as a diff."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rollway.errors import RollwayError

HEAD = re.compile(r"^## (.*)$\n", re.MULTILINE)


class Sections:
    """`## name` and what follows it, up to the next. With `is_rewriting` a section is written as it is now."""

    def __init__(self, path: Path, *, is_rewriting: bool) -> None:
        self._path, self._is_rewriting = path, is_rewriting

    def read(self) -> dict[str, str]:
        _, *parts = HEAD.split(self._path.read_text()) if self._path.exists() else [""]
        return dict(zip(parts[::2], parts[1::2], strict=True))

    def hold(self, name: str, lines: list[str]) -> None:
        """What the case comes to is what stands there."""
        text = "".join(f"{line.rstrip()}\n" for line in lines) + "\n"
        known = self.read()
        if self._is_rewriting and known.get(name) != text:
            known[name] = text
            self._path.write_text("".join(f"## {key}\n{known[key]}" for key in sorted(known)))
        assert text == self.read().get(name), f"{self._path.name} has another {name!r}: make golden"


def said(value: Any) -> str:
    """A value in one line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str, sort_keys=True)


def tried(work: Callable[[], Any]) -> str:
    """What it answers, or by which words it refuses."""
    try:
        return said(work())
    except (ValueError, RollwayError) as refused:
        return f"{type(refused).__name__}: {refused}"
