"""Jobs around a release: once a revision, in their place, and what comes of those that fail."""

from __future__ import annotations

import asyncio

import pytest
from hooked import ALL_OF, Ran, hook, hooked, jobs, told
from rollway.cluster.events import RunEvent, StepMoved
from rollway.errors import Refused
from rollway.kube.objects import CONFIG_MAP, DEPLOYMENT, JOB, POD, RESOURCE_QUOTA, get, labels_of
from rollway.plan.steps import Run
from rollway.ship import run as shipping
from rollway.ship.sight import see
from rollway.strategies.base import Request
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world


async def full(world: World, tag: str, strategy: str) -> None:
    result = await world.ship("apply", hooked(tag, strategy), strategy=strategy, weight=100)
    assert result.phase == "Promoted", result.failure


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_each_in_its_place(strategy: str) -> None:
    """`before` ends before the first pod of the new version is made; `after` begins when no pod of the old one is left."""

    async def story(world: World) -> None:
        ran = Ran(world)
        await full(world, "v1", strategy)
        await full(world, "v2", strategy)
        assert ran.moments == [
            "migrate v1", "pod v1", "tidy v1", "migrate v2", "pod v2", "tidy v2",
        ]  # fmt: skip
        assert world.versions() == {"v2": 4}
        assert [told(revision) for revision in await world.history()] == [ALL_OF, ALL_OF]

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_failed_before_touches_nothing(strategy: str) -> None:
    """The release ends; the old version's Deployment was not written once, and the Job and its log stay to be read."""

    async def story(world: World) -> None:
        await full(world, "v1", strategy)
        (was,) = world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME)
        version = world.sandbox.store.version
        crash = "{fails: crash, log: 'relation \"orders\" exists'}"
        wanted = hooked("v2", strategy, hook("before", "migrate", "v2", crash), hook("beforeRollback", "drain", "v2"))
        ran = Ran(world)
        result = await world.ship("apply", wanted, strategy=strategy)

        assert result.phase == "RolledBack"
        assert result.failure is not None
        assert "before migrate" in result.failure.summary
        assert "backoff limit" in result.failure.summary
        assert [text.strip() for _, text in result.failure.logs] == ['relation "orders" exists']
        assert ran.pods == {"migrate v2": 1}  # no retry, and nothing to prepare for the way back
        assert DEPLOYMENT.name not in world.changed_since(version)
        assert list(world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME)) == [was]
        await asyncio.sleep(3600)
        (job,) = [each for each in jobs(world) if "migrate-v2" in each["metadata"]["name"]]
        name = job["metadata"]["name"]
        assert [labels_of(pod) for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if name in pod["metadata"]["name"]]
        second = (await world.history())[1]
        assert (second.phase, told(second)) == ("RolledBack", [("before", "migrate", "Failed")])
        assert any("orders" in line for line in second.told)

    in_world(story)


def test_what_failed_is_run_again_by_somebodys_word_alone() -> None:
    """The same content again is refused, with when and why; --rerun-hooks runs it; another content runs by itself."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        bad = hooked("v2", "ramped", hook("before", "migrate", "v2", "{fails: crash}"))
        ran = Ran(world)
        await world.ship("apply", bad)
        version = world.sandbox.store.version
        with pytest.raises(Refused, match=r"before migrate of v2 failed, .*backoff limit") as refused:
            await world.ship("apply", bad)
        assert "--rerun-hooks" in refused.value.hint
        assert "kubectl logs job/shop-migrate-v2-" in refused.value.detail
        assert world.changed_since(version) <= {"Lease"}
        assert ran.pods == {"migrate v2": 1}
        request = Request("apply", reruns_hooks=True)
        again = await shipping.run(world.cluster, bad, request, options=shipping.Options(holder="test@nowhere/0"))
        assert again.phase == "RolledBack"
        assert ran.pods == {"migrate v2": 2}
        mended = await world.ship("apply", hooked("v2", "ramped", hook("before", "migrate", "v2")))
        assert mended.phase == "Promoted"
        assert ran.pods == {"migrate v2": 3}

    in_world(story)


def test_a_first_version_whose_before_failed() -> None:
    """Nothing is live to go back to: it stands as failed, is refused likewise, and goes on where it is asked to run again."""

    async def story(world: World) -> None:
        ran = Ran(world)
        bad = hooked("v1", "ramped", hook("before", "migrate", "v1", "{fails: crash}"))
        assert (await world.ship("apply", bad)).phase == "Failed"
        assert not list(world.sandbox.store.list(DEPLOYMENT, NAMESPACE_NAME))
        with pytest.raises(Refused, match="before migrate of v1 failed"):
            await world.ship("apply", bad)
        options = shipping.Options(holder="test@nowhere/0")
        await shipping.run(world.cluster, bad, Request("apply", reruns_hooks=True), options=options)
        assert ran.pods == {"migrate v1": 2}
        (only,) = await world.history()
        assert told(only) == [("before", "migrate", "Failed")] * 2

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_retry_does_not_migrate_twice(strategy: str) -> None:
    """Pods that did not get ready were taken back: the same release again goes on from the schema that is there."""

    async def story(world: World) -> None:
        await full(world, "v1", strategy)
        ran = Ran(world)
        wanted = hooked("bad", strategy, hook("before", "migrate", "bad"))
        first = await world.ship("apply", wanted, strategy=strategy)
        assert first.phase == "RolledBack"
        assert ran.pods == {"migrate bad": 1}
        told_first = " ".join(first.way_back.notes) if first.way_back else ""
        assert "the schema stays as bad left it" in told_first
        second = await world.ship("apply", wanted, strategy=strategy)
        assert second.phase == "RolledBack"
        assert ran.pods == {"migrate bad": 1}
        assert any("has run, and is not run again" in note for note in second.plan.notes)

    in_world(story)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_plans_say_what_stays(strategy: str) -> None:
    """The way back of a release, and the plan of its rollback, say that the schema stays; hooks are steps with why."""

    async def story(world: World) -> None:
        await full(world, "v1", strategy)
        wanted = hooked("v2", strategy)
        plan = await shipping.plan(world.cluster, wanted, Request("apply", 100), strategy=strategy)
        run, *_, last = [step for step in plan.steps if isinstance(step, Run)]
        assert (run.moment, run.hook, last.moment) == ("before", "migrate", "after")
        assert run.why
        assert last is plan.steps[-1]
        assert plan.undo_note == "the schema stays as v2 left it"
        assert [step.hook for step in plan.undo if isinstance(step, Run)] == ["drain"]
        await full(world, "v2", strategy)
        back = await shipping.plan(world.cluster, wanted, Request("rollback"), strategy=strategy)
        assert any("the schema stays as v2 left it" in note for note in back.notes)
        assert [step.hook for step in back.steps if isinstance(step, Run)] == ["drain"]

    in_world(story)


def test_a_rollback_goes_on_whatever_its_hook_says() -> None:
    """What serves badly goes: a Job that fails, or hangs until its timeout, is told, and does not stand in the way."""

    async def story(world: World) -> None:
        for tag, behaviour in (("v2", "{fails: crash}"), ("v3", "{run: 1h}")):
            await world.ship("apply", hooked("v1", "ramped"), weight=100)
            wanted = hooked(tag, "ramped", hook("beforeRollback", "drain", tag, behaviour))
            await world.ship("apply", wanted)
            result = await world.ship("rollback", wanted)
            assert result.phase == "RolledBack"
            assert world.versions() == {"v1": 4}
            assert any("beforeRollback drain" in note and "goes on all the same" in note for note in result.noticed)

    in_world(story)


def test_taken_back_twice_prepares_twice() -> None:
    """A revision that came back and is taken back once more runs what is to run before that once more, and no migration."""

    async def story(world: World) -> None:
        ran = Ran(world)
        await full(world, "v1", "ramped")
        await full(world, "v2", "ramped")
        wanted = hooked("v2", "ramped")
        await world.ship("rollback", wanted)
        await world.ship("rollback", wanted, to_revision=2)
        await world.ship("rollback", wanted, to_revision=1)
        assert ran.pods == {"migrate v1": 1, "tidy v1": 1, "migrate v2": 1, "tidy v2": 1, "drain v2": 2}

    in_world(story)


def test_a_failed_after_leaves_the_version_live() -> None:
    """It is told as a failure, nothing is taken back, and it is not run again by itself."""

    async def story(world: World) -> None:
        wanted = hooked("v1", "ramped", hook("after", "tidy", "v1", "{fails: crash}"))
        ran = Ran(world)
        result = await world.ship("apply", wanted)
        assert result.phase == "Promoted"
        assert result.failure is not None
        assert "after tidy" in result.failure.summary
        again = await world.ship("apply", wanted)
        assert again.plan.is_empty
        assert any("--rerun-hooks" in note for note in again.plan.notes)
        assert ran.pods == {"tidy v1": 1}
        promoted = await world.ship("promote", wanted)
        assert any("--rerun-hooks" in note for note in promoted.plan.notes)
        assert ran.pods == {"tidy v1": 1}

    in_world(story)


def test_a_job_that_is_gone_is_never_made_twice() -> None:
    """Killed while it ran, and somebody has deleted the Job since: whether it ran nobody can tell, so that is what is said."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        ran, wanted = Ran(world), hooked("v2", "ramped", hook("before", "migrate", "v2", "{run: 20s}"))
        running = asyncio.create_task(world.ship("apply", wanted))
        await asyncio.sleep(10)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        for job in jobs(world):
            if "migrate-v2" in job["metadata"]["name"]:
                world.sandbox.store.remove(JOB, NAMESPACE_NAME, job["metadata"]["name"])
        result = await world.ship("apply", wanted)
        assert result.failure is not None
        assert "whether it ran to its end, nobody can tell" in result.failure.summary
        assert ran.pods == {"migrate v2": 1}
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_a_job_that_was_deleted_when_it_had_ended_has_run() -> None:
    """The history knows: nothing is run again by a promotion."""

    async def story(world: World) -> None:
        await full(world, "v1", "canary")
        ran, wanted = Ran(world), hooked("v2", "canary")
        await world.ship("apply", wanted)
        for job in jobs(world):
            world.sandbox.store.remove(JOB, NAMESPACE_NAME, job["metadata"]["name"])
        assert (await world.ship("promote", wanted, weight=100)).phase == "Promoted"
        assert ran.pods == {"migrate v2": 1, "tidy v2": 1}

    in_world(story)


def test_a_migration_that_still_runs_is_left_to_run() -> None:
    """Its release was cut off and taken back meanwhile, which says so and prepares nothing; the next try waits for that very
    Job."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        ran = Ran(world)
        slow = (hook("before", "migrate", "v2", "{run: 40s}"), hook("beforeRollback", "drain", "v2"))
        running = asyncio.create_task(world.ship("apply", hooked("v2", "ramped", *slow)))
        await asyncio.sleep(10)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        back = await world.ship("rollback", hooked("v2", "ramped", *slow))
        assert back.phase == "RolledBack"
        assert any("before migrate has not ended: Job shop-migrate-v2-" in note for note in back.plan.notes)
        again = await world.ship("apply", hooked("v2", "ramped", *slow))
        assert again.phase == "Promoted"
        assert again.seconds > 20
        assert ran.pods == {"migrate v2": 1}

    in_world(story)


def test_an_image_that_is_not_there_ends_it_at_once() -> None:
    """Long before the Job's deadline; and the Job is stopped, so that it does not run when nobody looks."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        wanted = hooked("v2", "ramped", hook("before", "migrate", "v2", "{fails: bad-image}"))
        result = await world.ship("apply", wanted)
        assert result.failure is not None
        assert "the image cannot be pulled" in result.failure.summary
        assert result.failure.after_s < 30
        (job,) = [each for each in jobs(world) if "migrate-v2" in each["metadata"]["name"]]
        assert get(job, "spec", "suspend") is True

    in_world(story)


def test_what_takes_too_long_has_failed() -> None:
    """By its timeout, which ends the Job as well."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        result = await world.ship("apply", hooked("v2", "ramped", hook("before", "migrate", "v2", "{run: 1h}")))
        assert result.failure is not None
        assert result.phase == "RolledBack"
        assert "active longer than specified deadline" in result.failure.summary

    in_world(story)


def test_retries_are_those_that_are_asked_for() -> None:
    """A backoffLimit of 2 is three pods, and no more."""

    async def story(world: World) -> None:
        ran = Ran(world)
        await world.ship("apply", hooked("v1", "ramped", hook("before", "migrate", "v1", "{fails: crash}", limit=2)))
        assert ran.pods == {"migrate v1": 3}

    in_world(story)


def test_before_has_the_new_configuration() -> None:
    """What its pod reads is applied before it, and nothing else of the release."""

    async def story(world: World) -> None:
        env = [{"name": "CURRENCY", "valueFrom": {"configMapKeyRef": {"name": "shop-settings", "key": "currency"}}}]
        plan = await shipping.plan(
            world.cluster, hooked("v1", "ramped", hook("before", "migrate", "v1", env=env)), Request("apply")
        )
        kinds = [getattr(getattr(step, "ref", None), "kind", step.type) for step in plan.steps]
        assert kinds[:3] == ["record", CONFIG_MAP.name, JOB.name]
        assert (await world.ship("apply", hooked("v1", "ramped", hook("before", "migrate", "v1", env=env)))).phase == "Promoted"

    in_world(story)


def test_replacing_a_release_runs_what_the_new_one_brings() -> None:
    """`apply --replace` takes back what is under way, with its own hook, and migrates for the new one once."""

    async def story(world: World) -> None:
        await full(world, "v1", "canary")
        await world.ship("apply", hooked("v2", "canary"))
        ran = Ran(world)
        result = await world.ship("apply", hooked("v3", "canary"), replace=True, weight=100)
        assert result.phase == "Promoted"
        assert ran.pods == {"migrate v3": 1, "tidy v3": 1}

    in_world(story)


def test_jobs_go_with_their_revision() -> None:
    """The history keeps ten revisions, and their Jobs with them."""

    async def story(world: World) -> None:
        for number in range(1, 14):
            await world.ship("apply", hooked(f"v{number}", "ramped"))
        kept = {revision.number for revision in await world.history()}
        left = {int(job["metadata"]["name"].split("-v")[1].split("-")[0]) for job in jobs(world)}
        assert left == kept
        assert len(kept) <= 11

    in_world(story)


def test_pods_that_are_refused_are_told_of() -> None:
    """By a quota that is full: while it is waited for, and where it fails at its deadline."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "full"}, "spec": {"hard": {"pods": "4"}}}
        world.sandbox.api.create(RESOURCE_QUOTA, NAMESPACE_NAME, quota)
        await asyncio.sleep(5)
        moved: list[str] = []

        def note(event: RunEvent) -> None:
            if isinstance(event, StepMoved):
                moved.append(event.message)

        result = await world.ship("apply", hooked("v2", "ramped"), emit=note)
        assert result.failure is not None
        assert "exceeded quota" in result.failure.summary
        assert any("exceeded quota" in message for message in moved)
        assert world.versions() == {"v1": 4}

    in_world(story)


def test_who_looks_on_sees_what_runs() -> None:
    """`deploy watch` and `status -o json`, from anywhere: the Job that a release waits for."""

    async def story(world: World) -> None:
        await full(world, "v1", "ramped")
        wanted = hooked("v2", "ramped", hook("before", "migrate", "v2", "{run: 30s}"))
        running = asyncio.create_task(world.ship("apply", wanted))
        await asyncio.sleep(10)
        assert (await see(world.cluster, wanted)).waits_for.startswith("before migrate: Job shop-migrate-v2-")
        await running

    in_world(story)
