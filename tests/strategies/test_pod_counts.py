"""How many pods there are, where somebody else has a say in it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from edges import autoscaler, put, scale
from rollway.errors import BadInput, FieldsOwned
from rollway.kube.objects import DEPLOYMENT
from rollway.release.model import Release
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release


@pytest.mark.parametrize(("strategy", "is_paused"), [("canary", True), ("ramped", True), ("ramped", False)])
def test_an_autoscaler_may_move_in_mid_release(strategy: str, is_paused: bool) -> None:
    """The wait is for whatever the autoscaler asks for by then, which is nobody's news."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        put(world, autoscaler())
        after = release("v2", strategy=strategy, replicas=None)
        if is_paused:
            await world.ship("apply", after, weight=50)
            scale(world, 8, manager="kube-controller-manager")
            await asyncio.sleep(30)
            result = await world.ship("promote", after, weight=100)
        else:
            run = asyncio.create_task(world.ship("apply", after))
            await asyncio.sleep(4)
            scale(world, 8, manager="kube-controller-manager")
            result = await run

        assert (result.phase, world.versions(), result.noticed) == ("Promoted", {"v2": 8}, ())

    in_world(story)


@pytest.mark.parametrize(("tag", "phase", "version"), [("v2", "Promoted", "v2"), ("bad", "RolledBack", "v1")])
def test_more_pods_by_hand_in_mid_release(tag: str, phase: str, version: str) -> None:
    """Somebody needs capacity right now: a good release goes through with it, and a bad one comes back with it. What was
    waited for is told."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        run = asyncio.create_task(world.ship("apply", release(tag)))
        await asyncio.sleep(5)
        scale(world, 6)

        result = await run
        assert result.phase == phase
        assert world.versions() == {version: 6}
        told = "somebody scaled shop to 6 meanwhile: all of them were waited for, not 4 only"
        assert result.noticed == ((told,) if tag == "v2" else ())

    in_world(story)


@pytest.mark.parametrize("is_paused", [False, True])
def test_scaling_by_hand_is_not_undone_silently(is_paused: bool) -> None:
    """The manifest says 4 and a human 10: whose number it is to be has to be said."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        after = release("v2", strategy="canary")
        if is_paused:
            await world.ship("apply", after)
        scale(world, 10)
        await asyncio.sleep(20)

        with pytest.raises(FieldsOwned) as refused:
            await world.ship("apply", after, weight=50)
        assert ".spec.replicas is managed by kubectl" in refused.value.detail
        assert (await world.ship("apply", after, weight=50, force=True)).phase == "Paused"

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_way_back_has_the_pods_of_before(strategy: str) -> None:
    """A version that brings 8 pods instead of 4 and is taken back in mid-release, or fails, takes its number along."""

    async def story(world: World) -> None:
        kw: dict[str, Any] = {"strategy": strategy, "options": {"blueGreen": {"autoPromote": False}}}
        await promoted(world, "v1", strategy)
        if strategy != "recreate":
            await world.ship("apply", release("v2", replicas=8, **kw), weight=0 if strategy == "blue-green" else 25)
            await world.ship("rollback", release("v2", replicas=8, **kw))
        result = await world.ship("apply", release("bad", replicas=8, **kw), weight=100)
        await asyncio.sleep(30)

        assert (result.phase, world.versions()) == ("RolledBack", {"v1": 4})

    in_world(story)


def test_the_way_back_keeps_what_somebody_made_of_it() -> None:
    """Scaled by hand in mid-release, up or down: the number is theirs, not the new version's and not the old one's."""

    async def story(world: World, pods: int) -> None:
        await promoted(world, "v1", "ramped")
        await world.ship("apply", release("v2", replicas=8), weight=25)
        scale(world, pods)
        await world.ship("rollback", release("v2", replicas=8))
        await asyncio.sleep(30)
        assert world.versions() == {"v1": pods}

    for pods in (3, 10):
        in_world(lambda world, pods=pods: story(world, pods))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_way_back_of_what_was_promoted_keeps_it_too(strategy: str) -> None:
    """By then rollway's own number is the version's, which goes with it; somebody else's is for the requests that there are.
    Only from nothing it goes back to the pods that the version had."""

    async def story(world: World, pods: int | None, after: int) -> None:
        for version, replicas in (("v1", 4), ("v2", 8)):
            await world.ship("apply", release(version, strategy=strategy, replicas=replicas), weight=100)
        await asyncio.sleep(60)
        live = "shop-green" if strategy == "blue-green" else "shop"
        if pods is not None:
            world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, live, {"spec": {"replicas": pods}}, manager="kubectl")
        await world.ship("rollback", release("v2", strategy=strategy, replicas=8))
        await asyncio.sleep(60)
        assert world.versions() == {"v1": after}

    for pods, after in ((None, 4), (6, 6), (2, 2), (0, 4)):
        in_world(lambda world, pods=pods, after=after: story(world, pods, after))


@pytest.mark.parametrize("strategy", ["canary", "ramped", "ab"])
def test_an_application_that_was_scaled_to_zero(strategy: str) -> None:
    """Of no pods there is no share: refused, and nothing touched. What is routed by match gets a pod."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        scale(world, 0, manager="keda-operator")
        put(world, autoscaler())
        await asyncio.sleep(10)
        after = release("v2", strategy=strategy, replicas=None)
        if strategy == "ab":
            assert any("0 pods: nothing shows" in note for note in (await world.ship("apply", after)).plan.notes)
            assert world.versions() == {"v2": 1}
            return
        with pytest.raises(BadInput, match="shop has 0 pods: there is nothing of which v2 could have 50%"):
            await world.ship("apply", after, weight=50)
        assert [revision.version for revision in await world.history()] == ["v1"]
        assert (await world.ship("apply", after, weight=100)).phase == "Promoted"

    in_world(story)


@pytest.mark.parametrize("tag", ["v2", "bad"])
def test_a_variant_goes_where_nobody_else_is_to_be_served(tag: str) -> None:
    """Of an application that sleeps: its Service has reached the variant's only pod, and reaches none afterwards, as before."""

    async def story(world: World) -> None:
        def sleeping(tag: str) -> Release:
            return release(tag, strategy="ab", replicas=0)

        await promoted(world, sleeping("v1"))
        await world.ship("apply", sleeping(tag))
        back = await world.ship("rollback", sleeping(tag))

        assert (back.phase, back.failure, world.pods()) == ("RolledBack", None, {"shop v1": 0})

    in_world(story)
