"""A pod that is more important than others has them leave a node that is full: which, with what said, and in what order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rollway.kube.clock import now
from rollway.kube.objects import EVENT, NODE, POD, Obj, get
from rollway.sandbox.node.neighbours import Site
from rollway.sandbox.node.nodes import resize
from rollway.sandbox.node.preemption import evicted, priority_of
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox


def pod(name: str, priority: int = 0, cpu: str = "1", **spec: Any) -> Obj:
    container = {"name": "app", "image": "app:1", "resources": {"requests": {"cpu": cpu}}}
    made: Obj = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default", "uid": name}}
    return made | {"spec": {"containers": [container], "priority": priority, **spec}}


def site(*pods: Obj, name: str = "one") -> Site:
    return Site({"metadata": {"name": name}}, pods)


def at_most(count: int) -> Callable[[Site], bool]:
    """A node that takes one more beside so many."""
    return lambda where: len(where.pods) < count


def names(sites: Sequence[Site], who: Obj, budgets: Sequence[Obj] = (), room: int = 3) -> tuple[str, list[str]] | None:
    found = evicted(who, sites, budgets, at_most(room))
    return found and (found.node, sorted(each["metadata"]["name"] for each in found.victims))


def test_as_few_as_possible_go_and_the_least_important_first() -> None:
    """Equals stay; without enough below it nobody goes."""
    high = pod("high", 10)
    assert names([site(pod("a", 1), pod("b", 5), pod("c", 3))], high) == ("one", ["a"])
    assert names([site(pod("a", 10), pod("b", 10), pod("c", 10))], high) is None
    assert names([site(pod("a", 10), pod("b", 1), pod("c", 10))], high) == ("one", ["b"])


def test_the_node_is_taken_where_least_is_lost() -> None:
    """Of the most important victims the least important; then the smaller sum, the fewer, the younger."""
    high = pod("high", 10)
    one, two = site(pod("a", 5), pod("b", 5), pod("c", 5)), site(pod("d", 4), pod("e", 4), pod("f", 4), name="two")
    assert names([one, two], high) == ("two", ["f"])
    old, young = pod("a"), pod("b")
    old["status"], young["status"] = {"startTime": "2026-01-01T10:00:00Z"}, {"startTime": "2026-01-01T11:00:00Z"}
    assert names([site(old), site(young, name="two")], high, room=1) == ("two", ["b"])


def test_what_a_budget_protects_stays_if_something_else_can_go() -> None:
    """Though that be more important."""
    protected = pod("a", 1)
    protected["metadata"]["labels"] = {"app": "a"}
    spec = {"selector": {"matchLabels": {"app": "a"}}}
    budget: Obj = {"metadata": {"namespace": "default"}, "spec": spec, "status": {"disruptionsAllowed": 0}}
    assert names([site(protected, pod("b", 5))], pod("high", 10), [budget], room=2) == ("one", ["b"])
    assert names([site(protected)], pod("high", 10), [budget], room=1) == ("one", ["a"])


@given(st.lists(st.integers(0, 20), max_size=8), st.integers(0, 20), st.integers(1, 8))
def test_nobody_goes_who_could_stay(priorities: list[int], mine: int, room: int) -> None:
    """After it the pod fits, all victims matter less, and with any one of them back it would not fit."""
    pods = [pod(f"p{place}", each) for place, each in enumerate(priorities)]
    found = evicted(pod("high", mine), [site(*pods)], [], at_most(room))
    if found is None:
        assert len(pods) < room or sum(each >= mine for each in priorities) >= room or all(each >= mine for each in priorities)
        return
    left = len(pods) - len(found.victims)
    assert left < room
    assert not found.victims or left + 1 >= room
    assert all(priority_of(each) < mine for each in found.victims)


def on_a_node(story: Callable[[Sandbox], Awaitable[None]]) -> None:
    """One node of two CPUs."""

    async def told() -> None:
        async with Sandbox() as sandbox:
            resize(sandbox.store, 1, now())
            for node in list(sandbox.store.list(NODE)):
                allocatable = {**node["status"]["allocatable"], "cpu": "2"}
                plain = node | {"metadata": {**node["metadata"], "annotations": {}}}
                sandbox.store.update(NODE, plain | {"status": node["status"] | {"allocatable": allocatable}})
            await story(sandbox)

    run_virtual(told())


def said(sandbox: Sandbox, name: str) -> list[tuple[str, str]]:
    return [
        (each["reason"], each["message"])
        for each in sandbox.store.list(EVENT, "default")
        if each["involvedObject"]["name"] == name and each["source"]["component"] == "default-scheduler"
    ]


def test_a_pod_has_others_leave_and_comes_once_they_are_gone() -> None:
    """As the real one tells it: the victim's condition and event, the pod's nominated node, and why it waits meanwhile."""

    async def story(sandbox: Sandbox) -> None:
        for name in ("a", "b"):
            sandbox.store.create(POD, pod(name, 1) | {"status": {"phase": "Pending"}})
        await asyncio.sleep(10)
        sandbox.store.create(POD, pod("high", 10) | {"status": {"phase": "Pending"}})
        await sandbox.settle()
        high = sandbox.store.get(POD, "default", "high")
        leaving = [each for each in sandbox.store.list(POD, "default") if "deletionTimestamp" in each["metadata"]]
        (victim,) = leaving
        conditions = {each["type"]: each for each in victim["status"]["conditions"]}
        assert conditions["DisruptionTarget"]["reason"] == "PreemptionByScheduler"
        node = high["status"]["nominatedNodeName"]
        assert ("Preempted", f"Preempted by pod high on node {node}") in said(sandbox, victim["metadata"]["name"])
        assert said(sandbox, "high")[0] == ("FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu.")
        await asyncio.sleep(60)
        assert get(sandbox.store.get(POD, "default", "high"), "spec", "nodeName") == node
        assert len(list(sandbox.store.list(POD, "default"))) == 2

    on_a_node(story)


def test_room_that_was_made_is_kept_for_whom_it_was_made() -> None:
    """A less important one does not slip in; a pod that does not preempt waits, and says so."""

    async def story(sandbox: Sandbox) -> None:
        sandbox.store.create(POD, pod("a", 1, "2") | {"status": {"phase": "Pending"}})
        await asyncio.sleep(10)
        sandbox.store.create(POD, pod("polite", 10, preemptionPolicy="Never") | {"status": {"phase": "Pending"}})
        await sandbox.settle()
        assert said(sandbox, "polite")[0][1].endswith("preemption: not eligible due to preemptionPolicy=Never.")
        sandbox.store.remove(POD, "default", "polite")
        sandbox.store.create(POD, pod("high", 10, "2") | {"status": {"phase": "Pending"}})
        sandbox.store.create(POD, pod("low", 0) | {"status": {"phase": "Pending"}})
        await asyncio.sleep(60)
        assert get(sandbox.store.get(POD, "default", "high"), "spec", "nodeName")
        assert not get(sandbox.store.get(POD, "default", "low"), "spec", "nodeName")

    on_a_node(story)


def test_who_lost_the_room_that_was_made_has_others_leave() -> None:
    """A more important one takes the place of a victim that went at once."""

    async def story(sandbox: Sandbox) -> None:
        for name in ("a", "b"):
            sandbox.store.create(POD, pod(name, 1, terminationGracePeriodSeconds=0) | {"status": {"phase": "Pending"}})
        await asyncio.sleep(10)
        for name, priority in (("high", 10), ("higher", 20)):
            sandbox.store.create(POD, pod(name, priority) | {"status": {"phase": "Pending"}})
        await asyncio.sleep(120)
        assert {each["metadata"]["name"]: get(each, "spec", "nodeName") for each in sandbox.store.list(POD, "default")} == {
            "high": "rollway-sandbox", "higher": "rollway-sandbox",
        }  # fmt: skip

    on_a_node(story)
