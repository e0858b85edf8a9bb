"""Who is told of a release: each turn once, whoever is killed or hangs."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from mortal import Killed, Mortal
from rollway.cluster import told
from rollway.cluster.events import Noticed, RunEvent
from rollway.cluster.lock import DURATION_S
from rollway.gates.figures import Both, Counts
from rollway.notify.port import News, Untold
from rollway.release.gates import Gate
from rollway.release.model import Release
from rollway.release.notify import MOMENTS, Notify
from rollway.ship.run import Options, Result
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

EVERYTHING = Notify.model_validate({"slack": {"env": "SLACK"}, "on": list(MOMENTS)})


class Room:
    """Where news arrive. `fault` is raised before they do, `takes_s` how long each takes; nothing arrives from the dead."""

    def __init__(self, *, takes_s: float = 0.0, fault: Exception | None = None) -> None:
        self.heard: list[News] = []
        self._takes_s, self._fault = takes_s, fault
        self.alive: Any = lambda: True

    def of(self, *_: Any) -> Room:
        return self

    async def tell(self, news: News) -> None:
        if self._takes_s:
            await asyncio.sleep(self._takes_s)
        if not self.alive():
            raise Killed
        if self._fault:
            raise self._fault
        self.heard.append(news)

    async def close(self) -> None:
        pass

    @property
    def moments(self) -> list[str]:
        return [news.moment for news in self.heard]


def shop(tag: str, strategy: str = "ramped", *notify: Notify, **how: Any) -> Release:
    return replace(release(tag, strategy=strategy), notify=notify or (EVERYTHING,), **how)


async def go(world: World, wanted: Release, room: Room, action: str = "apply", **how: Any) -> Result:
    return await world.ship(action, wanted, notifier_of=room.of, **how)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_turn_is_told_with_what_it_takes_to_act(strategy: str) -> None:
    """A release by its pauses, and its rollback: from where to where, by whom, and the commands that go on and back."""

    async def story(world: World) -> None:
        room = Room()
        await go(world, shop("v1", strategy), room, weight=100, by="alice")
        result = await go(world, shop("v2", strategy), room, by="bob")
        if result.phase == "Paused":
            await go(world, shop("v2", strategy), room, "promote", weight=100, by="bob")
        await go(world, shop("v2", strategy), room, "rollback", by="carol")
        await asyncio.sleep(1)

        paused = [news for news in room.heard if news.moment == "paused"]
        assert all((news.on, news.back) == ("deploy promote shop -n shop", "deploy rollback shop -n shop") for news in paused)
        assert [moment for moment in room.moments if moment != "paused"] == [
            "started", "promoted", "started", "promoted", "rolledBack",
        ]  # fmt: skip
        first, *_, promoted, back = room.heard
        assert (first.old, first.new, first.who, first.back) == ("", "v1", "alice", "")
        assert (promoted.old, promoted.new, promoted.who, promoted.revision) == ("v1", "v2", "bob", 2)
        assert (back.old, back.new, back.who, back.was_promoted) == ("v2", "v1", "carol", True)

    in_world(story)


def test_a_failed_release_says_why() -> None:
    """Taken back it is rolledBack, with the reason; left standing it is failed. Only those who want it hear of it."""

    async def story(world: World) -> None:
        room, few = Room(), Notify.model_validate({"slack": {"env": "S"}, "on": ["failed", "rolledBack"]})
        await go(world, shop("v1", "ramped", few), room)
        await go(world, shop("crash", "ramped", few), room)
        await go(world, shop("gone", "ramped", few), room, goes_back=False)
        await asyncio.sleep(1)
        back, failed = room.heard
        assert (back.moment, back.old, back.new) == ("rolledBack", "crash", "v1")
        assert "crash" in back.why
        assert (failed.moment, failed.on) == ("failed", "deploy promote shop -n shop")
        assert "image" in failed.why

    in_world(story)


def test_killed_after_every_call_each_turn_is_told_once() -> None:
    """The same command again tells what the first one did not come to, and nothing twice."""

    async def prepared(world: World, room: Room) -> None:
        await go(world, shop("v1"), room)

    async def undisturbed(world: World) -> tuple[int, Counter[str]]:
        room, cluster = Room(), Mortal(world.cluster)
        await prepared(world, Room())
        await go(world, shop("v2"), room, cluster=cluster)
        await asyncio.sleep(5)
        return cluster.calls, Counter(news.id.rpartition("-2026")[0] for news in room.heard)

    calls, once = in_world(undisturbed)
    assert [*once.values()] == [1, 1]

    async def story(world: World, lives: int) -> None:
        room = Room()
        await prepared(world, Room())
        mortal = Mortal(world.cluster, lives)
        room.alive = lambda: mortal.calls < lives
        try:
            await go(world, shop("v2"), room, cluster=mortal)
            await asyncio.sleep(5)
        except Killed:
            pass
        room.alive = lambda: True
        await asyncio.sleep(DURATION_S + 1)
        await go(world, shop("v2"), room)
        await asyncio.sleep(5)
        if not any(news.moment == "promoted" for news in room.heard):
            await go(world, shop("v2"), room, "promote")
            await asyncio.sleep(5)
        told_once = Counter(news.id for news in room.heard)
        assert set(told_once.values()) == {1}, (lives, room.heard)
        assert set(room.moments) >= {"started", "promoted"}, (lives, room.moments)

    for lives in range(1, calls + 1):
        in_world(lambda world, lives=lives: story(world, lives))


@pytest.mark.parametrize("room", [Room(takes_s=3600.0), Room(fault=Untold("status 500")), Room(fault=RuntimeError("a bug"))])
def test_nobody_holds_a_release_up(room: Room) -> None:
    """One that hangs, refuses or breaks: the release is as quick as ever, but for 0.2 s at its end, and says it once."""

    async def story(world: World) -> tuple[float, float, list[str]]:
        loop, notes = asyncio.get_running_loop(), []

        def note(event: RunEvent) -> None:
            if isinstance(event, Noticed):
                notes.append(event.message)

        await world.ship("apply", release("v1"))
        await asyncio.sleep(60)
        began = loop.time()
        await world.ship("apply", release("v2"))
        plain = loop.time() - began
        await asyncio.sleep(60)
        began = loop.time()
        result = await go(world, shop("v3"), room, emit=note)
        assert result.phase == "Promoted"
        return plain, loop.time() - began, notes

    plain, told_s, notes = in_world(story)
    assert told_s <= plain + 1.0
    assert len(notes) == (0 if room._takes_s else 1)


def test_a_gate_that_failed_is_told() -> None:
    """With what it says; then that the release was taken back."""

    class Bad:
        async def measure(self, window: Any) -> Both:
            return Both(Counts(1000, 0), Counts(1000, 500))

        def asks(self, window: Any) -> list[str]:
            return []

        async def close(self) -> None:
            pass

    async def story(world: World) -> None:
        room = Room()
        await go(world, shop("v1", "canary"), room)
        counted = {"requests": 'sum(r{p=~"{{pods}}"})', "errors": 'sum(e{p=~"{{pods}}"})'}
        gate = Gate.model_validate({"name": "errors", "prometheus": "http://p:9090", **counted})
        result = await go(world, shop("v2", "canary", gates=(gate,)), room, goes_on=True, source_of=lambda *_: Bad(), weight=None)
        await asyncio.sleep(1)
        assert result.phase == "RolledBack"
        assert [moment for moment in room.moments[2:] if moment != "paused"] == ["started", "gateFailed", "rolledBack"]
        failed = next(news for news in room.heard if news.moment == "gateFailed")
        assert failed.why.startswith("gate errors: ")

    in_world(story)


def test_rehearsals_tell_nobody() -> None:
    """Whoever runs a release without saying who tells, tells nobody; and what was never told leaves no mark."""

    async def story(world: World) -> None:
        options = Options(holder="test@nowhere/0")
        assert options.notifier_of is None
        await world.ship("apply", shop("v1"))
        assert await told.load(world.cluster, "shop", NAMESPACE_NAME, 1) == ()

    in_world(story)


@pytest.mark.parametrize(("days", "heard"), [(0.5, ["promoted"]), (2, [])])
def test_old_turns_are_no_news(days: float, heard: list[str]) -> None:
    """What nobody came to tell is told by the next run within a day, and not weeks later."""

    async def story(world: World) -> None:
        few, room = Notify.model_validate({"slack": {"env": "S"}, "on": ["promoted"]}), Room()
        await world.ship("apply", shop("v1", "ramped", few))  # by somebody who tells nobody
        await asyncio.sleep(days * 24 * 3600)
        await go(world, shop("v1", "ramped", few), room)
        await asyncio.sleep(1)
        assert room.moments == heard

    in_world(story)


def test_who_hangs_holds_up_nobody_else() -> None:
    """The others hear of each turn as it comes, and all that they were told is remembered."""

    async def story(world: World) -> None:
        slow, quick = Room(takes_s=3600.0), Room()
        entries = [Notify.model_validate({"name": name, "slack": {"env": "S"}}) for name in ("slow", "quick", "other")]

        def notifier_of(entry: Notify, *_: Any) -> Room:
            return slow if entry.called == "slow" else quick

        wanted = shop("v1", "ramped", *entries)
        await world.ship("apply", wanted, notifier_of=notifier_of)
        await world.ship("apply", shop("v2", "ramped", *entries), notifier_of=notifier_of)
        assert quick.moments == ["promoted"] * 4
        marks = await told.load(world.cluster, "shop", NAMESPACE_NAME, 2)
        assert sorted(mark.split()[0] for mark in marks) == ["other", "quick"]

    in_world(story)
