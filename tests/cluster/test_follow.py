"""Watches over everything that cuts them short, on a server that cuts them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from rollway.cluster.client import KubeClient
from rollway.errors import ApiError, Unreachable
from rollway.kube.objects import POD

from tests.support.fake_api import FAST, IMPATIENT, FakeApi, answer, events, on_fake_api, status


def pod(name: str, version: int, uid: str = "") -> dict[str, Any]:
    meta = {"name": name, "namespace": "shop", "uid": uid or name, "resourceVersion": str(version)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta}


def listed(version: int, *pods: dict[str, Any]) -> Any:
    return answer({"metadata": {"resourceVersion": str(version)}, "items": list(pods)})


GONE = ("ERROR", {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"})


END = ("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": "7", "annotations": {"k8s.io/initial-events-end": "true"}}})


def seen_by_watch(tmp_path: Path, api: FakeApi, count: int, **how: Any) -> list[tuple[str, str, str]]:
    """The first `count` events as (type, name, version)."""

    async def take(client: KubeClient) -> list[tuple[str, str, str]]:
        taken = []
        async with contextlib.aclosing(client.watch(POD, "shop", **how)) as watch:
            while len(taken) < count:
                event = await anext(watch)
                taken.append((event.type, event.obj["metadata"]["name"], event.obj["metadata"]["resourceVersion"]))
        return taken

    async def main() -> list[tuple[str, str, str]]:
        async with on_fake_api(tmp_path, api) as client:
            return await take(client)

    return asyncio.run(main())


def scripted(*answers: Any) -> FakeApi:
    api = FakeApi()
    api.script = list(answers)
    api.otherwise = events(stays=True)
    return api


def elder(*answers: Any) -> FakeApi:
    """A server that does not begin a watch with what there is (Kubernetes before 1.34): it is listed."""
    return scripted(status(422, "Invalid", "sendInitialEvents: Forbidden"), *answers)


def test_a_watch_begins_with_what_there_is(tmp_path: Path) -> None:
    """One request for both, where the server knows how; then it goes on from the bookmark at the end of what there was."""
    api = scripted(events(("ADDED", pod("b", 5)), ("ADDED", pod("a", 3)), END), events(("MODIFIED", pod("a", 8)), stays=True))

    assert seen_by_watch(tmp_path, api, 3) == [("ADDED", "b", "5"), ("ADDED", "a", "3"), ("MODIFIED", "a", "8")]
    assert "sendInitialEvents=true&resourceVersionMatch=NotOlderThan" in api.seen[0][1]
    assert [path.rpartition("resourceVersion=")[2] for _, path in api.seen[1:]] == ["7"]


def test_a_beginning_that_is_cut_begins_again(tmp_path: Path) -> None:
    """Halfway through what there is there is no version to go on from; what was told is not told again."""
    api = scripted(
        events(("ADDED", pod("b", 5)), drop=True), events(("ADDED", pod("b", 5)), ("ADDED", pod("a", 3)), END, stays=True)
    )

    assert seen_by_watch(tmp_path, api, 2) == [("ADDED", "b", "5"), ("ADDED", "a", "3")]


def test_a_new_beginning_tells_the_differences(tmp_path: Path) -> None:
    """After 410 Gone: what has changed, been replaced or vanished, the last when all that there is has been told."""
    before = [("ADDED", pod(name, 1, f"{name}-1")) for name in ("same", "changed", "gone", "again")]
    after = [
        ("ADDED", pod("same", 1, "same-1")),
        ("ADDED", pod("changed", 9, "changed-1")),
        ("ADDED", pod("again", 10, "again-2")),
    ]
    api = scripted(events(*before, END, GONE), events(*after, END, ("MODIFIED", pod("same", 11, "same-1")), stays=True))

    assert seen_by_watch(tmp_path, api, 9)[4:] == [
        ("MODIFIED", "changed", "9"),
        ("DELETED", "again", "1"),
        ("ADDED", "again", "10"),
        ("DELETED", "gone", "1"),
        ("MODIFIED", "same", "11"),
    ]


def test_first_what_is_there_then_what_changes(tmp_path: Path) -> None:
    """A list, then a watch from its version on; both select on the server."""
    api = elder(listed(7, pod("a", 3)), events(("MODIFIED", pod("a", 8)), ("DELETED", pod("a", 9)), stays=True))

    seen = seen_by_watch(tmp_path, api, 3, labels={"app": "web"}, name="a")

    assert seen == [("ADDED", "a", "3"), ("MODIFIED", "a", "8"), ("DELETED", "a", "9")]
    selectors = "labelSelector=app%3Dweb&fieldSelector=metadata.name%3Da"
    watch = f"watch=true&allowWatchBookmarks=true&timeoutSeconds=1&{selectors}&resourceVersion=7"
    pods = "/api/v1/namespaces/shop/pods"
    assert api.seen[1:] == [("GET", f"{pods}?{selectors}"), ("GET", f"{pods}?{watch}")]


def test_a_watch_that_ends_goes_on_from_the_last_version(tmp_path: Path) -> None:
    """Events and bookmarks move the version on; nothing is listed or told again."""
    bookmark = {"kind": "Pod", "metadata": {"resourceVersion": "20"}}
    api = elder(
        listed(7), events(("ADDED", pod("a", 8))), events(("BOOKMARK", bookmark)), events(("MODIFIED", pod("a", 21)), stays=True)
    )

    assert seen_by_watch(tmp_path, api, 2) == [("ADDED", "a", "8"), ("MODIFIED", "a", "21")]
    assert [path.rpartition("resourceVersion=")[2] for _, path in api.seen[2:]] == ["7", "8", "20"]


@pytest.mark.parametrize("cut", ["", '{"type": "MODIFIED", "object": {"kin'])
def test_a_dropped_connection_is_survived(tmp_path: Path, cut: str) -> None:
    """Half an event is no event: it comes again, whole."""
    api = elder(listed(7), events(("ADDED", pod("a", 8)), cut=cut, drop=True), events(("MODIFIED", pod("a", 9)), stays=True))

    assert seen_by_watch(tmp_path, api, 2) == [("ADDED", "a", "8"), ("MODIFIED", "a", "9")]


@pytest.mark.parametrize("expired", [events(GONE), status(410, "Expired")], ids=["as an event", "as an answer"])
def test_an_expired_version_is_survived(tmp_path: Path, expired: Any) -> None:
    """410 Gone: everything is listed anew, and what has changed, vanished or been replaced meanwhile is told; nothing else."""
    before = [pod("same", 1), pod("changed", 2), pod("gone", 3), pod("again", 4, "old")]
    after = [pod("same", 1), pod("changed", 12), pod("again", 13, "new"), pod("fresh", 14)]
    api = elder(listed(7, *before), expired, listed(15, *after), events(("MODIFIED", pod("same", 16)), stays=True))

    seen = seen_by_watch(tmp_path, api, 10)[4:]

    assert seen == [
        ("DELETED", "gone", "3"),
        ("DELETED", "again", "4"),
        ("MODIFIED", "changed", "12"),
        ("ADDED", "again", "13"),
        ("ADDED", "fresh", "14"),
        ("MODIFIED", "same", "16"),
    ]


def test_a_server_that_is_away_for_a_moment_is_survived(tmp_path: Path) -> None:
    """Errors while a watch is opened again are repeated like any other request's."""
    api = elder(listed(7), events(), status(503, "ServiceUnavailable"), events(("ADDED", pod("a", 8)), stays=True))

    assert seen_by_watch(tmp_path, api, 1) == [("ADDED", "a", "8")]


def test_a_login_that_expires_is_survived(tmp_path: Path) -> None:
    """The credentials are read anew when the watch is opened again."""
    api = elder(listed(7), events(), status(401, "Unauthorized"), events(("ADDED", pod("a", 8)), stays=True))

    assert seen_by_watch(tmp_path, api, 1) == [("ADDED", "a", "8")]


def test_what_will_not_pass_ends_the_watch(tmp_path: Path) -> None:
    """A right that is taken away is told."""
    api = elder(listed(7), status(403, "Forbidden"))

    with pytest.raises(ApiError):
        seen_by_watch(tmp_path, api, 1)


def test_a_server_that_stays_away_ends_the_watch(tmp_path: Path) -> None:
    """After the patience is over it is unreachable."""
    api = elder(listed(7), events())

    async def main() -> None:
        stack = contextlib.AsyncExitStack()
        async with stack:
            client = await stack.enter_async_context(on_fake_api(tmp_path, api, IMPATIENT))
            client._wire.access.configuration.host = "http://127.0.0.1:1"
            await anext(client.watch(POD, "shop"))

    with pytest.raises(Unreachable, match="connection refused"):
        asyncio.run(main())


def test_a_barren_watch_is_not_asked_in_a_hurry(tmp_path: Path) -> None:
    """A server that ends each watch at once is asked less and less often."""
    api = elder(listed(7))

    async def main() -> float:
        asked, seventh, loop = itertools.count(1), asyncio.Event(), asyncio.get_running_loop()

        async def barren(request: web.Request) -> web.StreamResponse:
            if next(asked) == 7:
                seventh.set()
            return await events()(request)

        api.otherwise = barren
        async with on_fake_api(tmp_path, api) as client, contextlib.aclosing(client.watch(POD, "shop")) as watch:
            began_s = loop.time()
            following = asyncio.ensure_future(anext(watch))
            await asyncio.wait_for(seventh.wait(), 30)
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
            return loop.time() - began_s

    assert asyncio.run(main()) >= sum(FAST.first_pause * 2**times for times in range(5))
