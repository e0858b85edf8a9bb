"""Figures in words, and as the one number of a chart."""

from __future__ import annotations

import math
from typing import Any

from .effects import Sums
from .figures import Both, Counts, Figures, Histograms, Outcome, Pair, Pairs, Samples, Trials, Value

LONGEST = 120


def in_words(figures: Figures) -> str:
    """One line, such as "12 of 840 (1.4%), stable 40 of 7,900 (0.51%)"."""
    match figures:
        case Value(value, said):
            return f"{shown(value)}: {shown(said)}" if said else shown(value)
        case Both(stable, new):
            return f"{_counted(new)}, stable {_counted(stable)}"
        case Histograms(stable, new):
            return f"{_total(new):,.0f} requests, stable {_total(stable):,.0f}"
        case Pairs(by_name):
            only = len(by_name) == 1
            return "; ".join(f"{'' if only else f'{name} '}{_pair(pair)}" for name, pair in by_name.items())
        case Samples(stable, new):
            return f"{_summed(new)}, stable {_summed(stable)}"
        case Trials(by_name):
            return "; ".join(f"{name} {in_words(samples)}" for name, samples in by_name.items())
        case Outcome(is_good, said):
            word = "could not tell" if is_good is None else "complete" if is_good else "failed"
            return f"{word}: {said[:LONGEST]}" if said else word


def figure_of(figures: Figures) -> float | None:
    """The new version's, for a chart: its value, or its share of errors."""
    match figures:
        case Value(value):
            first = value[0] if isinstance(value, list) and value else value
            is_number = isinstance(first, int | float) and not isinstance(first, bool) and math.isfinite(first)
            return float(first) if is_number else None
        case Both(_, new):
            return new.errors / new.requests if new.requests else None
        case Pairs(by_name):
            return next(iter(by_name.values())).new if len(by_name) == 1 else None
        case Outcome(is_good, _):
            return None if is_good is None else float(is_good)
        case Samples(_, new):
            return new.mean if new.visits else None
        case Trials(by_name):
            return figure_of(next(iter(by_name.values())))
        case Histograms():
            return None


def stable_of(figures: Figures) -> float | None:
    """The same of the stable version, where both are measured."""
    match figures:
        case Both(stable, _):
            return stable.errors / stable.requests if stable.requests else None
        case Pairs(by_name):
            return next(iter(by_name.values())).stable if len(by_name) == 1 else None
        case Samples(stable, _):
            return stable.mean if stable.visits else None
        case Trials(by_name):
            return stable_of(next(iter(by_name.values())))
        case _:
            return None


def shown(value: Any) -> str:
    """A value as it is told, never longer than a line."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, list):
        return ", ".join(shown(each) for each in value[:5]) + (", …" if len(value) > 5 else "") if value else "nothing"
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def number(value: float | None) -> str:
    """Four digits that matter."""
    if value is None:
        return "none"
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:.4g}"


def share(part: float, whole: float) -> str:
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.0f}%" if percent >= 99.5 else f"{percent:.2g}%"  # two digits of 100 are 1e+02


def lasting(seconds: float) -> str:
    """How long, by the largest unit that gives at least two of it: "36 hours", "14 days"."""
    for unit, of in (("days", 86400.0), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * of:
            return f"{number(float(f'{seconds / of:.2g}'))} {unit}"
    return f"{number(float(f'{seconds:.2g}'))} seconds"


def _pair(pair: Pair) -> str:
    return f"{number(pair.new)}, stable {number(pair.stable)}"


def _counted(counts: Counts) -> str:
    return f"{counts.errors:,.0f} of {counts.requests:,.0f} ({share(counts.errors, counts.requests)})"


def _summed(sums: Sums) -> str:
    return f"{number(float(f'{sums.total:.4g}'))} of {sums.visits:,.0f}"


def _total(histogram: Any) -> float:
    return max(histogram.values(), default=0.0)
