"""`deploy gates --power`: what gates would do, without a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import run

TEXT = """
app: shop
web: {image: 'shop:1'}
strategy: canary
strategies: {canary: {steps: [{weight: 20, pause: 3m}]}}
traffic: {rate: 50}
gates:
- {name: errors, prometheus: 'http://prometheus.example:9090', use: istio}
- {name: smoke, job: 'smoke:1'}
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "deploy.yaml"
    path.write_text(TEXT)
    return str(path)


def test_it_says_what_they_would_find_and_how_often_they_would_err(file: str) -> None:
    shown = run("gates", "-f", file, "--power")
    data = json.loads(run("gates", "-f", file, "--power", "-o", "json").out)

    assert shown.code == 0
    assert "shop · canary · 50 requests/s, 0.5% of them errors" in shown.out
    assert "the new version gets 20% for 3 m" in shown.out
    assert "a good version is taken back in" in shown.out
    assert all(len(line) <= 60 for line in shown.out.splitlines() if "found" in line or "–" in line)
    assert data["stages"] == [{"weight": 20, "share": 0.2, "seconds": 180.0}]
    errors, smoke = data["gates"]
    assert errors["good"]["releases"] >= 1000
    assert [each["errors"] for each in errors["bad"]] == [0.01, 0.02, 0.05, 0.1]
    assert errors["bad"][-1]["takenBack"] == errors["bad"][-1]["releases"]
    assert smoke["good"] is None
    assert "cannot be assumed" in smoke["whyNot"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rate", "many"], "--rate many: not a number of requests a second"),
        (["--errors", "150%"], "--errors 150%: not a share"),
        (["--gate", "soon"], "--gate"),
        (["--clump", "0"], "--clump"),
    ],
)
def test_what_makes_no_sense_is_refused(file: str, words: list[str], said: str) -> None:
    outcome = run("gates", "-f", file, "--power", *words)
    assert outcome.code == 2
    assert said in outcome.err


def test_a_file_without_gates_says_how(tmp_path: Path) -> None:
    (tmp_path / "deploy.yaml").write_text("app: shop\nweb: {image: 'shop:1'}\n")
    outcome = run("gates", "-f", str(tmp_path / "deploy.yaml"), "--power")
    assert outcome.code == 2
    assert "docs/gates.md" in outcome.err
