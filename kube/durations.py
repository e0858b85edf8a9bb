"""Durations as Go writes them."""

from __future__ import annotations

import re

_DURATION = re.compile(r"[-+]?((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+|[-+]?0")
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")
_UNITS_S = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}


def is_duration(text: str) -> bool:
    return bool(_DURATION.fullmatch(text))


def seconds(text: str) -> float:
    """`1m30s`, `250ms`, `0`. Raises ValueError."""
    if not is_duration(text):
        raise ValueError(f"{text!r} is no duration: write 500ms, 2s or 1m30s")
    total = sum(float(number) * _UNITS_S[unit] for number, unit in _PART.findall(text))
    return -total if text.startswith("-") else total
