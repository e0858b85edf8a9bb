"""The queue of controllers: what one of them raises stops a cluster that somebody waits for, and no other."""

from __future__ import annotations

import asyncio

import pytest
from rollway.kube.objects import CONFIG_MAP
from rollway.sandbox.controllers.engine import Queue
from rollway.sandbox.store.store import Change, Store


class Stumbling:
    """Fails at "bad", and counts the others."""

    name = "stumbling"

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.done: list[str] = []

    def note(self, change: Change) -> None:
        self._queue.add(self.name, "shop", change.obj["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        if name == "bad":
            raise KeyError(name)
        self.done.append(name)


async def worked(*, outlives: bool) -> list[str]:
    store = Store()
    queue = Queue(store, outlives=outlives)
    controller = Stumbling(queue)
    queue.start([controller])
    for name in ("first", "bad", "last"):
        store.create(CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "shop"}})
    try:
        await queue.settle()
    finally:
        queue.stop()
    return controller.done


def test_a_cluster_in_the_background_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    assert asyncio.run(worked(outlives=True)) == ["first", "last"]
    assert "a controller failed at shop, bad" in caplog.text


def test_who_waits_for_a_cluster_is_told() -> None:
    with pytest.raises(KeyError):
        asyncio.run(worked(outlives=False))
