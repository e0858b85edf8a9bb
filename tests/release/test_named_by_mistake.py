"""Files that are no manifests: told as such, at once, and without a word of what they hold."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from rollway.errors import BadInput
from rollway.release.load import load
from rollway.release.yamlfile import documents


def refused(tmp_path: Path, manifest: str) -> BadInput:
    (tmp_path / "deploy.yaml").write_text(f"app: shop\nmanifests: [{manifest}]\n")
    with pytest.raises(BadInput) as error:
        load(str(tmp_path / "deploy.yaml"))
    return error.value


@pytest.mark.parametrize("end", ["", ":::"], ids=["a text", "a mapping"])
def test_nothing_of_it_is_quoted(tmp_path: Path, end: str) -> None:
    """It may be a key or a table of passwords, which YAML may take for a mapping."""
    (tmp_path / "shadow").write_text(f"root:hunter2:19000:0:99999{end}\n")

    assert "hunter2" not in str(refused(tmp_path, "shadow"))
    with pytest.raises(BadInput) as error:
        load(str(tmp_path / "shadow"))
    assert "hunter2" not in str(error.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write to it."""
    os.mkfifo(tmp_path / "app.yaml")

    assert "a pipe or a device" in str(refused(tmp_path, "app.yaml"))


def test_a_comment_is_about_the_next_line_that_holds_something() -> None:
    """Through other comments and blank lines; in text it is none."""
    text = "# rollway: ignore A\n\n# other\na: 1  # rollway: ignore B\nb: |\n  # rollway: ignore C\n# rollway: ignore D\n"

    [document] = documents(text, "x")

    assert [(note.line, note.about, note.text) for note in document.notes] == [
        (1, 4, "ignore A"),
        (4, 4, "ignore B"),
        (7, 7, "ignore D"),
    ]
