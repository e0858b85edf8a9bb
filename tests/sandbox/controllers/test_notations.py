"""Texts of Jobs and CronJobs that ask for more than there is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rollway.kube.validation.cron import misread
from rollway.sandbox.controllers.jobindexes import INDEX, index_of, parsed
from rollway.sandbox.controllers.schedule import Unreadable, following

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0,2-4", {0, 2, 3, 4}),
        ("3-999999999", {3, 4}),
        ("0-99999999999999999999", set()),
        ("9" * 5000, set()),
        ("1,x,4-", {1, 4}),
    ],
)
def test_indexes_end_where_the_job_ends(text: str, found: set[int]) -> None:
    assert parsed(text, 5) == found


def test_an_index_that_is_no_number_is_none() -> None:
    assert index_of({"metadata": {"annotations": {INDEX: "9" * 5000}}}) is None


@pytest.mark.parametrize(
    ("span", "seconds"), [("90s", 90), ("1.5h", 5400), ("1m500ms", 60), ("10ms", 1), ("-1h", 1), (".5h", 1800), ("+2s", 2)]
)
def test_every_so_long_is_as_go_writes_it(span: str, seconds: int) -> None:
    """In whole seconds, one at least: what the API server takes, the controller reads."""
    assert not misread(f"@every {span}")
    assert (following(f"@every {span}", None, NOW) - NOW).total_seconds() == seconds


@pytest.mark.parametrize("schedule", ["@every 999999999999h", f"@every {'9' * 400}s"])
def test_a_schedule_beyond_the_end_of_time(schedule: str) -> None:
    with pytest.raises(Unreadable):
        following(schedule, None, NOW)
