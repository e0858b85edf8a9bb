"""The release's other objects are waited for, and taken back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from besides import api, with_others
from rollway.cluster.awaiting import wait_for_other
from rollway.cluster.waiting import StepFailed
from rollway.errors import TimedOut
from rollway.health.pods import is_ready
from rollway.health.workloads import WORKLOADS
from rollway.kube.objects import DEPLOYMENT, JOB, POD, RESOURCE_QUOTA, STATEFUL_SET, Obj, Ref, kind_of
from rollway.plan.steps import Wait
from rollway.ship.status import status
from shop import NAMESPACE_NAME, STRATEGIES, World, in_world, release

EACH = pytest.mark.parametrize("strategy", STRATEGIES)


def image_of(world: World, name: str) -> str:
    pod = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, name)["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"]).rpartition(":")[2]


@EACH
def test_another_deployment_is_waited_for(strategy: str) -> None:
    """Before the application's own pods or requests move; all of it is there when the release is promoted."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", api("v2"), strategy=strategy), weight=100)

        assert result.is_ok
        live = world.sandbox.store.get(DEPLOYMENT, NAMESPACE_NAME, "api")["status"]
        assert (live["updatedReplicas"], live["availableReplicas"], live["replicas"]) == (2, 2, 2)
        steps = [(step.type, step.ref.name) for step in result.plan.steps if step.type in ("apply", "wait")]  # type: ignore[union-attr]
        own = next(index for index, (_, name) in enumerate(steps) if name.startswith("shop"))
        assert steps.index(("wait", "api")) < own

    in_world(story)


@EACH
def test_one_that_never_gets_ready_takes_the_release_back(strategy: str) -> None:
    """The application's own version never moved, and the other one is what it was."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", api("bad"), strategy=strategy), weight=100)

        assert (result.phase, result.is_ok) == ("RolledBack", False)
        assert result.failure is not None
        assert "api" in result.failure.summary
        assert image_of(world, "api") == "v1"
        assert world.routed_versions() == {"v1"}
        assert world.emptied == []

    in_world(story)


def stateful_set(tag: str) -> Obj:
    made = api(tag, deadline_s=None)
    labels = {"app": "db"}
    made |= {"kind": "StatefulSet", "metadata": {"name": "db", "namespace": NAMESPACE_NAME}}
    made["spec"] = {
        "serviceName": "db", "replicas": 2, "selector": {"matchLabels": labels}, "template": made["spec"]["template"],
        "podManagementPolicy": "Parallel",
    }  # fmt: skip
    made["spec"]["template"]["metadata"]["labels"] = labels
    return made


def daemon_set(tag: str) -> Obj:
    made = stateful_set(tag)
    spec = {key: made["spec"][key] for key in ("selector", "template")}
    return made | {"kind": "DaemonSet", "spec": spec}


def job(tag: str) -> Obj:
    made = api(tag, deadline_s=None)
    pod = made["spec"]["template"]["spec"]
    pod["containers"][0] = {"name": "migrate", "image": f"ghcr.io/acme/migrate:{tag}"}
    pod["restartPolicy"] = "Never"
    if tag == "bad":
        made["spec"]["template"]["metadata"]["annotations"] = {"sandbox.rollway.dev/behaviour": "{fails: crash, exitCode: 3}"}
    meta = {"name": f"migrate-{tag}", "namespace": NAMESPACE_NAME}
    spec = {"backoffLimit": 0, "template": made["spec"]["template"]}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}


def replication_controller(tag: str) -> Obj:
    made = stateful_set(tag)
    spec = {"replicas": 2, "selector": {"app": "db"}, "template": made["spec"]["template"]}
    return made | {"apiVersion": "v1", "kind": "ReplicationController", "spec": spec}


@EACH
def test_another_deployment_that_its_manifest_pauses_is_told_of_once(strategy: str) -> None:
    async def story(world: World) -> None:
        paused = api("v1")
        paused["spec"]["paused"] = True
        await world.ship("apply", with_others("v1", strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", paused, strategy=strategy), weight=100)

        assert result.is_ok, result.failure
        told = [note for note in result.plan.notes if "paused" in note]
        assert told == ["Deployment api is paused as its manifest has it, and not waited for"]

    in_world(story)


@EACH
def test_status_tells_of_another_deployment_that_the_release_went_through_without(strategy: str) -> None:
    """Somebody has paused it, so it was not waited for: its pods are of the version before, and its Deployment says otherwise."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "api", {"spec": {"paused": True}}, manager="kubectl-rollout")
        wanted = with_others("v2", api("v2"), strategy=strategy)
        result = await world.ship("apply", wanted, weight=100)
        seen = await status(world.cluster, wanted)
        world.sandbox.api.patch(DEPLOYMENT, NAMESPACE_NAME, "api", {"spec": {"paused": None}}, manager="kubectl-rollout")
        await asyncio.sleep(60)

        assert result.is_ok, result.failure
        assert "Deployment api: 0 of 2 pods updated; paused by kubectl-rollout" in seen.remarks
        assert (await status(world.cluster, wanted)).remarks == ()

    in_world(story)


@pytest.mark.parametrize("made", [stateful_set, daemon_set, job], ids=lambda made: made.__name__)
def test_status_tells_of_another_workload_that_is_not_ready(made: Callable[[str], Obj]) -> None:
    async def story(world: World) -> None:
        wanted = with_others("v1", made("v1"))
        await world.ship("apply", wanted, weight=100)
        whole = await status(world.cluster, wanted)
        broken = with_others("v2", made("bad"))
        result = await world.ship("apply", broken, weight=100, goes_back=False)
        (remark,) = (await status(world.cluster, broken)).remarks

        assert (whole.remarks, result.phase) == ((), "Failed")
        obj = broken.others[0]
        assert remark.startswith(f"{obj['kind']} {obj['metadata']['name']}: ")

    in_world(story)


def brief(tag: str = "v1", *, ttl_s: int | None = 1) -> Obj:
    """A migration that is called alike in every version, and put away soon after it has ended."""
    made = job(tag)
    made["metadata"]["name"] = "migrate"
    made["spec"] |= {"ttlSecondsAfterFinished": ttl_s} if ttl_s is not None else {}
    return made


@pytest.mark.parametrize("ttl_s", [1, None], ids=["put away", "deleted"])
@EACH
def test_a_job_that_has_run_for_a_release_and_is_gone_is_not_run_again(strategy: str, ttl_s: int | None) -> None:
    """By the same command said again, by a promotion, by a way back to the version that it was promoted with; by the next release
    it is."""

    async def away(world: World) -> None:
        await asyncio.sleep(60)
        if ttl_s is None and world.sandbox.store.find(JOB, NAMESPACE_NAME, "migrate"):
            world.sandbox.api.delete(JOB, NAMESPACE_NAME, "migrate", propagation="Background")
            await asyncio.sleep(60)

    async def story(world: World) -> None:
        ran: list[str] = []
        world.sandbox.store.subscribe(lambda each: ran.append(each.type) if each.kind == JOB and each.type == "ADDED" else None)
        v1, v2 = (with_others(tag, brief(ttl_s=ttl_s), strategy=strategy) for tag in ("v1", "v2"))
        await world.ship("apply", v1, weight=100)
        await away(world)
        begun = await world.ship("apply", v2)
        await away(world)
        assert (begun.is_ok, len(ran)) == (True, 2)
        if ttl_s is not None:
            await world.ship("promote" if begun.phase == "Paused" else "apply", v2)
            await away(world)
        back = await world.ship("rollback", v2)

        assert (back.failure, world.routed_versions(), len(ran)) == (None, {"v1"}, 2)

    in_world(story)


@pytest.mark.parametrize("tag", ["v1", "bad"])
def test_the_end_of_a_job_that_was_put_away_before_anybody_looked_is_told_by_its_events(tag: str) -> None:
    """The first release waits for its application before: the Job is gone by then, and was waited for in vain."""

    async def story(world: World) -> None:
        result = await world.ship("apply", with_others("v1", api("v1"), brief(tag, ttl_s=0)), weight=100)

        assert (result.phase, result.seconds < 60) == ("Promoted" if tag == "v1" else "Failed", True)
        assert result.failure is None or "Job migrate: the Job failed: " in result.failure.summary

    in_world(story)


def test_another_workload_that_is_gone_before_it_is_waited_for_fails_at_once() -> None:
    """Its whole patience was spent on what nobody would make again."""

    async def story(world: World) -> float:
        step = Wait(ref=Ref("apps/v1", "StatefulSet", NAMESPACE_NAME, "db"), until="rolled-out", pods=2, deadline_s=180, why="")
        with pytest.raises(StepFailed, match="StatefulSet db is gone: somebody deleted it"):
            await wait_for_other(world.cluster, step, lambda *_: None)
        return asyncio.get_running_loop().time()

    assert in_world(story) < 20


RENEWED = (stateful_set, daemon_set, job)
OTHERS = pytest.mark.parametrize("made", [*RENEWED, replication_controller], ids=lambda made: made.__name__)


@OTHERS
@EACH
def test_other_workloads_are_waited_for(strategy: str, made: Callable[[str], Obj]) -> None:
    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", made("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", made("v2"), strategy=strategy), weight=100)

        assert result.is_ok, result.failure
        kind = kind_of(made("v2")["apiVersion"], made("v2")["kind"])
        assert kind is not None
        live = world.sandbox.store.get(kind, NAMESPACE_NAME, made("v2")["metadata"]["name"])
        assert WORKLOADS[(kind.group, kind.name)](live).is_done
        waits = [(step.ref.kind, index) for index, step in enumerate(result.plan.steps) if step.type == "wait"]
        assert waits[0][0] == kind.name
        assert not any("not waited for" in note for note in result.plan.notes)

    in_world(story)


@pytest.mark.parametrize("made", RENEWED, ids=lambda made: made.__name__)
@pytest.mark.parametrize("strategy", ["ramped", "canary", "blue-green"])
def test_another_workload_that_fails_takes_the_release_back(strategy: str, made: Callable[[str], Obj]) -> None:
    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", made("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", made("bad"), strategy=strategy), weight=100)

        assert (result.phase, result.is_ok) == ("RolledBack", False)
        assert result.failure is not None
        assert made("bad")["kind"] in result.failure.summary
        assert world.routed_versions() == {"v1"}
        assert world.emptied == []

    in_world(story)


@pytest.mark.parametrize("made", [stateful_set, daemon_set, replication_controller], ids=lambda made: made.__name__)
def test_a_refused_pod_of_another_workload_is_told(made: Callable[[str], Obj]) -> None:
    """They have no condition for it: the reason is in their events."""

    async def story(world: World) -> None:
        await world.ship("apply", release("v1"))
        hard = {"metadata": {"name": "team"}, "spec": {"hard": {"pods": "3"}}}
        world.sandbox.api.create(RESOURCE_QUOTA, NAMESPACE_NAME, hard)
        result = await world.ship("apply", with_others("v2", made("v1")), weight=100)

        assert not result.is_ok
        assert result.failure is not None
        assert made("v1")["kind"] in result.failure.summary
        assert "exceeded quota: team" in result.failure.summary
        assert world.routed_versions() == {"v1"}

    in_world(story)


def ordered(tag: str) -> Obj:
    made = stateful_set(tag)
    made["spec"]["podManagementPolicy"] = "OrderedReady"
    return made


def images_of_ready(world: World) -> list[str]:
    """Of the ordered set's pods."""
    pods = (pod for pod in world.sandbox.store.list(POD, NAMESPACE_NAME) if pod["metadata"]["labels"].get("app") == "db")
    return sorted(pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in pods if is_ready(pod))


@EACH
def test_an_ordered_set_beside_comes_back(strategy: str) -> None:
    """It replaces nothing while a pod is broken, not even that one: the way back deletes the pod that the release has broken, and
    so does the release that mends what somebody else has."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", ordered("v1"), strategy=strategy), weight=100)
        result = await world.ship("apply", with_others("v2", ordered("bad"), strategy=strategy), weight=100)
        assert (result.phase, result.way_back_failure) == ("RolledBack", None)
        assert images_of_ready(world) == ["v1", "v1"]
        assert world.routed_versions() == {"v1"}

        hotfix = {"spec": {"template": {"spec": {"containers": [{"name": "shop", "image": "ghcr.io/acme/api:bad"}]}}}}
        world.sandbox.api.patch(STATEFUL_SET, NAMESPACE_NAME, "db", hotfix, type_="strategic", manager="kubectl-set")
        await asyncio.sleep(60)
        assert images_of_ready(world) == ["v1"]
        mended = with_others("v2", ordered("v2"), strategy=strategy)
        result = await world.ship("apply", mended, weight=100, force=True)
        assert result.is_ok, result.failure
        assert images_of_ready(world) == ["v2", "v2"]
        assert [step.ref.name for step in result.plan.steps if step.type in ("renew", "wait")].count("db") == 2

    in_world(story)


@pytest.mark.parametrize("strategy", ["ramped", "blue-green", "canary"])
def test_a_way_back_that_was_cut_off_is_not_over_before_the_others_are_ready(strategy: str) -> None:
    """All that it had to write was written; whoever comes after waits for what it would have waited for."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", ordered("v1"), strategy=strategy), weight=100)
        wanted = with_others("v2", ordered("bad"), strategy=strategy)
        with pytest.raises(TimedOut):
            await world.ship("apply", wanted, weight=100, timeout_s=15)
        with pytest.raises(TimedOut):
            await world.ship("rollback", wanted, timeout_s=0.3)
        assert image_of_set(world) == "v1"
        assert images_of_ready(world) == ["v1"]

        back = await world.ship("rollback", wanted)
        assert back.is_ok, back.failure
        assert images_of_ready(world) == ["v1", "v1"]

    in_world(story)


def image_of_set(world: World) -> str:
    pod = world.sandbox.store.get(STATEFUL_SET, NAMESPACE_NAME, "db")["spec"]["template"]["spec"]
    return str(pod["containers"][0]["image"]).rpartition(":")[2]


@EACH
def test_the_first_release_does_not_wait_for_who_may_need_it(strategy: str) -> None:
    """The application is there when the others are waited for."""

    async def story(world: World) -> None:
        result = await world.ship("apply", with_others("v1", api("v1"), strategy=strategy), weight=100)

        waits = [step.ref.name for step in result.plan.steps if step.type == "wait"]
        assert waits.index("shop") < waits.index("api")

    in_world(story)


def test_whoever_comes_after_a_kill_waits_as_well() -> None:
    """An apply that was carried out leaves no step, and the wait behind it is still owed."""

    async def story(world: World) -> None:
        await world.ship("apply", with_others("v1", api("v1")))
        wanted = with_others("v2", api("v2"))
        with pytest.raises(TimedOut):
            await world.ship("apply", wanted, timeout_s=0.5)
        assert image_of(world, "api") == "v2"
        again = await world.ship("apply", wanted)

        assert again.is_ok
        assert "api" in [step.ref.name for step in again.plan.steps if step.type == "wait"]
        assert "api" not in [step.ref.name for step in again.plan.steps if step.type == "apply"]

    in_world(story)
