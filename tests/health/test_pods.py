"""Why a pod is not ready."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.health.pods import problem_of


def pod(*, conditions: list[dict] | None = None, **status: Any) -> dict:
    container = {"name": "shop", "image": "acme/shop:2", "restartCount": 0, "ready": False, **status}
    return {
        "metadata": {"name": "shop-1"},
        "spec": {"containers": [{"name": "shop", "image": "acme/shop:2"}]},
        "status": {"conditions": conditions or [], "containerStatuses": [container]},
    }


def waiting(reason: str, message: str = "") -> dict:
    return {"waiting": {"reason": reason, "message": message}}


ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}
ROWS = [
    (pod(state=waiting("CrashLoopBackOff"), lastState=ENDED, restartCount=3), "crash loop, exit 1, 3 restarts", True),
    (pod(state=waiting("CrashLoopBackOff"), lastState=ENDED, restartCount=1), "crash loop, exit 1, 1 restart", False),
    (pod(state=ENDED), "crashed, exit 1", False),
    (
        pod(
            state=waiting("CrashLoopBackOff"), lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}, restartCount=4
        ),
        "crash loop, exit 137, out of memory, 4 restarts",
        True,
    ),
    (pod(state=waiting("ErrImagePull", "manifest unknown")), "the image cannot be pulled: acme/shop:2", True),
    (pod(state=waiting("ImagePullBackOff", "503 Service Unavailable")), "the image cannot be pulled: acme/shop:2", False),
    (pod(state=waiting("CreateContainerConfigError", 'secret "db" not found')), "the container cannot be created", True),
    (pod(state={"running": {}}), "running, but not ready", False),
]


@pytest.mark.parametrize(("troubled", "reason", "is_final"), ROWS)
def test_the_reason_is_the_pods_own(troubled: dict, reason: str, is_final: bool) -> None:
    """One phrase a kind of trouble, and whether waiting would help."""
    found = problem_of(troubled)

    assert found is not None
    assert (found.reason, found.is_final) == (reason, is_final)


def test_an_unschedulable_pod_says_why() -> None:
    """The scheduler's own message is the detail."""
    told = "0/3 nodes are available: 3 Insufficient cpu."
    found = problem_of(pod(conditions=[{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": told}]))

    assert found is not None
    assert (found.reason, found.detail) == ("cannot be scheduled", told)


def test_the_probes_answer_comes_from_the_events() -> None:
    """The newest Unhealthy event of the pod itself."""
    told = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    events = [
        {"involvedObject": {"name": "shop-1"}, "reason": "Unhealthy", "message": told},
        {"involvedObject": {"name": "other"}, "reason": "Unhealthy", "message": "no"},
    ]
    found = problem_of(pod(state={"running": {}}), events)

    assert found is not None
    assert found.detail == told


def test_a_ready_or_leaving_pod_has_no_problem() -> None:
    """A pod that terminates is not a problem of the new version, whatever it says."""
    ready = pod(conditions=[{"type": "Ready", "status": "True"}])
    leaving = pod(state=waiting("CrashLoopBackOff"))
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert problem_of(ready) is None
    assert problem_of(leaving) is None
