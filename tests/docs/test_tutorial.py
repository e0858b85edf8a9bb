"""docs/tutorial.md from its first line to its last: its files are written, its commands run, and they print what stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from shell import shell

from tests.support.pages import DOCS, blocks, commands, printed

PAGE = DOCS / "tutorial.md"
PODS = re.compile(r"(?<=shop-canary-)([0-9a-f]{6,}-)[a-z0-9]{5}\b")
"""Their names end as chance has it, which is another one with every change of what a release asks."""
BAD = "deploy apply --image :3 --auto"


def test_the_tutorial_is_what_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A file is written where the page comes to it, under the name in its first line; the bad version alone is an error.
    `make golden` writes what commands print."""
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8")
    with shell(None, context="sandbox", is_sandbox=True) as deploy:
        for block in blocks(PAGE, "yaml", "console"):
            if block.language == "yaml":
                path = Path(re.match(r"# (\S+\.yaml)\n", block.text)[1])  # type: ignore[index]
                path.parent.mkdir(exist_ok=True)
                path.write_text(block.text, encoding="utf-8")
                continue
            shown = []
            for line, _ in commands(block.text):
                outcome = deploy(*shlex.split(line)[1:])
                assert outcome.code == (1 if line == BAD else 0), line
                said = PODS.sub(r"\1q58qw", printed(outcome))
                shown.append(f"$ {line}\n{said}\n")
            text = text.replace(block.text, "\n".join(shown))
        history = deploy("history", "-o", "json").document["revisions"]
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == text
    assert [(each["version"], each["phase"]) for each in history] == [("1", "Promoted"), ("2", "Promoted"), ("3", "RolledBack")]
