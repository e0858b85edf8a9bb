"""What gates have measured, for a job summary: a table, and a chart of each with the line that it was held against."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from ...gates.figures import Phase
from ...plan.evidence import Evidence, Point
from .gates_text import shares_told, told
from .markdown import fenced, plain

MOST_DRAWN = 60
_COLOURS = {"red": "#e5534b", "blue": "#3b82f6", "grey": "#8b949e"}
"""Which are seen on white and on black."""
_LINES = {"atLeast": "at least", "atMost": "at most"}
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


def _chart(each: Evidence) -> str:
    """In Mermaid's words, which GitHub draws. Only numbers of ours and the gate's name, a label of Kubernetes, stand in it."""
    points = [point for point in each.points if point.figure is not None]
    if len(points) < 2:
        return ""
    drawn = list(_evenly(points))
    lines = [("the new version", "red", [point.figure for point in drawn])]
    if any(point.stable is not None for point in drawn):
        lines.append(("the stable one", "blue", [point.stable for point in drawn]))
    lines += [(f"{_LINES[name]} {bound:g}", "grey", [bound] * len(drawn)) for name, bound in each.shown.items() if name in _LINES]
    values = [value for _, _, line in lines for value in line if value is not None]
    low, high = min(0.0, *values), max(0.0, *values)
    minutes = max((points[-1].at_s - points[0].at_s) / 60, 0.1)
    palette = ", ".join(_COLOURS[colour] for _, colour, _ in lines)
    text = [
        f'%%{{init: {{"themeVariables": {{"xyChart": {{"plotColorPalette": "{palette}"}}}}}}}}%%',
        "xychart-beta",
        f'  title "{each.gate}: {", ".join(f"{name} ({colour})" for name, colour, _ in lines)}"',
        f'  x-axis "minutes" 0 --> {minutes:.4g}',
        f"  y-axis {low:.4g} --> {high * 1.1 or 1.0:.4g}",
        *(f"  line [{', '.join(f'{0.0 if value is None else value:.6g}' for value in line)}]" for _, _, line in lines),
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
