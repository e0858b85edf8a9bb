"""The shop with gates, and a source that answers what the test says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rollway.cluster.events import RunEvent
from rollway.gates.figures import Both, Counts, Figures
from rollway.measure.port import Window
from rollway.release.gates import Gate
from rollway.ship.run import Result
from shop import World, release

STEPS = {"canary": {"steps": [{"weight": 25, "pause": "60s"}, {"weight": 50, "pause": "60s"}]}}
Answers = Callable[[Window], Figures]


class Told:
    """A source that answers what the test says, and remembers what it was asked."""

    def __init__(self, answers: Answers) -> None:
        self._answers, self.windows = answers, []

    async def measure(self, window: Window) -> Figures:
        self.windows.append(window)
        return self._answers(window)

    def asks(self, window: Window) -> list[str]:
        return [f"errors of {window.new.pods}"]

    async def close(self) -> None:
        pass


def gate(**keys: Any) -> Gate:
    return Gate.model_validate({"name": "errors", "prometheus": "http://prometheus:9090", **keys})


COUNTED = {"requests": 'sum(r{p=~"{{pods}}"})', "errors": 'sum(e{p=~"{{pods}}"})'}
VALUE = {"query": 'e{p=~"{{pods}}"}', "max": 0.05}


def shop(tag: str, *gates: Gate, strategy: str = "canary", **options: Any) -> Any:
    return replace(release(tag, strategy=strategy, options={**STEPS, **options}), gates=gates)


async def go(
    world: World, target: Any, answers: Answers, action: str = "apply", **how: Any
) -> tuple[Result, Told, list[RunEvent]]:
    source, seen = Told(answers), []
    how = {"goes_on": True, "emit": seen.append, "source_of": lambda *_: source, **how}
    result = await world.ship(action, target, **how)
    return result, source, seen


def split(new: float, stable: float, rate: float = 40.0) -> Answers:
    """So many errors of each version, as a share of its requests, at a rate that follows the share of pods."""

    def answers(window: Window) -> Both:
        weight = max(window.weight, 10) / 100
        whole = rate * window.seconds
        return Both(Counts(whole * (1 - weight), whole * (1 - weight) * stable), Counts(whole * weight, whole * weight * new))

    return answers
