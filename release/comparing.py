"""The part of a gate that compares values of both versions: its metrics, and how they count together."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool, StrictFloat, StrictInt, model_validator

from ..gates.judges.effect import Wanted
from ..gates.judges.kayenta import GROUP, Metric
from .strict import Strict
from .wrong import Wrong

Number = StrictInt | StrictFloat
Ratio = Annotated[Number, Field(ge=0)]
Percent = Annotated[Number, Field(ge=0, le=100)]


def _groups(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


class MetricOptions(Strict):
    """One value of each version, asked at the same time again and again."""

    query: str = Field(description="PromQL that answers one value of one side; a template that names pods, track or version.")
    worse: Literal["higher", "lower", "either"] = Field("higher", description="Where a difference is bad.")
    tolerance: Annotated[Number, Field(ge=0, lt=1)] = Field(0.25, description="The share of a difference that is let pass.")
    confidence: Annotated[StrictFloat, Field(gt=0.5, lt=1)] = Field(0.98, description="Of the interval of the difference.")
    critical: StrictBool = Field(False, description="Where it is worse, nothing else counts.")
    must_have_data: StrictBool = Field(False, description="No value counts as a bad one.")
    nan: Literal["remove", "zero"] = Field("remove", description="What is no number: left out, or 0.")
    outliers: Literal["keep", "remove", "sigma"] = Field(
        "keep", description="remove: without values far outside the middle half; sigma: more than three deviations from the mean."
    )
    effect: Literal["ratio", "larger"] = Field(
        "ratio", description="How large a difference is: the ratio of the means, or how often the new version's is larger."
    )
    allowed_decrease: Ratio = Field(1.0, description="Lower than the stable version, but not by less than so many times: passes.")
    allowed_increase: Ratio = Field(1.0, description="Higher, but less than so many times: passes.")
    critical_decrease: Ratio = Field(1.0, description="critical: from so many times down.")
    critical_increase: Ratio = Field(1.0, description="critical: from so many times up.")
    groups: Annotated[tuple[str, ...], BeforeValidator(_groups), Field(min_length=1)] = Field(
        (GROUP,), description="In which it counts."
    )

    @property
    def asked(self) -> Metric:
        return Metric(
            worse=self.worse,
            tolerance=float(self.tolerance),
            confidence=self.confidence,
            is_critical=self.critical,
            must_have_data=self.must_have_data,
            replaces_nan=self.nan == "zero",
            outliers=self.outliers,
            effect=self.effect,
            allowed=(float(self.allowed_decrease), float(self.allowed_increase)),
            critical_from=(float(self.critical_decrease), float(self.critical_increase)),
            groups=self.groups,
        )


class EffectOptions(Strict):
    """What visits of each version came to, counted since the last look: conversions, or the values of something."""

    count: str = Field(description="PromQL: how many visits; a template that names pods, track or version.")
    total: str = Field(description="PromQL: how many of them did it, or the sum of their values; likewise.")
    squares: str | None = Field(None, description="PromQL: the sum of the squared values. Without it each counts 0 or 1.")
    better: Literal["higher", "lower"] = Field("higher", description="Which mean is the better one.")
    difference: Literal["relative", "absolute"] = Field("relative", description="To the stable version's mean, or as it is.")
    expected: Annotated[StrictInt, Field(ge=100)] = Field(
        5000, description="About how many visits there will be: with so many the interval is narrowest."
    )

    @property
    def asked(self) -> Wanted:
        return Wanted(self.better, self.difference == "relative", float(self.expected), self.squares is None)


class ScoreOptions(Strict):
    """How the metrics count together: the share of them that pass, by group, in percent."""

    good: Percent = Field(95, description="From here on it passed.")
    bad: Percent = Field(75, description="Below it failed; between the two it cannot be told.")
    weights: dict[str, Percent] = Field({}, description="Of groups, in percent; the others share what is left.")

    @model_validator(mode="after")
    def _is_an_order(self) -> ScoreOptions:
        if self.bad > self.good:
            raise Wrong(f"bad {self.bad:g} is more than good {self.good:g}", at=("bad",))
        if sum(self.weights.values()) > 100:
            raise Wrong(f"the weights add up to {sum(self.weights.values()):g}, which is more than 100", at=("weights",))
        return self


def metrics(value: Any) -> Any:
    """A bare query is the one metric; a bare query of a name is that metric."""
    if isinstance(value, str):
        return {"value": {"query": value}}
    if isinstance(value, dict):
        return {name: {"query": each} if isinstance(each, str) else each for name, each in value.items()}
    return value
