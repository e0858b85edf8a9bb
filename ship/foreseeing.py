"""What a release's gates would do, said before it: from its strategy's stages, and the traffic that is assumed."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..gates.judges import judge_of
from ..release.gates import Gate
from ..release.model import Release
from ..strategies import by_name
from ..strategies.stops import stops_of
from .power import Foreseen, Stage, Traffic, Watch, foresee

GOOD, BAD = 1000, 200
"""Releases that are drawn of a good version, and of each bad one."""
SIZES = (2.0, 4.0, 10.0, 20.0)
"""How many times as many errors bad versions have."""
MOST_LOOKS = 1000
"""Of a release: drawing thousands of them takes minutes from there on."""


@dataclass(frozen=True)
class Assumed:
    """`rate` requests a second, of which the share `errors` fails today, `clump` at once. A pause without a length lasts
    `pause_s`; A/B rules catch the share `matching`."""

    rate: float
    errors: float = 0.005
    clump: int = 1
    pause_s: float = 600.0
    matching: float = 0.1


@dataclass(frozen=True)
class Outlook:
    """`why_not`: why nothing can be said of the gate; else of a good version, and of bad ones."""

    gate: Gate
    why_not: str = ""
    good: Foreseen | None = None
    bad: tuple[Foreseen, ...] = ()


def stages_of(release: Release, assumed: Assumed) -> dict[int, Stage]:
    """The stages in which both versions get requests, by their weight."""
    found: dict[int, Stage] = {}
    for stop in stops_of(by_name(release.strategy)(release)):
        share = stop.weight / 100
        if release.strategy == "ab":
            share = assumed.matching + (1 - assumed.matching) * share
        if share > 0:
            found[stop.weight] = Stage(share, float(assumed.pause_s if stop.pause_s is None else stop.pause_s))
    return found


def outlook(release: Release, assumed: Assumed) -> tuple[Outlook, ...]:
    return tuple(_of(gate, stages_of(release, assumed), assumed) for gate in release.gates)


def _of(gate: Gate, stages: dict[int, Stage], assumed: Assumed) -> Outlook:
    if not gate.is_counted or gate.of != "errors":
        return Outlook(gate, "what it measures cannot be assumed: only counted errors can")
    asked = [stage for weight, stage in stages.items() if gate.holds(weight, is_last=weight == max(stages))]
    if not asked:
        return Outlook(gate, "there is no stage in which both versions get requests and it is asked")
    watch = Watch(judge_of(gate.chosen_judge, gate.asked), float(gate.interval), gate.goes_on)
    if not any(stage.seconds >= gate.interval for stage in asked):
        return Outlook(gate, f"every stage is shorter than its interval of {gate.interval} s")
    looks = sum(int(stage.seconds // gate.interval) for stage in asked)
    if looks > MOST_LOOKS:
        hint = "ask for a shorter pause (--gate), or give the gate a longer interval"
        return Outlook(gate, f"it would be measured {looks:,} times, and at most {MOST_LOOKS:,} can be drawn: {hint}")
    traffic = Traffic(assumed.rate, assumed.errors, assumed.errors, assumed.clump)
    worse = [assumed.errors * size for size in SIZES if assumed.errors * size < 1]
    return Outlook(
        gate,
        good=foresee(watch, traffic, asked, GOOD),
        bad=tuple(foresee(watch, replace(traffic, new=each), asked, BAD) for each in worse),
    )
