"""Why a release failed is in the history before its pods are gone."""

from __future__ import annotations

import pytest
from mortal import Killed
from rollway.cluster.events import RunBegan
from shop import STRATEGIES, World, in_world, promoted, release


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_the_pods_said_outlives_them(strategy: str) -> None:
    """The reason, and the end of the log; still there when the release is taken back."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        result = await world.ship("apply", release("crash", strategy=strategy))
        last = (await world.history())[-1]

        assert (result.phase, last.phase) == ("RolledBack", "RolledBack")
        assert "exit 1" in last.message
        assert any("crash" in line or "exit 1" in line for line in last.told)
        assert any(line.endswith("> KeyError: 'PAYMENT_URL'") for line in last.told)

    in_world(story)


def test_it_is_written_before_the_way_back_begins() -> None:
    """A run that is killed at its first step back has left it already, and so has one that was told not to go back."""

    async def story(world: World) -> None:
        def emit(event: object) -> None:
            if isinstance(event, RunBegan) and event.is_way_back:
                raise Killed

        await promoted(world, "v1", "canary")
        with pytest.raises(Killed):
            await world.ship("apply", release("crash", strategy="canary"), emit=emit)
        last = (await world.history())[-1]

        assert last.phase == "Progressing"
        assert any("PAYMENT_URL" in line for line in last.told)
        assert any(name.endswith(" crash") for name in world.pods())

    in_world(story)
