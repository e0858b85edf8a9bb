"""`deploy list`: every application, those first that somebody has to look after."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from rollway.cli.views.list_text import list_lines
from rollway.cli.views.paint import Paint
from rollway.cli.views.sink import fitted
from rollway.plan.revision import Entry, Revision
from rollway.ship.listing import Listed
from services import service
from shell import Shell, shell


@pytest.fixture
def deploy(tmp_path: Path) -> Iterator[Shell]:
    """api and web are live, of the shop half of the requests go to 2.0.0."""
    service(tmp_path, "web")
    service(tmp_path, "api")
    with shell() as deploy:
        deploy("apply", "-f", str(tmp_path), "-n", "shop")
        deploy("apply", "--image", ":1.0.0")
        deploy("apply", "canary", "--image", ":2.0.0", "--to", "50")
        deploy.file = None
        yield deploy


def test_paused_ones_come_first(deploy: Shell) -> None:
    lines = deploy("list", "-n", "shop").out.splitlines()

    assert lines[0].split() == ["APP", "VERSION", "STRATEGY", "PHASE", "SINCE", "(UTC)", "BY"]
    assert [line.split()[0] for line in lines[1:]] == ["shop", "api", "web"]
    assert lines[1].split()[1:8] == ["1.0.0", "→", "2.0.0", "canary", "paused", "at", "50%"]


def test_names_are_taken_by_the_other_verbs(deploy: Shell) -> None:
    """Of one namespace, and of all."""
    here, everywhere = deploy("list", "-n", "shop", "-o", "name").out, deploy("list", "-A", "-o", "name").out

    assert here.split() == ["shop", "api", "web"]
    assert everywhere.split() == ["shop/shop", "shop/api", "shop/web"]
    for name in everywhere.split():
        assert deploy("status", name, "-o", "json").document["app"] == name.partition("/")[2]
    assert deploy("status", "shop/shop", "-n", "other").code == 2


def test_a_document_for_programs(deploy: Shell) -> None:
    shop, api, _ = deploy("list", "-A", "-o", "json").document["releases"]

    assert (shop["state"], shop["phase"], shop["weight"], shop["liveVersion"]) == ("paused", "Paused", 50, "1.0.0")
    assert (api["state"], api["version"], api["liveRevision"]) == ("promoted", "1.0.0", 1)
    assert "@" in api["by"]


def test_where_nothing_was_released(deploy: Shell) -> None:
    outcome = deploy("list", "-n", "elsewhere")

    assert (outcome.code, outcome.out) == (0, "")
    assert outcome.err == "rollway has released nothing in namespace elsewhere; -A looks into all of them\n"
    assert deploy("list", "-n", "elsewhere", "-o", "json").document == {"releases": []}
    assert deploy("list", "-A", "-n", "shop").code == 2
    assert deploy("list", "-o", "yaml").code == 2


def listed(app: str, version: str) -> Listed:
    entry = Entry(at="2026-01-02T03:04:05Z", by="alice@a-laptop-with-a-long-name.example.com", phase="Paused", weight=5)
    revision = Revision(
        number=2, app=app, namespace="shop", strategy="canary", phase="Paused", weight=5, version=version, image="i", digest="d",
        replicas=1, base=1, entries=(entry,), release={},
    )  # fmt: skip
    return Listed(app, "shop", None, revision)


@pytest.mark.parametrize("width", [60, 80, 120])
def test_it_fits_the_terminal(width: int) -> None:
    """In a line each where that is wide enough, else in two."""
    lines = list(list_lines([listed("shop", "1.2.3"), listed("a-rather-long-name", "1.2.3-rc.1")], Paint(False), width))

    assert all(len(part) <= width for line in lines for part in fitted(line, width))
    assert len(lines) == (3 if width == 120 else 4)
