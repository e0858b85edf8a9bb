"""The dashboard's server: what it answers, what it refuses, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from dashboards import Served, dashboard
from rollway.errors import BadInput, Unreachable
from shop import Stand, World, promoted, release, stand_of

PATIENCE_S = 60


async def half(world: World) -> None:
    """Half of the requests reach v2."""
    await promoted(world, "v1", "canary")
    await world.ship("apply", release("v2", strategy="canary"), weight=50)


@pytest.fixture(scope="module")
def stand() -> Stand:
    return stand_of(half)


def told(story: Callable[[Served, aiohttp.ClientSession], Awaitable[None]], stand: Stand, **how: Any) -> None:
    async def main() -> None:
        async with asyncio.timeout(PATIENCE_S), dashboard(stand, **how) as served, aiohttp.ClientSession(served.origin) as http:
            await story(served, http)

    asyncio.run(main())


@contextlib.asynccontextmanager
async def events(served: Served, http: aiohttp.ClientSession, app: str = "shop/shop") -> AsyncIterator[Any]:
    """Server-sent events, as (name, data)."""

    async def each(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
        name = ""
        async for line in answer.content:
            word, _, rest = line.decode().rstrip("\n").partition(": ")
            if word == "event":
                name = rest
            elif word == "data":
                yield name, json.loads(rest)

    http_of_long_lines = aiohttp.ClientSession(served.origin, read_bufsize=2**20)
    async with http_of_long_lines as long, long.get(f"/api/events?app={app}", headers=served.headers) as answer:
        assert answer.status == 200
        async with contextlib.aclosing(each(answer)) as found:
            yield found


async def until(found: AsyncIterator[tuple[str, Any]], name: str, is_it: Callable[[Any], bool] = lambda data: True) -> Any:
    async for each, data in found:
        if each == name and is_it(data):
            return data
    raise AssertionError(f"the stream ended before a {name}")


async def planned(served: Served, http: aiohttp.ClientSession, action: str = "promote") -> dict[str, Any]:
    asked = {"namespace": "shop", "app": "shop", "action": action}
    async with http.post("/api/plan", json=asked, headers=served.headers) as answer:
        assert answer.status == 200, await answer.text()
        return dict((await answer.json())["plan"])


async def begun(served: Served, http: aiohttp.ClientSession, plan: str) -> tuple[int, Any]:
    async with http.post("/api/run", json={"plan": plan}, headers=served.headers) as answer:
        return answer.status, await answer.json()


def test_a_tab_is_told_what_the_verbs_tell(stand: Stand) -> None:
    """All applications; of the open one the tree, the history and what comes next, with the words of a terminal."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        async with events(served, http) as found:
            seen = {}
            async for name, data in found:
                seen[name] = data
                if len(seen) == 5:
                    break
        assert seen["hello"] == {"cluster": "the sandbox", "namespace": "shop", "mayAct": False}
        assert [(each["app"], each["said"]["phase"]) for each in seen["list"]["releases"]] == [("shop", "paused at 50%")]
        assert seen["app"]["share"] == {"asked": 50, "given": 50.0}
        assert seen["app"]["said"]["phase"] == "v1 → v2 by canary: paused at 50%"
        assert [(each["version"], each["isLive"]) for each in seen["history"]["revisions"]] == [("v1", True), ("v2", False)]
        assert seen["next"]["plan"]["said"]["title"] == "shop v1 → v2 · canary 50% → 100%"

    told(story, stand)


def test_no_request_without_a_token_host_and_origin_is_answered(stand: Stand) -> None:
    """Whatever asks: nothing is told and nothing is done, and the refusal has the policy, too."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        plan = (await planned(served, http))["id"]
        wrong: list[dict[str, str]] = [
            {},
            {"Authorization": "Bearer nobody"},
            {**served.headers, "Host": "evil.example"},
            {**served.headers, "Origin": "http://evil.example"},
        ]
        for headers in wrong:
            async with http.post("/api/run", json={"plan": plan}, headers=headers) as answer:
                assert answer.status in (401, 403, 421)
                assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
            async with http.get("/api/events?app=shop/shop", headers=headers) as answer:
                assert answer.status in (401, 403, 421)
        async with http.get("/", headers={"Host": "evil.example"}) as answer:
            assert answer.status == 421
        assert served.world.pods() == {"shop v1": 2, "shop-canary v2": 2}

    told(story, stand, may_act=True)


def test_it_changes_nothing_unless_it_was_allowed_to(stand: Stand) -> None:
    """A plan is shown, and is none that could be carried out."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        moment = served.world.sandbox.store.version
        assert (await planned(served, http))["id"] == ""
        status, answer = await begun(served, http, "")
        assert (status, answer["error"]["hint"]) == (409, "deploy dashboard --allow-actions")
        assert served.world.changed_since(moment) == set()

    told(story, stand)


def test_what_was_shown_is_what_is_done(stand: Stand) -> None:
    """Step by step on the page, and once: the same plan is not carried out again."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        plan = await planned(served, http)
        async with events(served, http) as found:
            assert await begun(served, http, plan["id"]) == (202, {"error": None})
            run = await until(found, "run", lambda run: run["state"] != "running")
        assert run["state"] == "done", run
        (part,) = run["parts"]
        assert [each["state"] for each in part["steps"]] == ["done"] * len(plan["steps"])
        assert [each["what"] for each in part["steps"]] == [each["what"] for each in plan["steps"]]
        assert served.world.pods() == {"shop v2": 4}
        status, again = await begun(served, http, plan["id"])
        assert (status, again["error"]["summary"]) == (409, "this plan is not known any more, or was carried out")

    told(story, stand, may_act=True)


def test_a_plan_that_is_stale_is_refused(stand: Stand) -> None:
    """The cluster has moved on since it was shown: nothing is done, and the page is told why."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        plan = await planned(served, http)
        await served.world.ship("promote", release("v2", strategy="canary"), weight=75)
        stood = served.world.pods()
        async with events(served, http) as found:
            await begun(served, http, plan["id"])
            run = await until(found, "run", lambda run: run["state"] != "running")
        assert (run["state"], run["parts"]) == ("refused", [])
        assert "plan again" in run["error"]["hint"]
        assert served.world.pods() == stood

    told(story, stand, may_act=True)


def test_what_is_no_application_of_it_is_refused(stand: Stand) -> None:
    """Other namespaces than its own, names that are none, other actions, other bodies."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        shop = {"namespace": "shop", "app": "shop", "action": "promote"}
        wrong: list[Any] = [
            {**shop, "namespace": "kube-system"}, {**shop, "app": "../shop"}, {**shop, "app": None}, {**shop, "action": "apply"},
            {**shop, "app": "nobody"}, {}, [], "text",
        ]  # fmt: skip
        for body in wrong:
            async with http.post("/api/plan", json=body, headers=served.headers) as answer:
                assert answer.status == 409, body
                assert (await answer.json())["error"]["summary"]
        for data in (b"{", b"[" * 10_000):
            kind = {"Content-Type": "application/json"}
            async with http.post("/api/plan", data=data, headers={**served.headers, **kind}) as answer:
                assert answer.status == 409
        async with http.post("/api/plan", data=json.dumps(shop), headers=served.headers) as answer:  # as a form could send it
            assert answer.status == 409
        async with http.get("/nothing", headers=served.headers) as answer:
            assert answer.status == 404

    told(story, stand)


def test_a_cluster_that_goes_away_is_told_and_taken_up_again(stand: Stand) -> None:
    """What was seen last stays, with the reason; what comes after is seen."""
    away: list[bool] = []

    def gone(cluster: Any) -> Any:
        lists = cluster.list

        async def list_(*args: Any, **how: Any) -> Any:
            if away:
                raise Unreachable("the cluster cannot be reached")
            return await lists(*args, **how)

        cluster.list = list_
        return cluster

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        async with events(served, http) as found:
            await until(found, "app")
            away.append(True)
            await served.world.sandbox.client().patch(*touched("v2"))  # something that makes it look
            lost = await until(found, "app", lambda app: app["said"]["lost"])
            assert (lost["phase"], lost["share"]["asked"]) == ("Paused", 50)
            away.clear()
            await served.world.sandbox.client().patch(*touched("v3"))
            await until(found, "app", lambda app: not app["said"]["lost"])

    told(story, stand, cluster=gone)


def touched(value: str) -> tuple[Any, Any]:
    from rollway.kube.objects import DEPLOYMENT, Ref

    ref = Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, "shop", "shop")
    return ref, {"metadata": {"annotations": {"example.com/touched": value}}}


def test_a_tab_that_closes_leaves_nothing_and_the_end_is_clean(stand: Stand) -> None:
    """No task goes on for it; the server ends with tabs open, and gives its port back."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        before = asyncio.all_tasks()
        async with events(served, http) as found:
            await until(found, "next")
            begun = asyncio.all_tasks() - before
        assert begun
        _, left = await asyncio.wait(begun, timeout=10)
        assert not left
        async with events(served, http) as found:
            await until(found, "hello")
            served.task.cancel()
            await asyncio.wait({served.task}, timeout=10)
            assert served.task.done()

    told(story, stand)


def test_a_run_that_is_stopped_with_the_dashboard_leaves_no_lock(stand: Stand) -> None:
    """Ctrl-C in the middle: what is done stays done, and whoever comes next may go on."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        plan = await planned(served, http)
        async with events(served, http) as found:
            await begun(served, http, plan["id"])
            await until(found, "run", lambda run: run["parts"])
        served.task.cancel()
        await asyncio.wait({served.task}, timeout=10)
        result = await served.world.ship("promote", release("v2", strategy="canary"), weight=100)
        assert (result.phase, served.world.pods()) == ("Promoted", {"shop v2": 4})

    told(story, stand, may_act=True)


def test_two_at_once_have_ports_of_their_own_and_a_taken_one_is_told(stand: Stand) -> None:
    """Without --port any that is free is taken."""

    async def story(served: Served, http: aiohttp.ClientSession) -> None:
        async with dashboard(stand) as second:
            assert second.origin != served.origin
            async with http.get(f"{second.origin}/api/events", headers=served.headers) as answer:
                assert answer.status == 401  # one's token is not the other's
        with pytest.raises(BadInput, match="cannot be had"):
            async with dashboard(stand, port=int(served.origin.rpartition(":")[2])):
                pass

    told(story, stand)
