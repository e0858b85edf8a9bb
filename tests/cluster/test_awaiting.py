"""Waiting for what is no Deployment: how often its pods are looked at, and what its disappearance says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest
from rollway.cluster.awaiting import LOOK_EVERY_S, wait_for_other
from rollway.cluster.port import Event
from rollway.cluster.waiting import StepFailed
from rollway.kube.objects import POD, Kind, Obj, Ref
from rollway.plan.steps import Wait
from rollway.sandbox.timeline import run_virtual

STEP = Wait(ref=Ref("batch/v1", "Job", "shop", "migrate"), until="rolled-out", pods=1, deadline_s=60, why="")


def job(**status: Any) -> Obj:
    meta = {"name": "migrate", "namespace": "shop", "uid": "1"}
    selector = {"matchLabels": {"job": "migrate"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"selector": selector}, "status": status}


DONE = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}


class Told:
    """A cluster that tells these events, one each `every_s`, and counts who looks at pods."""

    def __init__(self, events: Sequence[Event], every_s: float = 0.0) -> None:
        self._events, self._every_s = events, every_s
        self.looks = 0

    async def watch(self, *args: Any, **kwargs: Any) -> AsyncGenerator[Event, None]:
        for event in self._events:
            yield event
            await asyncio.sleep(self._every_s)
        await asyncio.Event().wait()

    async def list(self, kind: Kind, *args: Any, **kwargs: Any) -> list[Obj]:
        self.looks += kind == POD
        return []


def wait(cluster: Told) -> None:
    run_virtual(wait_for_other(cluster, STEP, lambda *told: None))  # type: ignore[arg-type]


def test_its_pods_are_looked_at_now_and_then_and_not_at_each_of_its_events() -> None:
    cluster = Told([Event("MODIFIED", job(active=number)) for number in range(100)] + [Event("MODIFIED", job(**DONE))], 0.1)
    wait(cluster)
    assert 1 <= cluster.looks <= 100 * 0.1 / LOOK_EVERY_S + 1


def test_one_that_was_put_away_when_it_was_done_is_done() -> None:
    """ttlSecondsAfterFinished of 0, and a watch that was away meanwhile."""
    wait(Told([Event("ADDED", job(active=1)), Event("DELETED", job(**DONE))]))


def test_one_that_somebody_deleted_is_gone() -> None:
    with pytest.raises(StepFailed, match="Job migrate is gone: somebody deleted it"):
        wait(Told([Event("ADDED", job(active=1)), Event("DELETED", job(active=1))]))
