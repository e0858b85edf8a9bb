"""Waiting for a Deployment whose pods cannot be made, or find no node: what is told, and when it is given up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from rollway.cluster.pods import Pods
from rollway.cluster.port import Event
from rollway.cluster.waiting import StepFailed, wait_for
from rollway.kube.objects import DEPLOYMENT, POD, REPLICA_SET, Kind, Obj, Ref
from rollway.plan.steps import Wait
from rollway.sandbox.timeline import run_virtual

QUOTA = 'pods "shop-1" is forbidden: exceeded quota: team'
NO_NODE = "0/3 nodes are available: 3 Insufficient cpu."
STEP = Wait(ref=Ref("apps/v1", "Deployment", "shop", "shop"), until="rolled-out", pods=2, deadline_s=60, why="")
LABELS = {"app": "shop"}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "shop", "image": "shop:2"}]}}


def deployment(refused: str = "", **counts: int) -> Obj:
    at = "2026-01-01T00:00:00Z"
    failure = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": refused, "lastTransitionTime": at}
    return {
        "metadata": {"name": "shop", "namespace": "shop", "uid": "1", "generation": 1},
        "spec": {"replicas": 2, "selector": {"matchLabels": LABELS}, "template": TEMPLATE},
        "status": {"observedGeneration": 1, "conditions": [failure] if refused else [], **counts},
    }


def pod(name: str, *conditions: Obj, **meta: Any) -> Obj:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": LABELS, **meta},
        "spec": TEMPLATE["spec"],
        "status": {"conditions": list(conditions)},
    }


READY = {"type": "Ready", "status": "True"}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": NO_NODE}
DONE = deployment(replicas=2, updatedReplicas=2, readyReplicas=2, availableReplicas=2)


class Scripted:
    """Tells of objects at their moments, in seconds, and of nothing else."""

    def __init__(self, *story: tuple[float, Kind, Obj]) -> None:
        self._story = story

    async def watch(self, kind: Kind, namespace: str, **_: Any) -> AsyncGenerator[Event, None]:
        loop = asyncio.get_running_loop()
        for at, of, obj in self._story:
            if of == kind:
                await asyncio.sleep(max(at - loop.time(), 0))
                yield Event("DELETED" if obj.get("gone") else "ADDED", obj)
        await asyncio.Event().wait()

    async def list(self, kind: Kind, namespace: str, **_: Any) -> Sequence[Obj]:
        return [obj for _, of, obj in self._story if of == kind == REPLICA_SET]


def waited(*story: tuple[float, Kind, Obj], before: Obj | None = None) -> tuple[float, str, list[str]]:
    """When it ended, the failure, and what was told on the way; `before` is the Deployment as this run has written it."""

    async def main() -> tuple[float, str, list[str]]:
        told: list[str] = []
        failure = ""
        began = asyncio.get_running_loop().time()
        shifted = [(began + at, kind, obj) for at, kind, obj in story]
        try:
            cluster: Any = Scripted(*shifted)
            await wait_for(cluster, STEP, lambda message, ready, wanted: told.append(message), before or deployment())
        except StepFailed as failed:
            failure = failed.summary
        return asyncio.get_running_loop().time() - began, failure, told

    ended: tuple[float, str, list[str]] = run_virtual(main())
    return ended


def test_a_quota_that_is_full_is_told_within_seconds() -> None:
    """With the API server's words, long before the deadline."""
    after_s, failure, told = waited((0, DEPLOYMENT, deployment(QUOTA)))

    assert after_s == pytest.approx(5)
    assert failure == f"shop: 0 of 2 pods ready; {QUOTA}"
    assert told[-1].endswith(QUOTA)


def test_what_the_deployment_said_before_this_run_fails_nothing() -> None:
    """A quota that was full then may have room by now: it is told, and the pods have until the deadline."""
    stale = deployment(QUOTA)

    assert waited((0, DEPLOYMENT, stale), (40, DEPLOYMENT, DONE), before=stale)[:2] == (pytest.approx(40), "")

    after_s, failure, told = waited((0, DEPLOYMENT, stale), before=stale)
    assert (after_s, failure) == (pytest.approx(60), f"shop: 0 of 2 pods ready; {QUOTA}")
    assert told[-1].endswith(QUOTA)


def test_the_newest_replica_sets_own_refusal_is_news() -> None:
    """The controller keeps a Deployment's condition, its time included, while the reason is the same: the ReplicaSet tells."""
    stale = deployment(QUOTA)
    failure = {**stale["status"]["conditions"][0], "lastTransitionTime": "2026-01-01T01:00:00Z"}
    newest = {"metadata": {"name": "shop-2", "ownerReferences": [{"uid": "1"}]}, "status": {"conditions": [failure]}}

    assert waited((0, DEPLOYMENT, stale), (0, REPLICA_SET, newest), before=stale)[0] == pytest.approx(8, abs=1)


def test_who_paused_it_is_told_while_it_is_waited_for() -> None:
    """A Deployment that somebody pauses in mid-run does not roll on: the screen says why nothing moves."""
    owner = {"manager": "kubectl-rollout", "fieldsV1": {"f:spec": {"f:paused": {}}}}
    live = deployment()
    paused = {**live, "metadata": {**live["metadata"], "managedFields": [owner]}, "spec": {**live["spec"], "paused": True}}

    assert waited((0, DEPLOYMENT, paused), (30, DEPLOYMENT, DONE))[2][-2].endswith("; paused by kubectl-rollout")


def test_a_refusal_is_not_final_while_pods_come_or_leave() -> None:
    """Under a tight quota a rollout goes on as the room is made: one pod leaves, one starts, and then all is well."""
    leaving = pod("old", READY, deletionTimestamp="2026-01-01T00:00:00Z")
    story = [(0, DEPLOYMENT, deployment(QUOTA)), (0, POD, leaving), (0, POD, pod("new")), (40, DEPLOYMENT, DONE)]

    assert waited(*story)[:2] == (pytest.approx(40), "")


@pytest.mark.parametrize(
    ("comes_at", "ends_at", "is_well"), [(43, 43, True), (50, 45, False)], ids=["asked again", "not even then"]
)
def test_who_was_refused_while_pods_left_is_given_as_long_again(comes_at: float, ends_at: float, is_well: bool) -> None:
    """The controller doubles the time between its tries, and is not told that others' pods have left: what was refused for 20 s
    is asked for again after at most as long, and is final only then."""
    leaving = pod("old", READY, deletionTimestamp="2026-01-01T00:00:00Z")
    gone = {**leaving, "gone": True}
    story = [(0, DEPLOYMENT, deployment(QUOTA)), (0, POD, leaving), (20, POD, gone), (comes_at, DEPLOYMENT, DONE)]

    after_s, failure, _ = waited(*story)

    assert (after_s, failure == "") == (pytest.approx(ends_at), is_well)


def test_a_webhook_that_does_not_answer_has_until_the_deadline() -> None:
    """It may be well again; meanwhile it is named."""
    trouble = 'Internal error occurred: failed calling webhook "x": connection refused'
    after_s, failure, told = waited((0, DEPLOYMENT, deployment(trouble)))

    assert after_s == pytest.approx(60)
    assert trouble in failure
    assert trouble in told[-1]


def test_no_node_is_told_soon_and_final_only_at_the_deadline() -> None:
    """Once, after a few seconds: a cluster autoscaler may add a node."""
    pods = [(float(at), POD, pod("new", UNSCHEDULABLE)) for at in (0, 1, 10, 20)]
    after_s, failure, told = waited((0, DEPLOYMENT, deployment()), *pods)

    assert after_s == pytest.approx(60)
    assert failure == "shop: 0 of 2 pods ready"
    assert [line for line in told if NO_NODE in line] == [f"0 of 2 pods updated; cannot be scheduled: {NO_NODE}"]


def test_a_node_that_comes_in_time_ends_well() -> None:
    """What was in the way is forgotten."""
    story = [
        (0, DEPLOYMENT, deployment()),
        (0, POD, pod("new", UNSCHEDULABLE)),
        (50, POD, pod("new", READY)),
        (51, DEPLOYMENT, DONE),
    ]

    assert waited(*story)[:2] == (pytest.approx(51), "")


def test_a_deadline_that_an_earlier_rollout_left_behind_says_nothing_of_this_one() -> None:
    """The controller's clock runs on over the change that takes a failed version back: it may say so even after that."""
    over = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "lastUpdateTime": "2026-01-01T00:00:20Z",
    }
    failed = deployment(replicas=2, updatedReplicas=2)
    failed["status"]["conditions"] = [over]
    unseen = failed | {"metadata": failed["metadata"] | {"generation": 2}}
    seen = unseen | {"status": failed["status"] | {"observedGeneration": 2}}
    done = unseen | {"status": DONE["status"] | {"observedGeneration": 2}}
    before = unseen | {"status": failed["status"] | {"conditions": []}}
    story = Scripted((0, DEPLOYMENT, before), (1, DEPLOYMENT, unseen), (2, DEPLOYMENT, seen), (9, DEPLOYMENT, done))

    assert run_virtual(wait_for(story, STEP, lambda *_: None)) == done


def test_a_restart_makes_other_pods_the_new_ones() -> None:
    """The newest template's hash was known; since `kubectl rollout restart` it is another one, and its pods are looked at."""
    restarted = {**TEMPLATE, "metadata": {**TEMPLATE["metadata"], "annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}
    crash = {"name": "shop", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    crashing = pod("shop-2", labels={**LABELS, "pod-template-hash": "b"})
    crashing["status"]["containerStatuses"] = [crash]
    pods = Pods()
    pods.belong_to(DONE)
    pods.are_new_with("a")
    pods.take(Event("ADDED", crashing))
    assert pods.final_problem is None

    pods.belong_to(DONE | {"spec": DONE["spec"] | {"template": restarted}})

    assert pods.final_problem is not None
