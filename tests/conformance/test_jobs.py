"""Jobs against recordings of a real cluster, one quiet state at a time. The recorder played the kubelet, so does this test."""

from __future__ import annotations

import asyncio
import copy
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from replayed import IMAGE, NAME, SPACE, Kubelet, recordings, replayed
from rollway.kube.clock import timestamp
from rollway.kube.defaults import fill
from rollway.kube.objects import JOB, POD, Obj, annotations_of, get
from rollway.sandbox.api.deletion import delete
from rollway.sandbox.controllers.index import controller_of, is_ready
from rollway.sandbox.controllers.jobindexes import FAILURES, index_of
from rollway.sandbox.controllers.jobpods import is_tracked

QUIET_S = 3.0
LONGEST_S = 120.0


@pytest.mark.parametrize("path", recordings("jobs"), ids=lambda path: path.stem)
def test_every_quiet_state_is_the_recorded_one(path: Path) -> None:
    """After each action of a recording, the whole state is what the real cluster showed."""
    for step, state, recorded in replayed(path, Player):
        assert state == recorded, step


class Player(Kubelet):
    async def play(self, action: dict[str, Any]) -> dict[str, Any]:
        if "wait" in action:
            await self.wait(action["wait"])
        elif "kubelet" in action:
            self.as_kubelet(action, self.chosen(action["pod"]))
        else:
            self.as_user(action)
        await asyncio.sleep(QUIET_S)
        await self.sandbox.settle()
        return self.state()

    async def wait(self, until: str) -> None:
        """Until a new pod is there, the deadline has passed, or the Job is gone."""
        known = {pod["metadata"]["uid"] for pod in self.store.list(POD, SPACE)}
        live = self.store.find(JOB, SPACE, NAME)
        failed = len(get(live, "status", "conditions", default=()))
        for _ in range(int(LONGEST_S * 2)):
            await asyncio.sleep(0.5)
            live = self.store.find(JOB, SPACE, NAME)
            is_over = {
                "pod": any(pod["metadata"]["uid"] not in known for pod in self.store.list(POD, SPACE)),
                "deadline": len(get(live, "status", "conditions", default=())) > failed,
                "ttl": live is None,
            }
            if is_over[until]:
                return

    def run_pod(self, name: str) -> None:
        super().run_pod(name)
        pod = self.store.find(POD, SPACE, name)
        if pod is not None:
            self.put(pod, containerStatuses=[{"name": NAME, "restartCount": 0, "state": {"running": {}}}])

    def put(self, pod: Obj, **status: Any) -> Obj:
        return self.store.update(POD, pod | {"status": pod["status"] | status})

    def chosen(self, wanted: dict[str, Any]) -> Obj:
        """Any one of that description: they are alike."""
        keys = ("state", "terminating", "index", "restarts")
        for pod in self.store.list(POD, SPACE):
            seen = described(pod)
            if all(seen.get(key) == wanted.get(key) for key in keys):
                return pod
        raise AssertionError(f"no pod like {wanted}")

    def as_kubelet(self, action: dict[str, Any], pod: Obj) -> None:
        match action["kubelet"]:
            case "ready":
                self.put(pod, conditions=[self.ready(value=True)])
            case "succeed":
                self.end(pod, "Succeeded", 0)
            case "fail":
                self.end(pod, "Failed", action["exitCode"])
            case "restart":
                restarts = pod["status"]["containerStatuses"][0]["restartCount"] + 1
                again = [{"name": NAME, "restartCount": restarts, "state": {"running": {}}}]
                self.put(pod, conditions=[self.ready(value=False)], containerStatuses=again)
            case "evict":
                why = {"type": "DisruptionTarget", "status": "True", "reason": "TerminationByKubelet"}
                ended = self.end(pod, "Failed", 137)
                self.put(ended, reason="Evicted", conditions=[*ended["status"]["conditions"], why])
            case "vanish":
                self.remove(pod)
            case "gone":
                if phase := action["phase"]:
                    pod = self.end(pod, phase, 143 if phase == "Failed" else 0)
                self.remove(pod)
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")

    def end(self, pod: Obj, phase: str, code: int) -> Obj:
        restarts = get(pod, "status", "containerStatuses")[0]["restartCount"]
        ended = {"exitCode": code, "finishedAt": timestamp(self.now())}
        was_ready = is_ready(pod)
        conditions = [self.ready(value=False)] if was_ready else pod["status"]["conditions"]
        statuses = [{"name": NAME, "restartCount": restarts, "state": {"terminated": ended}}]
        return self.put(pod, phase=phase, conditions=conditions, containerStatuses=statuses)

    def remove(self, pod: Obj) -> None:
        """As the kubelet deletes a pod that has ended: with no grace left."""
        delete(self.store, POD, SPACE, pod["metadata"]["name"], now=self.now(), grace_s=0)

    def as_user(self, action: dict[str, Any]) -> None:
        match action["user"]:
            case "create":
                obj = job(self.recording)
                fill(obj)
                self.store.create(JOB, obj)
            case "suspend" | "resume":
                self.change(JOB, {"suspend": action["user"] == "suspend"})
            case "scale":
                self.change(JOB, {key: action[key] for key in ("parallelism", "completions") if key in action})
            case "delete":
                delete(self.store, JOB, SPACE, NAME, now=self.now(), propagation=action["propagation"])
            case "delete-pod":
                name = self.chosen(action["pod"])["metadata"]["name"]
                delete(self.store, POD, SPACE, name, now=self.now(), grace_s=3600)
            case "evict":
                pod = self.chosen(action["pod"])
                why = {"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}
                self.put(pod, conditions=[*pod["status"]["conditions"], why])
                delete(self.store, POD, SPACE, pod["metadata"]["name"], now=self.now())
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")

    def state(self) -> dict[str, Any]:
        return {"job": self.job_state(), "pods": self.pods_state()}

    def job_state(self) -> dict[str, Any] | None:
        live = self.store.find(JOB, SPACE, NAME)
        if live is None:
            return None
        status = live["status"]
        counts = ("active", "ready", "succeeded", "failed", "terminating", "completedIndexes", "failedIndexes")
        state: dict[str, Any] = {key: status[key] for key in counts if key in status}
        conditions = {each["type"]: [each["status"], each["reason"], each["message"]] for each in status.get("conditions") or ()}
        state["conditions"] = {key: [*value[:2], masked(value[2])] for key, value in conditions.items()}
        state |= {"startTime": "startTime" in status, "completionTime": "completionTime" in status}
        if "deletionTimestamp" in live["metadata"]:
            state["deleting"] = live["metadata"].get("finalizers") or []
        return state

    def pods_state(self) -> list[dict[str, Any]]:
        kinds = Counter(json.dumps(described(pod), sort_keys=True) for pod in self.store.list(POD, SPACE))
        found = [json.loads(text) | {"count": count} for text, count in kinds.items()]
        return sorted(found, key=order)


def order(pod: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in pod.items() if key != "count"}, sort_keys=True)


def masked(message: str) -> str:
    """Without what is drawn: the namespace and the ends of pods' names."""
    return re.sub(rf" {SPACE}/(demo(-\d+)?)-[a-z0-9]{{5}} ", r" {ns}/\1-<id> ", message)


def described(pod: Obj) -> dict[str, Any]:
    """As the recordings tell pods apart."""
    phase = pod["status"]["phase"]
    ended = {"Succeeded": "succeeded", "Failed": "failed"}
    seen: dict[str, Any] = {"state": ended.get(phase) or ("ready" if is_ready(pod) else "unready")}
    if "deletionTimestamp" in pod["metadata"]:
        seen["terminating"] = True
    if is_tracked(pod):
        seen["tracked"] = True
    if (index := index_of(pod)) is not None:
        seen["index"] = index
    if FAILURES in annotations_of(pod):
        seen["indexFailures"] = int(annotations_of(pod)[FAILURES])
    statuses = pod["status"].get("containerStatuses")
    if restarts := statuses[0]["restartCount"] if statuses else 0:
        seen["restarts"] = restarts
    if controller_of(pod) is None:
        seen["orphan"] = True
    return seen


def job(recording: dict[str, Any]) -> Obj:
    spec = {
        "restartPolicy": recording["restartPolicy"],
        "terminationGracePeriodSeconds": 3600,
        "automountServiceAccountToken": False,
        "containers": [{"name": NAME, "image": IMAGE}],
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": NAME, "namespace": SPACE, "generation": 1},
        "spec": {**copy.deepcopy(recording["spec"]), "template": {"metadata": {"labels": {"app": NAME}}, "spec": spec}},
    }
