"""How far the workloads beside Deployments have come."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.health.workloads import daemon_set, job, replication_controller, stateful_set
from rollway.kube.objects import Obj


def seen(spec: Obj, status: Obj, *, generation: int = 2, observed: int = 2) -> Obj:
    return {"metadata": {"generation": generation}, "spec": spec, "status": {"observedGeneration": observed} | status}


WHOLE: Obj = {"replicas": 3, "readyReplicas": 3, "updatedReplicas": 3, "currentRevision": "b", "updateRevision": "b"}
SPREAD: Obj = {"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}


@pytest.mark.parametrize("follow", [stateful_set, daemon_set, replication_controller])
def test_a_change_that_was_not_seen_yet_is_not_done(follow: Any) -> None:
    """The counts are those of before."""
    state = follow(seen({"replicas": 3}, WHOLE | SPREAD, generation=3))
    assert not state.is_done
    assert "waiting for the controller" in state.message
    assert follow(seen({"replicas": 3}, WHOLE | SPREAD)).is_done


@pytest.mark.parametrize(
    ("status", "is_done"),
    [
        ({}, True),
        ({"readyReplicas": 2}, False),
        ({"replicas": 4}, False),
        ({"currentRevision": "a", "updatedReplicas": 2}, False),
        ({"updatedReplicas": 1}, False),  # its template came back half-way: the others are yet to be replaced
    ],
)
def test_a_stateful_set_is_there_when_all_of_it_is_new_and_ready(status: Obj, is_done: bool) -> None:
    assert stateful_set(seen({"replicas": 3}, WHOLE | status)).is_done is is_done


@pytest.mark.parametrize(("updated", "is_done"), [(0, False), (1, True), (3, True)])
def test_below_the_partition_nothing_is_waited_for(updated: int, is_done: bool) -> None:
    spec = {"replicas": 3, "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}}
    status = WHOLE | {"currentRevision": "a", "updatedReplicas": updated}
    assert stateful_set(seen(spec, status)).is_done is is_done


@pytest.mark.parametrize(
    ("status", "is_done"), [({}, True), ({"updatedNumberScheduled": 2}, False), ({"numberAvailable": 2}, False)]
)
def test_a_daemon_set_is_there_when_every_node_has_a_new_pod_that_is_available(status: Obj, is_done: bool) -> None:
    assert daemon_set(seen({}, SPREAD | status)).is_done is is_done


@pytest.mark.parametrize("follow", [stateful_set, daemon_set])
def test_pods_that_are_replaced_by_hand_are_not_waited_for(follow: Any) -> None:
    state = follow(seen({"replicas": 3, "updateStrategy": {"type": "OnDelete"}}, {"replicas": 3}))
    assert state.is_done
    assert "OnDelete" in state.message


@pytest.mark.parametrize(("ready", "there", "is_done"), [(3, 3, True), (2, 3, False), (3, 4, False)])
def test_a_replication_controller_is_there_when_its_pods_are_ready(ready: int, there: int, is_done: bool) -> None:
    state = replication_controller(seen({"replicas": 3}, {"readyReplicas": ready, "replicas": there}))
    assert (state.is_done, state.ready, state.wanted) == (is_done, ready, 3)


def condition(type_: str) -> Obj:
    return {"conditions": [{"type": type_, "status": "True", "reason": "BackoffLimitExceeded", "message": "too often"}]}


def test_a_job_is_done_when_it_is_complete_and_says_why_it_failed() -> None:
    assert job(seen({}, condition("Complete"))).is_done
    assert not job(seen({}, condition("SuccessCriteriaMet"))).is_done
    assert job(seen({"suspend": True}, {})).is_done
    for type_ in ("FailureTarget", "Failed"):
        state = job(seen({}, condition(type_)))
        assert (state.is_done, state.failure) == (False, "the Job failed: too often")
