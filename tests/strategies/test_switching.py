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


@pytest.mark.parametrize("second", ["ramped", "canary", "ab", "blue-green"])
@pytest.mark.parametrize("first", ["ramped", "canary", "ab", "blue-green"])
def test_what_replaces_a_paused_release_shares_with_what_was_live_before_it(first: str, second: str) -> None:
    """Nothing of the one that is given up serves beside the new one, and the way back leads to the version that was live."""

    async def story(world: World) -> None:
        options = {"blueGreen": {"autoPromote": False}}
        await promoted(world, "v1", first, options)
        await world.ship("apply", release("v2", strategy=first, options=options), weight=0 if first == "blue-green" else 50)
        world.emptied.clear()
        wanted = release("v3", strategy=second, options=options)

        result = await world.ship("apply", wanted, weight=0 if second == "blue-green" else 50, replace=True)

        assert (result.phase, result.failure) == ("Paused", None)
        assert set(world.versions()) == {"v1", "v3"}
        await world.ship("rollback", wanted)
        assert set(world.versions()) == {"v1"}
        assert not world.emptied

    in_world(story)


def test_what_takes_everybody_in_place_of_a_paused_share_rolls_once() -> None:
    async def story(world: World) -> None:
        await promoted(world, "v1", "ramped")
        await world.ship("apply", release("v2"), weight=50)
        result = await world.ship("apply", release("v3"), weight=100, replace=True)
        assert [step.type for step in result.plan.steps if step.type in ("apply", "wait")] == ["apply", "wait"]
        assert world.versions() == {"v3": 4}

    in_world(story)


@pytest.mark.parametrize("replicas", [2, 4, 6])
def test_recreate_from_a_held_share_to_another_number_of_pods(replicas: int) -> None:
    """Of two ReplicaSets a Deployment of type Recreate never takes up another number, and rolls nothing until it has."""

    async def story(world: World) -> None:
        await promoted(world, release("v1", strategy="ramped"))
        await world.ship("apply", release("v2", strategy="ramped"), weight=50)
        wanted = release("v3", strategy="recreate", replicas=replicas)
        result = await world.ship("apply", wanted, weight=100, replace=True)

        assert (result.phase, result.failure, world.versions()) == ("Promoted", None, {"v3": replicas})

    in_world(story)
