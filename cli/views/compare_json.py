"""A comparison for programs: one document, from the dataclasses; the same comparison gives the same bytes."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

from pydantic.alias_generators import to_camel

from ...compare.figures import columns
from ...compare.results import Comparison, Forecast, Outcome, Run, Toll

DIGITS = 3


def compare_document(comparison: Comparison, *, measured: Comparison | None = None, bands: bool = False) -> dict[str, Any]:
    """`strategies` holds the figures over all seeds, the ways back and every run; with `bands` each has the traffic over time of
    its middle run. `measured` is the same document of what was done at real pace, or null. Seconds, requests, pods."""
    document: dict[str, Any] = {"action": "compare"}
    for each in fields(comparison):
        value = getattr(comparison, each.name)
        if each.name == "outcomes":
            document["strategies"] = [_outcome(outcome, comparison, bands) for outcome in value]
        else:
            document[_key(each.name)] = _plain(value)
    document["measured"] = compare_document(measured, bands=bands) if measured else None
    return document


def _outcome(outcome: Outcome, comparison: Comparison, bands: bool) -> dict[str, Any]:
    known = () if outcome.refused else columns(comparison)
    document: dict[str, Any] = {
        "strategy": outcome.strategy,
        "refused": outcome.refused,
        "fits": None if outcome.fits is None else not outcome.fits,
        "short": outcome.fits or "",
        "figures": {column.key: _plain(column.figure(outcome)) | {"unit": column.unit} for column in known},
        "lostBy": {to_camel(cause.replace(" ", "_")): _plain(lost) for cause, lost in outcome.causes().items()},
        "waysBack": _plain(outcome.ways_back),
        "walks": outcome.walks,
        "seconds": _plain(float(outcome.seconds)),
        "stopped": outcome.stopped,
        "runs": [_run(run) for run in outcome.runs],
    }
    if bands and outcome.runs:
        typical = outcome.typical
        document["bands"] = {"seed": typical.seed} | _plain(typical.bands)
    return document


def _run(run: Run) -> dict[str, Any]:
    return {_key(each.name): _plain(getattr(run, each.name)) for each in fields(run) if each.name != "bands"}


def _plain(value: Any) -> Any:
    """JSON's own types. What has no value is null, as JSON knows no NaN."""
    if isinstance(value, Toll):
        named = {_key(each.name): _plain(getattr(value, each.name)) for each in fields(value) if each.name != "lost"}
        return named | {
            "lost": [{"cause": loss.cause, "kind": loss.kind, "requests": count} for loss, count in value.lost.items()]
        }
    if is_dataclass(value):
        return {_key(each.name): _plain(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, float):
        return round(value, DIGITS) if math.isfinite(value) else None
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value


def _key(name: str) -> str:
    """`duration_s` → durationSeconds"""
    return to_camel(f"{name.removesuffix('_s')}_seconds" if name.endswith("_s") else name)


def forecast_document(forecast: Forecast | None) -> dict[str, Any] | None:
    return _plain(forecast) if forecast else None
