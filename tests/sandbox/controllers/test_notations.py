"""Texts of Jobs and CronJobs that ask for more than there is."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
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


@pytest.mark.parametrize("schedule", ["@every 999999999999h", f"@every {'9' * 400}s"])
def test_a_schedule_beyond_the_end_of_time(schedule: str) -> None:
    with pytest.raises(Unreadable):
        following(schedule, None, NOW)
