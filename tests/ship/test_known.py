"""What a cluster knows of a release: of the one under way, with its gates."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from rollway.cluster import history
from rollway.errors import BadInput
from rollway.release.gates import Gate
from rollway.ship.known import released
from rollway.ship.run import plan
from rollway.strategies.base import Request
from shop import STRATEGIES, World, in_world, promoted, release

GATE = Gate.model_validate({"name": "restarts", "pods": "restarts", "max": 0})


def test_gates_that_cannot_be_read_hold_a_promotion_and_no_rollback() -> None:
    """They were written by another rollway, say."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        await world.ship("apply", replace(release("v2", strategy="canary"), gates=(GATE,)), weight=50)
        kept = await released(world.cluster, "shop", "shop", must_hold=True)
        last = (await world.history())[-1]
        record = {**last.release, "conduct": {"gates": [{"name": "a", "moon": "full"}]}}
        await history.write(world.cluster, last.model_copy(update={"release": record}))
        with pytest.raises(BadInput) as refused:
            await released(world.cluster, "shop", "shop", must_hold=True)
        to_go_back = await released(world.cluster, "shop", "shop")
        back = await world.ship("rollback", to_go_back)
        return kept, refused.value, back, world.routed_versions()

    kept, refused, back, routed = in_world(story)
    assert (kept.version, kept.gates) == ("v2", (GATE,))
    assert "gates.0.moon" in refused.detail
    assert (back.phase, routed) == ("RolledBack", {"v1"})


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("action", ["promote", "rollback"])
def test_what_comes_next_is_the_same_by_name(strategy: str, action: str) -> None:
    """Step by step, in whatever a release by any strategy has stopped at."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", strategy)
        wanted = release("v2", strategy=strategy)
        await world.ship("apply", wanted)
        named = await released(world.cluster, "shop", "shop", must_hold=True)
        request = Request(action)  # type: ignore[arg-type]
        return [await plan(world.cluster, each, request) for each in (wanted, named)]

    with_file, by_name = in_world(story)
    assert by_name == with_file
