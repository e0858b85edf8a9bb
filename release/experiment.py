"""The `experiment` of the ab block: by what it is decided which version is better, how surely, and what follows from it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    WithJsonSchema,
    create_model,
    field_validator,
    model_validator,
)

from .names import wrong_label
from .sources import SOURCES, Sourced, options_of, source_fields
from .strict import Seconds, Strict
from .wrong import Wrong

if TYPE_CHECKING:
    from ..gates.experiments import Measure, Terms
    from ..gates.foretold import Expected

NAME = "experiment"
"""By which it is told of among the gates."""
_PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,6})?)%")


def _amount(value: Any) -> float:
    """`0.02`, or `2%`. Raises Wrong with a sentence."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e12:
        return float(value)
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value)):
        return float(found[1]) / 100
    raise Wrong(f"{value!r} is no amount: write 2%, or 0.02")


_AMOUNT_SCHEMA = {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?%$"}]}
Amount = Annotated[float, BeforeValidator(_amount), WithJsonSchema(_AMOUNT_SCHEMA)]
Positive = Annotated[StrictInt | StrictFloat, Field(gt=0)]


class MetricOptions(Strict):
    """What visits of each version came to, counted since the last look: conversions, or the values of something."""

    count: str = Field(description="How many visits: PromQL, a template that names pods, track or version; of a url a JSONPath.")
    total: str = Field(description="How many of them did it, or the sum of their values; likewise.")
    squares: str | None = Field(None, description="The sum of the squared values; likewise. Without it each counts 0 or 1.")
    better: Literal["higher", "lower"] = Field("higher", description="Which mean is the better one.")
    guardrail: StrictBool = Field(False, description="It decides nothing, but harm done to it does, whatever the primary says.")
    tolerated: Amount = Field(0.0, description="guardrail: so much harm is none; as the difference is: 1%, or absolute.")

    @model_validator(mode="after")
    def _can_be_asked(self) -> MetricOptions:
        if self.tolerated and not self.guardrail:
            raise Wrong("tolerated belongs to a guardrail", hint="guardrail: true", at=("tolerated",))
        return self

    def counters(self) -> Iterator[tuple[str, str]]:
        """(key, what is asked) of each."""
        for part in ("count", "total", "squares"):
            if (text := getattr(self, part)) is not None:
                yield part, text


class ExpectedOptions(Strict):
    """What is expected of the traffic: for how long it takes, and where the interval is narrowest."""

    visits: Positive = Field(description="A second, of both versions together.")
    mean: Positive = Field(description="The primary metric's mean today: the share that converts, or the mean value.")
    deviation: Positive | None = Field(None, description="The standard deviation of a visit's value, where each is not 0 or 1.")


ASKED = tuple(key for key in SOURCES if options_of(key).counts_visits)
"""The sources that may be asked."""
if TYPE_CHECKING:
    _Somewhere = Sourced
else:
    _Somewhere = create_model("_Somewhere", __base__=Sourced, **source_fields(ASKED))


class ExperimentOptions(_Somewhere):
    """Which version is better, found out while both serve users that are assigned at random."""

    metrics: dict[str, MetricOptions] = Field(description="By name.", json_schema_extra={"minProperties": 1})
    primary: str | None = Field(None, description="The metric that decides. Default: the only one that is no guardrail.")
    difference: Literal["relative", "absolute"] = Field("relative", description="To a's mean, or as it is.")
    least: Amount = Field(0.0, description="The smallest difference that matters: 2%, or absolute.")
    alpha: Annotated[StrictFloat, Field(gt=0, lt=0.5)] = Field(0.05, description="How often it may be wrong, at most.")
    power: Annotated[StrictFloat, Field(gt=0.5, lt=1)] = Field(
        0.8, description="For plans: how surely a difference of the least size is to be found."
    )
    longest: Seconds = Field(336 * 3600, ge=60, description="Then it is over, decided or not.")
    interval: Annotated[Seconds, Field(ge=1, le=3600)] = Field(300, description="Between two looks.")
    on_decision: Literal["promote", "pause"] | None = Field(
        None,
        description="promote: the better version is promoted, or b taken back; pause: deploy stops there. Without it it is told, "
        "and measured on.",
    )
    caller_assigns: Annotated[StrictInt, Field(ge=1, le=99)] | None = Field(
        None,
        description="Whoever sends requests assigns users at random, so many percent to b, and marks them as match says; without "
        "it the router does, by weight and sticky.",
    )
    expected: ExpectedOptions | None = Field(None, description=ExpectedOptions.__doc__)

    @field_validator("metrics")
    @classmethod
    def _have_names(cls, metrics: dict[str, MetricOptions]) -> dict[str, MetricOptions]:
        if not metrics:
            raise Wrong("takes at least one metric")
        for name in metrics:
            if wrong := wrong_label(name):
                raise Wrong(f"{name!r} is no valid name: {wrong}", at=(name,))
        return metrics

    @model_validator(mode="after")
    def _can_be_asked(self) -> ExperimentOptions:
        if len(named := self.named) != 1:
            seen = f"two sources: {' and '.join(named)}" if named else "no source"
            raise Wrong(f"the experiment has {seen}", hint=f"{' or '.join(ASKED)}: where visits are counted")
        self.options.check_counters(self.counters())
        return self

    def counters(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """All that is counted, with the path."""
        for name, metric in self.metrics.items():
            yield from ((("metrics", name, part), text) for part, text in metric.counters())

    @model_validator(mode="after")
    def _can_decide(self) -> ExperimentOptions:
        free = [name for name, metric in self.metrics.items() if not metric.guardrail]
        if self.primary is not None and self.primary not in free:
            known = f"no guardrail: one of {', '.join(free)}" if free else "a metric that is no guardrail"
            raise Wrong(f"{self.primary!r} cannot decide", hint=known, at=("primary",))
        if self.primary is None and len(free) != 1:
            seen = f"{len(free)} metrics are no guardrails" if free else "all metrics are guardrails"
            raise Wrong(f"{seen}: which one decides?", hint=f"primary: {(free or ['orders'])[0]}", at=("metrics",))
        if self.longest < self.interval:
            raise Wrong(f"longest ({self.longest} s) is shorter than the interval ({self.interval} s)", at=("longest",))
        if self.expected is not None:
            self._check_expected(self.expected)
        return self

    def _check_expected(self, expected: ExpectedOptions) -> None:
        is_share = self.metrics[self.deciding].squares is None
        if is_share and expected.mean >= 1:
            raise Wrong(f"of visits that count 0 or 1 the mean is a share, not {expected.mean:g}", at=("expected", "mean"))
        if is_share and expected.deviation is not None:
            raise Wrong("a share has no deviation of its own", hint="leave it out", at=("expected", "deviation"))
        if not is_share and expected.deviation is None:
            raise Wrong(f"{self.deciding} is a mean: how long it takes depends on its deviation", at=("expected",))

    @property
    def deciding(self) -> str:
        """The primary metric."""
        return self.primary or next(name for name, metric in self.metrics.items() if not metric.guardrail)

    def terms(self, share: float) -> Terms:
        """`share` is the part of the visits (0 to 1) that b gets: of it depends how many are needed."""
        from ..gates.experiments import Terms
        from ..gates.foretold import foretold

        metrics = {name: self._measure(name) for name in (self.deciding, *self.metrics)}
        terms = Terms(metrics, self.alpha, self.difference == "relative", self.least)
        if self.expected is None or not self.least:
            return terms
        return terms._replace(tuning=foretold(terms, self.expectation(self.expected, share), self.power).visits)

    def expectation(self, expected: ExpectedOptions, share: float) -> Expected:
        from ..gates.foretold import Expected

        deviation = None if expected.deviation is None else float(expected.deviation)
        return Expected(float(expected.visits), share, float(expected.mean), deviation, float(self.interval))

    def _measure(self, name: str) -> Measure:
        from ..gates.experiments import Measure

        metric = self.metrics[name]
        role: Literal["primary", "guardrail", "other"] = (
            "primary" if name == self.deciding else "guardrail" if metric.guardrail else "other"
        )
        return Measure(role, metric.better, metric.squares is None, metric.tolerated)
