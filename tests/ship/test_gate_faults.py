"""Faults of what measures, on every strategy that stops on its way: none of them promotes a version, and none takes one back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from rollway.errors import Refused
from rollway.gates.figures import Figures
from rollway.measure.port import NoFigure, Unmeasured, Window
from rollway.release.gates import Gate
from shop import World, in_world, release

STEPS = {"canary": {"steps": [{"weight": 25, "pause": "10s"}, {"weight": 50}]}}
HELD = {"ramped": 50, "blue-green": 0}
"""Where they stop, of which those that do so by themselves have no need to be told."""
BOTH = {"requests": 'r{p=~"{{pods}}"}', "errors": 'e{p=~"{{pods}}"}'}
KINDS: dict[str, dict[str, Any]] = {
    "counted": BOTH,
    "share": {**BOTH, "max": 0.05},
    "latency": {"use": "istio", "of": "latency"},
    "value": {"query": "up", "success": "result[0] < 1"},
    "values": {"compare": 'v{p=~"{{pods}}"}', "count": 8},
    "effect": {"effect": {"count": 'v{p=~"{{pods}}"}', "total": 'o{p=~"{{pods}}"}'}},
}
FAULTS: tuple[Exception | None, ...] = (
    Unmeasured("cannot be reached: Connection refused"), Unmeasured("no answer within 10 s"), Unmeasured("status 503"),
    Unmeasured("it redirects elsewhere (status 302)"), Unmeasured("the answer is larger than 10 MiB: ask for less"),
    NoFigure("the query answers no sample"), NoFigure("the query answers NaN: 0 of 0, most likely"),
    RuntimeError("whatever"), RecursionError(), None,
)  # fmt: skip
"""What a source raises; None: it never answers."""


class Broken:
    def __init__(self, fault: Exception | None) -> None:
        self._fault, self.asked = fault, 0

    async def measure(self, window: Window) -> Figures:
        self.asked += 1
        if self._fault is None:
            await asyncio.get_running_loop().create_future()
        raise self._fault or AssertionError

    def asks(self, window: Window) -> list[str]:
        return []

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary", "ab"])
def test_a_fault_is_no_verdict(strategy: str, kind: str) -> None:
    """Of 240: the release stands in its pause after the gate's deadline as before, both versions where they were."""
    gate = Gate.model_validate({"name": "g", "prometheus": "http://p:9090", "deadline": "2m", **KINDS[kind]})

    def shop(tag: str, *gates: Gate) -> Any:
        return replace(release(tag, strategy=strategy, options=STEPS), gates=gates)

    async def story(world: World) -> None:
        await world.ship("apply", shop("v1"), weight=100)
        paused = await world.ship("apply", shop("v2"), weight=HELD.get(strategy))
        routed, last = world.routed_versions(), (await world.history())[-1]
        assert paused.phase == "Paused"
        for fault in FAULTS:
            source = Broken(fault)
            with pytest.raises(Refused, match="undecided after its deadline"):
                await world.ship("promote", shop("v2", gate), goes_on=True, source_of=lambda *_, source=source: source)
            after = (await world.history())[-1]
            assert source.asked
            assert (after.phase, after.weight, after.number) == (last.phase, last.weight, last.number), fault
            assert world.routed_versions() == routed

    in_world(story)
