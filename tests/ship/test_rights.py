"""Least rights: what `deploy rbac` grants is enough, and nothing of it is too much."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import dataclasses
from collections.abc import Collection
from typing import Any

import pytest
from mortal import Killed, Mortal
from permitted import Permitted
from rollway.cluster import history
from rollway.cluster.port import Right
from rollway.errors import Forbidden, MissingRights
from rollway.kube.objects import DEPLOYMENT, HPA
from rollway.release.config import pinned
from rollway.release.model import Release
from rollway.ship import run as shipping
from rollway.ship.rights import manifests, rights, rules
from rollway.ship.status import status, wait_for_phase
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

QUICK: dict[str, Any] = {"blueGreen": {"scaleDownDelaySeconds": 1}, "ab": {"hosts": ["shop.example.com"]}}
SOON = {"ends": 60}


def shop(tag: str, strategy: str, currency: str = "EUR") -> Release:
    """With settings that its pods read, named by content."""
    plain = release(tag, strategy=strategy, options=QUICK)
    workload = copy.deepcopy(plain.workload)
    workload["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"configMapRef": {"name": "shop-settings"}}]
    workload, others = pinned(workload, plain.services, ({**plain.others[0], "data": {"currency": currency}},))
    return dataclasses.replace(plain, workload=workload, others=others)


async def promoted(world: World, cluster: Permitted, wanted: Release) -> None:
    result = await world.ship("apply", wanted, strategy=wanted.strategy, weight=100, cluster=cluster)
    assert result.phase == "Promoted", result.failure


async def releases(world: World, cluster: Permitted, strategy: str) -> None:
    """The first version, the next by its steps, a bad one, back, and a run that is killed and run again; then the looking."""
    await promoted(world, cluster, shop("v1", strategy))
    v2 = shop("v2", strategy)
    await shipping.plan(cluster, v2, Request("apply"))
    await world.ship("apply", v2, cluster=cluster)
    waiting = asyncio.create_task(wait_for_phase(cluster, "shop", NAMESPACE_NAME, "RolledBack", timeout_s=None))
    await asyncio.sleep(1)
    await promoted(world, cluster, v2)
    for tag in ("bad", "crash"):
        failed = await world.ship("apply", shop(tag, strategy), cluster=cluster)
        assert failed.phase == "RolledBack", failed.way_back_failure
    await waiting
    assert (await world.ship("rollback", v2, cluster=cluster)).phase == "RolledBack"
    with contextlib.suppress(Killed):
        await world.ship("apply", shop("v3", strategy), cluster=Mortal(cluster, 14), holder="test@nowhere/1")
    await asyncio.sleep(SOON["ends"])
    await promoted(world, cluster, shop("v3", strategy))
    await status(cluster, v2)


async def is_scaled(world: World, cluster: Permitted, strategy: str) -> None:
    """Somebody's autoscaler scales the shop."""
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "shop"}, "minReplicas": 2, "maxReplicas": 8}
    scaler = {"apiVersion": HPA.api_version, "kind": HPA.name, "metadata": {"name": "theirs"}, "spec": spec}
    world.sandbox.api.create(HPA, NAMESPACE_NAME, scaler, manager="somebody")
    await promoted(world, cluster, shop("v4", strategy))
    await promoted(world, cluster, shop("v5", strategy))


async def adopts(world: World, cluster: Permitted, strategy: str) -> None:
    """What somebody else deployed is taken over, and given back."""
    await world.deploy_by_hand()
    await promoted(world, cluster, shop("v1", strategy))
    assert (await world.ship("rollback", shop("v1", strategy), cluster=cluster)).phase == "RolledBack"


async def grows_old(world: World, cluster: Permitted, strategy: str) -> None:
    """More releases than are kept, each with a configuration of its own."""
    for number in range(history.KEPT + 2):
        await promoted(world, cluster, shop(f"v{number}", strategy, currency=str(number)))


def used_by(strategies: Collection[str], granted: Collection[Right]) -> set[Right]:
    used: set[Right] = set()

    def told(*scenarios: Any, strategy: str) -> None:
        async def story(world: World) -> None:
            cluster = Permitted(world.cluster, granted)
            for scenario in scenarios:
                await scenario(world, cluster, strategy)
            used.update(cluster.used)

        in_world(story)

    for strategy in strategies:
        told(releases, is_scaled, strategy=strategy)
        told(adopts, strategy=strategy)
        told(grows_old, strategy=strategy)
    if len(strategies) > 1:
        used |= changing(strategies, granted)
    return used


def changing(strategies: Collection[str], granted: Collection[Right]) -> set[Right]:
    """From every strategy to every other, after a release and in the middle of one that failed."""

    async def story(world: World) -> set[Right]:
        cluster = Permitted(world.cluster, granted)
        for number, (one, other) in enumerate((a, b) for a in strategies for b in strategies if a != b):
            await promoted(world, cluster, shop(f"a{number}", one))
            await world.ship("apply", shop("crash", one), strategy=one, goes_back=False, cluster=cluster)
            await promoted(world, cluster, shop(f"b{number}", other))
        return cluster.used

    return in_world(story)


@pytest.mark.parametrize("strategies", [*((name,) for name in STRATEGIES), STRATEGIES], ids="+".join)
def test_what_is_granted_is_enough_and_all_of_it_is_used(strategies: tuple[str, ...]) -> None:
    """Every strategy's releases, good and bad, killed and resumed, adopted and pruned, run with these rights only; and there is
    none of them that no scenario needs."""
    granted = rights(shop("v1", strategies[0]), strategies)

    used = used_by(strategies, granted)

    assert rules(granted - used) == []
