"""What each notifier sends, and what it says where it is not taken: against a server on loopback. No secret is ever shown."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from rollway.kube.objects import Ref
from rollway.notify import NOTIFIERS, notifier_of
from rollway.notify.port import News, Untold
from rollway.notify.texts import text_of
from rollway.release.notify import MOMENTS, SINKS, Notify

NEWS = News(
    id="shop.shop.7-Paused-10-2026-01-01T00:00:00Z", moment="paused", app="shop", namespace="shop", strategy="canary",
    revision=7, weight=10, old="1.4.0", new="1.5.0", why="", who="alice@laptop", at="2026-01-01T00:00:00Z",
    on="deploy promote shop -n shop", back="deploy rollback shop -n shop",
)  # fmt: skip
SECRET = "s3cr3t-t0ken"


class Kept:
    """A cluster that has one Secret."""

    def __init__(self, **data: str) -> None:
        self._data = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}

    async def get(self, ref: Ref) -> Any:
        return {"data": self._data} if ref.name == "kept" else None


class Server:
    """Takes everything that is sent to it. `answers` by method and path: a status, a JSON document."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str, Any]] = []
        self.headers: list[Any] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}

    async def handle(self, request: web.Request) -> web.Response:
        text = await request.text()
        self.headers.append(request.headers)
        self.taken.append((request.method, request.path_qs, json.loads(text) if text else None))
        status, document = self.answers.get((request.method, request.path), (200, {}))
        return web.json_response(document, status=status)


def served(story: Callable[[Server, str], Awaitable[None]]) -> None:
    async def main() -> None:
        server = Server()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", server.handle)
        async with TestServer(app) as running:
            await story(server, str(running.make_url("")).rstrip("/"))

    asyncio.run(main())


async def tell(news: News = NEWS, cluster: Any = None, **entry: Any) -> None:
    notifier = notifier_of(Notify.model_validate(entry), cluster or Kept(), "shop")
    try:
        await notifier.tell(news)
    finally:
        await notifier.close()


def test_every_kind_has_a_notifier() -> None:
    assert set(NOTIFIERS) == set(SINKS)


@pytest.mark.parametrize("moment", MOMENTS)
def test_the_usual_text_says_what_from_to_why_who_and_the_commands(moment: Any) -> None:
    text = text_of(replace(NEWS, moment=moment, why="gate errors: too many"))
    first, *rest = text.splitlines()
    assert "shop 1.4.0 → 1.5.0" in first
    assert rest == [
        "why: gate errors: too many", "how: canary, revision 7, namespace shop", "who: alice@laptop",
        "on: deploy promote shop -n shop", "back: deploy rollback shop -n shop",
    ]  # fmt: skip


def test_a_template_has_the_say() -> None:
    assert text_of(NEWS, "{{ app }} {{ to }} at {{ weight }}%: {{ on }}") == "shop 1.5.0 at 10%: deploy promote shop -n shop"


@pytest.mark.parametrize("kind", ["slack", "teams"])
def test_chats_get_the_text_at_an_address_that_is_a_secret(kind: str) -> None:
    """Of the environment or of a Secret; with signs that would be read as something else made harmless."""

    async def story(server: Server, url: str) -> None:
        kept = Kept(url=f"{url}/hook/{SECRET}\n")
        await tell(replace(NEWS, why="<!channel> & co"), kept, **{kind: {"secret": "kept", "key": "url"}})
        await tell(NEWS, kept, template="{{ app }} only", **{kind: {"secret": "kept", "key": "url"}})
        (method, path, first), (_, _, second) = server.taken
        assert (method, path) == ("POST", f"/hook/{SECRET}")
        text = json.dumps(first, ensure_ascii=False)
        assert "shop 1.4.0 → 1.5.0 paused at 10%" in text
        assert "deploy promote shop -n shop" in text
        assert "shop only" in json.dumps(second)
        if kind == "slack":
            assert "&lt;!channel&gt; &amp; co" in text
        else:
            assert first["attachments"][0]["content"]["type"] == "AdaptiveCard"

    served(story)


def test_a_webhook_gets_json_or_a_cloudevent() -> None:
    """The same id whenever it is told, so that a receiver may know what it has."""

    async def story(server: Server, url: str) -> None:
        await tell(webhook={"address": f"{url}/plain", "headers": {"X-Team": "shop"}})
        await tell(webhook={"address": f"{url}/events", "format": "cloudevents"})
        (_, _, plain), (_, _, event) = server.taken
        assert (plain["id"], plain["event"], plain["from"], plain["to"]) == (NEWS.id, "paused", "1.4.0", "1.5.0")
        assert (event["specversion"], event["id"], event["type"]) == ("1.0", NEWS.id, "dev.rollway.release.paused")
        assert event["source"] == "/namespaces/shop/applications/shop"
        assert event["data"] == plain
        first, second = server.headers
        assert first["X-Team"] == "shop"
        assert second["Content-Type"].startswith("application/cloudevents+json")

    served(story)


def test_github_shows_a_deployment_and_the_commits_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made once, and found by its task after that, from wherever: a rollback from a laptop knows no commit."""
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("GITHUB_SHA", "abc")
    monkeypatch.delenv("GITHUB_REPOSITORY", raising=False)

    async def story(server: Server, url: str) -> None:
        entry = {"token": {"env": "TOKEN"}, "repository": "acme/shop", "environment": "production", "address": url}
        base = "/repos/acme/shop"
        server.answers[("GET", f"{base}/deployments")] = (200, [])
        server.answers[("POST", f"{base}/deployments")] = (201, {"id": 42, "sha": "abc"})
        await tell(github=entry)
        assert [(method, path.partition("?")[0]) for method, path, _ in server.taken] == [
            ("GET", f"{base}/deployments"), ("POST", f"{base}/deployments"), ("POST", f"{base}/deployments/42/statuses"),
            ("POST", f"{base}/statuses/abc"),
        ]  # fmt: skip
        made, status, commit = (body for _, _, body in server.taken[1:])
        assert (made["ref"], made["environment"], made["task"]) == ("abc", "production", "rollway:shop:7")
        assert (made["auto_merge"], made["required_contexts"]) == (False, [])
        assert (status["state"], commit["state"], commit["context"]) == ("in_progress", "pending", "rollway/shop/shop")
        assert {headers["Authorization"] for headers in server.headers} == {f"Bearer {SECRET}"}

        monkeypatch.delenv("GITHUB_SHA")
        server.taken.clear()
        server.answers[("GET", f"{base}/deployments")] = (200, [{"id": 42, "sha": "abc"}])
        for moment, was_promoted, state in (
            ("promoted", True, "success"), ("failed", False, "failure"), ("rolledBack", False, "failure"),
            ("rolledBack", True, "inactive"),
        ):  # fmt: skip
            await tell(replace(NEWS, moment=moment, was_promoted=was_promoted), github=entry)
            assert server.taken[-2][2]["state"] == state
        assert not [path for method, path, _ in server.taken if method == "POST" and path == f"{base}/deployments"]
        server.answers[("GET", f"{base}/deployments")] = (200, [])
        with pytest.raises(Untold, match="no commit is named"):
            await tell(github=entry)

    served(story)


def test_gitlab_shows_a_deployment_and_the_commits_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that runs is taken to its end; what has succeeded stays so."""
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("CI_COMMIT_SHA", "abc")

    async def story(server: Server, url: str) -> None:
        entry = {"token": {"env": "TOKEN"}, "project": "acme/shop", "environment": "production", "address": url}
        server.answers[("GET", "/projects/acme/shop/deployments")] = (200, [])
        await tell(gitlab=entry)
        server.answers[("GET", "/projects/acme/shop/deployments")] = (200, [{"id": 9, "sha": "abc"}])
        await tell(replace(NEWS, moment="promoted"), gitlab=entry)
        await tell(replace(NEWS, moment="rolledBack", was_promoted=True), gitlab=entry)
        sent = [(method, path.rpartition("/projects/")[2], body) for method, path, body in server.taken if method != "GET"]
        assert [(method, path) for method, path, _ in sent] == [
            ("POST", "acme%2Fshop/deployments"), ("POST", "acme%2Fshop/statuses/abc"),
            ("PUT", "acme%2Fshop/deployments/9"), ("POST", "acme%2Fshop/statuses/abc"),
            ("POST", "acme%2Fshop/statuses/abc"),
        ]  # fmt: skip
        assert [body.get("status") or body["state"] for _, _, body in sent] == [
            "running", "running", "success", "success", "failed",
        ]  # fmt: skip

    served(story)


@pytest.mark.parametrize(("kind", "path"), [("github", "/repos/acme/shop"), ("gitlab", "/projects/acme/shop")])
def test_a_test_makes_no_deployment(kind: str, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It only asks whether it may: what is made there cannot be taken away again."""
    monkeypatch.setenv("TOKEN", SECRET)

    async def story(server: Server, url: str) -> None:
        where = {"repository": "acme/shop"} if kind == "github" else {"project": "acme/shop"}
        await tell(replace(NEWS, is_test=True), **{kind: {"token": {"env": "TOKEN"}, "address": url, **where}})
        assert [(method, told.replace("%2F", "/")) for method, told, _ in server.taken] == [("GET", path)]

    served(story)


def test_what_is_not_taken_is_told_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status, an address that is none, a token that is missing, a server that is not there or hangs."""
    monkeypatch.setenv("HOOK", f"ftp://x/{SECRET}")
    monkeypatch.delenv("GONE", raising=False)

    async def story(server: Server, url: str) -> None:
        server.answers[("POST", f"/{SECRET}")] = (401, {"message": "token expired"})
        kept = Kept(url=f"{url}/{SECRET}", dead=f"http://127.0.0.1:1/{SECRET}")
        said = []
        for entry in (
            {"slack": {"secret": "kept", "key": "url"}},
            {"slack": {"secret": "kept", "key": "dead"}},
            {"slack": {"env": "HOOK"}},
            {"teams": {"env": "GONE"}},
            {"teams": {"secret": "kept", "key": "none"}},
            {"teams": {"secret": "other", "key": "url"}},
        ):
            with pytest.raises(Untold) as untold:
                await tell(NEWS, kept, **entry)
            said.append(str(untold.value))
        assert said[0] == "it answered with status 401: token expired"
        assert "cannot be reached" in said[1]
        assert said[2:] == [
            "what is kept as its address is none of http or https", "the environment variable GONE is not set",
            "Secret kept has no key none", "Secret other is not there",
        ]  # fmt: skip
        assert SECRET not in "".join(said)

    served(story)


def test_apprise_is_an_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it that is said, with what to install; with it title and text are handed over."""
    monkeypatch.setenv("URL", f"mailto://{SECRET}")
    monkeypatch.setitem(sys.modules, "apprise", None)
    with pytest.raises(Untold, match=r"pip install 'rollway\[apprise\]'"):
        asyncio.run(tell(apprise={"env": "URL"}))

    sent: list[tuple[str, str]] = []

    class Apprise:
        def add(self, url: str) -> bool:
            return url.startswith("mailto:")

        async def async_notify(self, *, title: str, body: str) -> bool:
            sent.append((title, body))
            return True

    library = ModuleType("apprise")
    library.Apprise = Apprise  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "apprise", library)
    asyncio.run(tell(apprise={"env": "URL"}))
    assert sent == [("∥ shop 1.4.0 → 1.5.0 paused at 10%", text_of(NEWS))]
    monkeypatch.setenv("URL", "nonsense")
    with pytest.raises(Untold, match="does not understand the address"):
        asyncio.run(tell(apprise={"env": "URL"}))
