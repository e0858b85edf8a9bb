"""The dashboard over HTTP and in a real browser, before a real sandbox: what it shows, what it may do, and what it refuses."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from browser import CHROMIUM, Page, browser, tab
from rollway.cli.dashboard.guard import HEADERS
from rollway.cli.dashboard.server import Dashboard
from rollway.cluster.client import KubeClient, connect
from rollway.errors import BadInput
from rollway.kube.objects import DEPLOYMENT, Ref
from rollway.sandbox import daemon
from shell import EXAMPLE, run

QUICK = {
    "start: 1.5s, stop: 0.5s": "pull: 1ms, start: 300ms, stop: 50ms",
    "replicas: 4": "replicas: 2",
    "sleep: {seconds: 2}": "sleep: {seconds: 0}",
    "          readinessProbe:\n            httpGet: {path: /healthz, port: http}\n            periodSeconds: 1\n": "",
}
SET = ("--set", "strategies.canary.steps=[{weight: 50}]")
HOSTILE = "<img/src=x/onerror=alert(1)>"


class Shop:
    """The shop in a namespace of its own, at its first version, and one page of it."""

    def __init__(self, home: Path, folder: Path, namespace: str) -> None:
        self.namespace, self._home = namespace, home
        self._words = ["-f", str(folder / "deploy.yaml"), "-n", namespace, "--sandbox"]

    def deploy(self, verb: str, *words: str) -> Any:
        return run(verb, *words, *self._words)

    def used(self, use: Callable[[str, KubeClient], Awaitable[None]], *, may_act: bool = False) -> None:
        """With the address of a dashboard of it."""

        async def story() -> None:
            cluster = await connect(kubeconfig=str(self._home / "sandbox" / "kubeconfig"))
            page = Dashboard(cluster, "the sandbox", self.namespace, may_act=may_act)
            async with cluster, page.served() as address:
                await use(address, cluster)
            await asyncio.sleep(0.25)  # connections of TLS say goodbye after they have been closed

        asyncio.run(story())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROLLWAY_SANDBOX_HOME", str(path / "sandbox"))
        daemon.up(path / "sandbox")
        yield path
        daemon.down(path / "sandbox")


@pytest.fixture
def shop(home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    folder = tmp_path / "checkout"
    shutil.copytree(EXAMPLE.parent, folder)
    manifest = folder / "k8s" / "deployment.yaml"
    text = manifest.read_text()
    for slow, fast in QUICK.items():
        assert slow in text
        text = text.replace(slow, fast)
    manifest.write_text(text)
    shop = Shop(home, folder, f"shop-{abs(hash(request.node.name)):x}")
    assert shop.deploy("apply", "recreate").code == 0
    return shop


class Asked:
    """A client with the token, and without what a browser adds."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self.base, _, token = address.partition("/#")
        self.headers = {"Authorization": f"Bearer {token}"}

    async def get(self, path: str, **headers: str) -> tuple[int, str, Any]:
        async with self._session.get(self.base + path, headers=headers) as answer:
            return answer.status, await answer.text(), answer.headers

    async def post(self, path: str, **body: str) -> tuple[int, Any]:
        async with self._session.post(self.base + path, json=body, headers=self.headers) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else await answer.text()

    async def first(self, path: str) -> Any:
        """What a feed tells first."""
        async with self._session.get(self.base + path, headers=self.headers) as answer:
            assert answer.status == 200, await answer.text()
            async for line in answer.content:
                if line.startswith(b"data: "):
                    return json.loads(line[6:])
        return None


@asynccontextmanager
async def asking(address: str) -> AsyncIterator[Asked]:
    async with aiohttp.ClientSession() as session:
        yield Asked(session, address)


def test_what_it_tells_is_what_the_verbs_print(shop: Shop) -> None:
    async def use(address: str, cluster: KubeClient) -> None:
        async with asking(address) as ask:
            every = await ask.first("/api/apps")
            assert [(each["app"], each["state"]) for each in every["releases"]] == [("shop", "promoted")]
            assert (every["where"], every["namespace"], every["mayAct"]) == ("the sandbox", shop.namespace, False)
            one = await ask.first(f"/api/apps/{shop.namespace}/shop")
            assert (one["phase"], len(one["history"]), one["lost"]) == ("Promoted", 1, "")
            assert [len(each["pods"]) for stem in one["tree"] for each in stem["deployments"]] == [2]
            missing = await ask.first(f"/api/apps/{shop.namespace}/shopp")
            assert "has released no shopp" in missing["error"]["summary"]

    shop.used(use)


def test_every_answer_is_guarded(shop: Shop) -> None:
    async def use(address: str, cluster: KubeClient) -> None:
        async with asking(address) as ask:
            for path, status in (("/", 200), ("/page.js", 200), ("/nowhere", 404), ("/api/apps", 401), ("/api/x", 401)):
                seen, _, headers = await ask.get(path)
                assert seen == status, path
                assert {name: headers[name] for name in HEADERS} == HEADERS
            assert (await ask.get("/", Host="evil.example"))[0] == 421
            assert (await ask.get("/api/apps", Origin="http://evil.example", **ask.headers))[0] == 403
            one = f"/api/apps/{shop.namespace}/shop"
            for body in ("not json", "[]", '{"action": 1}', '{"action": "<b>"}', '{"other": "promote"}', '"action"'):
                headers = ask.headers | {"Content-Type": "application/json"}
                async with ask._session.post(f"{ask.base}{one}/plan", data=body, headers=headers) as answer:
                    assert answer.status == 400, body
            async with ask._session.post(f"{ask.base}{one}/plan", data={"action": "promote"}, headers=ask.headers) as answer:
                assert answer.status == 415  # as a form of another page would send it
            assert (await ask.post(f"{one}/plan", action="apply"))[0] == 409

    shop.used(use)


def test_where_it_only_shows_nothing_can_be_done(shop: Shop) -> None:
    assert shop.deploy("apply", "canary", "--image", ":2.0.0", *SET).code == 0

    async def use(address: str, cluster: KubeClient) -> None:
        async with asking(address) as ask:
            one = f"/api/apps/{shop.namespace}/shop"
            status, planned = await ask.post(f"{one}/plan", action="promote")
            assert (status, planned["mark"], planned["isEmpty"]) == (200, "", False)
            assert any("Deployment shop-canary" in line for line in planned["lines"])
            status, refused = await ask.post(f"{one}/run", mark="anything")
            assert (status, refused["error"]["summary"]) == (409, "this dashboard only shows")

    shop.used(use)
    assert shop.deploy("status", "-o", "json").document["phase"] == "Paused"


def test_what_is_done_is_the_plan_that_was_read_once(shop: Shop) -> None:
    assert shop.deploy("apply", "canary", "--image", ":2.0.0", *SET).code == 0

    async def use(address: str, cluster: KubeClient) -> None:
        async with asking(address) as ask:
            one = f"/api/apps/{shop.namespace}/shop"
            stale, good = [(await ask.post(f"{one}/plan", action=action))[1]["mark"] for action in ("rollback", "promote")]
            status, refused = await ask.post(f"/api/apps/{shop.namespace}/other/run", mark=stale)
            assert (status, "not known here" in refused["error"]["summary"]) == (409, True)
            stale = (await ask.post(f"{one}/plan", action="rollback"))[1]["mark"]
            ended = await asyncio.gather(*(ask.post(f"{one}/run", mark=good) for _ in range(2)))
            assert sorted(status for status, _ in ended) == [200, 409]
            assert next(found for status, found in ended if status == 200)["phase"] == "Promoted"
            status, refused = await ask.post(f"{one}/run", mark=stale)
            assert (status, "moved on" in refused["error"]["summary"]) == (409, True)
            away = Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, shop.namespace, "shop-canary")
            assert await cluster.get(away) is None

    shop.used(use, may_act=True)
    history = shop.deploy("history", "-o", "json").document["revisions"]
    assert [(each["version"], each["phase"]) for each in history] == [("1.4.0", "Promoted"), ("2.0.0", "Promoted")]


def test_a_port_that_is_taken(shop: Shop) -> None:
    async def use(address: str, cluster: KubeClient) -> None:
        port = int(address.split(":")[2].split("/")[0])
        with pytest.raises(BadInput, match=f"--port {port}: address already in use"):
            async with Dashboard(cluster, "here", "", may_act=False).served(port):
                pass

    shop.used(use)


# in a browser


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here; Debian: apt-get install chromium")
    with browser(tmp_path_factory.mktemp("chromium")) as address:
        yield address


async def until(page: Page, expression: str) -> None:
    """It is so within a while; the tests say how soon where that is promised."""
    looked = f"""new Promise((done) => {{
      const look = () => ({expression}) ? done(true) : setTimeout(look, 50);
      look();
    }})"""
    async with asyncio.timeout(60):
        assert await page.look(looked)


def seen(word: str) -> str:
    return f"document.body.innerText.includes({json.dumps(word)})"


@pytest.mark.real_time
def test_a_canary_is_promoted_by_keyboard_alone(shop: Shop, chromium: str, late: Any) -> None:
    """Read, agreed to, done; each turn is on the page within a second. Nothing on the console, nothing asked of anybody else."""
    assert shop.deploy("apply", "canary", "--image", ":2.0.0", *SET).code == 0

    async def use(address: str, cluster: KubeClient) -> None:
        async with tab(chromium) as page:
            await page.screen(1200, 900)
            await page.order("Page.navigate", url=address)
            await until(page, seen("paused by canary"))
            await page.look("document.querySelector('nav button').focus()")
            for _ in range(20):
                if await page.look("document.activeElement.id") == "do-promote":
                    break
                await page.press("Tab", 9)
            assert await page.look("document.activeElement.id") == "do-promote"
            await page.look("document.activeElement.click()")
            await until(page, "!document.getElementById('plan-run').hidden")
            assert "Deployment shop-canary" in await page.look("document.getElementById('plan-lines').textContent")
            await page.look("document.getElementById('plan-run').focus()")
            await page.press("Enter", 13)
            await page.order("Input.dispatchKeyEvent", type="char", text="\r")
            await until(page, seen("done: promoted"))
            loop = asyncio.get_running_loop()
            ended = loop.time()
            await page.press("Escape", 27)
            await until(page, seen("promoted by canary"))
            assert loop.time() - ended < 1.0 + late()
            assert page.problems == []
            assert {url.split("/")[2] for url in page.requested} == {address.split("/")[2]}
            assert not any(address.partition("#")[2] in url for url in page.requested)

    shop.used(use, may_act=True)


def test_it_fits_a_telephone_and_the_dark(shop: Shop, chromium: str) -> None:
    async def use(address: str, cluster: KubeClient) -> None:
        async with tab(chromium) as page:
            for is_dark, paper in ((False, "rgb(255, 255, 255)"), (True, "rgb(21, 24, 28)")):
                await page.screen(360, 740, is_dark=is_dark)
                await page.order("Page.navigate", url="about:blank")
                await page.order("Page.navigate", url=address)
                await until(page, seen("promoted by recreate"))
                assert await page.look("document.documentElement.scrollWidth") <= 360
                assert await page.look("getComputedStyle(document.body).backgroundColor") == paper
            assert page.problems == []

    shop.used(use)


def test_what_a_cluster_says_stays_text(shop: Shop, chromium: str) -> None:
    """An image may be called anything without a blank."""

    async def use(address: str, cluster: KubeClient) -> None:
        ref = Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, shop.namespace, "shop")
        await cluster.patch(ref, [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": HOSTILE}])
        async with tab(chromium) as page:
            await page.screen(1200, 900)
            await page.order("Page.navigate", url=address)
            await until(page, seen(HOSTILE))
            assert await page.look("document.querySelectorAll('img').length") == 0
            assert page.problems == []

    shop.used(use)


def test_without_its_token_the_page_says_so(shop: Shop, chromium: str) -> None:
    async def use(address: str, cluster: KubeClient) -> None:
        async with tab(chromium) as page:
            await page.order("Page.navigate", url=address.partition("#")[0])
            await until(page, seen("which this one lacks"))
            await page.order("Page.navigate", url="about:blank")
            await page.order("Page.navigate", url=address.partition("#")[0] + "#wrong")
            await until(page, seen("has the token in it"))

    shop.used(use)
