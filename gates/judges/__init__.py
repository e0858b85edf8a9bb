"""Who judges what is measured: one file a judge, and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ..figures import Judge
from .sequential import Sequential
from .threshold import Limits, Threshold


class Asked(NamedTuple):
    """What is asked of a gate's figures, whoever judges it. `what` is counted, in words."""

    low: float | None = None
    high: float | None = None
    success: str | None = None
    failure: str | None = None
    limits: Limits = Limits()
    alpha: float = 0.01
    what: str = "errors"


JUDGES: Mapping[str, Callable[[Asked], Judge]] = {
    "threshold": lambda asked: Threshold(asked.low, asked.high, asked.success, asked.failure, asked.limits),
    "sequential": lambda asked: Sequential(asked.alpha, asked.what),
}


def judge_of(name: str, asked: Asked) -> Judge:
    return JUDGES[name](asked)
