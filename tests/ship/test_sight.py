"""Looking on: from the cluster's state alone, soon after something has changed, and past what cannot be seen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import pytest
from rollway.cluster import findings, history
from rollway.cluster.lock import Lock
from rollway.errors import Forbidden, Unreachable
from rollway.gates.figures import Phase
from rollway.kube.objects import DEPLOYMENT, LEASE, POD, REPLICA_SET, SECRET, Kind, ref_of
from rollway.plan.evidence import Evidence
from rollway.release.gates import Gate
from rollway.sandbox.timeline import run_virtual
from rollway.ship.again import LATER_S, SOON_S, UNANSWERED_S, Seen, _looks
from rollway.ship.holding import held_by
from rollway.ship.sight import Sight, follow, see
from shop import World, in_world, promoted, release

GATE = Gate.model_validate({"name": "restarts", "pods": "restarts", "max": 0})


@contextlib.asynccontextmanager
async def onlooker(world: World, cluster: Any = None) -> AsyncIterator[list[tuple[float, Sight]]]:
    """All that somebody sees who looks on meanwhile, with the moment."""
    seen: list[tuple[float, Sight]] = []

    async def look() -> None:
        async with contextlib.aclosing(follow(cluster or world.cluster, release("v1"))) as sights:
            async for sight in sights:
                moment = asyncio.get_running_loop().time()
                seen.append((moment, sight))

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def without(cluster: Any, is_refused: Callable[[str, Kind], Exception | None]) -> Any:
    """A cluster that answers some requests with an error."""
    lists, gets, watches = cluster.list, cluster.get, cluster.watch

    async def list_(kind: Kind, namespace: str, **how: Any) -> Any:
        if error := is_refused("list", kind):
            raise error
        return await lists(kind, namespace, **how)

    async def get(ref: Any) -> Any:
        if error := is_refused("get", Kind(ref.api_version, ref.kind, "")):
            raise error
        return await gets(ref)

    async def watch(kind: Kind, namespace: str, **how: Any) -> Any:
        if error := is_refused("watch", kind):
            raise error
        async for event in watches(kind, namespace, **how):
            yield event

    cluster.list, cluster.get, cluster.watch = list_, get, watch
    return cluster


def test_a_run_elsewhere_is_seen_as_it_goes() -> None:
    """Who is at it, what is waited for, what share is given; within two seconds of each change."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        async with onlooker(world) as seen:
            await asyncio.sleep(2)
            await world.ship("apply", release("v2", strategy="canary"), weight=50, holder="bob@ci/7")
            ended = asyncio.get_running_loop().time()
            await asyncio.sleep(3)
        return seen, ended

    seen, ended = in_world(story)
    phases = [sight.status.phase for _, sight in seen]
    assert list(dict.fromkeys(phases)) == ["Promoted", "Progressing", "Paused"]
    at_it = [sight for _, sight in seen if sight.status.held]
    assert {sight.status.held.holder for sight in at_it} == {"bob@ci/7"}
    assert any("shop-canary: 0 of 2 pods" in sight.waits_for for sight in at_it)
    assert {sight.status.given for _, sight in seen} >= {None, 50.0}
    assert next(at for at, sight in seen if sight.status.phase == "Paused") <= ended + 2
    assert seen[-1][1].waits_for == "`deploy promote`"


def test_a_run_that_was_killed_is_told_of_though_nothing_changes() -> None:
    """Its lock runs out."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        await world.ship("apply", release("v2", strategy="canary"), weight=50)
        last = (await world.history())[-1]
        await history.write(world.cluster, last.model_copy(update={"phase": "Progressing"}))
        lock = Lock(world.cluster, "shop", "shop", "bob@ci/7")
        await lock.acquire()
        assert lock._renewing
        lock._renewing.cancel()
        async with onlooker(world) as seen:
            await asyncio.sleep(30 + SOON_S + 2)
        return seen

    seen = in_world(story)
    assert not seen[0][1].status.held.is_silent
    assert seen[-1][1].status.held.is_silent
    assert seen[-1][1].waits_for == "somebody: its run was cut off"


def test_gates_are_seen_with_their_figures() -> None:
    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        options = {"canary": {"steps": [{"weight": 50, "pause": "60s"}]}}
        wanted = replace(release("v2", strategy="canary", options=options), gates=(GATE,))
        task = asyncio.create_task(world.ship("apply", wanted, goes_on=True))
        await asyncio.sleep(50)
        sight, kept = await see(world.cluster, wanted), await findings.load(world.cluster, "shop", "shop", 2)
        await task
        return sight, kept

    sight, kept = in_world(story)
    assert [gate.gate for gate in sight.status.gates] == ["restarts"]
    assert sight.status.gates == kept
    assert 1 < sight.status.pause_left_s < 60
    assert sight.waits_for == "`deploy promote`"


COUNTED = Gate.model_validate({"name": "smoke", "job": "smoke:1", "when": [50]})
PAUSED = Gate.model_validate({"name": "queue", "pods": "restarts", "max": 0, "count": 3, "onFail": "pause"})


@pytest.mark.parametrize(
    ("gates", "phases", "said"),
    [
        ((GATE,), {}, ["gate restarts"]),
        ((GATE,), {"restarts": Phase.RUNNING}, []),
        ((PAUSED,), {"queue": Phase.RUNNING}, ["gate queue"]),
        ((PAUSED,), {"queue": Phase.PASSED}, []),
        ((PAUSED,), {"queue": Phase.FAILED}, ["gate queue, which failed"]),
        ((COUNTED,), {}, ["gate smoke"]),
        ((COUNTED, PAUSED), {"queue": Phase.FAILED}, ["gate smoke", "gate queue, which failed"]),
        ((COUNTED.model_copy(update={"when": (25,)}),), {}, []),
        ((COUNTED.model_copy(update={"on_fail": "report"}),), {}, []),
        ((COUNTED.model_copy(update={"when": "before"}),), {}, ["gate smoke"]),
        ((COUNTED.model_copy(update={"no_data": "pass"}),), {}, []),
    ],
)
def test_gates_that_hold_a_pause_are_named(gates: tuple[Gate, ...], phases: dict[str, Phase], said: list[str]) -> None:
    """Those of the pause, that have not let go."""
    found = {
        name: Evidence(gate=name, digest="d", began_s=0, until_s=0, number=1, measured=1, phase=phase)
        for name, phase in phases.items()
    }

    assert held_by(gates, found, 50, is_last=True) == said


def test_a_cluster_that_is_away_is_waited_for() -> None:
    """What was seen last stays, with the reason; then it goes on. Where it is away from the start, that is the end."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        is_away = False
        cluster = without(world.sandbox.client(), lambda verb, kind: Unreachable("no route to host") if is_away else None)
        async with onlooker(world, cluster) as seen:
            await asyncio.sleep(3)
            is_away = True
            await asyncio.sleep(LATER_S + 5)
            away = seen[-1][1]
            is_away = False
            await asyncio.sleep(SOON_S + 2)
            back = seen[-1][1]
        is_away = True
        with pytest.raises(Unreachable):
            async for _ in follow(cluster, release("v1")):
                pass
        return away, back

    away, back = in_world(story)
    assert (away.lost, away.status.phase, bool(away.stems)) == ("no route to host", "Promoted", True)
    assert back.lost == ""
    assert back.at > away.at


@pytest.mark.parametrize(
    "forbidden",
    [("watch", POD), ("watch", DEPLOYMENT), ("watch", SECRET), ("list", REPLICA_SET), ("list", POD)],
    ids=lambda each: f"{each[0]} {each[1].plural}",
)
def test_what_may_not_be_seen_is_left_out(forbidden: tuple[str, Kind]) -> None:
    """What may not be watched is looked at every few seconds instead."""

    async def story(world: World) -> Any:
        await promoted(world, "v1", "canary")
        no = Forbidden(403, "Forbidden", "no")
        cluster = without(world.sandbox.client(), lambda verb, kind: no if (verb, kind) == forbidden else None)
        async with onlooker(world, cluster) as seen:
            await asyncio.sleep(2)
            await world.ship("apply", release("v2", strategy="canary"), weight=50)
            await asyncio.sleep(SOON_S + 2)
        return seen[-1][1]

    sight = in_world(story)
    assert sight.status.phase == "Paused"
    assert [branch.ready for stem in sight.stems for branch in stem.branches] == [2, 2]


def test_a_reason_that_is_known_is_not_told_in_turns() -> None:
    """A cluster that is away answers some calls with a refusal and others late: what a log tells is one reason."""

    async def story() -> list[str]:
        async def look() -> int:
            await asyncio.sleep(UNANSWERED_S + 1)
            raise Unreachable("connection refused", may_pass=True)

        told = [Seen(1)]
        for _ in range(3):
            told += [seen async for seen in _looks(look, told[-1])]
        return [seen.lost for seen in told[1:]]

    assert run_virtual(story()) == ["the cluster does not answer", *["connection refused"] * 3]


def test_what_is_at_rest_is_hardly_asked_for() -> None:
    """An application that nobody changes costs one look a minute."""

    async def story(world: World) -> int:
        await promoted(world, "v1", "canary")
        async with onlooker(world) as seen:
            await asyncio.sleep(3600)
        return len(seen)

    assert in_world(story) <= 3600 / LATER_S + 3


def test_before_the_first_release_there_is_nothing_but_its_name() -> None:
    """And its first release is seen."""

    async def story(world: World) -> Any:
        async with onlooker(world) as seen:
            await asyncio.sleep(2)
            await promoted(world, "v1", "ramped")
            await asyncio.sleep(2)
        return seen[0][1], seen[-1][1], world.sandbox.store.list(LEASE, "shop")

    first, last, _ = in_world(story)
    assert (first.status.last, first.stems, first.waits_for) == (None, (), "")
    assert (last.status.phase, len(last.stems)) == ("Promoted", 1)


def test_a_runner_that_does_not_come_up_is_told_of() -> None:
    """Its pod cannot be made for want of an account; one that has ended is nobody's business any more."""

    async def story(world: World) -> list[str]:
        await promoted(world, release("v1"))
        labels = {"rollway.dev/app": "shop", "rollway.dev/runner": "apply"}
        pod = {"serviceAccountName": "gone", "restartPolicy": "Never", "containers": [{"name": "deploy", "image": "rollway:1"}]}
        meta = {"name": "shop-apply", "namespace": "shop", "labels": labels}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": {"spec": pod}}}
        await world.cluster.create(job)
        await asyncio.sleep(5)
        waits = [(await see(world.cluster, release("v1"))).waits_for]
        blind = without(world.cluster, lambda verb, kind: Forbidden(403, "Forbidden", "no") if kind.name == "Job" else None)
        waits.append((await see(blind, release("v1"))).waits_for)
        await world.cluster.delete(ref_of(job))
        await asyncio.sleep(5)
        return [*waits, (await see(world.cluster, release("v1"))).waits_for]

    waiting, unseen, after = in_world(story)
    assert waiting.startswith("its runner, Job shop-apply: ")
    assert "gone" in waiting
    assert (unseen, after) == ("", "")
