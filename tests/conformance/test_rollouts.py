"""The sandbox's controllers against recordings of a real cluster, one quiet state at a time.

The recorder played the kubelet, so does this test: pods run, but are unready, as soon as they are there; they become ready or
unready, and terminating ones go, when the recording says so. Another folder of the same shape is read from the environment
variable ROLLWAY_CONFORMANCE.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replayed import NAME, SPACE, Kubelet, recordings, replayed
from rollway.kube.objects import DEPLOYMENT, ENDPOINT_SLICE, POD, REPLICA_SET, SERVICE, Obj
from rollway.sandbox.controllers.index import is_ready
from rollway.sandbox.store.store import Change
from rollway.sandbox.world import Sandbox


@pytest.mark.parametrize("path", recordings("rollouts"), ids=lambda path: path.stem)
def test_every_quiet_state_is_the_recorded_one(path: Path) -> None:
    """After each action of a recording, the whole state is what the real cluster showed."""
    for step, state, recorded in replayed(path, Player):
        assert state == recorded, step


class Player(Kubelet):
    def __init__(self, sandbox: Sandbox, recording: dict[str, Any]) -> None:
        super().__init__(sandbox, recording)
        self.order: list[str] = []  # ReplicaSets by first appearance

    def note(self, change: Change) -> None:
        super().note(change)
        if change.kind == REPLICA_SET and change.type == "ADDED":
            self.order.append(change.obj["metadata"]["name"])

    async def play(self, action: dict[str, Any]) -> dict[str, Any]:
        if "kubelet" in action:
            self.as_kubelet(action["kubelet"], self.order[action["replicaset"]])
        else:
            self.as_user(action)
        await asyncio.sleep(1)
        await self.sandbox.settle()
        return self.state()

    def as_kubelet(self, verb: str, replicaset: str) -> None:
        pods = [pod for pod in self.store.list(POD, SPACE) if owner(pod) == replicaset]
        going = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
        chosen = going if verb == "gone" else [pod for pod in pods if pod not in going and is_ready(pod) != (verb == "ready")]
        self.act(verb, chosen[0]["metadata"]["name"])

    def as_user(self, action: dict[str, Any]) -> None:
        if action["user"] == "create":
            self.store.create(SERVICE, service())
            self.store.create(DEPLOYMENT, deployment(self.recording, action["image"]))
            return
        live = self.store.get(DEPLOYMENT, SPACE, NAME)
        match action["user"]:
            case "set-image":
                change = {"template": template(action["image"])}
            case "scale":
                change = {"replicas": action["replicas"]}
            case "pause":
                change = {"paused": True}
            case "resume":
                change = {"paused": False}
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")
        meta = live["metadata"] | {"generation": live["metadata"]["generation"] + 1}
        self.store.update(DEPLOYMENT, live | {"metadata": meta, "spec": live["spec"] | change})

    def state(self) -> dict[str, Any]:
        pods: dict[str, dict[str, int]] = {}
        for name in self.order:
            index, live = str(self.order.index(name)), self.store.find(REPLICA_SET, SPACE, name)
            owned = [pod for pod in self.store.list(POD, SPACE) if owner(pod) == name]
            if live is not None and (owned or live["spec"]["replicas"]):
                pods[index] = counted(owned)
        return {
            "deployment": self.deployment_state(),
            "replicasets": [*self.replicaset_states()],
            "pods": pods,
            "endpoints": self.endpoints_state(),
        }

    def deployment_state(self) -> dict[str, Any]:
        status = self.store.get(DEPLOYMENT, SPACE, NAME)["status"]
        counts = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "unavailableReplicas")
        conditions = {each["type"]: [each["status"], each["reason"]] for each in status["conditions"]}
        return {key: status.get(key, 0) for key in counts} | {"conditions": conditions}

    def replicaset_states(self) -> Iterator[dict[str, Any]]:
        for index, name in enumerate(self.order):
            if (live := self.store.find(REPLICA_SET, SPACE, name)) is None:
                continue
            status = live["status"]
            counts = {key: status.get(key, 0) for key in ("replicas", "readyReplicas", "availableReplicas")}
            revision = int(live["metadata"]["annotations"]["deployment.kubernetes.io/revision"])
            yield {"index": index, "revision": revision, "spec": live["spec"]["replicas"]} | counts

    def endpoints_state(self) -> dict[str, int]:
        slices = self.store.list(ENDPOINT_SLICE, SPACE)
        points = [point["conditions"] for each in slices for point in each["endpoints"]]
        return {key: sum(point[key] for point in points) for key in ("ready", "serving", "terminating")}


def owner(pod: Obj) -> str:
    return str(pod["metadata"]["ownerReferences"][0]["name"])


def counted(pods: list[Obj]) -> dict[str, int]:
    going = [pod for pod in pods if "deletionTimestamp" in pod["metadata"]]
    ready = [pod for pod in pods if pod not in going and is_ready(pod)]
    return {"ready": len(ready), "unready": len(pods) - len(going) - len(ready), "terminating": len(going)}


def template(image: str) -> Obj:
    return {"metadata": {"labels": {"app": NAME}}, "spec": {"containers": [{"name": NAME, "image": image}]}}


def deployment(recording: dict[str, Any], image: str) -> Obj:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": SPACE, "generation": 1},
        "spec": {
            "replicas": recording["replicas"],
            "selector": {"matchLabels": {"app": NAME}},
            "strategy": recording["strategy"],
            "template": template(image),
            "revisionHistoryLimit": 10,
            "progressDeadlineSeconds": 600,
        },
    }


def service() -> Obj:
    spec = {"selector": {"app": NAME}, "ports": [{"port": 80, "targetPort": 8080}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": NAME, "namespace": SPACE}, "spec": spec}
