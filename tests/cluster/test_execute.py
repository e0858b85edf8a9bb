"""The executor looks again in the moment before it acts, and does not act on less than was planned."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, cast

import pytest
from rollway.cluster.events import Failure, Noticed, RunEvent
from rollway.cluster.execute import AWAY_PAUSE_S, Executor
from rollway.cluster.journal import Journal
from rollway.cluster.lock import Lock
from rollway.cluster.port import Cluster
from rollway.errors import Unreachable
from rollway.kube.objects import DEPLOYMENT, SERVICE, Kind, Obj, Ref
from rollway.plan.plan import Plan
from rollway.plan.steps import Patch, Route, Step
from rollway.sandbox.timeline import run_virtual

GREEN = {"app": "shop", "rollway.dev/track": "green"}


def ref(kind: Kind, name: str) -> Ref:
    return Ref(kind.api_version, kind.name, "shop", name)


class Live:
    """A cluster with so many pods of the new side, ready and not, and Deployments with so many asked for. Takes every patch."""

    def __init__(self, ready: int, unready: int, asked: Mapping[str, int]) -> None:
        self.asked, self.patched = dict(asked), list[tuple[str, Any]]()
        self._pods = [_pod("True")] * ready + [_pod("False")] * unready

    async def list(self, kind: Kind, namespace: str, *, labels: Mapping[str, str]) -> list[Obj]:
        return self._pods if labels == GREEN else []

    async def get(self, ref: Ref) -> Obj | None:
        return {"spec": {"replicas": self.asked[ref.name]}} if ref.name in self.asked else None

    async def patch(self, ref: Ref, patch: Any, **_: Any) -> Obj:
        self.patched.append((ref.name, patch))
        return {}


class Held:
    """A lock that is ours."""

    def check(self) -> None:
        return


def _pod(ready: str) -> Obj:
    return {"metadata": {}, "status": {"conditions": [{"type": "Ready", "status": ready}]}}


def carried_out(live: Live, step: Step) -> Failure | None:
    plan = Plan.model_construct(app="shop", namespace="shop", steps=(step,))
    executor = Executor(cast(Cluster, live), cast(Lock, Held()), Journal({}), lambda event: None)
    return asyncio.run(executor.run(plan))


def switch(min_ready: int) -> Route:
    return Route(
        ref=ref(SERVICE, "shop"), selector=GREEN, was={"app": "shop"}, min_ready=min_ready, former=ref(DEPLOYMENT, "shop"),
        former_pods=min_ready, side=ref(DEPLOYMENT, "shop-green"), why="",
    )  # fmt: skip


@pytest.mark.parametrize(("ready", "unready"), [(2, 1), (2, 0), (0, 3)])
def test_a_switch_waits_for_no_pod_less_than_planned(ready: int, unready: int) -> None:
    """One that is not ready is one too many, and nothing is written."""
    live = Live(ready, unready, {"shop": 3, "shop-green": 3})

    failed = carried_out(live, switch(3))

    assert failed is not None
    assert f"{ready} of 3 pods behind the new selector are ready" in failed.summary
    assert live.patched == []


def test_a_switch_is_one_write() -> None:
    """With all of them ready, and as many as before on the other side."""
    live = Live(3, 1, {"shop": 3, "shop-green": 3})

    assert carried_out(live, switch(3)) is None
    assert live.patched == [("shop", [{"op": "replace", "path": "/spec/selector", "value": GREEN}])]


class Away(Live):
    """One that does not answer the first so many times."""

    def __init__(self, times: int) -> None:
        super().__init__(0, 0, {"shop": 3})
        self.left = times

    async def patch(self, ref: Ref, patch: Any, **_: Any) -> Obj:
        if self.left:
            self.left -= 1
            raise Unreachable("connection refused", may_pass=True)
        return await super().patch(ref, patch)


@pytest.mark.parametrize("is_begun", [False, True])
def test_an_api_server_that_is_away_is_waited_for_where_something_has_begun(is_begun: bool) -> None:
    """What begins a run is tried once: nothing is half done, and whoever asked for it hears so at once."""
    live, told = Away(2), list[str]()

    class Regained(Held):
        async def regain(self) -> None:
            return

    def emit(event: RunEvent) -> None:
        if isinstance(event, Noticed):
            told.append(event.message)

    async def story() -> float:
        executor = Executor(cast(Cluster, live), cast(Lock, Regained()), Journal({}), emit, is_begun=is_begun)
        step = Patch(ref=ref(DEPLOYMENT, "shop"), patch={"spec": {"paused": None}}, why="")
        await asyncio.sleep(1)
        await executor.run(Plan.model_construct(app="shop", namespace="shop", steps=(step,)))
        return asyncio.get_running_loop().time() - 1

    if not is_begun:
        with pytest.raises(Unreachable):
            run_virtual(story())
        assert (live.left, told) == (1, [])
        return
    assert run_virtual(story()) == pytest.approx(2 * AWAY_PAUSE_S)
    assert (live.left, [name for name, _ in live.patched]) == (0, ["shop"])
    assert told[0].startswith("the API server does not answer since ")
    assert told[1:] == ["the API server did not answer for 4 s; it was waited for"]


def test_each_absence_has_the_deadline_for_itself() -> None:
    """A control plane whose servers are replaced one by one, while one long wait goes on; how long it was gone is told without
    what was waited for afterwards."""
    told, left = list[str](), [3, 3, 3]

    class Regained(Held):
        async def regain(self) -> None:
            return

    def emit(event: RunEvent) -> None:
        if isinstance(event, Noticed):
            told.append(event.message)

    async def do() -> None:
        """500 s of waiting, then three failures; three times, and a last time without."""
        if left and not left[0]:
            left.pop(0)
        if not left or left[0] == 3:
            await asyncio.sleep(500)
        if left:
            left[0] -= 1
            raise Unreachable("connection refused", may_pass=True)

    async def story() -> None:
        await asyncio.sleep(1)
        executor = Executor(cast(Cluster, Away(0)), cast(Lock, Regained()), Journal({}), emit, is_begun=True)
        await executor.insist(do)

    run_virtual(story())
    assert [message for message in told if "did not" in message] == [
        "the API server did not answer for 6 s; it was waited for" for _ in range(3)
    ]
