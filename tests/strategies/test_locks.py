"""Whose turn it is: the lock is taken from the dead alone, and who may have lost it changes nothing."""

from __future__ import annotations

import asyncio
import socket
from datetime import timedelta
from typing import Any

import pytest
from rollway.cluster import lock
from rollway.cluster.events import StepBegan
from rollway.errors import Locked
from rollway.kube.clock import micro_timestamp, now
from rollway.kube.objects import LEASE, Obj
from rollway.plan.steps import Apply
from rollway.sandbox.timeline import VirtualLoop
from shop import NAMESPACE_NAME, World, in_world, promoted, release

NAME = "rollway-shop"


def lease(holder: str, *, ago_s: float = 0, process: str = "") -> Obj:
    """Another run's lock, renewed so long ago by our clock."""
    annotations = {lock.PROCESS_ANNOTATION: process} if process else {}
    renewed = micro_timestamp(now() - timedelta(seconds=ago_s))
    return {
        "apiVersion": LEASE.api_version,
        "kind": LEASE.name,
        "metadata": {"name": NAME, "namespace": NAMESPACE_NAME, "annotations": annotations},
        "spec": {"holderIdentity": holder, "leaseDurationSeconds": 30, "renewTime": renewed},
    }


def held_by(world: World, **kw: Any) -> None:
    world.sandbox.api.create(LEASE, NAMESPACE_NAME, lease(**kw))


@pytest.mark.parametrize("is_taken", [False, True])
def test_a_holder_that_stood_still_changes_nothing_more(is_taken: bool) -> None:
    """A closed lid or Ctrl-S, for longer than the lock lasts: somebody else may act by now, whether or not we can see it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        stood: list[int] = []

        def emit(event: object) -> None:
            if isinstance(event, StepBegan) and isinstance(event.step, Apply) and not stood:
                loop = asyncio.get_running_loop()
                assert isinstance(loop, VirtualLoop)
                loop.advance(lock.DURATION_S + 10)
                if is_taken:
                    world.sandbox.store.remove(LEASE, NAMESPACE_NAME, NAME)
                    held_by(world, holder="bob@ci-2/1")
                stood.append(world.sandbox.store.version)

        with pytest.raises(Locked, match="was lost"):
            await world.ship("apply", release("v2", strategy="canary"), emit=emit, holder="alice@ci-1/1")

        assert world.changed_since(stood[0]) <= {"Lease"}
        left = [each["spec"]["holderIdentity"] for each in world.sandbox.store.list(LEASE, NAMESPACE_NAME)]
        assert left == (["bob@ci-2/1"] if is_taken else [])

    in_world(story)


@pytest.mark.parametrize("holder", [f"root@{socket.gethostname()}/3999999", "me@x/1"])
def test_a_name_alone_says_nothing_of_who_lives(holder: str) -> None:
    """Host names and process ids repeat between containers: neither an unknown pid on a host of our name, nor our very own name
    in another container, is a dead run."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        held_by(world, holder=holder, ago_s=1, process="another-boot/pid:[1]/3999999/1")
        with pytest.raises(Locked, match=f"locked by {holder}"):
            await world.ship("apply", release("v2", strategy="canary"), holder="me@x/1")

    in_world(story)


def test_a_slow_clock_does_not_cost_the_lock() -> None:
    """The holder's clock is 40 s behind: its lock looks expired, and is renewed before our eyes."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        held_by(world, holder="bob@ci-2/1", ago_s=40)

        async def renew() -> None:
            while True:
                await asyncio.sleep(lock.RENEW_EVERY_S)
                live = world.sandbox.store.get(LEASE, NAMESPACE_NAME, NAME)
                renewed = lease("bob@ci-2/1", ago_s=40)["spec"]
                world.sandbox.api.update(LEASE, NAMESPACE_NAME, NAME, {**live, "spec": renewed})

        renewing = asyncio.create_task(renew())
        with pytest.raises(Locked, match="bob@ci-2/1"):
            await world.ship("apply", release("v2", strategy="canary"))
        renewing.cancel()

    in_world(story)


@pytest.mark.parametrize(("ago_s", "waits"), [(1, False), (40, True)])
def test_the_lock_of_the_dead_is_taken(ago_s: float, waits: bool) -> None:
    """At once where the process was one of this machine that is no more; else when it is over and nobody renews it."""

    async def story(world: World) -> None:
        await promoted(world, "v1", "canary")
        process = "" if waits else f"{lock._here()}/3999999/1"
        held_by(world, holder="alice@ci-1/3999999", ago_s=ago_s, process=process)
        began = asyncio.get_running_loop().time()
        result = await world.ship("apply", release("v2", strategy="canary"))

        assert result.phase == "Paused"
        assert (asyncio.get_running_loop().time() - began > lock.RENEW_EVERY_S) == waits

    in_world(story)
