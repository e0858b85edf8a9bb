"""The records of decisions can be found, read and superseded one by one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
FOLDER = ROOT / "docs" / "decisions"
RECORDS = sorted(FOLDER.glob("[0-9]*.md"))


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_a_record_has_its_three_parts(record: Path) -> None:
    """Context, decision, consequence, in that order, each with something in it, below a title with the file's number."""
    title, *parts = re.split(r"^## ", record.read_text(), flags=re.MULTILINE)
    names = [part.partition("\n")[0] for part in parts]
    bodies = [part.partition("\n")[2].strip() for part in parts]

    assert title.startswith(f"# {int(record.name[:4])}. ")
    assert names == ["Context", "Decision", "Consequence"]
    assert all(bodies)


def test_records_are_numbered_without_a_gap() -> None:
    """A number is given once, and none is left out: what was superseded stays."""
    assert [record.name[:5] for record in RECORDS] == [f"{number:04}-" for number in range(1, len(RECORDS) + 1)]


def test_the_index_lists_every_record() -> None:
    """In the order of their numbers, each by its own title."""
    listed = re.findall(r"^\d+\. \[(.+)\]\((.+\.md)\)$", (FOLDER / "README.md").read_text(), re.MULTILINE)

    assert listed == [(record.read_text().partition("\n")[0].split(". ", 1)[1], record.name) for record in RECORDS]


@pytest.mark.parametrize("page", [ROOT / "docs" / "architecture.md", *RECORDS], ids=lambda path: path.stem)
def test_files_that_are_named_are_there(page: Path) -> None:
    """A path in the drawing or in a record, from the root or as a name alone, is that of a file or folder of the house."""
    named = re.findall(r"`([\w./-]+(?:\.(?:py|js|md)|/))`", page.read_text())
    missing = [name for name in named if not (ROOT / name).exists() and not any(ROOT.glob(f"*/{name}"))]

    assert missing == []
