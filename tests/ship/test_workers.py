"""A load from inside the cluster, in virtual time: what is put there, who is missing, and that nothing is left."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from crew import GOOD, Telling
from permitted import Permitted
from rollway.cluster import jobs
from rollway.errors import BadInput, ClusterError, Forbidden, MissingRights, Unreachable
from rollway.kube.clock import now
from rollway.kube.objects import JOB, POD, SECRET, Obj, Ref, get, ref_of
from rollway.load.client import Answer
from rollway.load.measure import measure
from rollway.load.probe import Probe
from rollway.load.report import Report
from rollway.load.target import Bound, Target
from rollway.ship import run as shipping
from rollway.ship import workerjob
from rollway.ship.run import Options, Result
from rollway.ship.workerjob import Crew
from rollway.ship.workers import COME_UP_S, Workers
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, World, in_world, promoted, release

TARGET = Target.of("http://shop.shop/", headers=["Authorization: Bearer s3cret"], body=b"s3cret")
RATE = 20.0
LOST = Answer(503, "v1", "5xx", "status 503, expected 2xx,3xx")


def crew(count: int = 4, app: str = "") -> Crew:
    return Crew(NAMESPACE_NAME, "ghcr.io/acme/rollway:1", count, "alice@ci", app, ({"name": "registry"},))


def workers(cluster: Any, count: int = 4, told: list[str] | None = None, app: str = "") -> Workers:
    return Workers(cluster, TARGET, RATE, crew(count, app), (told if told is not None else []).append)


def story(of: Callable[[World], Awaitable[Any]]) -> Any:
    return in_world(of)


def left(world: World) -> list[str]:
    return [obj["metadata"]["name"] for kind in (JOB, SECRET, POD) for obj in world.sandbox.store.list(kind, NAMESPACE_NAME)]


async def measured(origin: Workers, seconds: float = 10.0) -> Report:
    try:
        await origin.open()
        return await measure(origin, seconds)
    finally:
        await origin.close()


def pods(world: World) -> list[Obj]:
    return sorted(world.sandbox.store.list(POD, NAMESPACE_NAME), key=workerjob.index_of)


def test_what_is_put_in_place_and_that_nothing_stays() -> None:
    """An Indexed Job that ends by itself, its pods as strict as Pod Security Standards know it and without a token; what is sent
    stands in a Secret alone, which goes with it."""

    async def of(world: World) -> None:
        told: list[str] = []
        origin = workers(Telling(world.cluster), told=told)
        await origin.open()
        (job,) = world.sandbox.store.list(JOB, NAMESPACE_NAME)
        (secret,) = world.sandbox.store.list(SECRET, NAMESPACE_NAME)
        spec = job["spec"]
        assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 4, 4)
        assert (spec["backoffLimitPerIndex"], spec["activeDeadlineSeconds"], spec["suspend"]) == (0, 120, False)
        pod = spec["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert (pod["automountServiceAccountToken"], pod["imagePullSecrets"]) == (False, [{"name": "registry"}])
        assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert "s3cret" not in json.dumps([job, *pods(world)])
        assert [each["uid"] for each in secret["metadata"]["ownerReferences"]] == [job["metadata"]["uid"]]
        assert len(pods(world)) == 4
        assert told == [f"4 workers in namespace shop: Job {job['metadata']['name']}, which goes with this command"]
        await origin.close()
        await origin.close()
        await asyncio.sleep(30)
        assert not left(world)

    story(of)


def test_four_give_the_verdict_of_one() -> None:
    """The same requests are lost, whoever sends them."""

    async def of(world: World) -> tuple[Report, ...]:
        found = []
        for count in (1, 4):
            begin = round(now().timestamp() / 60 + 2) * 60
            cluster = Telling(world.cluster, lambda moment, begin=begin: LOST if begin <= moment < begin + 0.6 else GOOD)
            found.append(await measured(workers(cluster, count), 180))
        return tuple(found)

    one, four = story(of)
    assert (one.workers, four.workers) == (1, 4)
    assert one.lost == four.lost == one.outage.requests == four.outage.requests == 12
    assert one.sent == four.sent == one.good + one.lost == four.good + four.lost == 180 * RATE
    assert (one.missing, four.missing, four.unsent, four.unanswered) == ((), (), 0, 0)
    assert one.outage.seconds == pytest.approx(0.6)
    assert four.outage.seconds == pytest.approx(0.6)
    assert four.latency == one.latency


def test_one_that_is_evicted_is_told_and_lost_nothing() -> None:
    """With its pod's reason, from then on; what the others send counts."""

    async def of(world: World) -> tuple[Report, list[str]]:
        told: list[str] = []
        origin = workers(Telling(world.cluster), told=told)
        await origin.open()
        measuring = asyncio.create_task(measure(origin, 20))
        await asyncio.sleep(10)
        evicted = pods(world)[1]["metadata"]
        world.sandbox.api.evict(NAMESPACE_NAME, evicted["name"], {"metadata": {"name": evicted["name"]}})
        report = await measuring
        await origin.close()
        return report, told

    report, told = story(of)
    (missing,) = report.missing
    assert (missing.worker, report.workers) == (2, 4)
    assert "evicted" in missing.reason
    assert 8 <= missing.at_s <= 11
    assert (report.lost, report.unsent, report.unanswered, report.is_behind) == (0, 0, 0, False)
    assert report.sent + missing.requests == 20 * RATE
    assert told[-1].startswith("worker 2 of 4 is missing: its pod was evicted")
    assert told[-1].endswith("; the others go on")


def test_where_nobody_is_left_it_ends() -> None:
    """At once, and not after the hour that it was to take."""

    async def of(world: World) -> Report:
        origin = workers(Telling(world.cluster), 2)
        await origin.open()
        measuring = asyncio.create_task(measure(origin, 3600))
        await asyncio.sleep(5)
        for job in world.sandbox.store.list(JOB, NAMESPACE_NAME):
            await world.cluster.delete(ref_of(job))
        async with asyncio.timeout(60):
            report = await measuring
        await origin.close()
        return report

    report = story(of)
    assert [(each.worker, each.reason) for each in report.missing] == [(1, "its pod was deleted"), (2, "its pod was deleted")]
    assert report.lost == 0


def test_it_lives_as_long_as_its_command_and_no_longer() -> None:
    """Let live on while the command is there; killed without a word, it ends within two minutes, and goes."""

    async def of(world: World) -> None:
        origin = workers(Telling(world.cluster))
        await origin.open()
        await asyncio.sleep(900)
        (job,) = world.sandbox.store.list(JOB, NAMESPACE_NAME)
        assert jobs.end_of(job) is None
        assert [get(pod, "status", "phase") for pod in pods(world)] == ["Running"] * 4
        for task in (*origin._tasks, *origin._reading.values()):  # as a kill leaves it
            task.cancel()
        await asyncio.sleep(workerjob.LIVES_S + workerjob.GRACE_S)
        assert not [pod for pod in pods(world) if get(pod, "status", "phase") == "Running"]
        await asyncio.sleep(workerjob.TTL_S + 30)
        assert not left(world)

    story(of)


@pytest.mark.parametrize(
    ("behaviour", "says", "within_s"),
    [
        ("{fails: bad-image}", "the image cannot be pulled", COME_UP_S + 10),
        ("{fails: unschedulable}", "cannot be scheduled", COME_UP_S + 10),
        ("{fails: crash, exitCode: 2}", r"worker [1-4] of 4 did not come up: it crashed, exit 2", 20),
    ],
)
def test_who_does_not_come_up_is_told_with_its_reason(behaviour: str, says: str, within_s: float) -> None:
    """And the Job is taken away with all that is its own."""

    async def of(world: World) -> None:
        began = asyncio.get_running_loop().time()
        with pytest.raises(ClusterError, match=says) as caught:
            await workers(Telling(world.cluster, behaviour=behaviour)).open()
        assert "nothing was changed" in caught.value.summary
        assert asyncio.get_running_loop().time() - began < within_s
        await asyncio.sleep(30)
        assert not left(world)

    story(of)


@pytest.mark.parametrize(("ahead_s", "says"), [(40.0, "40 s ahead of"), (-40.0, "40 s behind"), (-3000.0, "3000 s behind")])
def test_a_node_whose_clock_is_wrong_is_told(ahead_s: float, says: str) -> None:
    """Its requests would not be between those of the others."""

    async def of(world: World) -> None:
        with pytest.raises(ClusterError, match=rf"the clock of worker 4's node is {says} the others'; nothing was changed"):
            await workers(Telling(world.cluster, ahead_s=ahead_s)).open()
        report = await measured(workers(Telling(world.cluster, ahead_s=1.0)), 20)
        assert (report.good, report.missing) == (20 * RATE, ())

    story(of)


def test_a_log_is_read_again_and_may_hold_anything() -> None:
    """What was heard counts once; lines of others are none, and the last of them are told of a worker that died."""

    async def of(world: World) -> tuple[Report, list[str]]:
        told: list[str] = []
        noise = ('{"rollwayLoad": 3, "at": []}', "\x1b[2J", "Killed by \x07 something")
        origin = workers(Telling(world.cluster, noise=noise, cuts_s=7), 2, told)
        await origin.open()
        measuring = asyncio.create_task(measure(origin, 20))
        await asyncio.sleep(16)
        await world.cluster.delete(ref_of(pods(world)[0]))
        report = await measuring
        await origin.close()
        return report, told

    report, told = story(of)
    (missing,) = report.missing
    assert report.sent + missing.requests == 20 * RATE
    assert (report.lost, report.unanswered) == (0, 0)
    assert "Killed by" in missing.reason
    assert len(told) == 2


def test_an_api_server_that_is_away_for_a_while() -> None:
    """Nobody is missing for it: what was sent meanwhile is heard later, and the Job is let live on."""

    async def of(world: World) -> tuple[Report, list[str]]:
        class Away(Telling):
            is_away = False

            def _refuse(self) -> None:
                if self.is_away:
                    raise Unreachable("the API server is away", may_pass=True)

            async def list(self, *words: Any, **more: Any) -> Any:
                self._refuse()
                return await self._cluster.list(*words, **more)

            async def patch(self, *words: Any, **more: Any) -> Any:
                self._refuse()
                return await self._cluster.patch(*words, **more)

            async def watch(self, *words: Any, **more: Any) -> Any:
                self._refuse()
                async for event in self._cluster.watch(*words, **more):
                    yield event
                    self._refuse()

            async def follow_log(self, *words: Any) -> Any:
                self._refuse()
                async for line in super().follow_log(*words):
                    yield line
                    if self.is_away:
                        return

        cluster, told = Away(world.cluster), list[str]()
        origin = workers(cluster, told=told)
        await origin.open()
        measuring = asyncio.create_task(measure(origin, 200))
        await asyncio.sleep(50)
        cluster.is_away = True
        await asyncio.sleep(30)
        cluster.is_away = False
        report = await measuring
        await origin.close()
        return report, told

    report, told = story(of)
    assert (report.good, report.lost, report.missing) == (200 * RATE, 0, ())
    assert len(told) == 1


def test_the_rights_that_it_takes() -> None:
    """No more are used, and all of them are asked for before anything is made."""

    async def of(world: World) -> None:
        cluster = Permitted(Telling(world.cluster), workerjob.rights())
        report = await measured(workers(cluster, app="shop"), 70)
        assert report.good == 70 * RATE
        assert cluster.used == workerjob.rights()
        for right in workerjob.rights():
            some = Permitted(world.cluster, workerjob.rights() - {right})
            with pytest.raises(MissingRights, match=rf"may not {right.verb} {right.resource} in namespace shop"):
                await workers(Telling(some)).open()
        assert not list(world.sandbox.store.list(JOB, NAMESPACE_NAME))

    story(of)


def test_a_policy_that_forbids_their_pods() -> None:
    """Found by trying one; nothing is made."""

    async def of(world: World) -> None:
        class Closed(Telling):
            async def apply(self, obj: Obj, *, force: bool = False, dry_run: bool = False) -> Any:
                if obj["kind"] == POD.name:
                    raise Forbidden(403, "Forbidden", "exceeded quota: small")
                return await self._cluster.apply(obj, force=force, dry_run=dry_run)

        with pytest.raises(BadInput, match="does not let the workers in: exceeded quota: small; nothing was changed"):
            await workers(Closed(world.cluster)).open()
        assert not left(world)

    story(of)


def test_what_is_too_large_is_refused() -> None:
    """A variable holds 128 KiB."""

    async def of(world: World) -> None:
        large = Target.of("http://shop/", method="POST", body=b"x" * 80_000)
        with pytest.raises(BadInput, match="too large for workers"):
            await Workers(Telling(world.cluster), large, RATE, crew(), print).open()

    story(of)


async def released(world: World, cluster: Any, *, bound: str = "", app: str = "shop") -> tuple[Result, list[str]]:
    told: list[str] = []
    probe = Probe(workers(cluster, 4, told, app), Bound.of(bound) if bound else None, told.append)
    result = await shipping.run(cluster, release("v2"), Request("apply"), options=Options(watch=probe))
    await asyncio.sleep(30)
    assert not list(world.sandbox.store.list(JOB, NAMESPACE_NAME))
    return result, told


def test_a_release_is_probed_from_inside() -> None:
    """From before the first change until it has settled; what one before has left, that was killed, is put away."""

    async def of(world: World) -> tuple[Result, list[str]]:
        await promoted(world, release("v1"))
        killed = workers(Telling(world.cluster), app="shop")
        await killed.open()
        for task in (*killed._tasks, *killed._reading.values()):
            task.cancel()
        return await released(world, Telling(world.cluster), bound="0")

    result, told = story(of)
    assert result.is_ok, result.failure
    assert result.verdict is not None
    assert result.verdict.report is not None
    assert (result.verdict.report.lost, result.verdict.report.workers, result.verdict.report.missing) == (0, 4, ())
    assert result.verdict.report.good > 10 * RATE
    assert "answers; 20 requests a second from here on" in told[1]


def test_a_loss_that_they_see_takes_it_back() -> None:
    """Told by the step in which the request was sent, as a loss seen from here."""

    async def of(world: World) -> Result:
        await promoted(world, release("v1"))
        at = now().timestamp() + 10
        result, _ = await released(world, Telling(world.cluster, lambda when: LOST if at <= when < at + 0.5 else GOOD), bound="0")
        return result

    result = story(of)
    assert (result.phase, result.is_ok) == ("RolledBack", False)
    assert result.verdict is not None
    assert sum(sum(part.lost.values()) for part in result.verdict.parts) == 10
    assert all(part.mark is not None for part in result.verdict.parts)


def test_workers_that_do_not_come_up_keep_a_release_from_beginning_and_no_rollback() -> None:
    """Before anything is changed; of a way back, what was to be seen is told, and it goes on."""

    async def of(world: World) -> None:
        await promoted(world, release("v1"))
        version = world.sandbox.store.version
        broken = Telling(world.cluster, behaviour="{fails: crash}")
        with pytest.raises(ClusterError, match="did not come up"):
            await released(world, broken)
        assert "Deployment" not in world.changed_since(version)
        await promoted(world, release("v2"))
        told: list[str] = []
        probe = Probe(workers(broken, app="shop"), None, told.append, is_needed=False)
        back = await shipping.run(broken, release("v2"), Request("rollback"), options=Options(watch=probe))
        assert back.is_ok
        assert back.verdict is not None
        assert back.verdict.summary.startswith("not probed: ")
        assert any(line.startswith("probe: worker") and line.endswith("it goes on without") for line in told)

    story(of)


def test_a_worker_that_dies_is_no_loss_of_a_release() -> None:
    """With a bound of none; and the release ends well."""

    async def of(world: World) -> Result:
        await promoted(world, release("v1"))
        releasing = asyncio.create_task(released(world, Telling(world.cluster), bound="0"))
        await asyncio.sleep(12)
        (victim,) = [pod for pod in pods(world) if workerjob.index_of(pod) == 3]
        await world.cluster.delete(Ref("v1", "Pod", NAMESPACE_NAME, victim["metadata"]["name"]))
        result, _ = await releasing
        return result

    result = story(of)
    assert result.is_ok, result.failure
    assert result.verdict is not None
    assert result.verdict.report is not None
    assert [each.worker for each in result.verdict.report.missing] == [4]
