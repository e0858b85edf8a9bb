"""What gates have measured, for a job summary: a table, and a chart of each with the line that it was held against."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ...gates.figures import Phase
from ...plan.evidence import Evidence, Point
from .experiment_text import is_narrowing, reach_of
from .gates_text import shares_told, told
from .markdown import fenced, plain

MOST_DRAWN = 60
_COLOURS = {"red": "#e5534b", "blue": "#3b82f6", "grey": "#8b949e"}
"""Which are seen on white and on black."""
_LINES = {"atLeast": "at least", "atMost": "at most"}
_UNITS = (("days", 86_400.0), ("hours", 3_600.0), ("minutes", 60.0))
"""Of the axis of time, in seconds: the first of which three have passed."""
_MARKS = {Phase.PASSED: "✓", Phase.FAILED: "✗"}


def gates_markdown(found: Sequence[Evidence]) -> str:
    """Empty where there is no gate."""
    if not found:
        return ""
    rows = [f"| {' | '.join(plain(cell) for cell in _row(each))} |" for each in found]
    shares = [f"{plain(said)}  " for said in shares_told(found)]
    head = ["**Gates**", "", *shares, "", "| | gate | seen | wanted | decided |", "|---|---|---|---|---|"]
    asked = fenced("\n".join(f"{each.gate}: {ask}" for each in found for ask in each.asks), "text")
    queries = f"<details><summary>What was asked</summary>\n\n{asked}\n\n</details>\n" if any(each.asks for each in found) else ""
    charts = "\n".join(chart for each in found if (chart := _chart(each)))
    return "\n".join([*head, *rows, "", charts, queries, ""])


def _row(each: Evidence) -> Sequence[str]:
    is_decided = each.phase in _MARKS
    at = f"{datetime.fromtimestamp(each.until_s, UTC):%H:%M:%S} UTC" if is_decided and each.measured else ""
    return _MARKS.get(each.phase, "·"), each.gate, told(each), each.wanted, f"{each.phase} {at}".strip() if is_decided else "no"


class _Line(NamedTuple):
    """`name` is for the title (empty: it is told with the line before), `colour` one of `_COLOURS`; at each moment a value."""

    name: str
    colour: str
    values: Sequence[float]


def _chart(each: Evidence) -> str:
    """Of an experiment how its interval narrows; of any other gate what it measured, with the line that this was held against."""
    if is_narrowing(each):
        return _narrowing(each)
    points = [point for point in each.points if point.figure is not None]
    if len(points) < 2:
        return ""
    drawn = list(_evenly(points))
    lines = [_Line("the new version", "red", [point.figure or 0.0 for point in drawn])]
    if any(point.stable is not None for point in drawn):
        lines.append(_Line("the stable one", "blue", [point.stable or 0.0 for point in drawn]))
    lines += [
        _Line(f"{_LINES[name]} {bound:g}", "grey", [bound] * len(drawn)) for name, bound in each.shown.items() if name in _LINES
    ]
    values = [value for line in lines for value in line.values]
    low, high = min(0.0, *values), max(0.0, *values)
    return _drawn(each.gate, points[-1].at_s - points[0].at_s, (low, high * 1.1 or 1.0), lines)


def _narrowing(each: Evidence) -> str:
    """b's mean minus a's since the interval was first known: what was seen, between the bounds of where it may be. What is wider
    than one and a half times the last interval stands at the edge, so that the last one can be read."""
    points = list(_evenly([point for point in each.points if point.interval]))
    courses = list(zip(*(point.interval for point in points if point.interval), strict=True))
    unit, factor = (" in %", 100.0) if each.shown["relative"] else ("", 1.0)
    reach = factor * reach_of(each)
    middle, low, high = ([min(max(factor * value, -reach), reach) for value in course] for course in courses)
    lines = [
        _Line(f"b minus a{unit}", "red", middle), _Line("where it may be", "blue", low), _Line("", "blue", high),
        _Line("zero", "grey", [0.0] * len(middle)),
    ]  # fmt: skip
    return _drawn(each.gate, points[-1].at_s - points[0].at_s, (-reach, reach), lines)


def _drawn(name: str, seconds: float, ends: tuple[float, float], lines: Sequence[_Line]) -> str:
    """In Mermaid's words, which GitHub draws. Only numbers of ours and the gate's name, a label of Kubernetes, stand in it."""
    palette = ", ".join(_COLOURS[line.colour] for line in lines)
    unit, size_s = next(((unit, size_s) for unit, size_s in _UNITS if seconds >= 3 * size_s), _UNITS[-1])
    text = [
        f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}}}}}%%',
        "xychart-beta",
        f'  title "{name}: {", ".join(f"{line.name} ({line.colour})" for line in lines if line.name)}"',
        f'  x-axis "{unit}" 0 --> {max(seconds / size_s, 0.1):.4g}',
        f"  y-axis {ends[0]:.4g} --> {ends[1]:.4g}",
        *(f"  line [{', '.join(f'{value:.6g}' for value in line.values)}]" for line in lines),
    ]
    return fenced("\n".join(text), "mermaid") + "\n"


def _evenly(points: Sequence[Point]) -> Iterator[Point]:
    """As many as can be drawn, at even distances of time: what stood last at each of them."""
    count = min(len(points), MOST_DRAWN)
    begin_s, end_s = points[0].at_s, points[-1].at_s
    place = 0
    for number in range(count):
        at_s = begin_s + (end_s - begin_s) * number / (count - 1)
        while place + 1 < len(points) and (points[place + 1].at_s <= at_s or math.isclose(points[place + 1].at_s, at_s)):
            place += 1
        yield points[place]
