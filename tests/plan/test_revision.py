"""A revision as it stands after what happens to it."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.plan.revision import Entry, Revision

BEGUN = Revision(
    number=2, app="shop", namespace="shop", strategy="ramped", phase="Progressing", weight=0, version="2", image="shop:2",
    digest="", replicas=1, base=1, release={},
)  # fmt: skip
FAILED = BEGUN.model_copy(
    update={"phase": "Failed", "message": "no pod got ready", "told": ("shop-1: crashed",), "started": "00:00"}
)


def entry(phase: str, at: str = "00:10", **kw: Any) -> Entry:
    return Entry.model_validate({"at": at, "by": "ann", "phase": phase, "weight": 0} | kw)


def test_who_began_it_and_when_stays() -> None:
    """Whoever goes on with it, and whenever."""
    first = BEGUN.entered(entry("Progressing", "00:01"))
    later = first.entered(entry("Paused", "00:05", by="bob", weight=50))

    assert (first.started, first.by) == (later.started, later.by) == ("00:01", "ann")
    assert (later.phase, later.weight, len(later.entries)) == ("Paused", 50, 2)


@pytest.mark.parametrize("phase", ["RolledBack", "Failed"])
def test_why_it_failed_is_kept_on_the_way_back(phase: str) -> None:
    """With what the pods said, unless it says why by itself."""
    back = FAILED.entered(entry(phase))

    assert (back.message, back.told) == ("no pod got ready", ("shop-1: crashed",))
    assert FAILED.entered(entry(phase), message="by hand").message == "by hand"


@pytest.mark.parametrize("phase", ["Progressing", "Paused", "Promoted"])
def test_what_begins_anew_has_not_failed(phase: str) -> None:
    again = FAILED.entered(entry(phase))

    assert (again.message, again.told) == ("", ())


@pytest.mark.parametrize(("phase", "has_ended"), [("Promoted", True), ("RolledBack", True), ("Failed", True), ("Paused", False)])
def test_it_has_ended_when_nothing_goes_on(phase: str, has_ended: bool) -> None:
    assert bool(BEGUN.entered(entry(phase)).ended) is has_ended


def test_a_pause_has_its_moment_and_its_length() -> None:
    """And nothing else has them."""
    paused = BEGUN.entered(entry("Paused"), pause_s=60, exact_at="00:10.5")

    assert (paused.paused_at, paused.pause_s) == ("00:10.5", 60)
    assert BEGUN.entered(entry("Paused")).paused_at == "00:10"
    gone_on = paused.entered(entry("Progressing"), pause_s=60)
    assert (gone_on.paused_at, gone_on.pause_s) == ("", None)


def test_once_promoted_is_told_for_good() -> None:
    promoted = BEGUN.entered(entry("Promoted"))

    assert not BEGUN.entered(entry("Paused")).was_promoted
    assert promoted.entered(entry("RolledBack")).was_promoted
