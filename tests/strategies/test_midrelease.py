"""What somebody does by hand while a release is under way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from edges import Between, set_image, shop, told
from rollway.errors import FieldsOwned
from rollway.kube.objects import (
    DEPLOYMENT,
    Obj,
    Ref,
)
from rollway.plan.plan import Split
from shop import NAMESPACE_NAME, World, in_world, promoted, release


def test_the_way_back_overrules_what_a_human_did_meanwhile() -> None:
    """A rollout that somebody paused or edited would never end: the way back unpauses it and takes its fields."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        run = asyncio.create_task(world.ship("apply", release("v2")))
        await asyncio.sleep(2)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", {"spec": {"paused": True}}, manager="kubectl-rollout")
        set_image(world, "hot")

        result = await run
        assert (result.phase, result.way_back_failure) == ("RolledBack", None)
        assert (world.versions(), world.emptied) == ({"v1": 4}, [])

    in_world(story)


def test_what_others_put_in_is_not_promoted() -> None:
    """`kubectl set image` in mid-run: the history must not say that v2 runs."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        run = asyncio.create_task(world.ship("apply", release("v2")))
        await asyncio.sleep(2)
        set_image(world, "hot")

        result = await run
        assert result.failure is not None
        assert "runs something else" in result.failure.summary
        assert (await told(world), world.versions()) == ([("v1", "Promoted"), ("v2", "RolledBack")], {"v1": 4})

    in_world(story)


def test_an_edit_after_the_plan_is_not_overwritten() -> None:
    """An adoption takes the fields that its plan names, and no others that somebody takes in the meantime."""

    async def story(world: World) -> None:
        class Late(Between):
            is_done = False

            async def apply(self, obj: Obj, **options: Any) -> Obj:
                if obj["kind"] == "Deployment" and not self.is_done:
                    self.is_done = True
                    containers = [{"name": "shop", "env": [{"name": "HOTFIX", "value": "1"}]}]
                    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
                    api = world.sandbox.api
                    api.patch(DEPLOYMENT, NAMESPACE_NAME, "shop", patch, type_="strategic", manager="kubectl-edit")
                return await self.cluster.apply(obj, **options)

        def cold(workload: Obj) -> None:
            workload["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "HOTFIX", "value": "0"}]

        await world.deploy_by_hand()
        with pytest.raises(FieldsOwned) as refused:
            await world.ship("apply", shop("v1", change=cold), cluster=Late(world.cluster), goes_back=False)

        assert "kubectl-edit" in refused.value.detail
        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
        assert live["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "HOTFIX", "value": "1"}]

    in_world(story)


def test_a_deleted_canary_is_made_again_by_apply() -> None:
    """And a paused release tells its share as it is, when there is nothing to do."""

    async def story(world: World) -> None:
        after = release("v2", strategy="canary")
        await promoted(world, "v1", "canary")
        await world.ship("apply", after, weight=50)
        await world.cluster.delete(Ref("apps/v1", "Deployment", NAMESPACE_NAME, "shop-canary"))
        await asyncio.sleep(20)

        await world.ship("apply", after)
        assert world.versions() == {"v1": 2, "v2": 2}

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "canary"])
def test_a_paused_release_tells_its_share_when_nothing_is_to_do(strategy: str) -> None:
    async def story(world: World) -> None:
        await promoted(world, "v1", strategy)
        for _ in range(2):
            result = await world.ship("apply", release("v2", strategy=strategy), weight=50)
            assert result.plan.split == Split(stable=2, canary=2, percent=50.0)
        assert result.plan.is_empty

    in_world(story)
