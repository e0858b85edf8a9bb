"""The documents: their blocks of code, and the sessions that they show."""

from __future__ import annotations

import itertools
import re
import shlex
from pathlib import Path
from typing import NamedTuple, Protocol

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
_FENCE = re.compile(r"^```(\S*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Block(NamedTuple):
    page: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks(page: Path, *languages: str) -> list[Block]:
    """Of these languages, else all of them."""
    text = page.read_text(encoding="utf-8")
    found = [Block(page.name, text[: at.start()].count("\n") + 1, at[1], at[2]) for at in _FENCE.finditer(text)]
    return [each for each in found if not languages or each.language in languages]


def commands(session: str) -> list[tuple[str, str]]:
    """(command line, what stands below it) for each `$ ` line."""
    parts = re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2].strip("\n")) for part in parts]


class Said(Protocol):
    out: str
    err: str


def printed(said: Said) -> str:
    """Both streams, as a terminal shows them; without what is only said on a machine that is slow."""
    return (re.sub(r"^rehearsing: .*\n", "", said.err, flags=re.MULTILINE) + said.out).strip("\n")


def is_shown(expected: str, printed: str) -> bool:
    """Whether that is what was printed, but for what a line `…` stands for: any lines."""
    pattern = "".join(
        r"(?:.*\n)*?" if line.strip() == "…" else re.escape(line) + r"\n" for line in expected.strip("\n").split("\n")
    )
    return re.fullmatch(pattern, printed.strip("\n") + "\n") is not None


def words(line: str) -> list[str]:
    """Of a line of a shell, without its comment and what it is piped into."""
    return list(itertools.takewhile(lambda word: word not in ("|", ">", "&&"), shlex.split(line, comments=True)))
