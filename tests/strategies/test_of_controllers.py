"""What a controller owns, an autoscaler and a Deployment, is not written past."""

from __future__ import annotations

import pytest
from rollway.errors import BadInput, FieldsOwned
from rollway.kube.objects import DEPLOYMENT, HPA, Obj
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

EACH = pytest.mark.parametrize("strategy", STRATEGIES)


def autoscaler(owner: str = "") -> Obj:
    owners = [{"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": owner, "uid": "1", "controller": True}]
    meta = {"name": "scaler", "namespace": NAMESPACE_NAME} | ({"ownerReferences": owners} if owner else {})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}
    spec = {"scaleTargetRef": target, "minReplicas": 2, "maxReplicas": 9}
    return {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": spec}


def test_an_autoscaler_that_a_controller_owns_is_not_written_past() -> None:
    """blue-green cannot take it along, and says so before anything is touched; what keeps the Deployment goes on."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        world.sandbox.api.create(HPA, NAMESPACE_NAME, autoscaler("web"), manager="keda")
        before = world.sandbox.store.version

        with pytest.raises(BadInput, match="HorizontalPodAutoscaler scaler is ScaledObject web's"):
            await shipping.plan(world.cluster, release("v2", strategy="blue-green"), Request("apply"))
        assert world.sandbox.store.version == before

        for tag, strategy in (("v2", "canary"), ("v3", "ramped")):
            assert (await world.ship("apply", release(tag, strategy=strategy), weight=100)).is_ok
        target = world.sandbox.store.get(HPA, NAMESPACE_NAME, "scaler")["spec"]["scaleTargetRef"]
        assert target["name"] == "shop"

    in_world(story)


def test_one_of_nobody_s_goes_with_the_requests() -> None:
    """As before: it scales whichever side is live."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        world.sandbox.api.create(HPA, NAMESPACE_NAME, autoscaler(), manager="kubectl")
        await world.ship("apply", release("v2", strategy="blue-green"))

        assert world.sandbox.store.get(HPA, NAMESPACE_NAME, "scaler")["spec"]["scaleTargetRef"]["name"] == "shop-green"

    in_world(story)


@EACH
def test_what_a_controller_makes_is_not_written_past(strategy: str) -> None:
    """Neither a Deployment that is an operator's: refused by name, unless it is overruled; a way back only says so."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1", strategy=strategy), weight=100)
        await world.ship("apply", release("v2", strategy=strategy), weight=100)
        owners = [{"apiVersion": "example.com/v1", "kind": "App", "name": "shop", "uid": "1", "controller": True}]
        for deployment in list(world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME)):
            patch, name = {"metadata": {"ownerReferences": owners}}, deployment["metadata"]["name"]
            world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, name, patch, manager="operator")
        with pytest.raises(FieldsOwned, match="is App shop's"):
            await world.ship("apply", release("v3", strategy=strategy), weight=100)
        back = await world.ship("rollback", release("v2", strategy=strategy))
        result = await world.ship("apply", release("v3", strategy=strategy), weight=100, force=True)

        assert any("App shop's" in note for note in back.plan.notes)
        assert (back.phase, result.phase) == ("RolledBack", "Promoted")

    in_world(story)
