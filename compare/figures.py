"""The figures that a comparison shows, each with its words: for the terminal, the report and the picture alike. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from .results import Comparison, Outcome, Range, Run, range_of

Unit = Literal["s", "requests", "pods", "pod-seconds"]
Tone = Literal["", "good", "bad"]

_LEAST_SPREAD: dict[Unit, float] = {"s": 0.5, "requests": 5, "pods": 0.5, "pod-seconds": 5}


@dataclass(frozen=True)
class Column:
    """A figure of every strategy. `rank` says which are kept where there is no room for all: the lowest."""

    key: str
    heading: str
    meaning: str
    unit: Unit
    figure: Callable[[Outcome], Range]
    rank: int


class Cell(NamedTuple):
    """`text` is the median, `spread` the 5th to the 95th percentile where that says more."""

    text: str
    spread: str = ""
    tone: Tone = ""


def of_runs(figure: Callable[[Run], float]) -> Callable[[Outcome], Range]:
    return lambda outcome: outcome.range(figure)


def back_s(outcome: Outcome) -> Range:
    """From the step from which it takes longest."""
    return max((way.traffic_s for way in outcome.ways_back), key=lambda it: it.median, default=range_of(()))


_DONE = Column("duration", "DONE IN", "until everybody has the new version", "s", of_runs(lambda run: run.duration_s), 0)
_TAKEN_BACK = replace(_DONE, heading="GONE IN", meaning="until everybody has the old version again")
_MET = Column(
    "metNew", "MET BAD", "requests that the bad version worked on until it was taken back", "requests",
    of_runs(lambda run: run.toll.met_new), 3,
)  # fmt: skip
_ALWAYS = (
    Column("downtime", "DOWN", "the longest time in which every request failed, of all such time", "s",
           of_runs(lambda run: run.toll.downtime_s), 1),
    Column("lost", "LOST", "requests that got no answer, or an error", "requests", of_runs(lambda run: run.toll.failed), 0),
    Column("mixed", "BOTH", "time in which both versions answered", "s", of_runs(lambda run: run.toll.mixed_s), 6),
    Column("peak", "PEAK", "most pods at a time, those that terminate included, and how many more than before", "pods",
           of_runs(lambda run: run.peak_pods), 2),
    Column("minReady", "READY", "fewest ready pods at a time", "pods", of_runs(lambda run: run.min_ready), 5),
    Column("back", "BACK", "until nobody gets the new version any more after a rollback, from the slowest step", "s", back_s, 4),
    Column("podSeconds", "POD-S", "pods above those before, times how long they were there", "pod-seconds",
           of_runs(lambda run: run.pod_seconds), 7),
    Column("apiRequests", "API", "requests that the release makes to the API server", "requests",
           of_runs(lambda run: run.api_requests), 8),
)  # fmt: skip


def columns(comparison: Comparison) -> tuple[Column, ...]:
    """In the order in which they are shown."""
    if comparison.bad:
        return (_TAKEN_BACK, _MET, *_ALWAYS)
    return (_DONE, *_ALWAYS)


def cell(column: Column, outcome: Outcome, comparison: Comparison) -> Cell:
    found = column.figure(outcome)
    text, spread = amount(found.median, column.unit), spread_of(found, column.unit)
    tone: Tone = ""
    match column.key:
        case "duration" if 2 * sum(run.is_cut for run in outcome.runs) > len(outcome.runs):
            text, tone = f"> {text}", "bad"
        case "downtime":
            total = outcome.range(lambda run: run.toll.dark_s)
            if total.median > 1.05 * found.median + 0.05:
                text = f"{text} of {amount(total.median, 's')}"
            tone = "bad" if found.high > 0 else "good"
        case "lost":
            tone = "bad" if found.high > 0 else "good"
        case "mixed" if found.is_known and found.median <= 0:
            text, spread = "none", ""
        case "peak" if found.median > comparison.replicas:
            text = f"{text} (+{found.median - comparison.replicas:g})"
            tone = "bad" if outcome.fits else ""
    return Cell(text, spread, tone)


def amount(value: float, unit: Unit) -> str:
    """`4`, `1,890`, `5 ms`, `1.2 s`, `42 s`, `2 m 5 s`; a dash where there is no value."""
    if math.isnan(value):
        return "–"
    return seconds(value) if unit == "s" else f"{round(value):,}"


def seconds(value: float) -> str:
    """As exact as it is worth: milliseconds below a tenth, tenths below ten."""
    if value < 0:
        return f"−{seconds(-value)}"
    if value < 0.0995:
        return f"{1000 * value:.0f} ms" if value >= 0.0005 else "0 s"
    if value < 9.95:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{hours} h" * bool(hours), f"{minutes} m" * bool(minutes), f"{rest} s" * bool(rest))
    return " ".join(part for part in parts if part)


def spread_of(found: Range, unit: Unit) -> str:
    """`12–15 s`; empty where all seeds came out much alike."""
    if not found.is_known or found.high == found.low:
        return ""
    # a median of no loss that some seeds contradict is never left to look like a promise
    is_broken_zero = found.median == 0 and unit == "requests"
    if not is_broken_zero and found.high - found.low < least_spread(unit, found.median):
        return ""
    return _between(found, unit)


def least_spread(unit: Unit, median: float) -> float:
    """A spread below this is not worth a reader's time."""
    return max(_LEAST_SPREAD[unit], 0.1 * abs(median))


def _between(found: Range, unit: Unit) -> str:
    """Both ends in one unit, as exact as a single figure would be."""
    low, high, suffix = found.low, found.high, " s" if unit == "s" else ""
    if unit == "s" and high >= 120:
        low, high, suffix = low / 60, high / 60, " m"
    if unit != "s" and high >= 10_000:
        low, high, suffix = low / 1000, high / 1000, "k"
    digits = 1 if suffix and high < 9.95 else 0
    ends = [f"{round(end, digits):,.{digits}f}" for end in (low, high)]
    return f"{ends[0]}–{ends[1]}{suffix}" if ends[0] != ends[1] else ""


def causes(outcome: Outcome) -> str:
    """`1,890 no endpoint, 522 not listening`, the worst first; empty where nothing was lost."""
    found = sorted(outcome.causes().items(), key=lambda item: -item[1].median)
    return ", ".join(f"{_or_up_to(lost)} {cause}" for cause, lost in found if lost.high >= 0.5)


def _or_up_to(lost: Range) -> str:
    """What is lost in few runs only is told by the worst of them."""
    return amount(lost.median, "requests") if lost.median >= 0.5 else f"up to {amount(lost.high, 'requests')}"


def notes(outcome: Outcome) -> list[Cell]:
    """What a reader of the figures must know besides."""
    if outcome.refused:
        return []
    said = [Cell(f"does not fit: {outcome.fits}", tone="bad")] if outcome.fits else []
    ends = [run.phase for run in outcome.runs if not run.is_cut]
    cut, total = len(outcome.runs) - len(ends), len(outcome.runs)
    if cut:
        said.append(Cell(f"not done when the rehearsal was ended{_of_seeds(cut, total)}", tone="bad"))
    for phase in sorted(set(ends) - {"Promoted"}):
        failures = sorted({run.failure for run in outcome.runs if run.phase == phase and run.failure})
        word = {"RolledBack": "taken back", "Failed": "failed", "Paused": "paused"}.get(phase, phase)
        text = f"{word}{_of_seeds(ends.count(phase), total)}{': ' if failures else ''}{failures[0] if failures else ''}"
        said.append(Cell(text, tone="bad" if phase == "Failed" else ""))
    return said


def title(comparison: Comparison) -> tuple[str, str]:
    """(`shop 1.4.0 → 1.4.1`, the scenario in a breath)."""
    versions = f"{comparison.from_version} → {comparison.to_version}" if comparison.from_version else comparison.to_version
    count = max((len(outcome.runs) for outcome in comparison.outcomes), default=0)
    said = [f"{comparison.replicas} {'pod' if comparison.replicas == 1 else 'pods'}"]
    said += [f"{comparison.rate:,g} requests/s"] if comparison.rate else []
    said += [f"bad version: {comparison.bad}"] if comparison.bad else []
    walks = max((outcome.walks for outcome in comparison.outcomes), default=0)
    said += [f"{count} seeds from {comparison.seed}" if count > 1 else f"seed {comparison.seed}"]
    said += [f"{walks} walks at most"] if 0 < walks < count else []
    said += ["stopped: what was known by then"] if comparison.is_partial else []
    return f"{comparison.app} {versions}", " · ".join(said)


def improvements(comparison: Comparison) -> list[tuple[str, str, str]]:
    """(rule, fix, `ramped 214 → 0 lost, canary 40 → 0 lost`), in their order."""
    said: dict[tuple[str, str], list[str]] = {}
    for one in comparison.improvements:
        change = f"{amount(one.lost.median, 'requests')} → {amount(one.lost_fixed.median, 'requests')} lost"
        said.setdefault((one.rule, one.fix), []).append(f"{one.strategy} {change}")
    return [(rule, fix, ", ".join(changes)) for (rule, fix), changes in said.items()]


def _of_seeds(count: int, total: int) -> str:
    return "" if count == total else f" with {count} of {total} seeds"
