"""Quantities: "500m" of a CPU, "64Mi" of memory, as requests, limits and quotas are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .objects import get

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


def of_a_pod(containers: Iterable[Mapping[str, Any]], resource: str) -> float:
    """What a pod of these containers takes of a quota's resource ("pods", "requests.cpu", "memory"); 0 where that is not about
    pods.

    Raises ValueError, as `amount` does.
    """
    if resource in ("pods", "count/pods"):
        return 1.0
    kind, _, name = resource.rpartition(".")
    if name not in ("cpu", "memory") or kind not in ("", "requests", "limits"):
        return 0.0
    # without a request, the limit is what is requested
    return sum(
        amount(get(c, "resources", kind or "requests", name) or get(c, "resources", "limits", name) or 0) for c in containers
    )
