"""Tests of gates: what would have been measured, second by second, and what has to be decided then. One YAML file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ..errors import BadInput
from ..gates.notation import Unreadable, read
from .file import nearest, validated
from .gates import Gate
from .model import Release
from .reading import read_text
from .strict import Seconds, Strict
from .wrong import Wrong
from .yamlfile import Document, documents

GatePhase = Literal["running", "passed", "failed", "inconclusive", "error"]
ReleasePhase = Literal["under way", "paused", "promoted", "rolled back"]
VISITS = {False: "count and total", True: "count, total and squares"}
"""Of visits and what they came to: by whether it has squares."""
LONGEST_S = 24 * 3600
"""Of a course of things: each of its seconds is gone through."""


def _series(value: Any) -> Any:
    """YAML reads 0x60 as a hexadecimal number: whoever writes that means sixty-one times 0."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise Wrong(f"{value} is a number for YAML", hint="put quotes around a series: 0x60 is hexadecimal without them")
    if not isinstance(value, str):
        raise Wrong("takes a series, such as 0+10x60")
    try:
        return read(value)
    except Unreadable as wrong:
        raise Wrong(str(wrong)) from None


Series = Annotated[tuple[float | None, ...], BeforeValidator(_series)]
"""Its values, one each interval; None where there is none."""


class Sides(Strict):
    """A series of each version."""

    new: Series
    stable: Series


class Measurements(Strict):
    """What one gate would have measured: `value` of the new version, `values` of both, or counters of both (they only rise)."""

    value: Series | None = Field(None, description="Of the new version; of a Job 1 is complete, 0 failed.")
    values: Sides | None = Field(None, description="Of both, for a gate that compares them.")
    requests: Sides | None = Field(None, description="Counters of both versions' requests.")
    errors: Sides | None = Field(None, description="Counters of those of them that failed.")
    count: Sides | None = Field(None, description="Counters of both versions' visits, for a gate that asks which one is better.")
    total: Sides | None = Field(None, description="Counters of what they came to.")
    squares: Sides | None = Field(None, description="Counters of the squares of that, where it is no share of them.")

    @property
    def given(self) -> str:
        if self.count is not None:
            return VISITS[self.squares is not None]
        return "value" if self.value is not None else "values" if self.values is not None else "requests and errors"

    @model_validator(mode="after")
    def _is_one(self) -> Measurements:
        counted = self.requests is not None or self.errors is not None
        visits = self.count is not None or self.total is not None or self.squares is not None
        if [self.value is not None, self.values is not None, counted, visits].count(True) != 1:
            raise Wrong("takes one of value, values, requests with errors, and count with total")
        if (self.requests is None) != (self.errors is None):
            raise Wrong("requests and errors go together")
        if visits and (self.count is None or self.total is None):
            raise Wrong("count and total go together")
        return self


def _measurements(value: Any) -> Any:
    return {"value": value} if isinstance(value, str | int | float) else value


class Expected(Strict):
    """What has to be so, so long after the beginning."""

    at: Annotated[Seconds, Field(le=LONGEST_S)]
    gate: str | None = Field(None, description="Whose verdict; or release.")
    phase: GatePhase | None = Field(None, description="The gate's.")
    release: ReleasePhase | None = Field(None, description="How the release stands.")

    @model_validator(mode="after")
    def _is_one(self) -> Expected:
        if (self.gate is None) == (self.release is None) or (self.gate is None) != (self.phase is None):
            raise Wrong("takes gate and phase, or release")
        return self


class Incident(Strict):
    """One course of things."""

    name: str
    interval: Annotated[Seconds, Field(ge=1)] = Field(10, description="Between two values of a series.")
    series: dict[str, Annotated[Measurements, BeforeValidator(_measurements)]]
    expect: tuple[Expected, ...] = Field(min_length=1)


class IncidentFile(Strict):
    """Tests of the gates of a release file."""

    tests: tuple[Incident, ...] = Field(min_length=1)


def load_incidents(path: str, release: Release) -> tuple[IncidentFile, Document]:
    """Raises BadInput, also where a gate is named that the release has not."""
    document = next((each for each in documents(read_text(path, path), path) if each.data is not None), Document({}, path))
    file = validated(document, IncidentFile)
    gates = {gate.name: gate for gate in release.gates}
    for place, name in _named(file):
        if name not in gates:
            hint = nearest(name, gates) or (f"it has {', '.join(gates)}" if gates else "it has none")
            raise BadInput(f"{release.app} has no gate {name!r}", where=document.where(place), hint=hint)
    for number, test in enumerate(file.tests):
        for name, measured in test.series.items():
            if (wanted := _wanted(gates[name])) != measured.given:
                where = document.where(("tests", number, "series", name))
                raise BadInput(f"gate {name} is measured by {wanted}, not by {measured.given}", where=where)
    return file, document


def _wanted(gate: Gate) -> str:
    """What a series of the gate is of."""
    if gate.compare is not None:
        return "values" if len(gate.compare) == 1 else "values of one metric: test a gate of several by one gate each"
    if gate.effect is not None:
        return VISITS[gate.effect.squares is not None]
    return "requests and errors" if gate.is_counted and gate.of == "errors" else "value"


def _named(file: IncidentFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for number, test in enumerate(file.tests):
        yield from ((("tests", number, "series", name), name) for name in test.series)
        for place, each in enumerate(test.expect):
            if each.gate is not None:
                yield ("tests", number, "expect", place, "gate"), each.gate
