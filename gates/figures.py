"""What is measured, and what is said of it: the plain values that sources answer and judges take."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

from .effects import Sums


class Counts(NamedTuple):
    """Of one version, in one interval: `errors` of `requests`. A Prometheus extrapolates, so they need not be whole."""

    requests: float
    errors: float


class Value(NamedTuple):
    """One figure of the new version, as a source answered it: a number, a text, a truth, or a list of them. `said`: what it is
    of, in words, where that helps (a line of a log, pods by name)."""

    value: Any
    said: str = ""


class Both(NamedTuple):
    """The requests of both versions in the same interval."""

    stable: Counts
    new: Counts


BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, math.inf)
"""Of the buckets that Prometheus' client libraries begin with: for whoever counts by himself."""


class Histograms(NamedTuple):
    """How long the requests of both versions took in the same interval: how many took at most so long, by the bound (seconds;
    infinity: all of them)."""

    stable: Mapping[float, float]
    new: Mapping[float, float]


class Pair(NamedTuple):
    """One figure of each version, measured at the same time; None where there was none."""

    stable: float | None
    new: float | None


class Pairs(NamedTuple):
    """Several figures of both versions, by name."""

    by_name: Mapping[str, Pair]


class Samples(NamedTuple):
    """What visits of both versions came to in the same interval."""

    stable: Sums
    new: Sums


class Trials(NamedTuple):
    """Samples of several metrics by name, the first the primary one's; of so many `seconds`, in which the new version should get
    the share `wanted` of the visits (0 to 1; None: nobody says which)."""

    by_name: Mapping[str, Samples]
    wanted: float | None
    seconds: float


class Outcome(NamedTuple):
    """How a Job ended: `is_good`, or None where it could not tell (it never started, or took too long), and what it said."""

    is_good: bool | None
    said: str = ""


Figures = Value | Both | Histograms | Pairs | Samples | Trials | Outcome


class Phase(StrEnum):
    """`running`: nothing speaks against it so far. The others are final for as long as nothing else is measured."""

    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"


@dataclass(frozen=True)
class Verdict:
    """`why` is one sentence, seen against wanted. `shown` are the figures of it by name, for tables and JSON; `measured` how many
    measurements it stands on."""

    phase: Phase
    why: str
    measured: int = 0
    shown: Mapping[str, float] = field(default_factory=dict)


State = Mapping[str, Any]
"""All that a judge remembers: JSON-shaped, of bounded size, so that it can be put away and taken up again at any moment."""


class Judge(Protocol):
    """Takes what is measured, one measurement after the other, and says what follows. Pure."""

    def begin(self) -> State: ...

    def take(self, state: State, at_s: float, figures: Figures) -> State:
        """The state after a measurement at `at_s` (seconds of any clock that only goes forward)."""
        ...

    def miss(self, state: State, at_s: float, cause: str) -> State:
        """The state after an attempt that measured nothing: the source was away, or answered what is no figure."""
        ...

    def phase(self, state: State) -> Phase:
        """The verdict's, without its words: for whoever judges thousands of releases."""
        ...

    def verdict(self, state: State) -> Verdict: ...
