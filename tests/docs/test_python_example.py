"""The example of the Python API runs, and docs/compare.md speaks of what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from rollway.cli.main import main
from rollway.compare.figures import columns
from rollway.compare.results import CAUSES, Comparison

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "compare.md").read_text(encoding="utf-8")


def test_the_example_prints_figures() -> None:
    """A row a strategy; recreate is the one that loses requests."""
    ran = subprocess.run([sys.executable, ROOT / "examples/python/rehearse.py"], capture_output=True, text=True, check=True)

    lost = {name: int(number) for name, number in re.findall(r"^(\S+) +[\d.]+ s +(\d+) lost", ran.stdout, re.MULTILINE)}
    assert list(lost) == ["recreate", "ramped", "blue-green", "canary"]
    assert lost["recreate"] > 0 == lost["ramped"] == lost["blue-green"]
    assert ran.stderr == ""


def test_every_figure_and_every_cause_has_a_row() -> None:
    shown = {each.heading for bad in ("", "500s") for each in columns(Comparison("a", "1", "2", 1, 0, (), bad=bad))} - {"GONE IN"}

    assert shown <= set(re.findall(r"^\| ([A-Z-]+(?: [A-Z]+)?) \|", PAGE, re.MULTILINE))
    assert set(CAUSES) <= set(re.findall(r"^\| ([a-z ]+) \|", PAGE, re.MULTILINE))


def test_every_flag_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--help"], None) == 0
    known = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))

    assert set(re.findall(r"(?<![-\w|])--[a-z][a-z-]+", PAGE)) <= known
