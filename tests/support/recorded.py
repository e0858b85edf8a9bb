"""What a release of the shop writes down for its traffic, for tests of that traffic."""

from __future__ import annotations

import asyncio
from functools import cache

from rollway.compare.record import Recorder
from rollway.compare.results import Version
from rollway.compare.traffic import Recording
from rollway.kube.objects import NAMESPACE, Obj
from rollway.release.model import Release
from rollway.sandbox.node.spread import Measured
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from shop import NAMESPACE_NAME, World, release


def careless(tag: str, strategy: str) -> Release:
    """Without a probe and a preStop hook: requests are lost."""
    made = release(tag, strategy=strategy)
    container = made.workload["spec"]["template"]["spec"]["containers"][0]
    del container["lifecycle"], container["readinessProbe"]
    return made


def _version_of(pod: Obj) -> Version:
    return "new" if pod["spec"]["containers"][0]["image"].endswith(":v2") else "old"


@cache
def recorded(strategy: str) -> Recording:
    """From five seconds before a careless release by that strategy to five seconds after it."""

    return run_virtual(_released(strategy))


async def _released(strategy: str) -> Recording:
    async with Sandbox(seed=3, spread=Measured(3)) as sandbox:
        sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE_NAME}})
        world, loop = World(sandbox), asyncio.get_running_loop()
        await world.ship("apply", careless("v1", "ramped"), strategy="ramped")
        await asyncio.sleep(20)
        zero_s = loop.time() + 5
        recorder = Recorder(sandbox.store, NAMESPACE_NAME, "shop", _version_of, zero_s=zero_s, matching=0.1)
        await asyncio.sleep(5)
        result = await world.ship("apply", careless("v2", strategy), strategy=strategy)
        while result.phase == "Paused":
            await asyncio.sleep(2)
            result = await world.ship("promote", careless("v2", strategy))
        assert result.phase == "Promoted", result.failure
        await asyncio.sleep(5)
        to_s = loop.time() - zero_s
        await asyncio.sleep(60)
        recorder.stop()
        return recorder.recording(-5.0, to_s)
