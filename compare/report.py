"""A comparison as one HTML file that opens from disk: everything is in it, and it asks nobody for anything.

The tables are HTML; report.js draws the charts from the data that lies beside them. What users named is escaped wherever it
stands, and a content policy lets nothing run or load but what we wrote.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from importlib.resources import files
from itertools import groupby
from typing import Any

from .axis import end_s, ends_s
from .figures import Cell, Unit, amount, causes, cell, columns, improvements, notes, seconds, spread_of, title
from .outlooks import told
from .results import Comparison, Mark, Outcome, Range, Run, WayBack


def html(comparison: Comparison, measured: Comparison | None = None) -> str:
    """The report. `measured` is the same comparison at real pace: its figures stand below the predicted ones, its traffic is
    drawn over theirs. The same comparison gives the same bytes."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    env = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    style, script = _resource("report.css"), _resource("charts.js") + _resource("report.js")
    what, scenario = title(comparison)
    return env.from_string(_resource("report.html.j2")).render(
        what=what,
        scenario=scenario,
        comparison=comparison,
        # in the page as they are; a script could be ended early by nothing but its own text, which is ours
        style=Markup(style),
        script=Markup(script),
        style_hash=_hash(style),
        script_hash=_hash(script),
        data=Markup(_in_script(_data(comparison, measured))),
        columns=columns(comparison),
        rows=[_row(outcome, comparison, measured) for outcome in comparison.outcomes],
        ways=[
            (outcome.strategy, [_way(way) for way in outcome.ways_back]) for outcome in comparison.outcomes if outcome.ways_back
        ],
        improvements=improvements(comparison),
        gates=told(comparison),
        has_charts=any(outcome.runs for outcome in comparison.outcomes),
        has_measured=measured is not None,
        seeds=_seeds(comparison),
    )


def _seeds(comparison: Comparison) -> str:
    """`12 to 20 seeds`: a strategy is done with as soon as its figures are known well enough."""
    counts = [len(outcome.runs) for outcome in comparison.outcomes if outcome.runs] or [1]
    few, many = min(counts), max(counts)
    return f"{few} to {many} seeds" if few < many else f"{many} {'seed' if many == 1 else 'seeds'}"


# tables


def _row(outcome: Outcome, comparison: Comparison, measured: Comparison | None) -> dict[str, Any]:
    other = _beside(outcome, measured)
    return {
        "strategy": outcome.strategy,
        "is_recommended": outcome.strategy == comparison.recommended,
        "refused": outcome.refused,
        "cells": [] if outcome.refused else [cell(column, outcome, comparison) for column in columns(comparison)],
        "measured": [cell(column, other, measured) for column in columns(comparison)] if other and measured else [],
        "causes": causes(outcome),
        "measured_causes": causes(other) if other else "",
        "notes": notes(outcome),
    }


def _beside(outcome: Outcome, measured: Comparison | None) -> Outcome | None:
    found = measured.outcomes if measured else ()
    return next((other for other in found if other.strategy == outcome.strategy and other.runs), None)


def _way(way: WayBack) -> dict[str, Any]:
    def shown(found: Range, unit: Unit) -> Cell:
        return Cell(amount(found.median, unit), spread_of(found, unit))

    return {
        "after": way.after,
        "weight": way.weight,
        "cells": (shown(way.traffic_s, "s"), shown(way.duration_s, "s"), shown(way.lost, "requests")),
    }


# what the charts are drawn from


def _data(comparison: Comparison, measured: Comparison | None) -> dict[str, Any]:
    drawn = [outcome for outcome in comparison.outcomes if outcome.runs]
    others = [measured] if measured else []
    return {
        "old": comparison.from_version or "old",
        "new": comparison.to_version,
        "replicas": comparison.replicas,
        "recommended": comparison.recommended,
        "axis": [_number(end) for end in ends_s(comparison, *others)],
        "strategies": [
            {"name": outcome.strategy, **_series(outcome.typical), "ending": _ending(outcome.typical)}
            | {"measured": _series(other.typical) if (other := _beside(outcome, measured)) else None}
            for outcome in drawn
        ],
    }


def _series(run: Run) -> dict[str, Any]:
    bands = run.bands
    return {
        "start": _number(bands.start_s),
        "step": bands.step_s,
        "end": _number(end_s(bands)),
        **{
            name: [_number(value) for value in values]
            for name, values in (
                ("old", bands.old), ("new", bands.new), ("lost", bands.lost), ("met", bands.met_new or bands.new),
                ("podsOld", bands.pods_old), ("podsNew", bands.pods_new),
                ("readyOld", bands.ready_old), ("readyNew", bands.ready_new),
            )
        },
        "marks": _moments(run.marks),
    }  # fmt: skip


def _moments(marks: Sequence[Mark]) -> list[dict[str, Any]]:
    """What was done at one moment as one step, so that a slider has a place for each."""
    out: list[dict[str, Any]] = []
    for at, together in groupby(marks, key=lambda mark: _number(mark.at_s)):
        same = list(together)
        weights = [mark.weight for mark in same if mark.weight is not None]
        text = ", ".join(dict.fromkeys(mark.text for mark in same))
        out.append({"at": at, "text": text, "weight": weights[-1] if weights else None})
    return out


def _ending(run: Run) -> str:
    if run.is_cut:
        return f"not done after {seconds(run.duration_s)}"
    word = {"Promoted": "done in", "RolledBack": "taken back after", "Failed": "failed after"}.get(
        run.phase, f"{run.phase} after"
    )
    return f"{word} {seconds(run.duration_s)}"


def _number(value: float) -> float | int | None:
    """As short as it can be said: the file holds thousands of them."""
    if not math.isfinite(value):
        return None
    rounded = round(value, 2)
    return int(rounded) if rounded == int(rounded) else rounded


def _in_script(data: object) -> str:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(data, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """As a content security policy names what may run."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
