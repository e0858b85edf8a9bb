"""Quantities: "500m" of a CPU, "64Mi" of memory, as requests, limits and quotas are written."""

from __future__ import annotations

from typing import Any

_SUFFIXES = {
    "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip


def amount(value: Any) -> float:
    """`amount("500m")` is 0.5, `amount("64Mi")` the number of bytes. Raises ValueError."""
    text = str(value)
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if text.endswith(suffix):
            return float(text[: -len(suffix)]) * _SUFFIXES[suffix]
    return float(text)
