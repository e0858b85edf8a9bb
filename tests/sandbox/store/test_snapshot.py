"""A store's snapshot: another cluster goes on from there, on another loop, as if it were the same."""

from __future__ import annotations

import asyncio
import pickle
from typing import Any

import pytest
from rollway.kube.objects import CONFIG_MAP, ENDPOINT_SLICE, KINDS, POD, Obj
from rollway.sandbox.store.store import Change, Snapshot, Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from shop import STRATEGIES, World, in_world, promoted

Told = list[tuple[float, str, str]]
REST_S = 30.7  # no whole second: timestamps have those only
LIVED_S = 120


def config(name: str) -> Obj:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "x"}}


async def at_rest(here: World) -> tuple[Snapshot, float]:
    """The shop, released and left alone; the snapshot and its moment."""
    await promoted(here, "v1", "ramped")
    await asyncio.sleep(REST_S)
    return here.sandbox.store.snapshot(), asyncio.get_running_loop().time()


async def upgrade(sandbox: Sandbox, strategy: str) -> Told:
    """What the next release does, write by write: when, to what kind. Names, uids and the lock's renewals are left out."""
    told: Told = []
    loop = asyncio.get_running_loop()

    def note(change: Change) -> None:
        if change.kind in (POD, ENDPOINT_SLICE):
            told.append((round(loop.time(), 3), change.type, change.kind.name))

    sandbox.store.subscribe(note)
    await promoted(World(sandbox), "v2", strategy)
    return told


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_release_goes_the_same_way_from_a_snapshot(strategy: str) -> None:
    """At the same moments, on another loop, whichever the strategy."""

    async def straight_on(here: World) -> tuple[Snapshot, float, Told]:
        snapshot, at_s = await at_rest(here)
        return snapshot, at_s, await upgrade(here.sandbox, strategy)

    async def from_there(snapshot: Snapshot) -> Told:
        async with Sandbox(store=Store(snapshot=snapshot, seed=3), seed=3) as sandbox:
            return await upgrade(sandbox, strategy)

    snapshot, at_s, expected = in_world(straight_on)
    seen = run_virtual(from_there(snapshot), begin_s=at_s)

    assert seen == expected


def test_a_cluster_at_rest_stays_at_rest() -> None:
    """Nothing is written only because it was taken up; what is ready for good needs nothing more."""

    async def lived(snapshot: Snapshot) -> tuple[int, Any]:
        async with Sandbox(store=Store(snapshot=snapshot)) as sandbox:
            await asyncio.sleep(LIVED_S)
            return sandbox.store.version, sandbox.store.snapshot()

    snapshot, at_s = in_world(at_rest)

    assert run_virtual(lived(snapshot), begin_s=at_s) == (snapshot.version, snapshot)


def test_nobody_writes_into_a_snapshot() -> None:
    """Neither who goes on where it was taken, nor who begins with it; it may go to another process."""
    store = Store()
    store.create(CONFIG_MAP, config("a"))
    snapshot = pickle.loads(pickle.dumps(store.snapshot()))
    one, other = Store(snapshot=snapshot), Store(snapshot=snapshot)
    store.remove(CONFIG_MAP, "x", "a")
    one.create(CONFIG_MAP, config("b"))
    other.create(CONFIG_MAP, config("c"))

    assert [[each["metadata"]["name"] for each in at.list(CONFIG_MAP)] for at in (store, one, other)] == [
        [],
        ["a", "b"],
        ["a", "c"],
    ]
    assert [each["metadata"]["name"] for each in Store(snapshot=snapshot).list(CONFIG_MAP)] == ["a"]
    assert one.since(snapshot.version - 1) is None


def test_what_is_made_after_a_snapshot_has_uids_of_its_own() -> None:
    """With the same seed, too: the objects of before are still there."""
    snapshot, _ = in_world(at_rest)
    store = Store(snapshot=snapshot)
    uids = [each["metadata"]["uid"] for kind in KINDS for each in store.list(kind)]
    made = [store.create(CONFIG_MAP, config(f"new-{number}"))["metadata"]["uid"] for number in range(100)]

    assert len({*uids, *made}) == len(uids) + len(made)
