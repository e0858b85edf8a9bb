"""CronJobs against recordings of a real cluster, one quiet state at a time. The recorder played the kubelet, so does this
test."""

from __future__ import annotations

import asyncio
import copy
import math
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from replayed import IMAGE, NAME, SPACE, Kubelet, recordings, replayed
from rollway.kube.clock import now, parse_timestamp, timestamp
from rollway.kube.defaults import fill
from rollway.kube.objects import CRON_JOB, EVENT, JOB, POD, Obj, annotations_of, controller_ref
from rollway.sandbox.api.deletion import delete
from rollway.sandbox.controllers.cronjob import SCHEDULED
from rollway.sandbox.controllers.index import controller_of, is_ready
from rollway.sandbox.store.store import Change
from rollway.sandbox.world import Sandbox

INTO_THE_MINUTE_S = 12.0


@pytest.mark.parametrize("path", recordings("cronjobs"), ids=lambda path: path.stem)
def test_every_quiet_state_is_the_recorded_one(path: Path) -> None:
    """After each action of a recording, the whole state is what the real cluster showed."""
    for step, state, recorded in replayed(path, Player):
        assert state == recorded, step


class Player(Kubelet):
    def __init__(self, sandbox: Sandbox, recording: dict[str, Any]) -> None:
        super().__init__(sandbox, recording)
        self.minute0 = 0
        self.jobs: list[str] = []  # by first appearance

    def note(self, change: Change) -> None:
        super().note(change)
        if change.kind == JOB and change.type == "ADDED":
            self.jobs.append(change.obj["metadata"]["name"])

    async def begin(self) -> None:
        await asyncio.sleep(60 - now().timestamp() % 60 + INTO_THE_MINUTE_S)
        self.minute0 = math.floor(now().timestamp() / 60)

    async def play(self, action: dict[str, Any]) -> dict[str, Any]:
        if "wait" in action:
            await asyncio.sleep(60 - now().timestamp() % 60 + 5)
        elif "kubelet" in action:
            self.as_kubelet(action["kubelet"], self.pod_of(self.jobs[action["job"]]))
            await asyncio.sleep(3)
        else:
            self.as_user(action)
            await asyncio.sleep(3)
        await self.sandbox.settle()
        return self.state()

    def pod_of(self, job: str) -> Obj:
        return next(pod for pod in self.store.list(POD, SPACE) if (controller_of(pod) or {}).get("name") == job)

    def as_kubelet(self, verb: str, pod: Obj) -> None:
        if verb in ("ready", "gone"):
            self.act(verb, pod["metadata"]["name"])
            return
        phase, code = ("Succeeded", 0) if verb == "succeed" else ("Failed", 1)
        ended = {"exitCode": code, "finishedAt": timestamp(now())}
        status = {"phase": phase, "conditions": [self.ready(value=False)]}
        status["containerStatuses"] = [{"name": NAME, "restartCount": 0, "state": {"terminated": ended}}]
        self.store.update(POD, pod | {"status": pod["status"] | status})

    def as_user(self, action: dict[str, Any]) -> None:
        match action["user"]:
            case "create":
                obj = cron_job(self.recording["spec"])
                fill(obj)
                self.store.create(CRON_JOB, obj)
            case "suspend" | "resume":
                self.change(CRON_JOB, {"suspend": action["user"] == "suspend"})
            case "set-schedule":
                self.change(CRON_JOB, {"schedule": action["schedule"]})
            case "set-image":
                self.change(CRON_JOB, {"jobTemplate": job_template(action["image"])})
            case "delete":
                delete(self.store, CRON_JOB, SPACE, NAME, now=now(), propagation=action["propagation"])
            case "delete-job":
                name = self.jobs[action["job"]]
                delete(self.store, JOB, SPACE, name, now=now(), propagation=action["propagation"])
            case "trigger":
                self.trigger()
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")

    def trigger(self) -> None:
        """As `kubectl create job --from` does."""
        cron = self.store.get(CRON_JOB, SPACE, NAME)
        meta = {"name": f"{NAME}-manual", "namespace": SPACE, "generation": 1, "creationTimestamp": timestamp(now())}
        meta |= {
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [controller_ref(CRON_JOB, cron)],
        }
        spec = copy.deepcopy(cron["spec"]["jobTemplate"]["spec"])
        job: Obj = {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": spec}
        fill(job)
        self.store.create(JOB, job)

    def minute_of(self, moment: datetime) -> int:
        return math.floor(moment.timestamp() / 60) - self.minute0

    def state(self) -> dict[str, Any]:
        events = {
            f"{each['type']} {each['reason']}"
            for each in self.store.list(EVENT, SPACE)
            if each["involvedObject"]["kind"] == "CronJob"
        }
        state: dict[str, Any] = {
            "cronjob": self.cron_state(),
            "jobs": [*filter(None, map(self.job_state, range(len(self.jobs))))],
            "events": sorted(each for each in events if not each.endswith("MissingJob")),
        }
        others = [
            pod
            for pod in self.store.list(POD, SPACE)
            if self.store.find(JOB, SPACE, (controller_of(pod) or {}).get("name", "")) is None
        ]
        return state | ({"otherPods": counted(others)} if others else {})

    def cron_state(self) -> dict[str, Any] | None:
        live = self.store.find(CRON_JOB, SPACE, NAME)
        if live is None:
            return None
        status = live.get("status") or {}
        state: dict[str, Any] = {"active": [self.jobs.index(each["name"]) for each in status.get("active") or ()]}
        if at := status.get("lastScheduleTime"):
            state["lastScheduleMinute"] = self.minute_of(parse_timestamp(at))
        return state | {"lastSuccessfulTime": "lastSuccessfulTime" in status}

    def job_state(self, number: int) -> dict[str, Any] | None:
        live = self.store.find(JOB, SPACE, self.jobs[number])
        if live is None:
            return None
        status = live.get("status") or {}
        state: dict[str, Any] = {"job": number}
        if at := annotations_of(live).get(SCHEDULED):
            state["scheduled"] = self.minute_of(parse_timestamp(at))
        ending = live["metadata"]["name"].rpartition("-")[2]
        if ending.isdecimal():
            state["nameMinute"] = int(ending) - self.minute0
        state |= {key: status[key] for key in ("active", "ready", "succeeded", "failed") if status.get(key)}
        state["conditions"] = [each["type"] for each in status.get("conditions") or () if each["status"] == "True"]
        if controller_of(live) is None:
            state["orphan"] = True
        pods = [pod for pod in self.store.list(POD, SPACE) if (controller_of(pod) or {}).get("name") == self.jobs[number]]
        return state | {"pods": counted(pods)}


def counted(pods: list[Obj]) -> dict[str, int]:
    words = {"Succeeded": "succeeded", "Failed": "failed"}
    found: Counter[str] = Counter()
    for pod in pods:
        word = words.get(pod["status"]["phase"]) or ("ready" if is_ready(pod) else "unready")
        found[f"terminating {word}" if "deletionTimestamp" in pod["metadata"] else word] += 1
    return dict(found)


def job_template(image: str = IMAGE) -> Obj:
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 3600,
        "automountServiceAccountToken": False,
        "containers": [{"name": NAME, "image": image}],
    }
    return {"spec": {"backoffLimit": 0, "template": {"metadata": {"labels": {"app": NAME}}, "spec": spec}}}


def cron_job(spec: dict[str, Any]) -> Obj:
    meta = {"name": NAME, "namespace": SPACE, "generation": 1, "creationTimestamp": timestamp(now())}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": meta,
        "spec": {**copy.deepcopy(spec), "jobTemplate": job_template()},
    }
