"""What the statuses of pods that run tell of how long they took to start."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from rollway.compare.pace import QUIET_NODE_S, UNSAID, Pace, pace_of
from rollway.kube.clock import timestamp
from rollway.sandbox.timeline import EPOCH
from rollway.ship.startup import Startup, startup_of


def at(seconds: float) -> str:
    """As the API has it: whole seconds."""
    return timestamp(EPOCH.fromtimestamp(EPOCH.timestamp() + int(seconds), EPOCH.tzinfo))


def pod(placed_s: float, started_s: float, ready_s: float, *, restarts: int = 0, period_s: int = 0, beside: str = "") -> Any:
    probe = {"readinessProbe": {"periodSeconds": period_s}} if period_s else {}
    app = {"name": "web", "ready": True, "restartCount": restarts, "state": {"running": {"startedAt": at(started_s)}}}
    other = {"name": beside, "ready": True, "restartCount": 3, "state": {"running": {"startedAt": at(started_s + 50)}}}
    return {
        "metadata": {"name": "x"},
        "spec": {"containers": [{"name": "web", **probe}, *([{"name": beside}] if beside else [])]},
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": at(ready_s)},
                {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(placed_s)},
            ],
            "containerStatuses": sorted([app, *([other] if beside else [])], key=lambda each: str(each["name"])),
        },
    }


def test_pods_that_were_restarted_tell_nothing_of_their_start() -> None:
    """From its process' start to readiness, less half a period of the probe; the middle one of the pods counts."""
    found = startup_of(
        [pod(0, 2, 12, period_s=4), pod(0, 2, 14, period_s=4), pod(0, 2, 42, period_s=4), pod(0, 9, 59, restarts=1)]
    )

    assert (found.app_s, found.node_s, found.pods) == (10, 2, 3)
    assert startup_of([pod(0, 0, 1, period_s=4)]).app_s == 0
    assert startup_of([]) == Startup()


def test_of_several_containers_the_first_ones_status_counts() -> None:
    """By its name: a kubelet lists a sidecar before it that comes first in the alphabet."""
    assert startup_of([pod(0, 3, 5, beside="agent")]).app_s == 2


def test_one_pod_that_pulled_for_long_does_not_stand_for_its_node() -> None:
    found = startup_of([pod(0, seconds, 60) for seconds in (1, 0, 1, 45)])

    assert found.node_s == 1
    assert pace_of(found).node_s is None


@pytest.mark.parametrize("count", [1, 2, 4, 10, 100])
def test_whole_seconds_alone_make_no_node_busy(count: int) -> None:
    """A quiet node whose pods are asked is hardly ever taken for a busy one; one that takes seconds more is seen."""
    random = Random(7)

    def told(node_s: float) -> Pace:
        begins = [random.uniform(0, 100) for _ in range(count)]
        return pace_of(startup_of([pod(begin, begin + node_s, begin + 10) for begin in begins]))

    wrong = sum(told(QUIET_NODE_S).node_s is not None for _ in range(1000))
    busy = [told(QUIET_NODE_S + 3).node_s for _ in range(100)]

    assert wrong <= 50
    assert all(each is not None and abs(each - 3.5) <= 1 for each in busy)


def test_a_pace_is_said_as_annotations_are() -> None:
    assert UNSAID.said == {}
    assert Pace(1.5, 2.2).said == {"start": "1.5s", "pull": "2s"}
    assert Pace(node_s=0.1).said == {"pull": "0s"}
