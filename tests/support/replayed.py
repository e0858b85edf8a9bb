"""What the tests have in common that replay recordings of workloads: where these are, and the node that the recorder played."""

from __future__ import annotations

import asyncio
import copy
import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from rollway.kube.clock import now, timestamp
from rollway.kube.defaults import fill
from rollway.kube.objects import POD, Kind, Obj
from rollway.sandbox.store.store import Change
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

FOLDER = Path(os.environ.get("ROLLWAY_CONFORMANCE") or Path(__file__).parent.parent / "conformance")
SPACE, NAME, IMAGE = "default", "demo", "demo:v1"


def recordings(kind: str) -> list[Path]:
    return sorted((FOLDER / kind).glob("*.json"))


State = dict[str, Any]


class Kubelet:
    """Pods run, but are unready, as soon as they are there; everything else happens when the recording says so."""

    def __init__(self, sandbox: Sandbox, recording: dict[str, Any]) -> None:
        self.sandbox, self.store, self.recording = sandbox, sandbox.store, recording
        self.started = 0
        self.store.subscribe(self.note)

    async def begin(self) -> None:
        """Before the first action."""

    async def play(self, action: dict[str, Any]) -> State:
        """Does what the recording says, and answers the state when nothing moves any more."""
        raise NotImplementedError

    def now(self) -> datetime:
        return now()

    def note(self, change: Change) -> None:
        if change.kind == POD and change.type == "ADDED":
            asyncio.get_running_loop().call_soon(self.run_pod, change.obj["metadata"]["name"])

    def node_of(self, pod: Obj) -> str:
        return str(pod["spec"].get("nodeName") or "node")

    def run_pod(self, name: str) -> None:
        pod = self.store.find(POD, SPACE, name)
        if pod is None:
            return
        self.started += 1
        address = f"10.0.{self.started // 250}.{self.started % 250}"
        status = {"phase": "Running", "podIP": address, "conditions": [self.ready(value=False)]}
        self.store.update(POD, pod | {"spec": pod["spec"] | {"nodeName": self.node_of(pod)}, "status": status})

    def ready(self, *, value: bool) -> Obj:
        return {"type": "Ready", "status": str(value), "lastTransitionTime": timestamp(now())}

    def act(self, verb: str, name: str) -> None:
        """`ready`, `unready`, `gone` or `fail` of the pod of that name."""
        pod = self.store.get(POD, SPACE, name)
        match verb:
            case "gone":
                self.store.remove(POD, SPACE, name)
            case "ready" | "unready":
                self.store.update(POD, pod | {"status": pod["status"] | {"conditions": [self.ready(value=verb == "ready")]}})
            case "fail":
                status = pod["status"] | {"phase": "Failed", "conditions": [self.ready(value=False)]}
                self.store.update(POD, pod | {"status": status})
            case other:
                raise AssertionError(f"an action that this test does not know: {other}")

    def change(self, kind: Kind, spec: dict[str, Any]) -> None:
        """As a user changes what is wanted."""
        live = self.store.get(kind, SPACE, NAME)
        meta = live["metadata"] | {"generation": live["metadata"]["generation"] + 1}
        changed = copy.deepcopy(live | {"metadata": meta, "spec": live["spec"] | spec})
        fill(changed)
        self.store.update(kind, changed)


def replayed(path: Path, player: Callable[[Sandbox, dict[str, Any]], Kubelet]) -> list[tuple[str, State, State]]:
    """(the action, the state here, the recorded one) of each step."""
    recording = json.loads(path.read_text())
    states = run_virtual(_played(recording, player))
    steps = enumerate(zip(recording["steps"], states, strict=True))
    return [(f"step {number}: {step['action']}", state, step["state"]) for number, (step, state) in steps]


async def _played(recording: dict[str, Any], player: Callable[[Sandbox, dict[str, Any]], Kubelet]) -> list[State]:
    async with Sandbox(kubelet=False) as sandbox:
        playing, states = player(sandbox, recording), []
        await playing.begin()
        for step in recording["steps"]:
            states.append(await playing.play(step["action"]))
            for pause in step.get("then") or ():
                await asyncio.sleep(pause["sleep"])
        return states


def template(image: str) -> Obj:
    return {"metadata": {"labels": {"app": NAME}}, "spec": {"containers": [{"name": NAME, "image": image}]}}
