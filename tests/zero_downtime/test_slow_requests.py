"""Requests that take long, a server that ignores SIGTERM, an httpGet preStop, 25% and 25%."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lab import Lab
from pace import stretched

pytestmark = pytest.mark.real_time


def test_every_request_succeeds(example: Callable[..., Lab]) -> None:
    """Both versions are counted, by their status codes; the release says itself that nothing was lost."""
    quicker = {
        "terminationGracePeriodSeconds: 30": f"terminationGracePeriodSeconds: {stretched(3)}",
        "slowestRequest: 5s": "slowestRequest: 1s",
    }
    shop = example("slow-requests", quicker)
    url = f"{shop.ingress}/sleep/1"
    shop.release("apply", "--image", ":v1", "--probe", url)
    with shop.probed(url, "--host", "websample.example.com", "--rate", "10", "--expect", "201,202") as report:
        released = shop.release("apply", "--image", ":v2", "--probe", url, "-o", "json").document

    figures = report["figures"]
    assert figures["lost"] == 0
    assert set(figures["statuses"]) == {"201", "202"}
    assert set(figures["versions"]) == {"v1", "v2"}
    assert figures["latencySeconds"]["p50"] >= 1
    assert (released["phase"], released["probe"]["figures"]["lost"]) == ("Promoted", 0)
    assert set(released["probe"]["figures"]["statuses"]) == {"201", "202"}


def test_nothing_is_found_in_it(example: Callable[..., Lab]) -> None:
    """What cannot be seen from the manifests, that SIGTERM is ignored, is written beside the hook."""
    assert example("slow-requests").deploy("check", "-o", "json").document["findings"] == []
