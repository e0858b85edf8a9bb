"""The port: what a gate's source is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ..gates.effects import Sums
from ..gates.figures import Both, Figures, Samples

if TYPE_CHECKING:
    from ..release.gates import Gate


MOST = 1e60
"""Of what is counted, and of its squares: the fourth power of such a number is one still, and nobody has counted more."""


class Unmeasured(Exception):
    """Nothing could be measured: its text says why. An infrastructure's fault is never a verdict on a version."""


class NoFigure(Unmeasured):
    """The source answered, and there was no figure in it: no sample, or not a number."""


class Quiet(NoFigure):
    """The source answered that nobody asked for anything: that speaks against nothing."""


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
    get of the requests; None where nobody says. `until_s`: now, in seconds since 1970. `is_first`: nothing of this version was
    measured before."""

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
    until_s: float = 0.0
    is_first: bool = False

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
            "from": str(round(self.until_s) - max(round(self.seconds), 1)),
            "to": str(round(self.until_s)),
        }


def seen_by(gate: Gate, window: Window) -> Window:
    """With the stable version in the place of the new one, for a gate that is of it; what that one printed before this release is
    none of it. Raises NoFigure where none runs."""
    if gate.side == "new":
        return window
    if window.stable is None:
        raise NoFigure("no stable version runs beside the new one")
    return replace(window, new=window.stable, is_first=False)


def compared_with(window: Window) -> Side:
    """The version that the new one is compared with. Raises NoFigure where none runs."""
    if window.stable is None:
        raise NoFigure("no other version runs beside it: there is nothing to compare with")
    return window.stable


def counted(gate: Gate, both: Both, window: Window) -> Both:
    """Raises Quiet where nobody asked for anything that the gate could be judged by."""
    if not both.new.requests and not both.stable.requests:
        raise Quiet(f"no request of either version in {window.values(window.new)['interval']}")
    if not both.new.requests and gate.form == "bound":
        raise Quiet("no request of the new version")
    return both


def visited(samples: Samples, window: Window) -> Samples:
    """Raises Quiet where nobody came."""
    if not samples.stable.visits and not samples.new.visits:
        raise Quiet(f"no visit of either version in {window.values(window.new)['interval']}")
    return samples


def is_count(value: Any) -> bool:
    """Whether it may be what somebody has counted, or added up. What is no number may be anything, and 0 is not what it is."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST


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
