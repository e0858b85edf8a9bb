"""Makes the documentation: `python -m rollway.tools.manual FOLDER [site|man]`.

FOLDER/site is a site that needs no server and no network, FOLDER/man the man pages; without a word it makes both. They are made
of docs/ and of what the code itself says: the reference is written anew each time, and nobody else writes it.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from .documents import documents_page
from .exits import exits_page
from .markdown import page
from .release_file import release_file_page
from .site import BUILDERS, ManPage, build
from .verbs import Command, command_page, commands, root

ROOT = Path(__file__).parents[2]
AUTHORS: list[str] = []


def main(words: Sequence[str]) -> int:
    out, kinds = Path(words[0] if words else "build").resolve(), tuple(words[1:]) or tuple(BUILDERS)
    source = staged(out / "manual")
    every = list(commands(root()))
    write_reference(source / "reference", every)
    for kind in kinds:
        shutil.rmtree(out / kind, ignore_errors=True)
    return build(source, out, man_pages(every), kinds)


def staged(place: Path) -> Path:
    """What the documents are read from: a copy, beside a copy of the examples that they name."""
    shutil.rmtree(place, ignore_errors=True)
    for name in ("docs", "examples"):
        shutil.copytree(ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__"))
    for record in (place / "docs" / "decisions").glob("[0-9]*.md"):  # the page of all of them lists them; the menu need not
        record.write_text(f"---\norphan: true\n---\n\n{record.read_text(encoding='utf-8')}", encoding="utf-8")
    return place / "docs"


def write_reference(folder: Path, every: Sequence[Command]) -> None:
    folder.mkdir()
    pages = {each.name: command_page(each) for each in every}
    pages |= {"deploy.yaml": release_file_page(), "exit-codes": exits_page(), "documents": documents_page()}
    pages["commands"] = page("# Commands", _contents([each.name for each in every]))
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def _contents(names: Sequence[str]) -> str:
    return "\n".join(("```{toctree}", ":titlesonly:", "", *names, "```"))


def man_pages(every: Sequence[Command]) -> list[ManPage]:
    """A page a command, and the release file."""
    listed: list[ManPage] = [(f"reference/{each.name}", each.name, each.told, AUTHORS, 1) for each in every]
    return [*listed, ("reference/deploy.yaml", "deploy.yaml", "what is released, and how", AUTHORS, 5)]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
