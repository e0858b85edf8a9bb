"""DaemonSets against recordings of a real cluster, one quiet state at a time. The recorder played the nodes, so does this
test."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replayed import NAME, SPACE, Kubelet, recordings, replayed, template
from rollway.kube.defaults import fill
from rollway.kube.objects import CONTROLLER_REVISION, DAEMON_SET, NODE, POD, Obj, labels_of
from rollway.sandbox.api.deletion import delete
from rollway.sandbox.controllers.fitting import node_of
from rollway.sandbox.controllers.history import HASH
from rollway.sandbox.controllers.index import controller_of, is_ready
from rollway.sandbox.store.store import Change
from rollway.sandbox.world import Sandbox

ROLE = {"role": "demo"}


@pytest.mark.parametrize("path", recordings("daemonsets"), ids=lambda path: path.stem)
def test_every_quiet_state_is_the_recorded_one(path: Path) -> None:
    """After each action of a recording, the whole state is what the real cluster showed."""
    for step, state, recorded in replayed(path, Player):
        assert state == recorded, step


class Player(Kubelet):
    def __init__(self, sandbox: Sandbox, recording: dict[str, Any]) -> None:
        super().__init__(sandbox, recording)
        self.order: list[str] = []  # revisions' hashes by first appearance
        self.nodes = 0
        for _ in range(recording["nodes"]):
            self.add_node()

    def note(self, change: Change) -> None:
        super().note(change)
        if change.kind == CONTROLLER_REVISION and change.type == "ADDED":
            self.order.append(labels_of(change.obj)[HASH])

    def node_of(self, pod: Obj) -> str:
        return node_of(pod)

    def add_node(self) -> None:
        self.nodes += 1
        meta = {"name": f"node-{self.nodes}", "labels": dict(ROLE)}
        self.store.create(NODE, {"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {}})

    async def play(self, action: dict[str, Any]) -> dict[str, Any]:
        if "kubelet" in action:
            self.act(action["kubelet"], self.chosen(action["kubelet"], action["pod"])["metadata"]["name"])
        else:
            self.as_user(action)
        await asyncio.sleep(2)
        await self.sandbox.settle()
        return self.state()

    def chosen(self, verb: str, wanted: dict[str, Any]) -> Obj:
        """Any one of that description: they are alike."""
        for pod in self.store.list(POD, SPACE):
            is_going = "deletionTimestamp" in pod["metadata"]
            if self.index_of(pod) != wanted["revision"] or is_going != (verb == "gone"):
                continue
            if verb in ("ready", "unready") and is_ready(pod) != (verb == "unready"):
                continue
            if "state" in wanted and wanted["state"] != ("ready" if is_ready(pod) else "unready"):
                continue
            return pod
        raise AssertionError(f"no pod to {verb}: {wanted}")

    def as_user(self, action: dict[str, Any]) -> None:
        match action["user"]:
            case "create":
                obj = daemon_set(self.recording["updateStrategy"], action["image"])
                fill(obj)
                self.store.create(DAEMON_SET, obj)
            case "set-image":
                self.change(DAEMON_SET, {"template": daemon_template(action["image"])})
            case "delete":
                delete(self.store, DAEMON_SET, SPACE, NAME, now=self.now(), propagation=action["propagation"])
            case "delete-pod":
                name = self.chosen("delete", action["pod"])["metadata"]["name"]
                delete(self.store, POD, SPACE, name, now=self.now(), grace_s=3600)
            case "add-node":
                self.add_node()
            case "unlabel-node" | "cordon-node" | "taint-node":
                self.change_node(action)
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")

    def change_node(self, action: dict[str, Any]) -> None:
        """One whose pod is ready."""
        ready = {
            node_of(pod) for pod in self.store.list(POD, SPACE) if is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
        }
        node = next(
            each for each in self.store.list(NODE) if each["metadata"]["name"] in ready and not each["spec"] and labels_of(each)
        )
        match action["user"]:
            case "unlabel-node":
                self.store.update(NODE, node | {"metadata": node["metadata"] | {"labels": {}}})
            case "cordon-node":
                taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
                self.store.update(NODE, node | {"spec": {"unschedulable": True, "taints": [taint]}})
            case _:
                self.store.update(NODE, node | {"spec": {"taints": [{"key": "demo", "value": "x", "effect": action["effect"]}]}})

    def index_of(self, pod: Obj) -> int:
        hashed = labels_of(pod).get(HASH, "")
        return self.order.index(hashed) if hashed in self.order else -1

    def state(self) -> dict[str, Any]:
        live = self.store.find(DAEMON_SET, SPACE, NAME)
        state: dict[str, Any] = {"daemonset": self.set_state(live), "pods": self.pods_state()}
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            state["revisions"] = [*self.revisions_state()]
        return state

    def set_state(self, live: Obj | None) -> dict[str, Any] | None:
        if live is None:
            return None
        counts = (
            "desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable", "numberUnavailable",
            "numberMisscheduled", "updatedNumberScheduled",
        )  # fmt: skip
        state: dict[str, Any] = {key: live["status"].get(key, 0) for key in counts}
        if "deletionTimestamp" in live["metadata"]:
            state["deleting"] = live["metadata"].get("finalizers") or []
        return state

    def revisions_state(self) -> Iterator[dict[str, int]]:
        live = {labels_of(each)[HASH]: each for each in self.store.list(CONTROLLER_REVISION, SPACE)}
        for index, hashed in enumerate(self.order):
            if hashed in live:
                yield {"index": index, "revision": live[hashed]["revision"]}

    def pods_state(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for pod in self.store.list(POD, SPACE):
            counts = found.setdefault(str(self.index_of(pod)), {})
            word = "terminating" if "deletionTimestamp" in pod["metadata"] else "ready" if is_ready(pod) else "unready"
            word = f"orphan {word}" if controller_of(pod) is None else word
            counts[word] = counts.get(word, 0) + 1
        return found


def daemon_template(image: str) -> Obj:
    made = template(image)
    made["spec"]["nodeSelector"] = dict(ROLE)
    return made


def daemon_set(strategy: dict[str, Any], image: str) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": NAME, "namespace": SPACE, "generation": 1},
        "spec": {
            "updateStrategy": copy.deepcopy(strategy),
            "selector": {"matchLabels": {"app": NAME}},
            "template": daemon_template(image),
        },
    }
