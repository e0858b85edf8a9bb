"""How well an experiment knows the difference by now: its metrics, and the interval over time, drawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...plan.evidence import Evidence, Point
from .paint import Paint
from .words import duration

ROWS, HALF = 8, 18
"""Of the picture: how many moments, and columns on either side of zero."""


def is_narrowing(each: Evidence) -> bool:
    """Whether there is a course of it: nothing is of other gates, nor before an experiment's interval is known twice."""
    return "relative" in each.shown and sum(1 for point in each.points if point.interval) >= 2


def reach_of(each: Evidence) -> float:
    """How far its picture goes to either side of zero: somewhat beyond the last interval, however wide it was at first."""
    _, low, high = next((point.interval for point in reversed(each.points) if point.interval), (0.0, 0.0, 0.0))
    return 1.5 * max(abs(low), abs(high)) or 1.0


def experiment_lines(each: Evidence, paint: Paint) -> Iterator[str]:
    """Nothing where there is no course of it. Differences are b's mean minus a's."""
    if not is_narrowing(each):
        return
    points = [point for point in each.points if point.interval]
    is_relative = bool(each.shown["relative"])
    for name in sorted({key.rpartition(".")[0] for key in each.shown if "." in key}):
        low, middle, high = (_amount(each.shown[f"{name}.{key}"], is_relative) for key in ("low", "estimate", "high"))
        yield f"      {name}: {middle} ({low} to {high}), beside what decides"
    drawn = list(_spread(points))
    reach = reach_of(each)
    left, right = _amount(-reach, is_relative), _amount(reach, is_relative)
    yield paint(f"      {'b minus a':>9}  {left:<{HALF}}0{right:>{HALF}}", "faint")
    for point in drawn:
        if point.interval:
            yield f"      {duration(point.at_s - each.began_s):>9}  {_row(point.interval, reach)}"


def _row(interval: tuple[float, float, float], reach: float) -> str:
    """`─` is where the difference may be, `•` what was seen, `│` zero; `‹` and `›` where it goes beyond the picture."""
    middle, low, high = (_column(value, reach) for value in interval)
    cells = [" "] * (2 * HALF + 1)
    for place in range(max(low, 0), min(high, 2 * HALF) + 1):
        cells[place] = "─"
    cells[HALF] = "│"
    if 0 <= middle <= 2 * HALF:
        cells[middle] = "•"
    if low < 0:
        cells[0] = "‹"
    if high > 2 * HALF:
        cells[-1] = "›"
    return "".join(cells).rstrip()


def _column(value: float, reach: float) -> int:
    return HALF + round(min(max(value / reach, -10.0), 10.0) * HALF)


def _spread(points: Sequence[Point]) -> Iterator[Point]:
    """At even distances of time, as far as there are so many; the last one is always among them."""
    begin_s, end_s = points[0].at_s, points[-1].at_s
    due_s = begin_s
    for point in points[:-1]:
        if point.at_s >= due_s and point.at_s < end_s - (end_s - begin_s) / ROWS / 2:
            yield point
            due_s = max(due_s + (end_s - begin_s) / (ROWS - 1), point.at_s)
    yield points[-1]


def _amount(value: float, is_relative: bool) -> str:
    return f"{100 * value:+.3g}%" if is_relative else f"{value:+.3g}"
