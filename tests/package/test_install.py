"""The lines that the README gives for installing work, in an environment that has nothing else, from outside of the checkout."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
INSTALLED_MB = 230  # without extras; 159 were measured, most of it `kubernetes`
OFFLINE = "network was disabled"  # uv's words for a package that its cache has not


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone, so that what a build leaves behind is not left in the tree."""
    if shutil.which("uv") is None:
        pytest.skip("uv is not installed here")
    if not (ROOT / ".git").exists():
        pytest.skip("this tree is no checkout of git")
    clone = tmp_path_factory.mktemp("checkout") / "rollway"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True, capture_output=True)
    return clone


@pytest.mark.parametrize("source", ["folder", "git", "wheel"])
def test_a_tool_is_installed_and_starts(source: str, checkout: Path, tmp_path: Path) -> None:
    """`uv tool install` of a checkout, a git URL and a wheel gives a `deploy` that starts, no larger than told."""
    tools, programs = tmp_path / "tools", tmp_path / "bin"
    environment = {**os.environ, "UV_TOOL_DIR": str(tools), "UV_TOOL_BIN_DIR": str(programs)}
    what = {"folder": str(checkout), "git": f"git+{checkout.as_uri()}", "wheel": str(tmp_path)}[source]
    if source == "wheel":
        uv(environment, "build", "--wheel", "--out-dir", str(tmp_path), str(checkout))
        [wheel] = tmp_path.glob("*.whl")
        what = str(wheel)

    uv(environment, "tool", "install", "--python", sys.executable, what)
    told = subprocess.run([programs / "deploy", "version"], cwd=tmp_path, capture_output=True, text=True, check=True)
    size = sum(path.lstat().st_size for path in tools.rglob("*") if path.is_file()) / 1e6

    assert told.stdout.startswith("rollway ")
    assert size < INSTALLED_MB


def uv(environment: dict[str, str], *words: str) -> None:
    """From its cache alone: a test fetches nothing."""
    done = subprocess.run(["uv", *words, "--offline", "--quiet"], env=environment, capture_output=True, text=True, check=False)
    if OFFLINE in done.stderr:
        pytest.skip(f"uv's cache has not all that it takes: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_page_installs_from_an_index(page: Path) -> None:
    """The package is on no public index: whoever installed `rollway` by its bare name would get somebody else's, or nothing."""
    assert re.findall(r"\binstall +(?:-\S+ +)*['\"]?rollway\b[^`\n]*", page.read_text()) == []
