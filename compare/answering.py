"""Gates in a rehearsal: their sources answer from what the modelled traffic did in virtual time, and the very same gates decide.

What counts requests, or how long they take, is answered from the recording of the release so far; pods are asked as they are.
What nobody can model, a Job's outcome or a value, is taken for good.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

from ..cluster.port import Cluster
from ..gates.figures import BOUNDS_S, Both, Counts, Figures, Histograms, Outcome, Pair, Pairs, Value
from ..measure import source_of
from ..measure.port import NoFigure, Source, Window, counted
from ..ship.power import poisson
from .lives import WORKED_ON, WRONG
from .results import Version
from .traffic import Load, Recording, segments

if TYPE_CHECKING:
    from ..release.gates import Gate


def rehearsed(gates: Sequence[Gate]) -> tuple[Gate, ...]:
    """As they are asked in a rehearsal: what cannot even be taken for good is only told of, so that nothing waits for it."""
    is_answered = {gate.name: is_modelled(gate) or _good(gate) is not None for gate in gates}
    return tuple(gate if is_answered[gate.name] else gate.model_copy(update={"on_fail": "report"}) for gate in gates)


def is_modelled(gate: Gate) -> bool:
    return gate.is_counted or gate.options.is_rehearsed


def assumed(gates: Sequence[Gate]) -> Iterator[str]:
    """What a rehearsal takes for granted of them, in phrases."""
    if modelled := [gate.name for gate in gates if is_modelled(gate)]:
        yield f"measured of the modelled traffic: {', '.join(modelled)}"
    if others := [gate.name for gate in gates if not is_modelled(gate)]:
        yield f"taken for good: {', '.join(others)}"


class Answering:
    """Makes the sources of a rehearsal's gates. `so_far` answers the recording of so many seconds until now."""

    def __init__(self, so_far: Callable[[float], Recording], load: Load, random: Random) -> None:
        self._so_far, self._load, self._random = so_far, load, random

    def __call__(self, gate: Gate, cluster: Cluster, namespace: str) -> Source:
        if gate.options.is_rehearsed:
            return source_of(gate, cluster, namespace)
        return _Answered(lambda window: self._modelled(gate, window) if gate.is_counted else _good(gate))

    def _modelled(self, gate: Gate, window: Window) -> Figures | None:
        if window.stable is None:
            return None
        met: dict[Version, float] = {"old": 0.0, "new": 0.0}
        wrong: dict[Version, float] = {"old": 0.0, "new": 0.0}
        recording = self._so_far(window.seconds)
        found = segments(recording, self._load, self._random)
        if recording.copies:  # whoever measures at the pods cannot tell them from users' requests
            found += segments(replace(recording, routings=recording.copies), self._load, self._random)
        for segment in found:
            for (fate, version), share in segment.mixture.items():
                if version is not None and fate in WORKED_ON:
                    expected = self._load.rate * share * (segment.to_s - segment.from_s)
                    (wrong if fate == WRONG else met)[version] += expected
        if gate.of == "latency":
            return Histograms(*(self._took(version, met[version] + wrong[version]) for version in ("old", "new")))
        return counted(gate, Both(*(self._counted(met[version], wrong[version]) for version in ("old", "new"))), window)

    def _counted(self, good: float, wrong: float) -> Counts:
        errors = poisson(self._random, wrong)
        return Counts(float(poisson(self._random, good) + errors), float(errors))

    def _took(self, version: Version, requests: float) -> dict[float, float]:
        """Cumulative, by bucket."""
        values = self._load.answers[version].latency.values
        counts = [(value, poisson(self._random, requests / len(values))) for value in values]
        return {bound: float(sum(count for value, count in counts if value <= bound)) for bound in BOUNDS_S}


class _Answered:
    """A source that asks nobody."""

    def __init__(self, answer: Callable[[Window], Figures | None]) -> None:
        self._answer = answer

    async def measure(self, window: Window) -> Figures:
        if (figures := self._answer(window)) is None:
            raise NoFigure("a rehearsal has nothing that could be measured")
        return figures

    def asks(self, window: Window) -> list[str]:
        return []

    async def close(self) -> None:
        pass


def _good(gate: Gate) -> Figures | None:
    """What a good version would show; None where nobody can say."""
    if gate.options.concludes:
        return Outcome(is_good=True)
    if gate.compare is not None:
        return Pairs(dict.fromkeys(gate.compare, Pair(1.0, 1.0)))
    bound = gate.max if gate.max is not None else gate.min
    return None if bound is None else Value(float(bound))
