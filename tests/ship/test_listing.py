"""Every application under rollway's care, from the cluster's state alone."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from rollway.cluster import history
from rollway.cluster.lock import Lock
from rollway.errors import Forbidden
from rollway.kube.objects import LEASE, NAMESPACE, SECRET, Kind
from rollway.ship.listing import URGENCY, Listed, in_order, listed
from shop import World, in_world, promoted, release


def of(app: str, namespace: str = "shop") -> Any:
    wanted = release("v1")
    return replace(wanted, app=app, workload={**wanted.workload, "metadata": {"name": app, "namespace": namespace}}, services=())


async def standing(world: World, everywhere: bool = False) -> dict[str, str]:
    return {each.app: each.state for each in await listed(world.cluster, "" if everywhere else "shop")}


async def stands(world: World, phase: str, **more: Any) -> None:
    last = (await world.history())[-1]
    await history.write(world.cluster, last.model_copy(update={"phase": phase, **more}))


def test_each_phase_is_a_state() -> None:
    """A release that is on its way is so while somebody is at it, whose lock is renewed; else it is interrupted."""

    async def story(world: World) -> list[str]:
        await promoted(world, "v1", "canary")
        seen = [await standing(world)]
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        seen.append(await standing(world))
        await stands(world, "Progressing")
        seen.append(await standing(world))
        lock = Lock(world.cluster, "shop", "shop", "bob@ci/1")
        await lock.acquire()
        seen.append(await standing(world))
        if lock._renewing:
            lock._renewing.cancel()  # as a process that is killed
        await asyncio.sleep(31)
        seen.append(await standing(world))
        await stands(world, "Failed")
        seen.append(await standing(world))
        await world.ship("rollback", release("v2"))
        seen.append(await standing(world))
        return [each["shop"] for each in seen]

    assert in_world(story) == ["promoted", "paused", "interrupted", "progressing", "interrupted", "failed", "rolledBack"]


def test_what_is_live_is_told_beside_what_is_on_its_way() -> None:
    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        await promoted(world, "v2", "canary")
        await world.ship("apply", release("v3", strategy="canary"), weight=50)
        return await listed(world.cluster, "shop")

    (only,) = in_world(story)
    assert (only.live.version, only.last.version, only.last.weight) == ("v2", "v3", 50)


def test_one_history_that_cannot_be_read_hides_no_other() -> None:
    async def story(world: World) -> Any:
        await promoted(world, "v1", "ramped")
        secret = {
            "apiVersion": "v1", "kind": "Secret", "type": history.SECRET_TYPE, "data": {"revision": "bm8="},
            "metadata": {"name": "rollway.web.v1", "namespace": "shop", "labels": {"rollway.dev/app": "web"}},
        }  # fmt: skip
        world.sandbox.api.create(SECRET, "shop", secret)
        return await listed(world.cluster, "shop")

    broken, shop = in_world(story)
    assert (broken.app, broken.state, shop.state) == ("web", "unreadable", "promoted")
    assert broken.unreadable.startswith("Secret rollway.web.v1 is no readable revision of the history")


def test_locks_that_may_not_be_seen_make_nothing_interrupted() -> None:
    """`deploy rbac` does not ask for them."""

    async def story(world: World) -> str:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        await stands(world, "Progressing")
        cluster = world.sandbox.client()
        lists = cluster.list

        async def list_(kind: Kind, namespace: str, **how: Any) -> Any:
            if kind == LEASE:
                raise Forbidden(403, "Forbidden", "leases: no")
            return await lists(kind, namespace, **how)

        cluster.list = list_  # type: ignore[method-assign]
        return (await listed(cluster, "shop"))[0].state

    assert in_world(story) == "progressing"


def test_all_namespaces_are_looked_into() -> None:
    async def story(world: World) -> Any:
        world.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "other"}})
        await promoted(world, "v1", "ramped")
        elsewhere = (await world.history())[-1].model_copy(update={"namespace": "other", "app": "web"})
        await history.write(world.cluster, elsewhere)
        return await standing(world), await standing(world, everywhere=True)

    assert in_world(story) == ({"shop": "promoted"}, {"shop": "promoted", "web": "promoted"})


@pytest.mark.parametrize("count", [1, 7])
def test_the_order_is_by_what_somebody_has_to_do(count: int) -> None:
    """Then by namespace and name, whatever order they come in."""

    class Stub(Listed):
        state = property(lambda self: self.unreadable)  # type: ignore[assignment]

    found = [Stub(f"app-{n}", "b" if n % 2 else "a", None, None, unreadable=state) for state in URGENCY for n in range(count)]
    ordered = in_order(found[::-1])

    assert [each.unreadable for each in ordered] == [state for state in URGENCY for _ in range(count)]
    assert [(each.namespace, each.app) for each in ordered[:count]] == sorted(
        ("b" if n % 2 else "a", f"app-{n}") for n in range(count)
    )
