"""Rehearsals against releases on a real node under real load: what is predicted from the parameters alone is what was measured.

Another folder of recordings is read from the environment variable ROLLWAY_CONFORMANCE (its subfolder `truth`).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fidelity import is_same_order, rows_of, scenarios_in, section

HERE = Path(__file__).parent
FOLDER = Path(os.environ.get("ROLLWAY_CONFORMANCE") or HERE) / "truth"
PAGE = HERE.parent.parent / "docs" / "fidelity.md"


SCENARIOS = scenarios_in(FOLDER)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_median_prediction_is_near_the_median_measurement(name: str) -> None:
    """Duration within 10%, downtime and losses within 20% or 5 requests, both versions answering within 20% or 0.5 s, peaks
    exact, the kinds of failure in the measured order; and the page shows the very figures."""
    rows = rows_of(SCENARIOS[name])
    text = section(name, rows)
    print(text)

    assert [row.name for row in rows if not row.is_near] == []
    assert is_same_order(rows)
    if FOLDER.parent == HERE:
        assert text in PAGE.read_text(encoding="utf-8"), "docs/fidelity.md is out of date: `make fidelity`"
