"""What a Deployment says of itself."""

from __future__ import annotations

import pytest
from rollway.health.deployment import refusal

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
