"""Gates that decide experiments, on the embedded cluster in virtual time: what is better, what is worse, whose share is off."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gated import COUNTED, gate, go, shop, split
from rollway.cluster.events import Measured, Noticed
from rollway.errors import Refused
from rollway.gates.effects import Sums
from rollway.gates.figures import Both, Counts, Samples
from rollway.measure.port import Window
from shop import World, in_world


def test_a_share_that_is_not_what_it_should_be_is_told_before_any_result_and_decides_nothing() -> None:
    """Four pods of five are stable, and the new version gets half of the requests."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        half = lambda window: Both(Counts(200.0, 1.0), Counts(200.0, 1.0))  # noqa: E731
        canary = {"steps": [{"weight": 25, "pause": "120s"}]}
        return await go(world, shop("v2", gate(**COUNTED), gate(**COUNTED, name="more"), canary=canary), half)

    result, source, seen = in_world(story)
    assert result.phase == "Promoted"
    assert {window.share for window in source.windows if window.weight == 25} >= {0.25}
    told = [place for place, event in enumerate(seen) if isinstance(event, Noticed) and "in place of 25%" in event.message]
    assert len(told) == 1  # whichever gate has counted them
    measured = [place for place, event in enumerate(seen) if isinstance(event, Measured) and event.gate.split.is_off]
    assert told[0] < measured[0]
    assert "the new version gets 50% of the requests" in seen[told[0]].message


@pytest.mark.parametrize("strategy", ["blue-green", "ab"])
def test_where_nobody_says_which_share_a_version_gets_none_is_asked(strategy: str) -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1", strategy=strategy))
        result, source, _ = await go(world, shop("v2", gate(**COUNTED), strategy=strategy), split(0.0, 0.0))
        return result, source

    result, source = in_world(story)
    assert {window.share for window in source.windows} == {None}
    assert not any(each.split.is_off for each in result.gates)


EFFECT = {"effect": {"count": 'visits{p=~"{{pods}}"}', "total": 'orders{p=~"{{pods}}"}'}, "deadline": "4h"}


@pytest.mark.parametrize(
    ("new", "strategy", "phase"), [(0.15, "ab", "Promoted"), (0.07, "ab", "RolledBack"), (0.15, "canary", "Promoted")]
)
def test_what_is_better_is_promoted_and_what_is_worse_goes_back(new: float, strategy: str, phase: str) -> None:
    def answers(window: Window) -> Samples:
        visits = 20 * window.seconds
        return Samples(Sums(visits, 0.1 * visits), Sums(visits, new * visits))

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1", strategy=strategy))
        began = asyncio.get_running_loop().time()
        result, source, _ = await go(world, shop("v2", gate(name="orders", **EFFECT), strategy=strategy), answers)
        return result, source, asyncio.get_running_loop().time() - began

    result, source, took = in_world(story)
    assert result.phase == phase
    assert result.gates[0].why.startswith("better: +50%" if phase == "Promoted" else "worse: -30%")
    # each look is of the time since the one before: 100 conversions of each version, at least
    assert sum(window.seconds for window in source.windows) * 20 * min(new, 0.1) > 100
    assert took < 4 * 3600


def test_what_is_neither_better_nor_worse_stays_where_it_is() -> None:
    def answers(window: Window) -> Samples:
        visits = 20 * window.seconds
        return Samples(Sums(visits, 0.1 * visits), Sums(visits, 0.1 * visits))

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1", strategy="ab"))
        with pytest.raises(Refused) as refused:
            await go(world, shop("v2", gate(name="orders", **EFFECT), strategy="ab"), answers)
        return str(refused.value), await world.history()

    said, history = in_world(story)
    assert "gate orders is undecided after its deadline: undecided: +0% (between -" in said
    assert history[-1].phase == "Paused"
