"""A known weakness of what is locked makes the build red; a database that is away is told and does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "audit.py"
SOUND = {"name": "sound", "version": "1", "vulns": []}
UNKNOWN = {"name": "unheard-of", "skip_reason": "Dependency not found"}
WEAK = {
    "name": "weak",
    "version": "2",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}

Audit = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def audit(tmp_path: Path) -> Audit:
    """Runs the tool with a pip-audit that prints a text, and fails as the real one does."""

    def run(printed: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "pip_audit.py").write_text(f"print({printed!r})\nraise SystemExit(1)\n")
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        return subprocess.run(
            [sys.executable, str(TOOL), "run.txt"], env=environment, capture_output=True, text=True, check=False
        )

    return run


def report(*packages: Any) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_each_weakness_is_named_and_the_build_is_red(audit: Audit) -> None:
    done = audit(report(SOUND, WEAK))
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "run.txt: weak 2: PYSEC-1, mended in 2.1",
        "run.txt: weak 2: PYSEC-2, not mended yet",
    ]


def test_what_its_database_does_not_know_is_named(audit: Audit) -> None:
    done = audit(report(SOUND, UNKNOWN))
    assert done.returncode == 0
    assert done.stdout.strip() == "run.txt: no known weakness; not known to its database: unheard-of"


@pytest.mark.parametrize("printed", ["", report(UNKNOWN)], ids=["no-answer", "knows-nothing"])
def test_a_database_that_is_away_is_told_and_is_not_red(audit: Audit, printed: str) -> None:
    done = audit(printed)
    assert (done.returncode, "NOT audited" in done.stdout) == (0, True)
