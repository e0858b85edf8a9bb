"""What a Deployment says of itself."""

from __future__ import annotations

import pytest
from rollway.health.deployment import progress, refusal

QUOTA = 'pods "shop-1" is forbidden: exceeded quota: team, requested: pods=1, used: pods=4, limited: pods=4'


def deployment(message: str, status: str = "True", *, observed: int = 3) -> dict:
    condition = {"type": "ReplicaFailure", "status": status, "reason": "FailedCreate", "message": message}
    return {"metadata": {"name": "shop", "generation": 3}, "status": {"observedGeneration": observed, "conditions": [condition]}}


@pytest.mark.parametrize(
    ("message", "is_final"),
    [
        (QUOTA, True),
        ('admission webhook "policy.acme.com" denied the request: no root', True),
        ('pods "shop-1" is forbidden: violates PodSecurity "restricted:latest"', True),
        ('pods "shop-1" is forbidden: error looking up service account shop/web: serviceaccount "web" not found', True),
        ('Internal error occurred: failed calling webhook "x": dial tcp 10.0.0.1:443: connect: connection refused', False),
        ("the server was unable to return a response in the time allotted: timeout", False),
    ],
)
def test_a_refusal_is_the_servers_own_word(message: str, is_final: bool) -> None:
    """Who says no says it again; who could not be asked may be asked later."""
    assert refusal(deployment(message)) == (message, is_final)


def test_no_refusal() -> None:
    """None that is over, none of what is not the newest template's, none of nothing."""
    assert refusal(deployment(QUOTA, "False")) is None
    assert refusal(deployment(QUOTA, observed=2)) is None
    assert refusal({"metadata": {}, "status": {}}) is None
    assert refusal(None) is None


def rolling(*, pods: int, updated: int, ready: int, available: int) -> dict:
    counts = {"replicas": pods, "updatedReplicas": updated, "readyReplicas": ready, "availableReplicas": available}
    return {"metadata": {"generation": 1}, "spec": {"replicas": 3}, "status": {"observedGeneration": 1, **counts}}


def test_ready_is_not_available_yet() -> None:
    """Under `minReadySeconds` a pod has to stay ready for so long: until then it is neither done nor told as there."""
    waiting = progress(rolling(pods=3, updated=3, ready=3, available=2), "rolled-out", 3)

    assert (waiting.is_done, waiting.ready, waiting.message) == (False, 2, "2 of 3 pods available")
    assert progress(rolling(pods=3, updated=3, ready=3, available=3), "rolled-out", 3).is_done


def test_old_pods_are_not_told_as_new_ones() -> None:
    """The status counts both together: what may be old ones is taken off."""
    assert progress(rolling(pods=4, updated=2, ready=4, available=3), "rolled-out", 3).ready == 1
