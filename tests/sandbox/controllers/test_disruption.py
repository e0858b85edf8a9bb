"""Disruption budgets: how many pods may be evicted, and that a drained node's pods move within them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from rollway.errors import ApiError
from rollway.kube.objects import DEPLOYMENT, NODE, PDB, POD, Obj, get, merged
from rollway.sandbox.controllers.disruption import status_of
from rollway.sandbox.controllers.index import is_ready
from rollway.sandbox.node.nodes import node_objects
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LABELS = {"app": "web"}


def pods(ready: int, unready: int = 0) -> list[Obj]:
    conditions = [[{"type": "Ready", "status": "True"}]] * ready + [[]] * unready
    return [{"metadata": {"name": f"p{at}"}, "status": {"conditions": each}} for at, each in enumerate(conditions)]


@pytest.mark.parametrize(
    ("spec", "ready", "wanted", "allowed", "least"),
    [
        ({"minAvailable": 2}, 3, 3, 1, 2),
        ({"minAvailable": 3}, 3, 3, 0, 3),
        ({"minAvailable": "50%"}, 5, 5, 2, 3),
        ({"maxUnavailable": 1}, 3, 3, 1, 2),
        ({"maxUnavailable": 1}, 2, 3, 0, 2),
        ({"maxUnavailable": "30%"}, 4, 4, 2, 2),
        ({"maxUnavailable": 1}, 0, 0, 0, 0),
    ],
)
def test_how_many_may_go(spec: Obj, ready: int, wanted: int, allowed: int, least: int) -> None:
    """Percentages round up, of what is wanted."""
    status = status_of({"metadata": {"name": "b"}, "spec": spec}, pods(ready), wanted, NOON)
    assert (status["disruptionsAllowed"], status["desiredHealthy"], status["currentHealthy"]) == (allowed, least, ready)
    assert status["conditions"][0]["reason"] == ("SufficientPods" if allowed else "InsufficientPods")


def test_a_pod_that_was_evicted_is_healthy_no_more() -> None:
    budget = {"metadata": {"name": "b"}, "spec": {"minAvailable": 1}, "status": {"disruptedPods": {"p0": "x", "gone": "x"}}}
    status = status_of(budget, pods(3), 3, NOON)
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (2, 1)
    assert status["disruptedPods"] == {"p0": "x"}


def test_a_drained_nodes_pods_move_one_by_one() -> None:
    """A cordoned node gets none, the budget holds, and in the end all run elsewhere."""

    async def run() -> None:
        store = Store()
        for node in node_objects(2, NOON):
            store.create(NODE, node)
        async with Sandbox(store=store) as sandbox:
            api = sandbox.api
            template = {"metadata": {"labels": LABELS}, "spec": {"containers": [{"name": "app", "image": "shop:1"}]}}
            spec = {"replicas": 4, "selector": {"matchLabels": LABELS}, "template": template}
            api.create(DEPLOYMENT, "default", {"metadata": {"name": "web"}, "spec": spec})
            budget = {"metadata": {"name": "web"}, "spec": {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}}
            api.create(PDB, "default", budget)
            await asyncio.sleep(10)
            first = next(store.list(NODE))
            store.update(NODE, merged(first, {"spec": {"unschedulable": True}}))
            name, refused = first["metadata"]["name"], list[int]()
            assert len(_on(store, name)) == 2
            while here := _on(store, name):
                for pod in here:
                    try:
                        api.evict("default", pod["metadata"]["name"])
                    except ApiError as error:
                        refused.append(error.code)
                assert sum(map(is_ready, store.list(POD))) >= 3
                await asyncio.sleep(1)
            await asyncio.sleep(10)
            assert set(refused) == {429}
            assert get(store.get(DEPLOYMENT, "default", "web"), "status", "availableReplicas") == 4
            assert all(pod["spec"]["nodeName"] != name for pod in store.list(POD))

    run_virtual(run())


def _on(store: Store, node: str) -> list[Obj]:
    return [pod for pod in store.list(POD) if get(pod, "spec", "nodeName") == node and "deletionTimestamp" not in pod["metadata"]]
