"""Sequential statistics, row by row: of those that the product uses.

Left out, as nothing here asks them: `sampleRatio` (a test that may be looked at once), `confseq`, `groupSequential`, `mSPRT` and
`sprt` (gates have the mixture of gates.judges.sequential, which needs no variance and no plan of looks), `sampleSizeProportions`
and `sampleSizeMeans` (what a release can find is drawn at random by its own judges, ship.power), `peeking` (why nothing here is
a test of fixed size)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from exams import exam
from rollway.gates.effects import Sums, effect
from rollway.gates.shares import log_evidence

TABLE = exam("sequential-statistics")
SHARES = TABLE.get("sequentialSampleRatio", [])
EFFECTS = TABLE.get("asymptoticConfidenceSequence", [])


def sums(row: dict[str, Any]) -> Sums:
    return Sums(row["n"], row["successes"]) if "successes" in row else Sums(row["n"], row["sum"], row["sumSquares"])


@pytest.mark.parametrize("row", EFFECTS, ids=range(len(EFFECTS)))
def test_how_much_better_one_is(row: dict[str, Any]) -> None:
    found = effect(
        sums(row["a"]), sums(row["b"]), alpha=row["alpha"], tuning=row["tuning"], is_relative=row["difference"] == "relative"
    )
    assert found is not None
    wanted, near = row["expect"], row["tolerance"]
    assert (found.estimate, found.error) == pytest.approx((wanted["estimate"], wanted["stderr"]), abs=near)
    assert (found.low, found.high) == pytest.approx(tuple(wanted["ci"]), abs=near)
    assert found.p == pytest.approx(wanted["p"], rel=1e-6, abs=near)


@pytest.mark.parametrize("row", SHARES, ids=range(len(SHARES)))
def test_the_shares_of_requests(row: dict[str, Any]) -> None:
    most = 0.0
    for point in row["path"]:
        seen = log_evidence(point["counts"], row["theta"], row["concentration"])
        most = max(most, seen)
        assert seen == pytest.approx(point["logE"], abs=row["tolerance"])
        assert math.exp(-most) == pytest.approx(point["p"], rel=1e-6)
