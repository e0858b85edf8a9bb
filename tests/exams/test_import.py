"""`deploy init` from other tools' published manifests. They are others' and stay out of the repository: where `ROLLWAY_EXAMS`
names no folder of them, the cases of `tests/release/imports` are what there is."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import foreign_steps
from tests.support.exams import exam
from tests.support.imported import GATE_S, initialised, loaded, stays

ROWS: list[dict[str, Any]] = exam("import-corpus").get("files", [])
SELECTOR = {"matchLabels": {"app": "shop"}}
PODS = {"metadata": {"labels": {"app": "shop"}}, "spec": {"containers": [{"name": "shop", "image": "shop:1"}]}}


def name(row: dict[str, Any]) -> str:
    return f"{row['repository']}/{row['file']}"


pytestmark = pytest.mark.skipif(not ROWS, reason="ROLLWAY_EXAMS names no folder with import-corpus.json")


@pytest.mark.parametrize("row", ROWS, ids=name)
def test_each_is_imported_and_nothing_of_it_is_lost(row: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release file comes of it, in which every last word of the foreign documents stands, or what it was made into."""
    monkeypatch.chdir(tmp_path)
    files, text = initialised(tmp_path, row["documents"])

    assert files
    assert yaml.safe_load(Path(files[0]).read_text())["app"]
    for doc in row["documents"]:
        for key in told(doc):
            assert key in text, key


def told(doc: dict[str, Any]) -> list[str]:
    """The names of a strategy's own fields, which are in the text whatever becomes of them; steps are made into others."""
    strategy = (doc.get("spec") or {}).get("strategy") or {}
    canary = strategy.get("canary") if isinstance(strategy, dict) and "argoproj" in doc["apiVersion"] else {}
    return [key for key in canary or {} if key not in ("steps", "analysis", "maxSurge", "maxUnavailable")]


def goes_by_steps(strategy: dict[str, Any]) -> bool:
    return bool(strategy.get("canary")) and not strategy.get("blueGreen")


SCHEDULED = [
    (row, doc)
    for row in ROWS
    for doc in row["documents"]
    if isinstance(doc, dict)
    and (
        (doc.get("apiVersion", "").startswith("argoproj") and goes_by_steps((doc.get("spec") or {}).get("strategy") or {}))
        or (doc["kind"] == "Canary" and ((doc.get("spec") or {}).get("analysis") or {}).get("maxWeight"))
    )
]


@pytest.mark.parametrize(("row", "doc"), SCHEDULED, ids=[name(row) for row, _ in SCHEDULED])
def test_the_same_shares_for_the_same_time(
    row: dict[str, Any], doc: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rehearsal of what comes of it holds the shares of the original's steps, each as long."""
    monkeypatch.chdir(tmp_path)
    spec = doc["spec"]
    wanted = (
        foreign_steps.flagger(spec["analysis"])
        if doc["kind"] == "Canary"
        else foreign_steps.argo(spec["strategy"]["canary"].get("steps") or [])
    )
    files, _ = initialised(tmp_path, completed(doc))
    release = loaded(next(file for file in files if file.endswith("deploy.yaml")))
    if not wanted:
        assert release.strategy in ("ramped", "blue-green")
        return

    found = stays(release)

    assert [share for share, _ in found] == [share for share, _ in wanted]
    lasting = [GATE_S if lasts is None else lasts for _, lasts in wanted]
    assert [lasts for _, lasts in found] == pytest.approx(lasting, abs=0.5)


def completed(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """With pods that can run, where it is an excerpt or names an image that stands for another."""
    out = copy.deepcopy(doc)
    spec = out["spec"]
    ref = spec.get("targetRef") or spec.get("workloadRef") or {}
    if doc["kind"] == "Canary" or (ref.get("kind") == "Deployment" and "template" not in spec):
        made = {"metadata": {"name": ref.get("name", "shop")}, "spec": {"replicas": 10, "selector": SELECTOR, "template": PODS}}
        return [out, {"apiVersion": "apps/v1", "kind": "Deployment", **made}]
    for key in ("workloadRef", "resourcePlugin"):
        spec.pop(key, None)
    spec |= {"selector": SELECTOR, "template": PODS, "replicas": spec.get("replicas") or 10}
    return [out]
