"""Any server that answers JSON: the value at a JSONPath of it, the whole, or an experiment's counters of both versions."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from ..cluster.port import Cluster
from ..gates.documents import Unreadable, check, check_answer, value_at
from ..gates.figures import Samples, Trials, Value
from ..gates.templates import filled
from ..release.sources import Address, HttpOptions, Need, SourceOptions, check_template
from ..release.wrong import Wrong
from .inside import needed
from .port import NoFigure, Side, Unmeasured, Window, compared_with, is_count, sums, visited
from .web import Web

if TYPE_CHECKING:
    from ..release.experiment import ExperimentOptions
    from ..release.experiment import MetricOptions as ExperimentMetric
    from ..release.gates import Gate


class UrlOptions(HttpOptions, SourceOptions):
    """Any server that answers JSON; in an experiment it is asked of each version, so its address or its body is a template of
    one."""

    text_is = "address"
    counts_visits = True

    address: Address = Field(description="What is asked; a template.")
    method: Literal["GET", "POST", "PUT"] = Field("GET", description="How.")
    body: str | None = Field(None, description="Sent along; a template.")
    path: str = Field("{$}", description="The JSONPath of what is asked for in the answer.")

    @model_validator(mode="after")
    def _can_be_asked(self) -> UrlOptions:
        if self.body is not None and self.method == "GET":
            raise Wrong("a GET has no body", hint="method: POST", at=("body",))
        _check(self.path, ("path",))
        return self

    def templates(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        yield ("address",), self.address
        if self.body is not None:
            yield ("body",), self.body

    def needs(self, namespace: str) -> Iterator[Need]:
        return needed(self.address, namespace, self.method)

    def check_counters(self, counters: Iterable[tuple[tuple[str | int, ...], str]]) -> None:
        if "path" in self.model_fields_set:
            raise Wrong("the counters' paths stand at the metrics", at=("url", "path"))
        for path, text in self.templates():
            check_template(text, ("url", *path), is_sided=False)
        check_template(f"{self.address} {self.body or ''}", ("url", "address"), is_sided=True)
        for at, text in counters:
            _check(text, at)


class Url:
    options = UrlOptions

    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        self._gate, self._options = gate, gate.options_as(UrlOptions)
        self._web = Web(self._options, cluster, namespace)

    async def measure(self, window: Window) -> Value | Trials:
        if self._gate.trial is not None:
            return await self._trials(window, self._gate.trial)
        try:
            answer = await self._answer(window, window.new)
            check_answer(answer, self._options.path)
            return Value(value_at(answer, self._options.path))
        except Unreadable as error:
            raise Unmeasured(str(error)) from None

    def asks(self, window: Window) -> list[str]:
        sides = [window.new]
        if self._gate.trial is not None:
            sides += [window.stable] if window.stable is not None else []
            paths = [text for metric in self._gate.trial.metrics.values() for _, text in metric.counters()]
        else:
            paths = [self._options.path]
        addresses = [filled(self._options.address, window.values(side)) for side in sides]
        return [*(f"{self._options.method} {each} {' '.join(paths)}" for each in addresses), *self._web.ways]

    async def close(self) -> None:
        await self._web.close()

    async def _answer(self, window: Window, side: Side) -> bytes:
        values, options = window.values(side), self._options
        body = filled(options.body, values) if options.body is not None else None
        status, answer = await self._web.ask(filled(options.address, values), method=options.method, body=body)
        if not 200 <= status < 300:
            raise Unmeasured(f"status {status}")
        return answer

    async def _trials(self, window: Window, experiment: ExperimentOptions) -> Trials:
        """All metrics of one answer of each version, or none."""
        stable, new = await asyncio.gather(self._answer(window, compared_with(window)), self._answer(window, window.new))
        names = (experiment.deciding, *(name for name in experiment.metrics if name != experiment.deciding))
        found = {name: _samples(experiment.metrics[name], stable, new) for name in names}
        for samples in found.values():
            visited(samples, window)
        return Trials(found, window.share, window.seconds)


def _check(path: str, at: tuple[str | int, ...]) -> None:
    try:
        check(path)
    except Unreadable as wrong:
        raise Wrong(str(wrong), at=at) from None


def _samples(metric: ExperimentMetric, *answers: bytes) -> Samples:
    return Samples(*(sums([_count(answer, path) for _, path in metric.counters()]) for answer in answers))


def _count(answer: bytes, path: str) -> float:
    try:
        value = value_at(answer, path)
    except Unreadable as error:
        raise NoFigure(str(error)) from None
    if not is_count(value):
        raise NoFigure(f"{path} is {str(value)[:40]!r}, which is no count")
    return float(value)
