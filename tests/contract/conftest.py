"""Where the contract of the `Cluster` port is held: the embedded cluster in-process, the official client on the embedded
cluster's HTTP API, and, with `-m live`, the official client on the cluster that $KUBECONFIG names.

Tests are coroutines on the place's own event loop; each has a namespace of its own, which is removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import secrets
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from rollway.cluster.client import connect
from rollway.cluster.port import Cluster
from rollway.kube.objects import Ref
from rollway.sandbox.serving.http import application
from rollway.sandbox.timeline import VirtualLoop
from rollway.sandbox.world import Sandbox

from tests.support.fake_api import certificate, kubeconfig, serving, tls_of

PLACES = ["in-process", "http", pytest.param("live", marks=pytest.mark.live)]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A real cluster is touched only where that was asked for."""
    if "live" not in config.getoption("-m"):
        items[:] = [item for item in items if item.get_closest_marker("live") is None]


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj) or "runner" not in pyfuncitem.funcargs:
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    pyfuncitem.funcargs["runner"].run(pyfuncitem.obj(**{name: pyfuncitem.funcargs[name] for name in wanted}))
    return True


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def runner(place: str) -> Iterator[asyncio.Runner]:
    """In-process the clock jumps; what speaks HTTP lives in real time."""
    with asyncio.Runner(loop_factory=VirtualLoop if place == "in-process" else None) as runner:
        yield runner


@pytest.fixture
def cluster(place: str, runner: asyncio.Runner, tmp_path: Path) -> Iterator[Cluster]:
    stack = contextlib.AsyncExitStack()
    yield runner.run(stack.enter_async_context(_cluster(place, tmp_path)))
    runner.run(stack.aclose())


@pytest.fixture
def namespace(cluster: Cluster, runner: asyncio.Runner) -> Iterator[str]:
    name = f"rollway-contract-{secrets.token_hex(4)}"
    runner.run(cluster.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}))
    yield name
    runner.run(cluster.delete(Ref("v1", "Namespace", "", name)))


@contextlib.asynccontextmanager
async def _cluster(place: str, folder: Path) -> AsyncIterator[Any]:
    if place == "live":
        async with await connect() as client:
            yield client
        return
    async with Sandbox() as sandbox:
        if place == "in-process":
            yield sandbox.client()
            return
        crt, key = certificate(folder / "tls")
        app = application(sandbox.api, token="secret", logs=sandbox.logs)
        async with serving(app, tls_of(crt, key)) as host:
            config = kubeconfig(folder, host, user={"token": "secret"}, **{"certificate-authority": crt})
            async with await connect(kubeconfig=config) as client:
                yield client
