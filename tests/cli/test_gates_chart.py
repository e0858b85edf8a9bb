"""What gates have measured, in a job summary: a table, and a chart with the line that was held against it."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.cli.views.gates_chart import MOST_DRAWN, gates_markdown
from rollway.gates.figures import Phase
from rollway.plan.evidence import Evidence, Point


def evidence(*figures: float | None, **keys: Any) -> Evidence:
    points = tuple(Point(1000.0 + 10 * place, figure, f"{figure}", keys.get("stable")) for place, figure in enumerate(figures))
    keys.pop("stable", None)
    known = {
        "gate": "share",
        "digest": "d",
        "began_s": 990.0,
        "until_s": points[-1].at_s,
        "points": points,
        "measured": len(points),
    }
    return Evidence.model_validate({**known, "wanted": "at most 0.02", "asks": ("sum(e)",), **keys})


def drawn(text: str) -> list[list[float]]:
    return [[float(word) for word in line.strip()[6:-1].split(", ")] for line in text.splitlines() if line.startswith("  line [")]


def test_a_bound_is_a_line_and_the_moment_of_the_verdict_is_told() -> None:
    text = gates_markdown(
        [evidence(0.0, 0.01, 0.05, phase=Phase.FAILED, why="0.05, wanted at most 0.02", shown={"atMost": 0.02})]
    )

    assert "| ✗ | share | 0.05, wanted at most 0.02 | at most 0.02 | failed 00:17:00 UTC |" in text
    assert drawn(text) == [[0.0, 0.01, 0.05], [0.02, 0.02, 0.02]]
    assert 'title "share: the new version (red), at most 0.02 (grey)"' in text
    assert "y-axis 0 --> 0.055" in text
    assert "share: sum(e)" in text


def test_the_stable_version_is_a_line() -> None:
    text = gates_markdown([evidence(0.01, 0.02, stable=0.005)])
    assert drawn(text) == [[0.01, 0.02], [0.005, 0.005]]
    assert "| no |" in text


def experiment(*intervals: tuple[float, float, float] | None, is_relative: bool = True, apart_s: float = 3600.0) -> Evidence:
    points = tuple(
        Point(1e9 + apart_s * at, 0.05, "orders 50 of 1,000, stable 48 of 1,000", 0.048, interval)
        for at, interval in enumerate(intervals)
    )
    shown = {"relative": float(is_relative), "estimate": 0.031, "low": 0.012, "high": 0.05}
    return evidence(0.0).model_copy(update={"gate": "experiment", "points": points, "shown": shown})


def test_an_experiment_is_drawn_as_its_interval_narrows() -> None:
    """From where it was known first, in percent, with zero; what is wider than the picture stands at its edge."""
    text = gates_markdown([experiment(None, (0.04, -0.2, 0.3), (0.03, -0.01, 0.06), (0.03, 0.01, 0.04))])

    assert drawn(text) == [[4.0, 3.0, 3.0], [-6.0, -1.0, 1.0], [6.0, 6.0, 4.0], [0.0, 0.0, 0.0]]
    assert 'title "experiment: b minus a in % (red), where it may be (blue), zero (grey)"' in text
    assert "y-axis -6 --> 6" in text
    assert 'x-axis "minutes" 0 --> 120' in text


@pytest.mark.parametrize(
    ("apart_s", "axis"), [(0.5, '"minutes" 0 --> 0.1'), (7_200, '"hours" 0 --> 4'), (129_600, '"days" 0 --> 3')]
)
def test_the_axis_of_time_is_in_the_largest_unit_that_says_something(apart_s: float, axis: str) -> None:
    found = experiment((0.0, -1.0, 1.0), (0.0, -1.0, 1.0), (0.0, -1.0, 1.0), apart_s=apart_s, is_relative=False)

    assert f"x-axis {axis}\n" in gates_markdown([found])
    assert '"experiment: b minus a (red), where' in gates_markdown([found])


def test_an_experiment_that_knows_no_interval_twice_is_drawn_as_what_it_measured() -> None:
    text = gates_markdown([experiment(None, None, (0.0, -1.0, 1.0))])
    assert drawn(text) == [[0.05, 0.05, 0.05], [0.048, 0.048, 0.048]]


def test_many_points_are_drawn_at_even_distances() -> None:
    """Of what was thinned, each figure stands for as long as it lasted."""
    points = (Point(0.0, 1.0, ""), *(Point(100.0 + place, 2.0, "") for place in range(101)))
    [line] = drawn(gates_markdown([evidence(0.0).model_copy(update={"points": points, "shown": {}})]))
    assert len(line) == MOST_DRAWN
    assert line.count(1.0) == pytest.approx(MOST_DRAWN / 2, abs=1)


def test_what_others_said_is_text() -> None:
    """A message or a query commands nothing, whatever stands in it."""
    text = gates_markdown([evidence(1.0, why="a | b <script>\n```", asks=("`` ``` \n<b>",))])
    assert "<script>" not in text
    assert "a \\| b \\<script\\> \\`\\`\\`" in text
    assert "````text" in text


@pytest.mark.parametrize("found", [[evidence(None, None)], [evidence(1.0)]])
def test_one_figure_is_no_chart(found: list[Evidence]) -> None:
    assert "mermaid" not in gates_markdown(found)


def test_without_gates_there_is_nothing() -> None:
    assert gates_markdown([]) == ""
