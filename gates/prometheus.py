"""What a Prometheus answered: the body of /api/v1/query, read (Prometheus: "HTTP API"). Pure.

Values stay texts where they are read and become numbers where one is wanted: "NaN" and "+Inf" are legal answers.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

MOST_SERIES = 10_000
SHOWN = 300

ResultType = Literal["vector", "scalar", "string", "matrix"]


class Unreadable(ValueError):
    """Its text says what is wrong, in the server's words where it has some. `is_query`: the query is not one."""

    def __init__(self, text: str, *, is_query: bool = False) -> None:
        super().__init__(text)
        self.is_query = is_query


@dataclass(frozen=True)
class Sample:
    """`value` as it was written. Of a matrix the newest of its series."""

    labels: Mapping[str, str]
    value: str

    @property
    def number(self) -> float:
        """Raises Unreadable for a text that is none."""
        try:
            return float(self.value)
        except ValueError:
            raise Unreadable(f"{self.value[:SHOWN]!r} is no number") from None


@dataclass(frozen=True)
class Answer:
    type: ResultType
    samples: tuple[Sample, ...]

    @property
    def numbers(self) -> list[float]:
        return [sample.number for sample in self.samples]

    def one(self) -> float | None:
        """The one value; None where there is no sample, or it is not a number. Raises Unreadable where there are several: a sum
        of what the query did not add up would be a guess."""
        if len(self.samples) > 1:
            raise Unreadable(f"the query answers {len(self.samples)} series: add them up, such as sum(…)")
        number = self.samples[0].number if self.samples else None
        return None if number is None or math.isnan(number) else number


def read(status: int, body: bytes) -> Answer:
    """Raises Unreadable for whatever is no answer to a query."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise Unreadable(_no_json(status, body)) from None
    if not isinstance(data, dict) or data.get("status") not in ("success", "error"):
        raise Unreadable(f"status {status}, and JSON that is no answer of a Prometheus")
    if data["status"] == "error":
        raise Unreadable(f"{data.get('error') or data.get('errorType') or 'error'}"[:SHOWN], is_query=is_bad_query(status, data))
    if status != 200:
        raise Unreadable(f"status {status}")
    result = data.get("data")
    if not isinstance(result, dict):
        raise Unreadable("the answer has no data")
    return Answer(*_samples(result.get("resultType"), result.get("result")))


def is_bad_query(status: int, data: Mapping[str, Any]) -> bool:
    return status == 400 and data.get("errorType") == "bad_data"


def _no_json(status: int, body: bytes) -> str:
    if status in (401, 403):
        return f"status {status}: it wants other credentials"
    if status == 404:
        return "status 404: no Prometheus answers there; is the path right?"
    return f"status {status}, and no JSON" if body else f"status {status}, and nothing in it"


def _samples(type_: Any, result: Any) -> tuple[ResultType, tuple[Sample, ...]]:
    match type_:
        case "scalar" | "string":
            return type_, (Sample({}, _text(result)),)
        case "vector":
            return type_, tuple(Sample(_labels(each), _text(each.get("value"))) for each in _series(result))
        case "matrix":
            newest = ((each, each.get("values")) for each in _series(result))
            return type_, tuple(Sample(_labels(each), _text(values[-1])) for each, values in newest if values)
        case _:
            raise Unreadable(f"a result of type {str(type_)[:SHOWN]!r}")


def _series(result: Any) -> Sequence[Mapping[str, Any]]:
    if not isinstance(result, list) or not all(isinstance(each, dict) for each in result):
        raise Unreadable("the result is no list of series")
    if len(result) > MOST_SERIES:
        raise Unreadable(f"{len(result):,} series: add them up, such as sum(…)")
    if result and "value" not in result[0] and "values" not in result[0]:
        raise Unreadable("native histograms: ask for a number of them, such as histogram_quantile(…)")
    return result


def _labels(each: Mapping[str, Any]) -> Mapping[str, str]:
    metric = each.get("metric")
    return {str(name): str(value) for name, value in metric.items()} if isinstance(metric, dict) else {}


def _text(value: Any) -> str:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[1], str):
        raise Unreadable("a sample that is no pair of a time and a text")
    return value[1]
