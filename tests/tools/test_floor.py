"""Coverage has a floor, of lines and of branches apart, that only rises."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[2] / "tools" / "floor.py"


@pytest.fixture
def tool(tmp_path: Path) -> Path:
    """A copy of it, with a floor of its own."""
    (tmp_path / "coverage.json").write_text('{"lines": 90.0, "branches": 80.0}\n')
    return Path(shutil.copy(TOOL, tmp_path))


def run(tool: Path, lines: int, branches: int, *words: str) -> subprocess.CompletedProcess[str]:
    summary = {"missing_lines": 1000 - lines, "missing_branches": 1000 - branches}
    totals = {"covered_lines": lines, "num_statements": 1000, "covered_branches": branches, "num_branches": 1000}
    report = tool.with_name("report.json")
    report.write_text(json.dumps({"totals": totals, "files": {"plan/plan.py": {"summary": summary}}}))
    command = [sys.executable, str(tool), str(report), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("lines", "branches", "told"), [(899, 800, "lines: 89.9%"), (900, 799, "branches: 79.9%")])
def test_below_it_is_red_and_says_where(tool: Path, lines: int, branches: int, told: str) -> None:
    done = run(tool, lines, branches)
    assert (done.returncode, told in done.stdout, "plan/plan.py" in done.stdout) == (1, True, True)


def test_it_rises_and_never_falls(tool: Path) -> None:
    assert "can rise" in run(tool, 950, 800).stdout
    run(tool, 950, 790, "--raise")
    assert json.loads(tool.with_name("coverage.json").read_text()) == {"lines": 95.0, "branches": 80.0}
    assert run(tool, 949, 800).returncode == 1
