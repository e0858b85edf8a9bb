"""One watch tells of a plan's Deployments: nothing older than our own write, a lost label is no deletion, no stale count."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from rollway.cluster.port import Event
from rollway.cluster.standing import FRESH_S, Standing
from rollway.errors import Unreachable
from rollway.kube.objects import Kind, Obj, Ref
from rollway.plan.steps import Route
from rollway.sandbox.timeline import run_virtual

SHOP, GREEN = (Ref("apps/v1", "Deployment", "shop", name) for name in ("shop", "shop-green"))
LABELS = {"app": "shop", "rollway.dev/track": "green"}


def deployment(name: str, version: int, replicas: int = 2) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": str(version)},
        "spec": {"replicas": replicas},
    }


def pod(name: str, **labels: str) -> Obj:
    ready = {"type": "Ready", "status": "True"}
    return {"metadata": {"name": name, "namespace": "shop", "labels": LABELS | labels}, "status": {"conditions": [ready]}}


class Server:
    """Answers the watch by label with the events of `told`, and that by name, or a read, with `live`; notes what it was asked."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[Event | Unreachable] = asyncio.Queue()
        self.live: Obj | None = None
        self.asked: list[str] = []

    async def watch(self, kind: Kind, namespace: str, *, labels: Any = None, name: str = "") -> AsyncGenerator[Event, None]:
        self.asked.append(f"watch {name or 'labelled'}")
        if name and self.live:
            yield Event("ADDED", self.live)
        while True:
            item = await self.told.get()
            if isinstance(item, Unreachable):
                raise item
            yield item

    async def get(self, ref: Ref) -> Obj | None:
        self.asked.append(f"get {ref.name}")
        return self.live

    async def list(self, kind: Kind, namespace: str, *, labels: Any = None, fields: Any = None) -> list[Obj]:
        self.asked.append("list")
        return []


def told(story: Any) -> list[str]:
    """What a story's server was asked."""

    async def run() -> list[str]:
        server = Server()
        standing = Standing(server, "shop", {SHOP, GREEN})  # type: ignore[arg-type]
        try:
            await story(server, standing)
        finally:
            await standing.close()
        return server.asked

    asked: list[str] = run_virtual(run())
    return asked


async def first(standing: Standing, ref: Ref) -> Event:
    async for event in standing.watch(ref):
        return event
    raise AssertionError


def test_both_sides_by_one_watch() -> None:
    async def story(server: Server, standing: Standing) -> None:
        server.told.put_nowait(Event("ADDED", deployment("shop", 3)))
        server.told.put_nowait(Event("ADDED", deployment("shop-green", 4, replicas=5)))
        assert (await first(standing, GREEN)).obj["metadata"]["name"] == "shop-green"
        assert (await first(standing, SHOP)).obj["metadata"]["resourceVersion"] == "3"
        assert await standing.asked_of(GREEN) == 5

    assert told(story) == ["watch labelled"]


def test_nothing_is_told_that_is_older_than_our_own_write() -> None:
    """Else a Deployment would be found as it was before, all of it ready."""

    async def story(server: Server, standing: Standing) -> None:
        server.told.put_nowait(Event("ADDED", deployment("shop", 3)))
        await first(standing, SHOP)
        standing.wrote(SHOP, deployment("shop", 9))
        server.told.put_nowait(Event("MODIFIED", deployment("shop", 8)))
        server.told.put_nowait(Event("MODIFIED", deployment("shop", 9)))
        assert (await first(standing, SHOP)).obj["metadata"]["resourceVersion"] == "9"

    told(story)


def test_where_nothing_tells_what_is_older_it_is_watched_by_name() -> None:
    async def story(server: Server, standing: Standing) -> None:
        standing.wrote(SHOP, {"metadata": {"resourceVersion": "opaque"}})
        server.told.put_nowait(Event("ADDED", deployment("shop", 3)))
        await first(standing, SHOP)

    assert told(story) == ["watch shop"]


def test_a_label_that_somebody_removed_is_no_deletion() -> None:
    async def story(server: Server, standing: Standing) -> None:
        server.live = deployment("shop", 5)
        server.told.put_nowait(Event("DELETED", deployment("shop", 5)))
        assert (await first(standing, SHOP)).type == "ADDED"

    assert told(story) == ["watch labelled", "get shop", "watch shop"]


def test_a_deletion_is_told_though_it_was_heard_of_last_before_our_own_write() -> None:
    """A list that a cut watch begins anew with tells of what is gone by what was known of it."""

    async def story(server: Server, standing: Standing) -> None:
        server.told.put_nowait(Event("ADDED", deployment("shop", 3)))
        await first(standing, SHOP)
        standing.wrote(SHOP, deployment("shop", 9))
        server.told.put_nowait(Event("DELETED", deployment("shop", 3)))
        assert (await first(standing, SHOP)).type == "DELETED"

    assert told(story) == ["watch labelled", "get shop"]


@pytest.mark.parametrize(("waited_s", "asked"), [(FRESH_S / 2, 0), (FRESH_S * 2, 1)])
def test_what_was_heard_a_while_ago_is_asked_for_again(waited_s: float, asked: int) -> None:
    async def story(server: Server, standing: Standing) -> None:
        server.live = deployment("shop", 4, replicas=7)
        server.told.put_nowait(Event("ADDED", deployment("shop", 3)))
        await first(standing, SHOP)
        await asyncio.sleep(waited_s)
        assert await standing.asked_of(SHOP) == (7 if asked else 2)

    assert told(story).count("get shop") == asked


@pytest.mark.parametrize(("wanted", "asked"), [(1, 0), (2, 1)])
def test_ready_pods_are_counted_anew_unless_enough_were_just_heard_of(wanted: int, asked: int) -> None:
    async def story(server: Server, standing: Standing) -> None:
        standing.heard_of_pods([pod("a"), pod("b", **{"rollway.dev/track": "stable"})])
        step = Route(ref=SHOP, selector=LABELS, was={}, min_ready=wanted, why="")
        assert await standing.ready(step) == (0 if asked else 1)

    assert told(story) == ["list"] * asked


def test_a_watch_that_failed_is_begun_anew() -> None:
    async def story(server: Server, standing: Standing) -> None:
        server.told.put_nowait(Unreachable("away"))
        with pytest.raises(Unreachable):
            await first(standing, SHOP)
        server.told.put_nowait(Event("ADDED", deployment("shop", 3)))
        await first(standing, SHOP)

    assert told(story) == ["watch labelled", "watch labelled"]
