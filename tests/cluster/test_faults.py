"""A release over HTTP while the API server is ill: every request meets trouble, each of another kind, and nobody notices."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pace import slowness
from rollway.cluster.client import connect
from rollway.cluster.wire import Timing
from rollway.kube.objects import LEASE, NAMESPACE
from rollway.sandbox.serving.http import application
from rollway.sandbox.world import Sandbox
from rollway.ship import run as shipping
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, release

from tests.support.fake_api import answer, kubeconfig, serving, status

ANSWERED_S = slowness()  # within so many seconds, or it is asked again: a slow machine is given more patience, too
QUICK = Timing(first_pause=0.01, longest_pause=0.05, read=ANSWERED_S, write=ANSWERED_S, patience=Timing.patience * ANSWERED_S)
OPTIONS: dict[str, Any] = {"blueGreen": {"scaleDownDelaySeconds": 0}}


class Ill:
    """A middleware: each request meets the next kind of trouble, its repeat none. `met` counts them by what was asked."""

    KINDS = ("overloaded", "broken", "done and broken", "dropped", "done and dropped", "silent")

    def __init__(self, first: int) -> None:
        self.is_on = False
        self.met: Counter[str] = Counter()
        self._kinds = itertools.cycle(self.KINDS[first:] + self.KINDS[:first])
        self._seen: set[tuple[str, str, bytes]] = set()

    @web.middleware
    async def meet(self, request: web.Request, handler: Any) -> web.StreamResponse:
        asked = (request.method, request.path_qs, await request.read())
        if not self.is_on or "watch" in request.query or asked in self._seen:
            self._seen.discard(asked)
            response: web.StreamResponse = await handler(request)
            return response
        self._seen.add(asked)
        kind = next(self._kinds)
        self.met[kind] += 1
        if kind.startswith("done"):
            await handler(request)
        if kind == "overloaded":
            return await answer({"kind": "Status", "code": 429, "reason": "TooManyRequests"}, 429, Retry_After="1")(request)
        if kind.endswith("broken"):
            return await status(500, "InternalError", "etcdserver: leader changed")(request)
        if kind == "silent":
            await asyncio.sleep(1.5 * ANSWERED_S)
        assert request.transport is not None
        request.transport.close()
        return web.Response()


@pytest.mark.parametrize("first", [0, 3])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_request_of_a_release_meets_trouble_once(tmp_path: Path, strategy: str, first: int) -> None:
    """429 with Retry-After, 500, a dropped connection, an answer that never comes; before and after the work was done."""

    async def story() -> None:
        ill = Ill(first)
        async with Sandbox() as sandbox:
            sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE_NAME}})
            world = World(sandbox)
            app = application(sandbox.api, logs=sandbox.logs)
            app.middlewares.append(ill.meet)
            async with serving(app) as host, await connect(kubeconfig=kubeconfig(tmp_path, host), timing=QUICK) as cluster:
                await shipping.run(cluster, quick("v1", strategy), Request("apply"), strategy=strategy)
                ill.is_on = True
                result = await shipping.run(cluster, quick("v2", strategy), Request("apply", weight=100), strategy=strategy)
                ill.is_on = False

                assert (result.phase, result.failure) == ("Promoted", None)
                assert [(r.version, r.phase) for r in await world.history()] == [("v1", "Promoted"), ("v2", "Promoted")]
                assert set(world.versions()) == {"v2"}
                assert list(sandbox.store.list(LEASE)) == []
                assert len(ill.met) == len(Ill.KINDS)
                assert not world.emptied or strategy == "recreate"

    asyncio.run(story())


def quick(tag: str, strategy: str) -> Any:
    made = release(tag, strategy=strategy, replicas=2, options=OPTIONS)
    template = made.workload["spec"]["template"]
    template["metadata"]["annotations"] = {"sandbox.rollway.dev/behaviour": "{pull: 0s, start: 0s, stop: 0s}"}
    del template["spec"]["containers"][0]["lifecycle"]
    return made
