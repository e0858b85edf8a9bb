"""Requests of our own to the application, and which version answered them: for whoever has no Prometheus.

They are sent from where deploy runs, by the way that users take, at a constant rate, from the gate's first look until its end.
An answer names its version in a header. What gets no answer names none, and is held against neither version.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections import Counter
from typing import TYPE_CHECKING

from ..cluster.port import Cluster
from ..gates.figures import BOUNDS_S, Both, Counts, Histograms
from ..load.report import Sample
from ..load.tally import MOST_VERSIONS
from ..release.probe import RequestOptions
from ..release.sources import SourceOptions
from .port import NoFigure, Unmeasured, Window, compared_with, counted

if TYPE_CHECKING:
    from ..load.generator import Load
    from ..release.gates import Gate


class GateProbeOptions(RequestOptions, SourceOptions):
    """Requests from where deploy runs, at a constant rate; which version answers one is told by a header of the answer."""

    text_is = "url"
    counts = True


class _Seen:
    """What answered since the last look, by what it calls itself."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.took: Counter[tuple[str, float]] = Counter()

    def take(self, sample: Sample) -> None:
        name = _bare(sample.version)
        if not sample.status or (name not in self.requests and len(self.requests) >= MOST_VERSIONS):
            return
        self.requests[name] += 1
        self.errors[name] += sample.lost is not None
        self.took[name, next(bound for bound in BOUNDS_S if sample.took_s <= bound)] += 1

    def counts(self, name: str) -> Counts:
        return Counts(float(self.requests[name]), float(self.errors[name]))

    def histogram(self, name: str) -> dict[float, float]:
        return {bound: float(sum(self.took[name, each] for each in BOUNDS_S if each <= bound)) for bound in BOUNDS_S}


class Probe:
    options = GateProbeOptions

    def __init__(self, gate: Gate, cluster: Cluster, namespace: str) -> None:
        self._gate, self._options = gate, gate.options_as(GateProbeOptions)
        self._target = self._options.target()
        self._seen = _Seen()
        self._load: Load | None = None
        self._sending: asyncio.Task[None] | None = None

    async def measure(self, window: Window) -> Both | Histograms:
        beside = compared_with(window)
        stable, new = _bare(beside.version), _bare(window.new.version)
        if stable == new and beside != window.new:
            raise NoFigure(f"both versions are called {new}: their answers cannot be told apart")
        if self._sending is None:
            from ..load.generator import Load

            self._load = Load(self._target, float(self._options.rate), taken=lambda sample: self._seen.take(sample))
            self._sending = asyncio.create_task(self._load.run())
            await asyncio.sleep(self._gate.interval)
        seen, self._seen = self._seen, _Seen()
        if not seen.requests:
            raise Unmeasured(self._silence())
        if not seen.requests[stable] and not seen.requests[new]:
            raise NoFigure(self._strangers(seen, window))
        if self._gate.of == "latency":
            return Histograms(seen.histogram(stable), seen.histogram(new))
        return counted(self._gate, Both(seen.counts(stable), seen.counts(new)), window)

    def asks(self, window: Window) -> list[str]:
        told = f"{self._target.method} {self._target.url} {self._options.rate:g} times a second"
        return [f"{told}, by version as {' or '.join(self._target.version_headers)} names it"]

    async def close(self) -> None:
        if self._sending is not None and self._load is not None:
            self._sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending
            await self._load.close()

    def _silence(self) -> str:
        lost = self._load.tally.errors.most_common(1) if self._load else []
        return f"{self._target.url} answers nothing{f' ({lost[0][0]})' if lost else ''}"

    def _strangers(self, seen: _Seen, window: Window) -> str:
        names = [name for name, _ in seen.requests.most_common(3)]
        wanted = " or ".join(side.version for side in (window.new, window.stable) if side is not None)
        header = self._target.version_headers[0]
        return f"no answer names version {wanted} in its header {header}: they say {', '.join(names)}"


def _bare(version: str) -> str:
    """`v1.4.0` and `1.4.0` are one."""
    return re.sub(r"^v(?=[0-9])", "", version)
