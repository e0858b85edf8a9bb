"""The releases that were measured on a real node, done again on the embedded cluster from their parameters alone."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from random import Random
from typing import Any, NamedTuple

from rollway.compare.lives import Answers, Latency
from rollway.compare.record import Recorder
from rollway.compare.results import Kind, Toll
from rollway.compare.traffic import Load, count, segments
from rollway.kube.objects import DEPLOYMENT, ENDPOINT_SLICE, NAMESPACE, SERVICE, Obj, Ref, get
from rollway.sandbox.client import InProcess
from rollway.sandbox.node.spread import Measured
from rollway.sandbox.timeline import run_virtual
from rollway.sandbox.world import Sandbox

SPACE = "truth"
LEAD_S, TAIL_S = 5.0, 5.0  # the load began so long before the release, and went on so long after it
WARM_S = 1.48  # from the last readiness of the old version to the load's beginning

Parameters = dict[str, Any]
Doing = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Predicted:
    """What a recording of the real node says, predicted: times in seconds."""

    duration_s: float
    toll: Toll
    peak_pods: int
    peak_active: int

    @property
    def kinds(self) -> dict[Kind, int]:
        return self.toll.by_kind()


def predict(parameters: Parameters, seed: int) -> Predicted:
    return run_virtual(_predict(parameters, seed))


async def _predict(parameters: Parameters, seed: int) -> Predicted:
    async with Sandbox(seed=seed, spread=Measured(seed)) as sandbox:
        story = _Story(sandbox, parameters)
        await story.begin()
        loop = asyncio.get_running_loop()
        zero_s = loop.time() + WARM_S + LEAD_S
        target = "v1" if parameters["strategy"].endswith("Rollback") else "v2"
        recorder = Recorder(sandbox.store, SPACE, "app", _versions_by(target), zero_s=zero_s, matching=1.0)
        await asyncio.sleep(WARM_S + LEAD_S)
        duration_s = await story.release()
        await asyncio.sleep(TAIL_S)
        to_s = loop.time() - zero_s
        await asyncio.sleep(15)  # what is on its way at the end
        recorder.stop()
        random = Random(seed)
        answers = Answers(Latency((parameters["latency_s"],)))
        load = Load(parameters["rate_rps"], parameters["client_timeout_s"], {"old": answers, "new": answers})
        parts = segments(recorder.recording(-LEAD_S, to_s), load, random)
        totals = [old + new for old, new in zip(*_values(recorder, to_s), strict=True)]
        return Predicted(duration_s, count(parts, load, random), max(totals), max(recorder.active.between(0.0, to_s)))


def _values(recorder: Recorder, to_s: float) -> tuple[list[int], list[int]]:
    moments = sorted({m for counts in recorder.pods.values() for m in counts.moments if 0 <= m <= to_s} | {0.0})
    return tuple([counts.at(m) for m in moments] for counts in recorder.pods.values())  # type: ignore[return-value]


def _versions_by(target: str) -> Callable[[Obj], Any]:
    return lambda pod: "new" if pod["metadata"]["labels"]["version"] == target else "old"


def _at_once() -> bool:
    return True


async def _nothing() -> None:
    pass


class _Act(NamedTuple):
    """One command to the cluster, what is waited for after it, and the command that takes it back."""

    do: Doing
    is_done: Callable[[], bool]
    undo: Doing


class _Story:
    """What was done to the real cluster, as its recordings' README tells it, from the parameters: the strategy says by which
    acts, the others how long there is waited in between. Where an act's pods are not there within the progress deadline, it stays
    so for `hold_after_deadline_s`, and all acts are taken back, the last one first."""

    def __init__(self, sandbox: Sandbox, parameters: Parameters) -> None:
        self.sandbox, self.p = sandbox, parameters
        self.cluster: InProcess = sandbox.client()
        self.is_paired = parameters["strategy"] not in ("RollingUpdate", "Recreate")

    async def begin(self) -> None:
        """The old version runs, and nothing else; for a rollback of blue-green the new one beside it, and live."""
        self.sandbox.api.create(NAMESPACE, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}})
        is_back = self.p["strategy"] == "BlueGreenRollback"
        await self.cluster.create(self._service("v2" if is_back else "v1" if self.p["strategy"] == "BlueGreen" else ""))
        await self.cluster.create(self._deployment("v1", self.p["replicas"]))
        if is_back:
            await self.cluster.create(self._deployment("v2", self.p["replicas"]))
        await self._until(lambda: self._ready() >= self.p["replicas"] * (2 if is_back else 1))

    async def release(self) -> float:
        """The seconds until all is done, or until it is known that it cannot be."""
        loop, done = asyncio.get_running_loop(), list[_Act]()
        began_s = loop.time()
        for act in self._acts():
            await act.do()
            done.append(act)
            await self._until(lambda act=act: act.is_done() or self._is_overdue())
            if not act.is_done():
                took_s = loop.time() - began_s
                await asyncio.sleep(self.p.get("hold_after_deadline_s") or 0)
                for each in reversed(done):
                    await each.undo()
                await self._until(self._is_back)
                return took_s
        return loop.time() - began_s

    def _acts(self) -> list[_Act]:
        whole = self.p["replicas"]
        match self.p["strategy"]:
            case "RollingUpdate" | "Recreate":
                return [_Act(self._applying("v2"), self._is_rolled_out, self._applying("v1"))]
            case "BlueGreen":
                return [
                    _Act(self._creating("v2", whole), lambda: self._ready("v2") >= whole, self._deleting("v2")),
                    _Act(self._selecting("v2"), _at_once, self._selecting("v1")),
                    _Act(self._sleeping("delete_v1_after_s"), _at_once, _nothing),
                    _Act(self._deleting("v1"), lambda: self._versions() == {"v2"}, self._creating("v1", whole)),
                ]
            case "BlueGreenRollback":
                return [_Act(self._selecting("v1"), lambda: self._versions() == {"v1"}, self._selecting("v2"))]
            case "Canary":
                return [
                    _Act(self._creating("v2", 1), lambda: self._ready("v2") >= 1, self._deleting("v2")),
                    _Act(self._sleeping("hold_s"), _at_once, _nothing),
                    _Act(self._scaling("v2", whole), lambda: self._ready("v2") >= whole, self._scaling("v2", 1)),
                    _Act(self._scaling("v1", 0), lambda: not self._deployed("v1", "replicas"), self._scaling("v1", whole)),
                ]
        raise ValueError(f"nobody knows how {self.p['strategy']} is played")

    # doing

    def _applying(self, version: str) -> Doing:
        return lambda: self.cluster.apply(self._deployment(version, self.p["replicas"]), force=True)

    def _creating(self, version: str, pods: int) -> Doing:
        return lambda: self.cluster.create(self._deployment(version, pods))

    def _deleting(self, version: str) -> Doing:
        return lambda: self.cluster.delete(self._ref(version))

    def _scaling(self, version: str, pods: int) -> Doing:
        return lambda: self.cluster.patch(self._ref(version), {"spec": {"replicas": pods}})

    def _selecting(self, version: str) -> Doing:
        ref = Ref(SERVICE.api_version, SERVICE.name, SPACE, "app")
        return lambda: self.cluster.patch(ref, {"spec": {"selector": {"app": "app", "version": version}}})

    def _sleeping(self, key: str) -> Doing:
        return lambda: asyncio.sleep(self.p.get(key) or 0)

    # asking

    async def _until(self, holds: Callable[[], bool]) -> None:
        for _ in range(120_000):
            if holds():
                return
            await asyncio.sleep(0.005)
        raise TimeoutError

    def _ready(self, *versions: str) -> int:
        """Pods, of these versions' Deployments, or of all."""
        names = {self._ref(version).name for version in versions}
        found = [live for live in self.sandbox.store.list(DEPLOYMENT, SPACE) if not names or live["metadata"]["name"] in names]
        return sum(get(live, "status", "readyReplicas", default=0) for live in found)

    def _deployed(self, version: str, field: str) -> int:
        return int(get(self.sandbox.store.get(DEPLOYMENT, SPACE, self._ref(version).name), "status", field, default=0))

    def _is_rolled_out(self) -> bool:
        live = self.sandbox.store.get(DEPLOYMENT, SPACE, "app")
        status, wanted = live.get("status", {}), live["spec"]["replicas"]
        counts = [status.get(key, 0) for key in ("updatedReplicas", "replicas", "availableReplicas")]
        return status.get("observedGeneration") == live["metadata"]["generation"] and counts == [wanted] * 3

    def _is_overdue(self) -> bool:
        failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
        known = (get(live, "status", "conditions", default=()) for live in self.sandbox.store.list(DEPLOYMENT, SPACE))
        return any(failed.items() <= each.items() for conditions in known for each in conditions)

    def _is_back(self) -> bool:
        if not self.is_paired:
            return self._is_rolled_out()
        return self._versions() == {"v1"} and self._ready("v1") == self.p["replicas"]

    def _versions(self) -> set[str]:
        """Those of the ready endpoints."""
        pieces = self.sandbox.store.list(ENDPOINT_SLICE, SPACE)
        names = [e["targetRef"]["name"] for s in pieces for e in s.get("endpoints") or () if get(e, "conditions", "ready")]
        return {"v2" if name.startswith("app-v2") else "v1" for name in names}

    # objects

    def _ref(self, version: str) -> Ref:
        return Ref(DEPLOYMENT.api_version, DEPLOYMENT.name, SPACE, f"app-{version}" if self.is_paired else "app")

    def _service(self, version: str) -> Obj:
        selector = {"app": "app"} | ({"version": version} if version else {})
        spec = {"selector": selector, "ports": [{"port": 80, "targetPort": 8080}]}
        return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "app", "namespace": SPACE}, "spec": spec}

    def _deployment(self, version: str, replicas: int) -> Obj:
        labels = {"app": "app", "version": version}
        fixed = labels if self.is_paired else {"app": "app"}
        rolling = {"maxSurge": self.p["max_surge"], "maxUnavailable": self.p["max_unavailable"]}
        is_recreate = self.p["strategy"] == "Recreate"
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": self._ref(version).name, "namespace": SPACE},
            "spec": {
                "replicas": replicas,
                "selector": {"matchLabels": fixed},
                "progressDeadlineSeconds": self.p["progress_deadline_s"],
                "strategy": {"type": "Recreate"} if is_recreate else {"type": "RollingUpdate", "rollingUpdate": rolling},
                "template": {
                    "metadata": {"labels": labels, "annotations": {"sandbox.rollway.dev/behaviour": self._behaviour(version)}},
                    "spec": {
                        "terminationGracePeriodSeconds": self.p["grace_s"],
                        "containers": [self._container()],
                    },
                },
            },
        }

    def _container(self) -> Obj:
        container: Obj = {"name": "app", "image": "app", "ports": [{"containerPort": 8080}]}
        for key, probe in (("readinessProbe", self.p["readiness_probe"]), ("livenessProbe", self.p["liveness_probe"])):
            if probe:
                container[key] = {
                    "httpGet": {"path": probe["path"], "port": 8080},
                    "periodSeconds": probe["period_s"],
                    "initialDelaySeconds": probe["initial_delay_s"],
                    "timeoutSeconds": probe["timeout_s"],
                    "successThreshold": probe["success_threshold"],
                    "failureThreshold": probe["failure_threshold"],
                }
        if self.p["prestop_s"]:
            container["lifecycle"] = {"preStop": {"sleep": {"seconds": self.p["prestop_s"]}}}
        return container

    def _behaviour(self, version: str) -> str:
        words = [f"start: {self.p['start_delay_s']:g}s", f"ignoreSigterm: {str(self.p['sigterm'] == 'ignores').lower()}"]
        if self.p["sigterm"].startswith(("drain", "graceful", "finish")):
            words.append(f"stop: {self.p['latency_s']:g}s")
        if version == "v2" and self.p["v2_env"]:
            if self.p["v2_env"] != {"READY_AFTER": "never"}:
                raise ValueError(f"nobody knows how v2 is with {self.p['v2_env']}")
            words.append("fails: never-ready")
        return "{" + ", ".join(words) + "}"
