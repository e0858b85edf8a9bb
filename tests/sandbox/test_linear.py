"""The cost of a rehearsal grows with its pods, not with their square: counted in calls, so that no clock decides."""

from __future__ import annotations

import sys
from types import FrameType

import pytest
from rollway.kube.objects import NAMESPACE
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, release

FEW, MORE, MANY = 40, 120, 200  # as far from each other
SLACK = 1.1  # 1.03 is measured; one look at all pods for each pod's event makes it 1.2 to 1.5


def calls_of(pods: int, strategy: str) -> int:
    """How many functions are called, Python's and C's, while that many pods get a new version."""
    calls = 0

    def count(frame: FrameType, what: str, argument: object) -> None:
        nonlocal calls
        calls += what in ("call", "c_call")

    async def story() -> None:
        async with Sandbox() as sandbox:
            sandbox.api.create(NAMESPACE, "", {"metadata": {"name": NAMESPACE_NAME}})
            options = shipping.Options(holder="test@nowhere/0")

            async def ship(tag: str, strategy: str, request: Request) -> str:
                wanted = release(tag, strategy=strategy, replicas=pods)
                return (await shipping.run(sandbox.client(), wanted, request, strategy=strategy, options=options)).phase

            await ship("v1", "ramped", Request("apply"))
            sys.setprofile(count)
            try:
                phase = await ship("v2", strategy, Request("apply"))
                if phase == "Paused":
                    phase = await ship("v2", strategy, Request("promote", weight=100))
            finally:
                sys.setprofile(None)
            assert phase == "Promoted"

    run_virtual(story())
    return calls


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_next_pods_cost_what_the_first_ones_did(strategy: str) -> None:
    """For every strategy, those that go pod by pod included: nothing looks at all pods because of one."""
    few, more, many = (calls_of(pods, strategy) for pods in (FEW, MORE, MANY))

    assert many - more < (more - few) * SLACK
