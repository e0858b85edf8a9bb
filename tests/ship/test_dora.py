"""The four figures of DORA from histories."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rollway.cli.views.dora_text import dora_document, dora_text
from rollway.plan.revision import Entry, Revision
from rollway.ship.dora import figures
from shell import shell

NOW = datetime(2026, 3, 31, tzinfo=UTC)


def at(days: float, minutes: float = 0) -> str:
    return (NOW - timedelta(days=days) + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")


def revision(began: float, *turns: tuple[float, str], **more: Any) -> Revision:
    """Begun so many days ago; each turn after so many minutes."""
    entries = [Entry(at=at(began, minutes), by="x", phase=phase, weight=0) for minutes, phase in turns]  # type: ignore[arg-type]
    known: dict[str, Any] = {
        "number": 1, "app": "shop", "namespace": "shop", "strategy": "canary", "phase": turns[-1][1], "weight": 0, "version": "v",
        "image": "", "digest": "", "replicas": 1, "base": 0, "started": at(began), "entries": tuple(entries), "release": {},
        "was_promoted": any(phase == "Promoted" for _, phase in turns),
    }  # fmt: skip
    return Revision(**{**known, **more})


GOOD = revision(20, (0, "Progressing"), (5, "Paused"), (30, "Promoted"))
TAKEN_BACK = revision(10, (0, "Progressing"), (6, "RolledBack"))
BACK_LATER = revision(5, (0, "Progressing"), (10, "Promoted"), (70, "RolledBack"))
UNDER_WAY = revision(1, (0, "Progressing"), (5, "Paused"))
ADOPTED = revision(300, (0, "Promoted"), is_adopted=True)


def test_of_several_applications() -> None:
    """Deployments are what came to an end; the window is what the history still has."""
    found = figures([[ADOPTED, GOOD, TAKEN_BACK], [BACK_LATER, UNDER_WAY]], NOW)

    assert (found.applications, found.deployments, found.failures) == (2, 3, 2)
    assert found.since_s == 20 * 86400
    assert found.per_day == pytest.approx(3 / 20)
    assert found.failure_rate == pytest.approx(2 / 3)
    assert found.restore_s == 60 * (6 + 60) / 2
    assert found.rollout_s == 60 * (30 + 10) / 2
    assert found.lead_time_s is None
    assert "1.1 a week" in dora_text(found)
    assert "67% (2 taken back or left failed)" in dora_text(found)


def test_what_nobody_knows_is_not_made_up() -> None:
    """Without a deployment there is no rate; a failure that was left standing was never restored."""
    nothing, left = figures([[UNDER_WAY]], NOW), figures([[revision(2, (0, "Progressing"), (5, "Failed"))]], NOW)

    assert dora_document(nothing)["deploymentsPerDay"] is None
    assert dora_document(nothing)["changeFailureRate"] is None
    assert (left.failures, left.restore_s, left.rollout_s) == (1, None, None)


def test_an_hour_is_no_day() -> None:
    """Two releases within an hour are two a day, not 48."""
    assert figures([[revision(0.04, (0, "Progressing"), (5, "Promoted"))] * 2], NOW).per_day == 2


def test_the_command() -> None:
    """Of what a cluster's history has; an application that nobody has released is told of."""
    with shell(context="prod") as deploy:
        assert deploy("apply", "recreate", "--image", ":1.4.0").code == 0
        every, one, none = (
            deploy("history", "--dora", "-A", "-o", "json"),
            deploy("history", "--dora", "shop", "-n", "shop"),
            deploy("history", "--dora", "x"),
        )
        wrong = deploy("history", "-A")

    assert (every.document["applications"], every.document["deployments"], every.document["changeFailureRate"]) == (1, 1, 0.0)
    assert "1 application · 1 deployment · the last" in one.out
    assert (none.code, wrong.code) == (2, 2)
    assert "has released no x in namespace" in none.err
