"""The page on coming from Argo Rollouts and Flagger: what it shows is what happens, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from rollway.release import imports
from rollway.release.file import keys_at

from tests.support.published import FOLDER
from tests.support.shell import run

PAGE = (Path(__file__).parents[2] / "docs" / "from-argo.md").read_text()
ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: shop}
spec:
  selector: {matchLabels: {app: shop}}
  template: {metadata: {labels: {app: shop}}, spec: {containers: [{name: shop, image: shop:1}]}}
  strategy: {canary: {steps: [{setWeight: 20}, {pause: {}}]}}
"""


def test_the_command_says_what_the_page_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a Rollout that lies in k8s/."""
    monkeypatch.chdir(tmp_path)
    Path("k8s").mkdir()
    Path("k8s/rollout.yaml").write_text(ROLLOUT)
    command, wanted = re.search(r"```console\n\$ deploy (.+)\n(.+)\n```", PAGE).groups()  # type: ignore[union-attr]

    assert run(*command.split()).out.strip() == wanted
    assert yaml.safe_load(Path("deploy.yaml").read_text())["exclude"] == ["Rollout/shop"]
    assert "`exclude: [Rollout/shop]`" in PAGE


def test_the_fields_that_its_tables_name_are_published_ones() -> None:
    """On the left another tool's, or none at all; a field that is renamed there is not taken over any more."""
    published = set(re.findall(r"[A-Za-z0-9]+", "".join(path.read_text() for path in FOLDER.glob("*.txt"))))
    rows = [row.split(" | ")[0] for row in PAGE.splitlines() if row.startswith("| ")]
    named = {word for row in rows for text in re.findall(r"`([^`]+)`", row) for word in re.findall(r"[A-Za-z][A-Za-z0-9]*", text)}

    assert named - published - {"request", "success", "rate", "duration"} == set()


def test_every_kind_that_is_taken_over_is_named() -> None:
    """And the keys of the release file that the page speaks of are keys of it."""
    assert all(kind in PAGE for _, kind in imports.APPLICATIONS)
    assert {"exclude", "gates", "strategies"} <= set(keys_at(()))
