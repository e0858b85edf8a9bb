"""The scheduler: which node a pod gets, and in which words it is told that it gets none."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from rollway.kube.objects import EVENT, NAMESPACE, NODE, POD, Obj, get, merged
from rollway.sandbox.controllers.fitting import requests_of, tolerates
from rollway.sandbox.controllers.index import condition_of, is_ready
from rollway.sandbox.node.nodes import NODE_NAME, node_objects
from rollway.sandbox.node.scheduler import Scheduler
from rollway.sandbox.store.store import Store
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ZONE, HOST = "topology.kubernetes.io/zone", "kubernetes.io/hostname"
NO_VICTIMS = "No preemption victims found for incoming pod"
NOT_HELPFUL = "Preemption is not helpful for scheduling"


def pod(name: str = "web", cpu: str = "", *, app: str = "web", **spec: Any) -> Obj:
    container: Obj = {"name": "app", "image": "shop:1"}
    if cpu:
        container["resources"] = {"requests": {"cpu": cpu}}
    meta = {"name": name, "namespace": "default", "labels": {"app": app}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"containers": [container]} | spec, "status": {}}


def apart(key: str = HOST, app: str = "web") -> Obj:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def near(key: str = ZONE, app: str = "web") -> Obj:
    term = {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key}
    return {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}


def spread(most: int = 1) -> list[Obj]:
    rule = {"maxSkew": most, "topologyKey": ZONE, "whenUnsatisfiable": "DoNotSchedule"}
    return [rule | {"labelSelector": {"matchLabels": {"app": "web"}}}]


class Nodes:
    """A store with so many nodes, and the scheduler on it; `changes` are merged into all of them."""

    def __init__(self, count: int = 3, changes: Obj | None = None) -> None:
        self.store = Store()
        self.store.create(NAMESPACE, {"metadata": {"name": "default"}})
        for node in node_objects(count, NOON):
            self.store.create(NODE, merged(node, changes or {}))

    def change(self, number: int, changes: Obj) -> None:
        self.store.update(NODE, merged(self.store.get(NODE, "", f"{NODE_NAME}-{number}"), changes))

    def put(self, number: int, *pods: Obj) -> None:
        for each in pods:
            self.store.create(POD, merged(each, {"spec": {"nodeName": f"{NODE_NAME}-{number}"}}))

    def choose(self, asked: Obj) -> str:
        """The number of the node, or the message."""
        choice = Scheduler(self.store).choose(asked)
        return choice.node.rpartition("-")[2] or choice.message


def none(reasons: str, why: str, of: int = 3) -> str:
    zero = f"0/{of} nodes are available"
    return f"{zero}: {reasons}. no new claims to deallocate, preemption: {zero}: {why}."


def test_pods_that_are_alike_go_to_different_nodes() -> None:
    """Where nothing else decides, the emptiest node is taken."""
    nodes = Nodes()
    nodes.put(1, pod("a", "1"))
    nodes.put(2, pod("b", "1"), pod("c", "1"))
    assert nodes.choose(pod()) == "3"


def test_more_than_any_node_has() -> None:
    assert Nodes().choose(pod(cpu="4000")) == none("3 Insufficient cpu", f"3 {NOT_HELPFUL}")


def test_a_full_node_is_passed_by_until_all_are() -> None:
    """What is asked for counts, not what is used; others' pods might be preempted, but are not."""
    nodes = Nodes(2)
    nodes.put(1, pod("a", "7500m"))
    assert nodes.choose(pod(cpu="600m")) == "2"
    nodes.put(2, pod("b", "7500m"))
    assert nodes.choose(pod(cpu="500m")) == "1"
    assert nodes.choose(pod(cpu="501m")) == none("2 Insufficient cpu", f"2 {NO_VICTIMS}", of=2)


def test_pods_that_are_over_take_no_room() -> None:
    nodes = Nodes(2)
    nodes.put(1, merged(pod("a", "8"), {"status": {"phase": "Succeeded"}}))
    nodes.put(2, pod("b", "1"))
    assert nodes.choose(pod(cpu="8")) == "1"


def test_too_many_pods() -> None:
    nodes = Nodes(2, {"status": {"allocatable": {"pods": "1"}}})
    nodes.put(1, pod("a"))
    nodes.put(2, pod("b"))
    assert nodes.choose(pod()) == none("2 Too many pods", f"2 {NO_VICTIMS}", of=2)


@pytest.mark.parametrize(
    ("status", "is_taken"),
    [({}, False), ({"capacity": {"cpu": "4"}}, False), ({"capacity": {"cpu": "4", "memory": "8Gi", "pods": "10"}}, True)],
    ids=["says nothing", "says nothing of pods", "says what it has"],
)
def test_a_node_that_somebody_brings_has_what_it_says(status: Obj, is_taken: bool) -> None:
    """What it has is to be had, where it says no less; it has no room for a pod where it does not say so."""

    async def run() -> Obj:
        async with Sandbox() as sandbox:
            sandbox.api.delete(NODE, "", NODE_NAME)
            made = sandbox.api.create(NODE, "", {"metadata": {"name": "mine"}, "status": status})
            assert made["status"].get("allocatable") == status.get("capacity")
            sandbox.store.create(POD, pod())
            await asyncio.sleep(5)
            return sandbox.store.get(POD, "default", "web")

    found = run_virtual(run())
    condition = condition_of(found, "PodScheduled")
    assert condition is not None
    assert (found["spec"].get("nodeName") == "mine") is is_taken
    assert ("Too many pods" in condition.get("message", "")) is not is_taken


def test_an_elastic_node_is_never_full() -> None:
    """The sandbox's only node stands for as many as are needed, yet one pod has to fit."""
    store = Store()
    store.create(NODE, node_objects(1, NOON)[0])
    for number in range(300):
        store.create(POD, merged(pod(f"p{number}", "8"), {"spec": {"nodeName": NODE_NAME}}))
    assert Scheduler(store).choose(pod(cpu="8")).node == NODE_NAME
    assert Scheduler(store).choose(pod(cpu="4000")).message == none("1 Insufficient cpu", f"1 {NOT_HELPFUL}", of=1)


def test_selector_and_affinity_of_nodes() -> None:
    nodes = Nodes()
    assert nodes.choose(pod(nodeSelector={HOST: f"{NODE_NAME}-2"})) == "2"
    text = none("3 node(s) didn't match Pod's node affinity/selector", f"3 {NOT_HELPFUL}")
    assert nodes.choose(pod(nodeSelector={"no": "such"})) == text


@pytest.mark.parametrize(
    ("operator", "values", "found"),
    [("In", ["b"], True), ("In", ["c"], False), ("NotIn", ["c"], True), ("Exists", [], True), ("DoesNotExist", [], False)],
)
def test_operators_of_node_affinity(operator: str, values: list[str], found: bool) -> None:
    term = {"matchExpressions": [{"key": "pool", "operator": operator, "values": values}]}
    terms = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
    nodes = Nodes(1, {"metadata": {"labels": {"pool": "b"}}})
    assert (nodes.choose(pod(affinity={"nodeAffinity": terms})) == "sandbox") is found


def test_preferred_nodes_win() -> None:
    preference = {"matchExpressions": [{"key": HOST, "operator": "In", "values": [f"{NODE_NAME}-3"]}]}
    wanted = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 5, "preference": preference}]}
    nodes = Nodes()
    nodes.put(3, pod("a", "1"))
    assert nodes.choose(pod(affinity={"nodeAffinity": wanted})) == "3"


def test_taints_keep_away_whom_they_are_not_tolerated_by() -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    nodes = Nodes(2, {"spec": {"taints": [taint]}})
    assert nodes.choose(pod()) == none("2 node(s) had untolerated taint(s)", f"2 {NOT_HELPFUL}", of=2)
    assert nodes.choose(pod(tolerations=[{"key": "gpu", "value": "yes"}])) == "1"


@pytest.mark.parametrize(
    ("toleration", "does"),
    [
        ({"operator": "Exists"}, True),
        ({"key": "gpu", "operator": "Exists"}, True),
        ({"key": "gpu", "value": "yes"}, True),
        ({"key": "gpu", "value": "no"}, False),
        ({"key": "gpu", "value": "yes", "effect": "NoExecute"}, False),
        ({"key": "cpu", "operator": "Exists"}, False),
    ],
)
def test_tolerations(toleration: Obj, does: bool) -> None:
    assert tolerates([toleration], {"key": "gpu", "value": "yes", "effect": "NoSchedule"}) is does


def test_cordoned_nodes_and_several_reasons_in_one_message() -> None:
    """Reasons are sorted as texts, each with the number of nodes."""
    nodes = Nodes()
    nodes.change(1, {"spec": {"unschedulable": True}})
    nodes.change(2, {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}})
    assert nodes.choose(pod()) == "3"
    nodes.put(3, pod("a", "7"))
    reasons = "1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable"
    assert nodes.choose(pod(cpu="2")) == none(reasons, f"1 {NO_VICTIMS}, 2 {NOT_HELPFUL}")


def test_anti_affinity_of_the_new_pod_and_of_those_that_are_there() -> None:
    nodes = Nodes(2)
    nodes.put(1, pod("a"))
    nodes.put(2, pod("b"))
    text = none("2 node(s) didn't match pod anti-affinity rules", f"2 {NO_VICTIMS}", of=2)
    assert nodes.choose(pod(affinity=apart())) == text
    assert nodes.choose(pod(app="other", affinity=apart(app="third"))) == "1"
    others = Nodes(1)
    others.store.create(POD, merged(pod("a", affinity=apart(app="new")), {"spec": {"nodeName": NODE_NAME}}))
    text = none("1 node(s) didn't satisfy existing pods anti-affinity rules", f"1 {NO_VICTIMS}", of=1)
    assert others.choose(pod(app="new")) == text


def test_affinity_of_pods() -> None:
    """The first of a group that wants to be together may go anywhere; one that wants to be near others needs them."""
    nodes = Nodes()
    assert nodes.choose(pod(affinity=near())) == "1"
    text = none("3 node(s) didn't match pod affinity rules", f"3 {NOT_HELPFUL}")
    assert nodes.choose(pod(affinity=near(app="cache"))) == text
    nodes.put(2, pod("cache", app="cache"))
    assert nodes.choose(pod(affinity=near(app="cache"))) == "2"


def test_topology_spread() -> None:
    nodes = Nodes()
    nodes.put(1, pod("a"))
    nodes.put(2, pod("b"))
    nodes.change(3, {"spec": {"unschedulable": True}})
    reasons = "1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints"
    assert nodes.choose(pod(topologySpreadConstraints=spread())) == none(reasons, f"1 {NOT_HELPFUL}, 2 {NO_VICTIMS}")
    assert nodes.choose(pod(topologySpreadConstraints=spread(2))) == "1"


def test_a_spread_over_a_label_that_nodes_do_not_have() -> None:
    rule = [spread()[0] | {"topologyKey": "rack"}]
    reasons = "3 node(s) didn't match pod topology spread constraints (missing required label)"
    assert Nodes().choose(pod(topologySpreadConstraints=rule)) == none(reasons, f"3 {NOT_HELPFUL}")


def test_host_ports() -> None:
    asked = pod()
    asked["spec"]["containers"][0]["ports"] = [{"containerPort": 80, "hostPort": 80}]
    nodes = Nodes(1)
    assert nodes.choose(asked) == "sandbox"
    nodes.store.create(POD, merged(asked, {"metadata": {"name": "a"}, "spec": {"nodeName": NODE_NAME}}))
    reasons = "1 node(s) didn't have free ports for the requested pod ports"
    assert nodes.choose(asked) == none(reasons, f"1 {NO_VICTIMS}", of=1)


def test_claims_that_are_missing_and_no_nodes_at_all() -> None:
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    assert Nodes().choose(pod(volumes=volumes)) == none('persistentvolumeclaim "data" not found', f"3 {NOT_HELPFUL}")
    assert Scheduler(Store()).choose(pod()).message == "no nodes available to schedule pods"


def test_what_a_pod_asks_for() -> None:
    """Containers together, or the largest that runs before them; sidecars count with both; limits where nothing is asked."""

    def asks(cpu: str, **more: Any) -> Obj:
        return {"name": "c", "resources": {"requests": {"cpu": cpu}}} | more

    limited = {"name": "l", "resources": {"limits": {"cpu": "1"}}}
    assert requests_of(pod(containers=[asks("500m"), limited]))["cpu"] == 1.5
    assert requests_of(pod(containers=[asks("1")], initContainers=[asks("3")]))["cpu"] == 3
    sidecar = asks("1", restartPolicy="Always")
    assert requests_of(pod(containers=[asks("1")], initContainers=[sidecar, asks("3")]))["cpu"] == 4


# on the cluster


def test_a_pending_pod_says_why_and_starts_once_it_fits() -> None:
    """PodScheduled=False and FailedScheduling with the same words; a label on the node is a change that counts."""

    async def run() -> None:
        async with Sandbox() as sandbox:
            await sandbox.settle()
            sandbox.store.create(POD, pod(nodeSelector={"pool": "web"}))
            await sandbox.settle()
            found = sandbox.store.get(POD, "default", "web")
            condition = condition_of(found, "PodScheduled") or {}
            assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
            assert get(found, "status", "phase") == "Pending"
            assert not get(found, "spec", "nodeName")
            event = next(each for each in sandbox.store.list(EVENT) if each["reason"] == "FailedScheduling")
            text = none("1 node(s) didn't match Pod's node affinity/selector", f"1 {NOT_HELPFUL}", of=1)
            assert event["message"] == condition["message"] == text
            node = sandbox.store.get(NODE, "", NODE_NAME)
            sandbox.store.update(NODE, merged(node, {"metadata": {"labels": {"pool": "web"}}}))
            await asyncio.sleep(5)
            found = sandbox.store.get(POD, "default", "web")
            assert is_ready(found)
            assert found["spec"]["nodeName"] == NODE_NAME

    run_virtual(run())


def test_room_that_a_pod_leaves_is_another_ones() -> None:
    async def run() -> None:
        store = Store()
        for node in node_objects(2, NOON):
            store.create(NODE, node)
        async with Sandbox(store=store) as sandbox:
            for name in ("a", "b", "c"):
                sandbox.store.create(POD, pod(name, "6"))
            await asyncio.sleep(5)
            found = {each["metadata"]["name"]: each for each in store.list(POD)}
            assert [is_ready(found[name]) for name in ("a", "b", "c")] == [True, True, False]
            assert found["a"]["spec"]["nodeName"] != found["b"]["spec"]["nodeName"]
            assert found["b"]["status"]["hostIP"] == "172.18.0.3"
            store.remove(POD, "default", "a")
            await asyncio.sleep(5)
            assert is_ready(store.get(POD, "default", "c"))

    run_virtual(run())


def test_gated_pods_wait_without_a_word() -> None:
    async def run() -> None:
        async with Sandbox() as sandbox:
            sandbox.store.create(POD, pod(schedulingGates=[{"name": "quota"}]))
            await asyncio.sleep(5)
            condition = condition_of(sandbox.store.get(POD, "default", "web"), "PodScheduled") or {}
            assert condition["reason"] == "SchedulingGated"
            assert not [each for each in sandbox.store.list(EVENT) if each["reason"] == "FailedScheduling"]

    run_virtual(run())
