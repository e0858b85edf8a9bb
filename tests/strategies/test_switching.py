"""From any strategy to any other, and from an application that somebody else deployed."""

from __future__ import annotations

import pytest
from rollway.kube.objects import DEPLOYMENT, SERVICE, as_manifest
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, promoted, release

PAIRS = [(first, second) for first in STRATEGIES for second in STRATEGIES]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_from_any_strategy_to_any_other(first: str, second: str) -> None:
    """Two releases by one, one by the other, and a rollback: only recreate ever leaves the Service empty."""

    async def story(world: World) -> None:
        await promoted(world, "v1", first)
        await promoted(world, "v2", first)
        world.emptied.clear()

        await promoted(world, "v3", second)

        assert world.versions() == {"v3": 4}
        assert world.routed_versions() == {"v3"}
        assert bool(world.emptied) == (second == "recreate")
        world.emptied.clear()

        back = await world.ship("rollback", release("v3", strategy=second))

        assert back.phase == "RolledBack"
        assert world.versions() == {"v2": 4}
        assert world.routed_versions() == {"v2"}
        assert bool(world.emptied) == (second == "recreate")

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_adopting_what_somebody_else_deployed(strategy: str) -> None:
    """The app of `kubectl apply` is released and rolled back to what was found, at no lost request but for recreate."""

    async def story(world: World) -> None:
        await world.deploy_by_hand(tag="v0")
        found = as_manifest(world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop"))

        await promoted(world, "v1", strategy)
        assert world.versions() == {"v1": 4}
        history = await world.history()
        assert [(r.version, r.phase, r.is_adopted) for r in history] == [("v0", "Promoted", True), ("v1", "Promoted", False)]

        await world.ship("rollback", release("v1", strategy=strategy))

        assert world.versions() == {"v0": 4}
        assert bool(world.emptied) == (strategy == "recreate")
        now = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "shop")
        assert now["spec"]["template"]["spec"] == found["spec"]["template"]["spec"]
        assert world.sandbox.store.find(SERVICE, NAMESPACE_NAME, "shop-preview") is None

    in_world(story)


def test_a_plan_says_whose_fields_it_takes() -> None:
    """Adopting names the manager that it takes fields from; later releases take nothing that was not changed."""

    async def story(world: World) -> None:
        await world.deploy_by_hand()
        first = await world.ship("apply", release("v1", strategy="ramped"))
        owners = {owner for step in first.plan.steps if step.type == "apply" for owner in step.former_owners}
        assert owners == {"kubectl-client-side-apply"}

        second = await world.ship("apply", release("v2", strategy="ramped"))
        assert {owner for step in second.plan.steps if step.type == "apply" for owner in step.former_owners} == set()

    in_world(story)
