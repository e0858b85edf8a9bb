"""When Flagger takes a canary back, row by row.

Its `threshold` is Argo's failureLimit and one: so many failed checks, whichever passed between them. `weights` are not ours: the
steps are written one by one in a release file."""

from __future__ import annotations

from typing import Any

import pytest
from exams import exam, names
from rollway.gates.figures import Phase
from rollway.gates.judges.threshold import Limits, Tally

ROWS = exam("flagger").get("threshold", [])


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
def test_failed_checks_add_up(row: dict[str, Any]) -> None:
    limits, tally = Limits(failure=row["threshold"] - 1), Tally()
    for place, is_good in enumerate(row["checks"], start=1):
        tally = tally.and_one(Phase.PASSED if is_good else Phase.FAILED)
        if limits.assess(tally) == Phase.FAILED:
            assert place == row["rollbackDecidedAfterCheck"]
            return
    assert row["rollbackDecidedAfterCheck"] is None
