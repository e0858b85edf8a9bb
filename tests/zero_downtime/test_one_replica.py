"""One pod, and `kubectl rollout restart`."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from lab import Lab
from pace import stretched
from rollway.sandbox import daemon

pytestmark = pytest.mark.real_time
QUICKER = {'START_SECONDS, value: "3"': 'START_SECONDS, value: "2"'}


class Follower:
    """`kubectl logs -f`: what a pod prints until it has ended."""

    def __init__(self, home: Path, namespace: str, pod: str) -> None:
        self._home, self._path = home, f"/api/v1/namespaces/{namespace}/pods/{pod}/log?follow=true"
        self._text = ""
        self._thread = threading.Thread(target=self._read)
        self._thread.start()

    def _read(self) -> None:
        endpoint = daemon.up(self._home)
        trusted = ssl.create_default_context(cafile=str(endpoint.authority))
        asked = Request(endpoint.url + self._path, headers={"Authorization": f"Bearer {endpoint.token}"})
        with urlopen(asked, context=trusted) as answer:
            self._text = answer.read().decode()

    def text(self) -> str:
        self._thread.join()
        return self._text


def restarted(shop: Lab, file: str) -> tuple[dict[str, Any], str]:
    """What requests met while the one pod was replaced, and what the old one printed."""
    shop.release("apply", file=file)
    url = shop.url("singsong")
    with shop.probed(url, "--timeout", f"{stretched(2)}s") as report:
        old = set(shop.ready())
        follower = Follower(shop.home, shop.namespace, *old)
        shop.restart("singsong")
        shop.until_replaced(old)
        log = follower.text()
    return report["figures"], log


def test_without_a_readiness_probe_requests_are_lost(example: Callable[..., Lab]) -> None:
    """Nobody waits for the new pod to listen: for two seconds there is none that does."""
    shop = example("one-replica", QUICKER)
    figures, _ = restarted(shop, "bare/deploy.yaml")

    assert figures["lost"] > 10
    assert figures["outage"]["seconds"] > 0.5
    assert {found["id"] for found in shop.deploy("check", "-f", "bare/deploy.yaml", "-o", "json").document["findings"]} == {
        "RW001"
    }


def test_with_it_and_one_pod_more_none_is(example: Callable[..., Lab]) -> None:
    """The old pod goes once the new one answers, and ends what it has begun: its log says so."""
    shop = example("one-replica", QUICKER)
    figures, log = restarted(shop, "probed/deploy.yaml")

    assert figures["lost"] == 0
    assert figures["good"] > 40
    assert log.splitlines() == ["listens", "Shutdown Server ...", "Server exiting"]
    assert shop.deploy("check", "-f", "probed/deploy.yaml", "-o", "json").document["findings"] == []


def test_neither_more_pods_nor_fewer_is_refused(example: Callable[..., Lab]) -> None:
    """No pod could ever be replaced: bad input, before anything is touched."""
    shop = example("one-replica")
    stuck = ("--set", "strategies.ramped.maxSurge=0", "--set", "strategies.ramped.maxUnavailable=0")
    ended = shop.deploy("apply", "-f", "probed/deploy.yaml", "--sandbox", *stuck)

    assert ended.code == 2
    assert "maxSurge and maxUnavailable are both 0" in ended.err
    assert shop.pods() == []
