"""`deploy notify`: who is told, and whether they can be; and a release that tells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from shell import EXAMPLE, shell


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NOBODYS_HOOK", raising=False)
    path = tmp_path / "deploy.yaml"
    text = EXAMPLE.read_text().replace("[k8s/]", json.dumps([str(EXAMPLE.parent / "k8s")]))
    path.write_text(text + "notify:\n- {slack: {env: NOBODYS_HOOK}, on: [failed]}\n- {name: ops, teams: {env: NOBODYS_HOOK}}\n")
    return path


def test_who_is_told_of_what(told: Path) -> None:
    with shell(told) as deploy:
        shown = deploy("notify")
        document = deploy("notify", "-o", "json").document
    assert shown.code == 0
    assert "slack   slack: failed" in shown.out
    assert "ops     teams: paused, promoted, failed, rolledBack, gateFailed" in shown.out
    assert document["notify"][0] == {"name": "slack", "kind": "slack", "on": ["failed"]}


def test_a_test_says_who_cannot_be_told(told: Path) -> None:
    """Exit 1, with the reason."""
    with shell(told) as deploy:
        shown = deploy("notify", "--test")
        document = deploy("notify", "--test", "-o", "json").document
    assert shown.code == 1
    assert "the environment variable NOBODYS_HOOK is not set" in shown.out
    assert [each["isTold"] for each in document["notify"]] == [False, False]


def test_a_release_goes_on_and_says_once_who_could_not_be_told(told: Path) -> None:
    """Several turns, one line."""
    with shell(told) as deploy:
        first = deploy("apply", "--image", ":1.4.0")
        second = deploy("apply", "--image", ":1.5.0", "--auto")
    assert (first.code, second.code) == (0, 0)
    assert second.err.count("ops could not be told: the environment variable NOBODYS_HOOK is not set") == 1
    assert "slack could not" not in second.err


def test_a_file_that_tells_nobody() -> None:
    with shell() as deploy:
        assert deploy("notify").code == 2
