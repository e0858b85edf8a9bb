"""Nodes that come, go and are tainted, and what becomes of their pods."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from rollway.kube.clock import now, parse_timestamp
from rollway.kube.objects import DEPLOYMENT, EVENT, LEASE, NODE, POD, Obj, get, merged
from rollway.sandbox.node.lifecycle import NOT_READY, UNREACHABLE, tainted, tolerated_until
from rollway.sandbox.node.nodes import ELASTIC, NODE_NAME, node_objects, resize
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox
from shop import STRATEGIES, in_world, release

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
AT = "2026-01-01T12:00:00Z"


def node(ready: str, *taints: Obj) -> Obj:
    status = {"conditions": [{"type": "Ready", "status": ready}]}
    return {"metadata": {"name": "n"}, "spec": {"taints": list(taints)}, "status": status}


def test_a_node_that_is_not_ready_is_tainted_and_a_ready_one_is_not() -> None:
    effects = [{"key": NOT_READY, "effect": effect, "timeAdded": AT} for effect in ("NoSchedule", "NoExecute")]
    assert tainted(node("False"), NOON) == effects
    assert tainted(node("False", *effects), NOON + timedelta(hours=1)) == effects
    assert {each["key"] for each in tainted(node("Unknown", *effects), NOON)} == {UNREACHABLE}
    mine = {"key": "mine", "effect": "NoSchedule"}
    assert tainted(node("True", *effects, mine), NOON) == [mine]


def test_how_long_a_pod_stays() -> None:
    """The shortest of what tolerates counts; a toleration without seconds is for ever."""
    taint = {"key": NOT_READY, "effect": "NoExecute", "timeAdded": AT}

    def until(*tolerations: Obj) -> datetime | None:
        return tolerated_until({"spec": {"tolerations": list(tolerations)}}, node("False", taint), NOON)

    holds = {"key": NOT_READY, "operator": "Exists"}
    assert until() == NOON
    assert until(holds) is None
    assert until(holds | {"tolerationSeconds": 300}, holds | {"tolerationSeconds": 20}) == NOON + timedelta(seconds=20)


def test_nodes_come_and_go() -> None:
    """One is elastic, several have a size; a node that somebody else made stays."""
    store = Store()
    resize(store, 1, NOON)
    assert get(next(store.list(NODE)), "metadata", "annotations", ELASTIC) == "true"
    store.create(NODE, {"metadata": {"name": "mine"}})
    resize(store, 3, NOON)
    assert [each["metadata"]["name"] for each in store.list(NODE)] == ["mine", *(f"{NODE_NAME}-{n}" for n in (1, 2, 3))]
    zones = {get(each, "metadata", "labels", "topology.kubernetes.io/zone") for each in store.list(NODE)}
    assert len(zones - {None}) == 3
    resize(store, 1, NOON)
    assert [each["metadata"]["name"] for each in store.list(NODE)] == ["mine", NODE_NAME]


def on_two_nodes(story: Any) -> None:
    async def run() -> None:
        store = Store()
        for each in node_objects(2, NOON):
            store.create(NODE, each)
        async with Sandbox(store=store) as sandbox:
            labels = {"app": "web"}
            container = {"name": "app", "image": "shop:1"}
            template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
            spec = {"replicas": 4, "selector": {"matchLabels": labels}, "template": template}
            sandbox.api.create(DEPLOYMENT, "default", {"metadata": {"name": "web"}, "spec": spec})
            await asyncio.sleep(10)
            await story(store)
            assert get(store.get(DEPLOYMENT, "default", "web"), "status", "availableReplicas") == 4
            assert {pod["spec"]["nodeName"] for pod in store.list(POD)} == {f"{NODE_NAME}-2"}

    run_virtual(run())


def test_the_pods_of_a_node_that_is_gone_move() -> None:
    async def story(store: Store) -> None:
        store.remove(NODE, "", f"{NODE_NAME}-1")
        await asyncio.sleep(10)

    on_two_nodes(story)


def test_what_has_ended_goes_with_its_node_too() -> None:
    async def story(store: Store) -> None:
        node = f"{NODE_NAME}-1"
        meta = {"name": "done", "namespace": "default", "uid": "u"}
        spec = {"nodeName": node, "containers": [{"name": "a", "image": "a"}]}
        store.create(POD, {"metadata": meta, "spec": spec, "status": {"phase": "Succeeded"}})
        elsewhere = spec | {"nodeName": f"{NODE_NAME}-2"}
        store.create(POD, {"metadata": meta | {"name": "elsewhere"}, "spec": elsewhere, "status": {"phase": "Failed"}})
        store.remove(NODE, "", node)
        await asyncio.sleep(10)
        assert store.find(POD, "default", "done") is None
        assert store.find(POD, "default", "elsewhere") is not None

    on_two_nodes(story)


def test_a_taint_that_is_not_tolerated_moves_the_pods_at_once() -> None:
    async def story(store: Store) -> None:
        taint = {"key": "maintenance", "effect": "NoExecute"}
        store.update(NODE, merged(store.get(NODE, "", f"{NODE_NAME}-1"), {"spec": {"taints": [taint]}}))
        await asyncio.sleep(45)
        events = [each for each in store.list(EVENT) if each["reason"] == "TaintManagerEviction"]
        assert events[0]["message"].startswith("Marking for deletion Pod default/web-")

    on_two_nodes(story)


def test_pods_leave_a_node_that_is_not_ready_after_five_minutes() -> None:
    """As long as the tolerations hold that admission gives to pods."""

    async def story(store: Store) -> None:
        holds = {"key": NOT_READY, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
        for pod in list(store.list(POD)):
            store.update(POD, merged(pod, {"spec": {"tolerations": [holds]}}))
        lost = store.get(NODE, "", f"{NODE_NAME}-1")
        store.update(NODE, merged(lost, {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}))
        await asyncio.sleep(290)
        assert sum(pod["spec"]["nodeName"] == f"{NODE_NAME}-1" for pod in store.list(POD)) == 2
        await asyncio.sleep(60)

    on_two_nodes(story)


def test_a_release_goes_through_while_a_node_goes_away() -> None:
    async def story(world: Any) -> None:
        store = world.sandbox.store
        resize(store, 3, NOON)
        assert (await world.ship("apply", release("v1"))).failure is None
        for at, strategy in enumerate(STRATEGIES[:3]):
            running = asyncio.ensure_future(world.ship("apply", release(f"v{at + 2}", strategy=strategy), strategy=strategy))
            await asyncio.sleep(2)
            store.remove(NODE, "", f"{NODE_NAME}-1")
            result = await running
            assert result.failure is None
            resize(store, 3, NOON)

    in_world(story)


def test_a_node_of_a_cluster_in_the_background_shows_that_it_lives() -> None:
    """By a Lease that is renewed while the node is there, and goes with it; others' nodes, and rehearsals, have none."""

    def leases(sandbox: Sandbox) -> list[tuple[str, datetime]]:
        found = sandbox.store.list(LEASE, "kube-node-lease")
        return [(each["spec"]["holderIdentity"], parse_timestamp(each["spec"]["renewTime"])) for each in found]

    async def story() -> None:
        async with Sandbox(outlives=True) as sandbox:
            sandbox.api.create(NODE, "", {"metadata": {"name": "others"}})
            await asyncio.sleep(300)
            [(holder, renewed)] = leases(sandbox)
            assert holder == NODE_NAME
            assert timedelta(0) <= now() - renewed <= timedelta(seconds=10)
            sandbox.store.remove(NODE, "", NODE_NAME)
            await asyncio.sleep(60)
            assert leases(sandbox) == []
        async with Sandbox() as rehearsed:
            await asyncio.sleep(60)
            assert leases(rehearsed) == []

    run_virtual(story())
