"""Sequential statistics, row by row: of those that the product uses.

Left out, as nothing here asks them: `sampleRatio` (a test that may be looked at once), `confseq`, `groupSequential`, `mSPRT` and
`sprt` (gates have the mixture of gates.judges.sequential, which needs no variance and no plan of looks), `sampleSizeProportions`
and `sampleSizeMeans` (what a release can find is drawn at random by its own judges, ship.power), `peeking` (why nothing here is
a test of fixed size), `asymptoticConfidenceSequence` (how much better a variant is: gates ask whether one is worse)."""

from __future__ import annotations

import math
from typing import Any

import pytest
from exams import exam
from rollway.gates.shares import log_evidence

SHARES = exam("sequential-statistics").get("sequentialSampleRatio", [])


@pytest.mark.parametrize("row", SHARES, ids=range(len(SHARES)))
def test_the_shares_of_requests(row: dict[str, Any]) -> None:
    most = 0.0
    for point in row["path"]:
        seen = log_evidence(point["counts"], row["theta"], row["concentration"])
        most = max(most, seen)
        assert seen == pytest.approx(point["logE"], abs=row["tolerance"])
        assert math.exp(-most) == pytest.approx(point["p"], rel=1e-6)
