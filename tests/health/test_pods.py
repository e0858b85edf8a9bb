"""Why a pod is not ready."""

from __future__ import annotations

from typing import Any

import pytest
from rollway.health.pods import hindrance_of, problem_of


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
PULLS = [
    ("docker.io/acme/shop:2: not found", True),
    ("manifest for acme/shop:2 not found: manifest unknown", True),
    ("pull access denied, repository does not exist or may require authorization", True),
    ("dial tcp: lookup ghcr.io: no such host", False),
    ("proxyconnect tcp: 404 Not Found", False),
    ("Head https://ghcr.io/v2/acme/shop: net/http: TLS handshake timeout, mirror: not found", False),
    ("toomanyrequests: You have reached your pull rate limit", False),
    ("context deadline exceeded", False),
]


@pytest.mark.parametrize("reason", ["ErrImagePull", "ImagePullBackOff"])
@pytest.mark.parametrize(("message", "is_final"), PULLS)
def test_a_pull_that_may_pass_is_not_final(reason: str, message: str, is_final: bool) -> None:
    """An image that does not exist will not tomorrow; a network, a proxy or a registry in trouble may be well again."""
    found = problem_of(pod(state=waiting(reason, message)))

    assert found is not None
    assert (found.detail, found.is_final) == (message, is_final)


@pytest.mark.parametrize(
    ("reason", "message", "is_final"),
    [
        ("CreateContainerConfigError", 'secret "db" not found', True),
        ("RunContainerError", 'exec: "shopd": executable file not found in $PATH', True),
        ("CreateContainerError", "context deadline exceeded", False),
        ("CreateContainerError", 'failed to reserve container name: name "shop" is reserved for "1f3"', False),
    ],
)
def test_a_container_that_cannot_be_created(reason: str, message: str, is_final: bool) -> None:
    """What it refers to is missing: final. A node that is slow: not."""
    found = problem_of(pod(state=waiting(reason, message)))

    assert found is not None
    assert found.is_final == is_final


def test_what_starts_is_not_hindered() -> None:
    """A probe that does not answer yet is how pods start; a node that is missing is not."""
    unschedulable = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/3 nodes"}

    assert hindrance_of(pod(state={"running": {}})) is None
    assert hindrance_of(pod(state=waiting("ContainerCreating"))) is None
    hindered = hindrance_of(pod(conditions=[unschedulable]))
    assert hindered is not None
    assert not hindered.is_final, "a cluster autoscaler may add a node"


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


def test_a_volume_that_cannot_be_mounted_is_told_by_an_event_alone() -> None:
    """The last one about this pod; what else is said of it, or of another, is not the reason."""

    def event(reason: str, message: str, name: str = "shop-1") -> dict:
        return {"involvedObject": {"name": name}, "reason": reason, "message": message}

    stuck = pod(state=waiting("ContainerCreating"))
    mounts = [
        event("FailedMount", "timed out"),
        event("FailedMount", 'secret "tls" not found'),
        event("FailedMount", "x", "shop-2"),
    ]

    told = problem_of(stuck, [*mounts, event("Scheduled", "assigned")])
    assert told is not None
    assert (told.reason, told.detail) == ("a volume cannot be mounted", 'secret "tls" not found')
    assert problem_of(stuck, [event("Scheduled", "assigned"), event("FailedMount", "x", "shop-2")]) is None
    assert problem_of(pod(state={"running": {}}, ready=True), mounts) is None
