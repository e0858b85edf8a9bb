"""Faults of what measures, on every strategy that stops on its way: none of them promotes a version, and none takes one back."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from rollway.cluster.history import unpacked
from rollway.errors import Refused, Unreachable
from rollway.gates.figures import Both, Counts, Figures
from rollway.kube.objects import DEPLOYMENT, EVENT, LEASE, POD, SECRET
from rollway.measure.port import NoFigure, Unmeasured, Window
from rollway.release.gates import Gate
from rollway.ship.gatekeeping import Gatekeeper
from shop import World, in_world, release

STEPS = {"canary": {"steps": [{"weight": 25, "pause": "10s"}, {"weight": 50}]}}
HELD = {"ramped": 50, "blue-green": 0}
"""Where they stop, of which those that do so by themselves have no need to be told."""
BOTH = {"requests": 'r{p=~"{{pods}}"}', "errors": 'e{p=~"{{pods}}"}'}
PROMETHEUS = {"prometheus": "http://p:9090"}
KINDS: dict[str, dict[str, Any]] = {
    "counted": {**PROMETHEUS, **BOTH},
    "share": {**PROMETHEUS, **BOTH, "max": 0.05},
    "latency": {**PROMETHEUS, "use": "istio", "of": "latency"},
    "value": {**PROMETHEUS, "query": "up", "success": "result[0] < 1"},
    "values": {**PROMETHEUS, "compare": 'v{p=~"{{pods}}"}', "count": 8},
    "effect": {**PROMETHEUS, "effect": {"count": 'v{p=~"{{pods}}"}', "total": 'o{p=~"{{pods}}"}'}},
    "url": {"url": "http://u", "failure": "result > 1"},
    "job": {"job": "smoke"},
    "pods": {"pods": "restarts", "max": 0},
    "probe": {"probe": "http://shop/"},
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
    """Of 400: the release stands in its pause after the gate's deadline as before, both versions where they were."""
    gate = Gate.model_validate({"name": "g", "deadline": "2m", **KINDS[kind]})

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


class Mortal:
    """A cluster that nothing reaches any more of a run that has been killed, whatever it does as it ends."""

    def __init__(self, cluster: Any) -> None:
        self._cluster, self.is_dead = cluster, False

    def __getattr__(self, name: str) -> Any:
        if self.is_dead:
            raise Unreachable("killed")
        return getattr(self._cluster, name)


class Counting:
    """Forty requests a second, of which a quarter is the new version's; how many it was asked of, over all runs."""

    def __init__(self) -> None:
        self.looks = 0

    async def measure(self, window: Window) -> Figures:
        self.looks += 1
        return Both(Counts(30.0 * window.seconds, 0.0), Counts(10.0 * window.seconds, 0.0))

    def asks(self, window: Window) -> list[str]:
        return []

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("strategy", ["ramped", "canary", "ab"])
@pytest.mark.parametrize("killed_s", [13.0, 31.0, 44.0, 58.0])
def test_a_kill_neither_resets_what_was_measured_nor_doubles_it(strategy: str, killed_s: float) -> None:
    """All requests since the gate began are counted once, whenever the run was killed, and who goes on with it."""
    gate = Gate.model_validate({"name": "g", **PROMETHEUS, **BOTH})

    async def story(world: World) -> Any:
        await world.ship("apply", release("v1", strategy=strategy, options=STEPS), weight=100)
        await world.ship("apply", release("v2", strategy=strategy, options=STEPS), weight=HELD.get(strategy))
        paused = (await world.history())[-1]
        held, source = replace(release("v2", strategy=strategy, options=STEPS), gates=(gate,)), Counting()
        mortal, looks = Mortal(world.cluster), list[int]()
        for cluster, lives_s in ((mortal, killed_s), (world.cluster, 25.0)):
            keeper = Gatekeeper(cluster, held, source_of=lambda *_: source)
            await keeper.start(paused, "v1", is_up=True)
            await asyncio.sleep(lives_s)
            mortal.is_dead = True
            await keeper.stop()
            looks.append(source.looks)
        return keeper.found[0], looks

    found, looks = in_world(story)
    counted = found.state["new"][1] + found.state["stable"][1]
    assert looks[1] > looks[0] > 0
    assert counted == pytest.approx(40.0 * (found.until_s - found.began_s))
    assert found.until_s - found.began_s > killed_s


def test_a_secret_is_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in what is told, nor in any object of the cluster."""
    monkeypatch.setenv("PROM_TOKEN", "hunter2")
    options = {"address": "http://127.0.0.1:1", "bearerToken": {"env": "PROM_TOKEN"}, "headers": {"X-Key": {"env": "PROM_TOKEN"}}}
    gate = Gate.model_validate({"name": "g", "prometheus": options, **BOTH, "deadline": "1m"})

    async def story(world: World) -> None:
        await world.ship("apply", release("v1", strategy="canary", options=STEPS))
        told: list[Any] = []
        with pytest.raises(Refused) as refused:
            await world.ship(
                "apply", replace(release("v2", strategy="canary", options=STEPS), gates=(gate,)), goes_on=True, emit=told.append
            )
        assert "hunter2" not in f"{refused.value} {refused.value.detail} {told}"
        kept = [obj for kind in (SECRET, DEPLOYMENT, LEASE, POD, EVENT) for obj in world.sandbox.store.list(kind)]
        held = [value for obj in kept if obj["kind"] == "Secret" for value in obj["data"].values()]
        shown = json.dumps(kept) + "".join(unpacked(base64.b64decode(value)).decode() for value in held)
        assert "cannot be reached" in shown  # what came of asking is there
        assert "hunter2" not in shown

    in_world(story)
