"""Who judges what is measured: one file a judge, and one row here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

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


Form = Literal["bound", "counts", "values", "visits"]
"""What a judge is given: a figure, or requests, with a bound, a condition or an expression; requests and errors of both versions;
values of both; what visits of both came to."""


class Row(NamedTuple):
    """How a judge is made, and what it is given. `goes_on`: what it has seen is evidence on a version, and not on a step; so it
    counts through all pauses."""

    made: Callable[[Asked], Judge]
    of: Form
    goes_on: bool = False


JUDGES: Mapping[str, Row] = {
    "threshold": Row(
        lambda asked: Threshold(asked.low, asked.high, asked.success, asked.failure, asked.limits, asked.cel), "bound"
    ),
    "sequential": Row(lambda asked: Sequential(asked.alpha, asked.what), "counts", goes_on=True),
    "effect": Row(lambda asked: EffectJudge(asked.alpha, asked.effect), "visits", goes_on=True),
    "kayenta": Row(lambda asked: Kayenta(asked.metrics, asked.weights, asked.limits.count or 1, asked.good, asked.bad), "values"),
}
"""By the name that a gate may give: of those of one form the first is the one that judges where none is named."""


def judges_of(form: Form) -> tuple[str, ...]:
    return tuple(name for name, row in JUDGES.items() if row.of == form)


def judge_of(name: str, asked: Asked) -> Judge:
    return asked.experiment or JUDGES[name].made(asked)


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
