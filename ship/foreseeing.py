"""What a release's gates would do, said before it: from its strategy's stages, and the traffic that is assumed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, NamedTuple

from ..gates.judges import judge_of
from ..release.experiment_gate import ExperimentGate
from ..release.gates import Gate
from ..release.model import Release
from ..strategies import of_release
from ..strategies.stops import stops_of
from .power import SLOW, Conversions, Draws, Foreseen, Slowness, Stage, Traffic, Values, Watch, foresee

SIZES = (2.0, 4.0, 10.0, 20.0)
"""How many times as many errors bad versions have, or slow answers."""
TIMES = (1.1, 1.25, 1.5, 2.0)
"""How many times as high, or as low, their values are."""
WORSE = (0.95, 0.9, 0.8, 0.5)
"""How many times as often visits convert on a worse version."""
FEW_LOOKS = 200
"""At an A/B test, which lasts for days: looked at more often, it is decided hardly sooner."""
MOST_LOOKS = 1000
"""Of a release: drawing thousands of them takes minutes from there on."""


@dataclass(frozen=True)
class Assumed:
    """`rate` requests a second, of which the share `errors` fails today, `clump` at once. Values vary by the share `spread`, and
    the share `conversion` of visits converts. A pause without a length lasts `pause_s`; A/B rules catch the share `matching`. So
    many releases are drawn of a version that is `good`, and of each `bad` one; of values, whose judge takes longer, a fifth."""

    rate: float
    errors: float = 0.005
    clump: int = 1
    spread: float = 0.1
    conversion: float = 0.05
    pause_s: float = 600.0
    matching: float = 0.1
    good: int = 1000
    bad: int = 200


Kind = Literal["errors", "slow", "times"]
"""In what terms a version is bad: its share of errors, or of slow answers, or how many times as high its values are."""


@dataclass(frozen=True)
class Outlook:
    """Of the gate of that name. `why_not`: why nothing can be said of it; else of a good version, and of bad ones, or, of an
    experiment, what it `says`: how long it takes."""

    gate: str
    wanted: str
    kind: Kind
    why_not: str = ""
    good: Foreseen | None = None
    bad: tuple[Foreseen, ...] = ()
    says: str = ""


def stages_of(release: Release, assumed: Assumed, strategy: str | None = None) -> dict[int, Stage]:
    """The stages in which both versions get requests, by their weight; of the share that is given, by pods or by routes."""
    found: dict[int, Stage] = {}
    made = of_release(strategy or release.strategy, release)
    for stop in stops_of(made):
        likely = made.likely_share(stop.weight)
        if likely is not None:
            share = likely
        elif made.name in ("ab", "canary"):
            share = assumed.matching + (1 - assumed.matching) * stop.weight / 100  # and those whom its rules catch
        else:
            share = stop.weight / 100
        if share > 0:
            found[stop.weight] = Stage(share, float(assumed.pause_s if stop.pause_s is None else stop.pause_s))
    return found


def outlook(release: Release, assumed: Assumed, strategy: str | None = None) -> tuple[Outlook, ...]:
    """By the strategy; without one by the release's own."""
    stages = stages_of(release, assumed, strategy)
    gates = release.gates_for(strategy or release.strategy)
    return tuple(_of(gate, stages, assumed) for gate in gates)


def _of(gate: Gate, stages: dict[int, Stage], assumed: Assumed) -> Outlook:
    kind: Kind = "times" if gate.compare is not None or gate.effect is not None else "slow" if gate.of == "latency" else "errors"
    nothing = Outlook(gate.name, gate.wanted, kind)
    if isinstance(gate, ExperimentGate):
        says = gate.foretold
        return replace(nothing, says=says, why_not="" if says else "how long it takes: with `least` and `expected` in it")
    drawing = _drawing(gate, assumed)
    if drawing is None:
        return replace(nothing, why_not="what it measures cannot be assumed: counted requests and values of both versions can")
    asked = [_lasting(gate, stage) for weight, stage in stages.items() if gate.holds(weight, is_last=weight == max(stages))]
    if not asked:
        return replace(nothing, why_not="there is no stage in which both versions get requests and it is asked")
    whole_s = sum(stage.seconds for stage in asked)
    every = math.ceil(whole_s / FEW_LOOKS / gate.interval) if gate.effect is not None else 1
    watch = Watch(
        judge_of(gate.chosen_judge, gate.asked), float(max(every, 1) * gate.interval), gate.goes_on, float(gate.initial_delay),
        {"wait": None, "pass": False, "fail": True}[gate.on_inconclusive],
    )  # fmt: skip
    looks = sum(1 for _ in watch.looks(asked))
    if not looks:
        first_s = gate.initial_delay + gate.interval
        return replace(nothing, why_not=f"every stage is shorter than its first look, after {first_s} s")
    if looks > MOST_LOOKS:
        hint = "ask for a shorter pause (--gate), or give the gate a longer interval"
        return replace(nothing, why_not=f"it would be measured {looks:,} times, and at most {MOST_LOOKS:,} can be drawn: {hint}")
    part = 5 if gate.compare is not None else 1
    return replace(
        nothing,
        good=foresee(watch, drawing.of(drawing.good), asked, assumed.good // part),
        bad=tuple(foresee(watch, drawing.of(size), asked, assumed.bad // part) for size in drawing.bad),
    )


class _Drawing(NamedTuple):
    """How a version of a size does, the size of a good one, and of bad ones."""

    of: Callable[[float], Draws]
    good: float
    bad: Sequence[float]


def _drawing(gate: Gate, assumed: Assumed) -> _Drawing | None:
    """None of what nobody can assume."""
    if gate.compare is not None:
        falls = frozenset(name for name, metric in gate.compare.items() if metric.worse == "lower")
        return _Drawing(partial(Values, tuple(gate.compare), falls, assumed.spread), 1.0, TIMES)
    if gate.effect is not None and gate.effect.squares is None:
        sizes = WORSE if gate.effect.better == "higher" else [1 / size for size in WORSE]
        return _Drawing(partial(Conversions, assumed.rate, assumed.conversion), 1.0, sizes)
    if not gate.is_counted:
        return None
    if gate.of == "latency":
        return _Drawing(partial(Slowness, assumed.rate), SLOW, _sizes(SLOW))
    return _Drawing(
        lambda size: Traffic(assumed.rate, assumed.errors, size, assumed.clump), assumed.errors, _sizes(assumed.errors)
    )


def _sizes(good: float) -> list[float]:
    return [good * times for times in SIZES if good * times <= 1]


def _lasting(gate: Gate, stage: Stage) -> Stage:
    """A pause ends when its gates have decided: it lasts as long as one needs that decides after so many measurements."""
    if gate.effect is not None:
        return stage._replace(seconds=stage.seconds + gate.deadline)
    count = gate.asked.limits.count if gate.ends else None
    if count is None:
        return stage
    return stage._replace(seconds=max(stage.seconds, float(gate.initial_delay + count * gate.interval)))
