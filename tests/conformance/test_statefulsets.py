"""StatefulSets against recordings of a real cluster, one quiet state at a time. The recorder played the kubelet, so does this
test."""

from __future__ import annotations

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest
from replayed import IMAGE, NAME, SPACE, Kubelet, recordings, replayed, template
from rollway.kube.defaults import fill
from rollway.kube.objects import CONTROLLER_REVISION, POD, STATEFUL_SET, Obj, labels_of
from rollway.sandbox.api.deletion import delete
from rollway.sandbox.controllers.history import HASH
from rollway.sandbox.controllers.index import controller_of, is_ready
from rollway.sandbox.store.store import Change
from rollway.sandbox.world import Sandbox


@pytest.mark.parametrize("path", recordings("statefulsets"), ids=lambda path: path.stem)
def test_every_quiet_state_is_the_recorded_one(path: Path) -> None:
    """After each action of a recording, the whole state is what the real cluster showed."""
    for step, state, recorded in replayed(path, Player):
        assert state == recorded, step


class Player(Kubelet):
    def __init__(self, sandbox: Sandbox, recording: dict[str, Any]) -> None:
        super().__init__(sandbox, recording)
        self.order: list[str] = []  # revisions by first appearance

    def note(self, change: Change) -> None:
        super().note(change)
        if change.kind == CONTROLLER_REVISION and change.type == "ADDED":
            self.order.append(change.obj["metadata"]["name"])

    async def play(self, action: dict[str, Any]) -> dict[str, Any]:
        if "kubelet" in action:
            self.act(action["kubelet"], f"{NAME}-{action['ordinal']}")
        else:
            self.as_user(action)
        await asyncio.sleep(1)
        await self.sandbox.settle()
        return self.state()

    def as_user(self, action: dict[str, Any]) -> None:
        match action["user"]:
            case "create":
                obj = stateful_set(self.recording["spec"], action["image"])
                fill(obj)
                self.store.create(STATEFUL_SET, obj)
            case "delete":
                delete(self.store, STATEFUL_SET, SPACE, NAME, now=self.now(), propagation=action["propagation"])
            case "delete-pod":
                delete(self.store, POD, SPACE, f"{NAME}-{action['ordinal']}", now=self.now(), grace_s=3600)
            case "set-image":
                self.change(STATEFUL_SET, {"template": template(action["image"])})
            case "scale":
                self.change(STATEFUL_SET, {"replicas": action["replicas"]})
            case "set-partition":
                live = self.store.get(STATEFUL_SET, SPACE, NAME)["spec"]["updateStrategy"]
                rolling = {**(live.get("rollingUpdate") or {}), "partition": action["partition"]}
                self.change(STATEFUL_SET, {"updateStrategy": live | {"rollingUpdate": rolling}})
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")

    def state(self) -> dict[str, Any]:
        live = self.store.find(STATEFUL_SET, SPACE, NAME)
        state: dict[str, Any] = {"statefulset": self.set_state(live), "pods": self.pods_state()}
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            state["revisions"] = [*self.revisions_state()]
        return state

    def set_state(self, live: Obj | None) -> dict[str, Any] | None:
        if live is None:
            return None
        status = live["status"]
        counts = ("replicas", "readyReplicas", "availableReplicas", "currentReplicas", "updatedReplicas")
        state: dict[str, Any] = {key: status.get(key, 0) for key in counts}
        state |= {key: self.index_of(status.get(key, "")) for key in ("currentRevision", "updateRevision")}
        if "deletionTimestamp" in live["metadata"]:
            state["deleting"] = live["metadata"].get("finalizers") or []
        return state

    def index_of(self, revision: str) -> int:
        return self.order.index(revision) if revision in self.order else -1

    def revisions_state(self) -> Any:
        for index, name in enumerate(self.order):
            if (found := self.store.find(CONTROLLER_REVISION, SPACE, name)) is not None:
                yield {"index": index, "revision": found["revision"]}

    def pods_state(self) -> dict[str, Any]:
        found = {}
        for pod in self.store.list(POD, SPACE):
            ordinal = pod["metadata"]["name"].rpartition("-")[2]
            state: dict[str, Any] = {"revision": self.index_of(labels_of(pod).get(HASH, ""))}
            state["state"] = "ready" if is_ready(pod) else "unready"
            if "deletionTimestamp" in pod["metadata"]:
                state["terminating"] = True
            if controller_of(pod) is None:
                state["orphan"] = True
            found[ordinal] = state
        return found


def stateful_set(spec: dict[str, Any], image: str = IMAGE) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": NAME, "namespace": SPACE, "generation": 1},
        "spec": {**copy.deepcopy(spec), "selector": {"matchLabels": {"app": NAME}}, "template": template(image)},
    }
