"""A Deployment that somebody has paused by hand."""

from __future__ import annotations

import asyncio

import pytest
from rollway.errors import FieldsOwned
from rollway.kube.objects import DEPLOYMENT, get
from rollway.ship.status import status
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

QUICK = {"blueGreen": {"scaleDownDelaySeconds": 1}}


def pause(world: World, name: str = "shop") -> None:
    world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, {"spec": {"paused": True}}, manager="kubectl-rollout")


@pytest.mark.parametrize("verb", ["apply", "promote"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_live_side_is_refused_at_once_with_who_paused_it(strategy: str, verb: str) -> None:
    """They had a reason. Nothing is changed; --force-conflicts overrules it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        after = release("v2", strategy=strategy, options=QUICK)
        if verb == "promote" and strategy != "recreate":
            await world.ship("apply", after, weight=0 if strategy == "blue-green" else 50)
            live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
            if get(live, "spec", "paused"):  # by ramped itself, to hold the share
                world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"paused": None}}, manager="rollway")
        pause(world)
        await asyncio.sleep(5)
        before = world.versions()

        with pytest.raises(FieldsOwned) as refused:
            await world.ship("apply" if strategy == "recreate" else verb, after, weight=100)
        assert ".spec.paused is managed by kubectl-rollout" in refused.value.detail
        assert world.versions() == before
        await world.ship("apply", after, weight=100, force=True)
        await asyncio.sleep(60)
        assert world.versions() == {"v2": 4}

    in_world(story)


@pytest.mark.parametrize("strategy", ["recreate", "ramped"])
def test_status_says_who_holds_up_a_side_that_is_not_rolled_out(strategy: str) -> None:
    """Beside how far it has come: the run that would have told of it was cut off."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        wanted = release("bad", strategy=strategy)
        running = asyncio.create_task(world.ship("apply", wanted, weight=100))
        await asyncio.sleep(6)
        pause(world)
        await asyncio.sleep(1)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        (own,) = (await status(world.cluster, wanted)).sides

        assert own.message.endswith("; paused by kubectl-rollout")

    in_world(story)


def test_the_idle_side_is_resumed() -> None:
    """It takes no request: the plan says who paused it, and resumes it before it is rolled."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "blue-green")
        pause(world)
        await world.ship("apply", release("v2", strategy="blue-green", options=QUICK), force=True)
        await world.ship("promote", release("v2", strategy="blue-green", options=QUICK))
        result = await world.ship("apply", release("v3", strategy="blue-green", options=QUICK))
        if result.phase == "Paused":
            result = await world.ship("promote", release("v3", strategy="blue-green", options=QUICK))

        assert (result.phase, world.routed_versions()) == ("Promoted", {"v3"})

    in_world(story)


@pytest.mark.parametrize("strategy", ["canary", "ab", "blue-green"])
def test_the_second_deployment_is_resumed(strategy: str) -> None:
    """Ours, whoever paused it: another version of it rolls."""

    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        await world.ship("apply", release("bad", strategy=strategy), goes_back=False)
        second = {"canary": "shop-canary", "ab": "shop-b", "blue-green": "shop-green"}[strategy]
        pause(world, second)
        await world.ship("apply", release("v2", strategy=strategy, options=QUICK))
        result = await world.ship("promote", release("v2", strategy=strategy, options=QUICK), weight=100)
        assert (result.phase, world.routed_versions()) == ("Promoted", {"v2"})

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_was_found_paused_is_come_back_to_all_the_same(strategy: str) -> None:
    """Taken up with --force-conflicts: a pause is how somebody left it for a while, and no part of the version."""

    async def story(world: World) -> None:
        await world.deploy_by_hand()
        pause(world)
        after = release("v1", strategy=strategy, options=QUICK)
        result = await world.ship("apply", after, weight=100, force=True)
        assert result.phase == "Promoted", result.failure
        back = await world.ship("rollback", after)

        assert (back.phase, back.failure, world.versions()) == ("RolledBack", None, {"v0": 4})

    in_world(story)
