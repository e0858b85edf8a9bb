"""An experiment on a screen: its sentence, its other metrics, and the interval over time."""

from __future__ import annotations

import pytest
from rollway.cli.views.experiment_text import HALF, ROWS, experiment_lines
from rollway.cli.views.gates_text import gate_document, gates_lines
from rollway.cli.views.paint import Paint
from rollway.gates.figures import Phase
from rollway.plan.evidence import Evidence, Point

PLAIN = Paint(False)
WHY = "b is better by 3.1% (1.2% to 5.0%) in orders; it may be stopped now"


def evidence(count: int, *, is_relative: bool = True) -> Evidence:
    """Of an interval around 3% that narrows with the time."""
    points = tuple(
        Point(1e9 + 3600.0 * at, 0.05, "orders 50 of 1,000, stable 48 of 1,000", 0.048, (0.03, 0.03 - 0.2 / at, 0.03 + 0.2 / at))
        for at in range(1, count + 1)
    )
    shown = {"relative": float(is_relative), "estimate": 0.031, "low": 0.012, "high": 0.05, "p": 0.001}
    shown |= {"revenue.estimate": 0.01, "revenue.low": -0.02, "revenue.high": 0.04, "revenue.p": 1.0}
    return Evidence(
        gate="experiment", digest="", began_s=1e9, until_s=1e9 + 3600.0 * count, number=count, measured=count,
        phase=Phase.RUNNING, why=WHY, shown=shown, points=points,
    )  # fmt: skip


def test_the_sentence_stands_before_the_figures() -> None:
    first, revenue, scale, *rows = gates_lines([evidence(50)], PLAIN)
    assert first == f"  · gate experiment   {WHY}"
    assert revenue == "      revenue: +1% (-2% to +4%), beside what decides"
    assert scale.split() == ["b", "minus", "a", "-5.1%", "0", "+5.1%"]
    assert 2 <= len(rows) <= ROWS + 1


@pytest.mark.parametrize("count", [2, 3, 8, 9, 50, 119])
def test_the_interval_is_drawn_over_the_whole_time(count: int) -> None:
    """The first look and the last, few enough rows between; zero stands in one column, and what leaves the picture is marked."""
    _, scale, *rows = experiment_lines(evidence(count), PLAIN)
    zero = scale.index("0")
    assert 2 <= len(rows) <= ROWS + 1
    assert rows[0].split()[:2] == ["1", "h"] or rows[0].split()[0] == "1h"
    assert all(len(row) <= zero + HALF + 1 for row in rows)
    for row in rows:
        assert row[zero] in "│•─"
        assert "•" in row
    if count > 3:
        assert rows[0][zero - HALF] == "‹"
    widths = [row.count("─") for row in rows]
    assert widths[-1] <= widths[0]


def test_an_absolute_difference_has_no_percent() -> None:
    revenue, scale, *_ = experiment_lines(evidence(5, is_relative=False), PLAIN)
    assert "%" not in revenue + scale


def test_before_there_is_an_interval_nothing_is_drawn() -> None:
    assert list(experiment_lines(evidence(1), PLAIN)) == []
    assert list(experiment_lines(evidence(5).model_copy(update={"shown": {"estimate": 1.0}}), PLAIN)) == []


def test_the_document_has_it_at_each_point() -> None:
    document = gate_document(evidence(2))
    assert document["why"] == WHY
    assert document["points"][1]["interval"] == pytest.approx({"estimate": 0.03, "low": -0.07, "high": 0.13})
