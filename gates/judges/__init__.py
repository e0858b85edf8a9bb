"""Who judges what is measured: one file a judge, and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from ..figures import Judge, State
from .effect import EffectJudge, Wanted
from .experiment import Experiment
from .kayenta import Kayenta, Metric
from .sequential import Sequential
from .threshold import Limits, Threshold


class Asked(NamedTuple):
    """What is asked of a gate's figures, whoever judges it. `what` is counted, in words. An `experiment` is its own judge."""

    low: float | None = None
    high: float | None = None
    success: str | None = None
    failure: str | None = None
    limits: Limits = Limits()
    alpha: float = 0.01
    what: str = "errors"
    metrics: Mapping[str, Metric] = MappingProxyType({})
    weights: Mapping[str, float] = MappingProxyType({})
    good: float = 95.0
    bad: float = 75.0
    effect: Wanted = Wanted()
    cel: str | None = None
    experiment: Experiment | None = None


JUDGES: Mapping[str, Callable[[Asked], Judge]] = {
    "threshold": lambda asked: Threshold(asked.low, asked.high, asked.success, asked.failure, asked.limits, asked.cel),
    "sequential": lambda asked: Sequential(asked.alpha, asked.what),
    "effect": lambda asked: EffectJudge(asked.alpha, asked.effect),
    "kayenta": lambda asked: Kayenta(asked.metrics, asked.weights, asked.limits.count or 1, asked.good, asked.bad),
}


def judge_of(name: str, asked: Asked) -> Judge:
    return asked.experiment or JUDGES[name](asked)


def fits(state: State, judge: Judge) -> bool:
    """Whether it has the shape of this judge's own: another version may have written it, or anybody."""
    return _is_like(state, judge.begin())


def _is_like(seen: Any, begun: Any) -> bool:
    """Keys may have been added, and a list that begins empty may have grown."""
    if isinstance(begun, Mapping):
        return isinstance(seen, Mapping) and all(key in seen and _is_like(seen[key], begun[key]) for key in begun)
    if isinstance(begun, list):
        is_list = isinstance(seen, list) and (not begun or len(seen) == len(begun))
        return is_list and all(map(_is_like, seen, begun))
    return isinstance(seen, int | float) and not isinstance(seen, bool)
