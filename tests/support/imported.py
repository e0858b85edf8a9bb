"""`deploy init` on manifests as somebody has them, and what comes of it."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from rollway.compare.comparing import rehearse
from rollway.compare.scenario import Scenario
from rollway.release.load import load
from rollway.release.model import Release

from .shell import run

GATE_S = 13.0
"""How long a pause without an end lasts in these rehearsals: no other pause is as long."""


def initialised(folder: Path, docs: list[Any]) -> tuple[list[str], str]:
    """(the files that init has written, all of their text) of documents in one file of a folder."""
    (folder / "k8s").mkdir(parents=True)
    (folder / "k8s" / "all.yaml").write_text(yaml.safe_dump_all(docs))
    outcome = run("init", "k8s/", "-o", "json")
    assert outcome.code == 0, outcome.err
    files = outcome.document["written"]
    return files, "".join(Path(file).read_text() for file in files)


def loaded(file: str) -> Release:
    release = load(file)
    return release if release.namespace else release.with_namespace("default")


def stays(release: Release) -> list[tuple[int, float]]:
    """(share, seconds) of each pause of a rehearsal on the embedded cluster, where no gate asks for more."""
    scenario = Scenario(rate=1, gate_s=GATE_S, settle_s=1, bound_s=30 * 24 * 3600.0)
    outcome = asyncio.run(rehearse(replace(release, gates=()), release.strategy, scenario))
    found: list[tuple[int, float]] = []
    begun: tuple[float, int] | None = None
    for mark in outcome.runs[0].marks:
        if begun is not None:
            found.append((begun[1], mark.at_s - begun[0]))
            begun = None
        if mark.text.startswith("holds"):
            begun = mark.at_s, int(mark.weight or 0)
    return found
