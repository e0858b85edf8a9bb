"""The port: what a gate's source is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ..gates.effects import Sums
from ..gates.figures import Both, Figures

if TYPE_CHECKING:
    from ..release.gates import Gate


class Unmeasured(Exception):
    """Nothing could be measured: its text says why. An infrastructure's fault is never a verdict on a version."""


class NoFigure(Unmeasured):
    """The source answered, and there was no figure in it: no sample, or not a number."""


@dataclass(frozen=True)
class Side:
    """One version where it runs. `pods` is a regular expression of its pods' names, `names` are those it has now."""

    deployment: str
    track: str
    version: str
    pods: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Window:
    """What a measurement is of: the `seconds` that end now. It is the gate's measurement of that `number`. `container` is the
    application's. `stable` is None where no other version runs beside the new one. `share` (0 to 1) is what the new one should
    get of the requests; None where nobody says."""

    app: str
    namespace: str
    service: str
    container: str
    revision: int
    weight: int
    seconds: float
    number: int
    new: Side
    stable: Side | None
    share: float | None = None

    def values(self, side: Side) -> Mapping[str, str]:
        """For templates (gates.templates)."""
        return {
            "app": self.app,
            "namespace": self.namespace,
            "service": self.service,
            "deployment": side.deployment,
            "track": side.track,
            "pods": side.pods,
            "version": side.version,
            "revision": str(self.revision),
            "weight": str(self.weight),
            "interval": f"{max(round(self.seconds), 1)}s",
        }


def counted(gate: Gate, both: Both, window: Window) -> Both:
    """Raises NoFigure where nobody asked for anything that the gate could be judged by."""
    if not both.new.requests and not both.stable.requests:
        span = window.values(window.new)["interval"]
        raise NoFigure(f"no request of either version in {span}; a scrape interval of more than half of that shows none")
    if not both.new.requests and gate.chosen_judge == "threshold":
        raise NoFigure("no request of the new version")
    return both


def sums(values: Sequence[float | None]) -> Sums:
    """Of visits, what they came to, and where it is no share of them its squares. Where nothing was counted yet, there is no
    series: that is 0."""
    visits, total, *squares = (max(value or 0.0, 0.0) for value in values)
    # a Prometheus extrapolates each by itself: a visit converts at most once
    return Sums(visits, total, squares[0]) if squares else Sums(visits, min(total, visits))


class Source(Protocol):
    async def measure(self, window: Window) -> Figures:
        """Raises Unmeasured. Changes nothing that outlives the measurement."""
        ...

    def asks(self, window: Window) -> list[str]:
        """What is asked, as a person would read it: queries, addresses; never a secret."""
        ...

    async def close(self) -> None: ...
