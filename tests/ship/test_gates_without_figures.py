"""Gates whose source fails before, in the middle of or after its looks, on the embedded cluster in virtual time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from gated import COUNTED, VALUE, gate, go, shop, split
from rollway.cluster import findings
from rollway.cluster.events import Noticed, RunEvent
from rollway.errors import Refused
from rollway.gates.figures import Figures, Phase, Value
from rollway.measure.port import NoFigure, Unmeasured, Window
from shop import World, in_world


@pytest.mark.parametrize(
    "fault",
    [Unmeasured("cannot be reached: Connection refused"), Unmeasured("no answer within 10 s"), Unmeasured("status 500"),
     Unmeasured("the answer has no data"), NoFigure("the query answers no sample"), NoFigure("the query answers NaN")],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("keys", [COUNTED, VALUE], ids=["counted", "value"])
def test_a_source_that_answers_nothing_never_decides(keys: Any, fault: Exception) -> None:
    """It is waited for to the deadline, then the release stays where it is; it is not taken back, and not promoted."""

    def answers(window: Window) -> Figures:
        raise fault

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        seen: list[RunEvent] = []
        with pytest.raises(Refused) as refused:
            await go(world, shop("v2", gate(**keys, deadline="5m")), answers, emit=seen.append)
        return str(refused.value), seen, await world.history(), world.routed_versions(), asyncio.get_running_loop().time()

    said, seen, history, routed, _ = in_world(story)
    assert "shop stays at 25%" in said
    assert str(fault) in said
    assert (history[-1].phase, history[-1].weight) == ("Paused", 25)
    assert routed == {"v1", "v2"}
    assert any(isinstance(event, Noticed) and str(fault) in event.message for event in seen)


def test_a_source_that_comes_back_lets_it_go_on() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        until = asyncio.get_running_loop().time() + 200

        def answers(window: Window) -> Figures:
            if asyncio.get_running_loop().time() < until:
                raise Unmeasured("cannot be reached")
            return Value(0.01)

        return (await go(world, shop("v2", gate(**VALUE)), answers))[0], until, asyncio.get_running_loop().time()

    result, until, ended = in_world(story)
    assert result.phase == "Promoted"
    assert ended > until


def test_a_source_that_goes_down_in_the_middle_holds_the_release() -> None:
    """What had been measured before speaks for nothing that happened since."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        begun = asyncio.get_running_loop().time()

        def answers(window: Window) -> Figures:
            if asyncio.get_running_loop().time() > begun + 30:
                raise Unmeasured("cannot be reached: Connection refused")
            return split(0.0, 0.0)(window)

        with pytest.raises(Refused) as refused:
            await go(world, shop("v2", gate(**COUNTED, deadline="5m")), answers)
        return str(refused.value), await world.history(), world.routed_versions()

    said, history, routed = in_world(story)
    assert "undecided after its deadline: cannot be reached: Connection refused" in said
    assert (history[-1].phase, history[-1].weight) == ("Paused", 25)
    assert routed == {"v1", "v2"}


@pytest.mark.parametrize(
    "fault", [NoFigure("the query answers no sample"), NoFigure("5 errors and no requests of shop")], ids=str
)
def test_a_source_that_has_no_figure_any_more_holds_the_release(fault: NoFigure) -> None:
    """And its cause stands in the cluster, with what was asked."""

    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        begun = asyncio.get_running_loop().time()

        def answers(window: Window) -> Figures:
            if asyncio.get_running_loop().time() > begun + 30:
                raise fault
            return split(0.0, 0.0)(window)

        with pytest.raises(Refused) as refused:
            await go(world, shop("v2", gate(**COUNTED, deadline="5m")), answers)
        return str(refused.value), await world.history(), await findings.load(world.cluster, "shop", "shop", 2)

    said, history, (kept,) = in_world(story)
    assert f"undecided after its deadline: {fault}" in said
    assert (history[-1].phase, history[-1].weight) == ("Paused", 25)
    assert kept.missed == str(fault)
    assert kept.asks


@pytest.mark.parametrize("fault", [KeyError("token s3cret"), AssertionError(), ZeroDivisionError("s3cret")], ids=repr)
def test_whatever_breaks_in_a_source_is_told_and_decides_nothing(fault: Exception) -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        begun, seen = asyncio.get_running_loop().time(), []

        def answers(window: Window) -> Figures:
            if asyncio.get_running_loop().time() > begun + 30:
                raise fault
            return split(0.0, 0.0)(window)

        with pytest.raises(Refused) as refused:
            await go(world, shop("v2", gate(**COUNTED, deadline="5m")), answers, emit=seen.append)
        return str(refused.value), [event.message for event in seen if isinstance(event, Noticed)]

    said, told = in_world(story)
    cause = f"what measures it broke: {type(fault).__name__}"
    assert cause in said
    assert any(cause in each for each in told)
    assert not any("s3cret" in each for each in (said, *told))


def test_what_was_kept_and_cannot_be_read_by_the_judge_begins_anew() -> None:
    async def story(world: World) -> Any:
        await world.ship("apply", shop("v1"))
        target = shop("v2", gate(**COUNTED))
        await go(world, target, split(0.0, 0.0), goes_on=False)
        kept = await findings.load(world.cluster, "shop", "shop", 2)
        odd = tuple(each.model_copy(update={"state": {"logs": "?"}, "phase": Phase.FAILED, "measured": 9}) for each in kept)
        await findings.write(world.cluster, "shop", "shop", 2, odd)
        result, source, _ = await go(world, target, split(0.0, 0.0), "promote")
        return result, source

    result, source = in_world(story)
    assert result.phase == "Promoted"
    assert source.windows[0].number == 1
