"""The tree of an application: which pods are of which revision, while it is released by every strategy."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from rollway.kube.objects import POD
from rollway.ship.sight import Sight, see
from rollway.ship.tree import Branch, Leaf, Stem, compact
from shop import STRATEGIES, World, in_world, promoted, release


def tags(world: World) -> dict[str, str]:
    """Each pod's version, by its image."""
    pods = world.sandbox.store.list(POD, "shop")
    return {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods}


def under(sight: Sight) -> dict[str, str]:
    """Each pod's version, by the revision that it stands under."""
    return {
        leaf.name: stem.revision.version if stem.revision else ""
        for stem in sight.stems
        for branch in stem.branches
        for leaf in branch.pods
    }


async def looked_on(world: World, run: Any, check: Callable[[Sight], None]) -> None:
    """At every half second of a run."""
    task = asyncio.ensure_future(run)
    while not task.done():
        sight = await see(world.cluster, release("v1"))
        check(sight)
        await asyncio.sleep(0.5)
    await task


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_pod_stands_under_its_revision(strategy: str) -> None:
    """At each moment of a release, of its promotion and of a rollback."""

    async def story(world: World) -> int:
        looks: list[Sight] = []

        def check(sight: Sight) -> None:
            looks.append(sight)
            runs = tags(world)  # by now: pods come and go between the requests of one look
            stands = {name: version for name, version in under(sight).items() if name in runs}
            assert stands == {name: runs[name] for name in stands}
            assert [stem.is_live for stem in sight.stems].count(True) <= 1

        await promoted(world, "v1", strategy)
        await looked_on(world, world.ship("apply", release("v2", strategy=strategy)), check)
        await looked_on(world, world.ship("promote", release("v2", strategy=strategy), weight=100), check)
        await looked_on(world, world.ship("rollback", release("v2", strategy=strategy)), check)
        await asyncio.sleep(60)
        assert under(await see(world.cluster, release("v1"))) == tags(world)
        return len({len(sight.stems) for sight in looks})

    assert in_world(story) >= 2


def test_what_was_there_before_stands_under_the_revision_that_it_was_found_as() -> None:
    async def story(world: World) -> Any:
        await world.deploy_by_hand(tag="v0")
        await world.ship("apply", release("v1", strategy="canary"), weight=50)
        return under(await see(world.cluster, release("v1"))), tags(world)

    stands, runs = in_world(story)
    assert stands == runs
    assert set(runs.values()) == {"v0", "v1"}


def test_a_deployment_under_two_revisions_is_counted_under_each() -> None:
    """The newest of what it shall have, the former pods of those that there are. Restarts and trouble are the pods'."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "ramped")
        with_failure = release("crash", strategy="ramped", options={"ramped": {"maxSurge": 1, "maxUnavailable": 0}})
        task = asyncio.ensure_future(world.ship("apply", with_failure))
        await asyncio.sleep(6)
        sight = await see(world.cluster, release("v1"))
        await task
        return sight

    new, old = in_world(story).stems
    (shop,), (former,) = new.branches, old.branches
    assert (shop.ready, shop.wanted, shop.is_newest) == (0, 4, True)
    assert (former.ready, former.wanted, former.is_newest) == (4, 4, False)
    assert (new.is_live, old.is_live) == (False, True)
    (pod,) = shop.pods
    assert pod.restarts >= 1
    assert pod.trouble.startswith("crash")
    assert (pod.ready, pod.containers, pod.is_ready) == (0, 1, False)


def leaf(number: int, *, is_ready: bool) -> Leaf:
    return Leaf(f"shop-{number}", "Running", int(is_ready), 1, 0, "", is_ready)


@pytest.mark.parametrize("most", [0, 1, 2, 5, 50])
def test_of_many_pods_those_in_trouble_are_kept(most: int) -> None:
    """In their order; and how many are left out is told."""
    pods = [leaf(number, is_ready=number not in (7, 9)) for number in range(12)]
    branch = Branch(None, tuple(pods), True, 10, 12)  # type: ignore[arg-type]
    ((_, ((cut, more),)),) = compact([Stem(None, True, (branch,))], most)

    assert len(cut.pods) == min(most, 12)
    assert len(cut.pods) + more == 12
    assert [each.name for each in cut.pods] == sorted((each.name for each in cut.pods), key=lambda name: int(name[5:]))
    assert sum(not each.is_ready for each in cut.pods) == min(most, 2)
