"""The manifests that the documents about zero downtime show, as they stand there, and what is found in them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml
from rollway import preflight
from rollway.preflight.writing import rewritten
from rollway.release.load import load
from rollway.release.reading import read_text

HERE = Path(__file__).parent / "documents"
GOLDEN = yaml.safe_load((HERE / "findings.yaml").read_text())
DOCUMENTS = sorted(path.parent.name for path in HERE.glob("*/deploy.yaml"))


def told(folder: Path) -> list[str]:
    release = load(str(folder / "deploy.yaml"))
    return [
        f"{found.where.removeprefix(f'{folder}/')}: {found.severity} {found.id} {found.message}"
        for found in preflight.findings(release)
    ]


@pytest.mark.parametrize("document", DOCUMENTS)
def test_found(document: str) -> None:
    """These and no others, each with the reason why it is right."""
    expected = GOLDEN[document]

    assert sorted(told(HERE / document)) == sorted(each["finding"] for each in expected)
    assert all(each["reason"] for each in expected)


def test_every_document_is_there() -> None:
    """Nothing in the golden file that is not looked at."""
    assert sorted(GOLDEN) == DOCUMENTS


@pytest.mark.parametrize("document", DOCUMENTS)
def test_mended(document: str, tmp_path: Path) -> None:
    """Of what has a fix nothing is found again, no error is left, and the third look changes nothing."""
    folder = tmp_path / document
    shutil.copytree(HERE / document, folder)
    for _ in range(2):
        release = load(str(folder / "deploy.yaml"))
        for source, text in rewritten(release, preflight.findings(release), lambda path: read_text(path, path)).texts.items():
            Path(source).write_text(text)

    release = load(str(folder / "deploy.yaml"))
    left = preflight.findings(release)

    assert [finding.id for finding in left if finding.fix or finding.severity == "error"] == []
    assert rewritten(release, left, lambda path: read_text(path, path)).texts == {}
