"""A Prometheus, asked over its HTTP API: one figure, the requests of both versions, or how long they took."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from ..cluster.port import Cluster
from ..gates.figures import Both, Counts, Figures, Histograms, Pair, Pairs, Samples, Trials, Value
from ..gates.prometheus import Answer, Unreadable, read
from ..gates.ready import READY
from ..gates.templates import filled
from ..release.sources import Address, HttpOptions, Need, SourceOptions, check_template
from .inside import needed
from .port import NoFigure, Side, Unmeasured, Window, compared_with, counted, is_count, sums, visited
from .web import Web

if TYPE_CHECKING:
    from ..release.comparing import EffectOptions, MetricOptions
    from ..release.experiment import ExperimentOptions
    from ..release.experiment import MetricOptions as ExperimentMetric
    from ..release.gates import Gate


class PrometheusOptions(HttpOptions, SourceOptions):
    """A Prometheus, or whatever speaks its HTTP API."""

    text_is = "address"
    takes = frozenset({"use", "query", "requests", "errors", "compare", "effect"})
    is_promql = True
    counts_visits = True

    address: Address = Field(description="Such as http://prometheus.monitoring:9090; a path in it is kept.")

    def needs(self, namespace: str) -> Iterator[Need]:
        return needed(self.address, namespace)

    def check_counters(self, counters: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
        for at, text in counters:
            check_template(text, at, is_sided=True)


class Prometheus:
    """What a gate asks of its Prometheus."""

    options = PrometheusOptions

    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        self._gate, self._options = gate, gate.options_as(PrometheusOptions)
        self._web = Web(self._options, cluster, namespace)

    async def measure(self, window: Window) -> Figures:
        if self._gate.query is not None:
            return await self._value(window, self._gate.query)
        stable = compared_with(window)
        if self._gate.compare is not None:
            return await self._pairs(window, stable, self._gate.compare)
        if self._gate.effect is not None:
            return await self._samples(window, stable, self._gate.effect)
        if self._gate.trial is not None:
            return await self._trials(window, stable, self._gate.trial)
        if self._gate.use is not None and self._gate.of == "latency":
            before, after = await asyncio.gather(self._histogram(window, stable), self._histogram(window, window.new))
            if not before and not after:
                raise self._unseen(window)
            return Histograms(before, after)
        sides = await asyncio.gather(self._counts(window, stable), self._counts(window, window.new))
        if all(side is None for side in sides):
            raise self._unseen(window)
        return counted(self._gate, Both(*(side or Counts(0.0, 0.0) for side in sides)), window)

    def asks(self, window: Window) -> list[str]:
        sides = [window.new] if self._gate.query is not None or window.stable is None else [window.new, window.stable]
        asked = (filled(text, window.values(side)) for text in self._templates() for side in sides)
        return [*(" ".join(line.strip() for line in query.splitlines()).strip() for query in asked), *self._web.ways]

    async def close(self) -> None:
        await self._web.close()

    async def _value(self, window: Window, template: str) -> Value:
        """A vector is a list of numbers, as Argo's conditions have it (`result[0]`); a scalar one number."""
        answer = await self._asked(filled(template, window.values(window.new)))
        if answer.type == "string":
            return Value(answer.samples[0].value)
        numbers = _numbers(answer)
        if not numbers:
            raise NoFigure("the query answers no sample")
        if all(map(math.isnan, numbers)):
            raise NoFigure("the query answers NaN: 0 of 0, most likely")
        return Value(numbers[0] if answer.type == "scalar" else numbers)

    async def _pairs(self, window: Window, stable: Side, compare: Mapping[str, MetricOptions]) -> Pairs:
        found = await asyncio.gather(
            *(self._single(window, side, metric.query) for metric in compare.values() for side in (stable, window.new))
        )
        pairs = {name: Pair(*found[2 * place : 2 * place + 2]) for place, name in enumerate(compare)}
        if all(value is None for value in found):
            raise NoFigure("no query answers a value, of neither version")
        return Pairs(pairs)

    async def _single(self, window: Window, side: Side, template: str) -> float | None:
        value = _one(await self._asked(filled(template, window.values(side))))
        return None if value is None or math.isnan(value) else value

    def _templates(self) -> list[str]:
        """All that is asked of a side."""
        if self._gate.query is not None:
            return [self._gate.query]
        if self._gate.compare is not None:
            return [metric.query for metric in self._gate.compare.values()]
        if (asked := self._gate.effect) is not None:
            return _counters(asked)
        if self._gate.trial is not None:
            return [text for metric in self._gate.trial.metrics.values() for text in _counters(metric)]
        if self._gate.use is not None and self._gate.of == "latency":
            return [READY[self._gate.use].latency]
        return list(self._counting())

    def _counting(self) -> tuple[str, str]:
        if self._gate.use is not None:
            return READY[self._gate.use].requests, READY[self._gate.use].errors
        return str(self._gate.requests), str(self._gate.errors)

    async def _trials(self, window: Window, stable: Side, experiment: ExperimentOptions) -> Trials:
        """All metrics or none: of some alone nothing could be counted on that is one and the same time."""
        names = (experiment.deciding, *(name for name in experiment.metrics if name != experiment.deciding))
        found = await asyncio.gather(*(self._samples(window, stable, experiment.metrics[name]) for name in names))
        return Trials(dict(zip(names, found, strict=True)), window.share, window.seconds)

    async def _samples(self, window: Window, stable: Side, asked: EffectOptions | ExperimentMetric) -> Samples:
        queries = _counters(asked)
        found = await asyncio.gather(*(self._counted(window, side, text) for side in (stable, window.new) for text in queries))
        sides = found[: len(queries)], found[len(queries) :]
        return visited(Samples(*map(sums, sides)), window)

    async def _counted(self, window: Window, side: Side, template: str) -> float | None:
        """None where there is no series yet."""
        answer = await self._asked(filled(template, window.values(side)))
        value = _one(answer)
        if answer.samples and not is_count(value):
            raise _no_count(math.nan if value is None else value)
        return value

    async def _counts(self, window: Window, side: Side) -> Counts | None:
        """Where nothing failed yet, there is no series of failures: that is 0 of those requests. None where nobody asked yet."""
        requests, errors = await asyncio.gather(*(self._counted(window, side, text) for text in self._counting()))
        if requests is None and errors:
            raise NoFigure(f"{errors:g} errors and no requests of {side.deployment}: the queries count different things")
        return None if requests is None else Counts(requests, min(errors or 0.0, requests))

    def _unseen(self, window: Window) -> NoFigure:
        """Of requests there is no series at all: one that was scraped is there, and does not rise, where nobody asks."""
        span = window.values(window.new)["interval"]
        return NoFigure(f"no request of either version in {span}; a scrape interval of more than half of that shows none")

    async def _histogram(self, window: Window, side: Side) -> Mapping[float, float]:
        ready = READY[str(self._gate.use)]
        answer = await self._asked(filled(ready.latency, window.values(side)))
        found: dict[float, float] = {}
        for sample in answer.samples:
            try:
                bound, count = float(sample.labels["le"]), sample.number
            except (KeyError, ValueError):
                raise Unmeasured("the query answers a series without le: a histogram has it") from None
            if not is_count(count):
                raise _no_count(count)
            found[bound / ready.seconds] = count
        return found

    async def _asked(self, query: str) -> Answer:
        url = f"{self._options.address.rstrip('/')}/api/v1/query"
        status, body = await self._web.ask(url, params={"query": query})
        try:
            return read(status, body)
        except Unreadable as error:
            raise Unmeasured(f"the query is none: {error}" if error.is_query else str(error)) from None


def _counters(asked: EffectOptions | ExperimentMetric) -> list[str]:
    return [text for text in (asked.count, asked.total, asked.squares) if text is not None]


def _no_count(value: float) -> NoFigure:
    return NoFigure(f"the query answers {'NaN' if math.isnan(value) else f'{value:g}'}, which is no count")


def _one(answer: Answer) -> float | None:
    try:
        return answer.one()
    except Unreadable as error:
        raise Unmeasured(str(error)) from None


def _numbers(answer: Answer) -> list[float]:
    try:
        return answer.numbers
    except Unreadable as error:
        raise Unmeasured(str(error)) from None
