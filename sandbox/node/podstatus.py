"""A pod's status as the kubelet writes it: pure, from what its containers do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from ...kube.clock import timestamp
from ...kube.objects import Obj, digest, get

HOST_IP = "172.18.0.2"
OWN = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
CREATING: Obj = {"waiting": {"reason": "ContainerCreating"}}
NEVER: Obj = {}
YES: Obj = {"status": "True"}
NO: Obj = {"status": "False"}
COMPLETED: Obj = {"status": "True", "reason": "PodCompleted"}


class Container(NamedTuple):
    """What one container does: `state` and `last` are ContainerStates of the API, which nobody changes in place."""

    state: Obj = CREATING
    last: Obj = NEVER
    is_ready: bool = False
    is_started: bool = False
    restarts: int = 0

    @property
    def is_running(self) -> bool:
        return "running" in self.state

    @property
    def is_over(self) -> bool:
        return "terminated" in self.state


def container_of(status: Mapping[str, Any]) -> Container:
    """As an earlier run of the kubelet wrote it."""
    return Container(
        state=status.get("state") or CREATING,
        last=status.get("lastState") or NEVER,
        is_ready=bool(status.get("ready")),
        is_started=bool(status.get("started")),
        restarts=int(status.get("restartCount") or 0),
    )


def containers_of(pod: Obj) -> list[Container]:
    known = {each["name"]: each for each in get(pod, "status", "containerStatuses", default=())}
    return [container_of(known.get(spec["name"], {})) for spec in pod["spec"]["containers"]]


def running(now: datetime, *, is_ready: bool = False) -> Container:
    """A container that has just started."""
    return Container(state={"running": {"startedAt": timestamp(now)}}, is_ready=is_ready, is_started=is_ready)


def ended(pod: Obj, name: str, container: Container, code: int, at: datetime, *, reason: str = "", message: str = "") -> Obj:
    """The state of a container that ends at that moment; the reason is by its exit code where none is given."""
    over: Obj = {"exitCode": code, "reason": reason or ("Error" if code else "Completed")}
    over |= {"message": message} if message else {}
    over |= {"startedAt": get(container.state, "running", "startedAt"), "finishedAt": timestamp(at)}
    return {"terminated": over | {"containerID": container_id(pod, name, container.restarts)}}


def pod_status(pod: Obj, containers: Sequence[Container], now: datetime, *, address: str = "", host: str = "") -> Obj:
    """The whole status of a scheduled pod; `host` is its node's address, where it is new there.

    Conditions of others are kept, transitions only where the status changes.
    """
    before = pod.get("status") or {}
    specs = pod["spec"]["containers"]
    ip = address or before.get("podIP", "")
    host_ip = host or before.get("hostIP") or HOST_IP
    phase = phase_of(pod, containers)
    status: Obj = {
        "phase": phase,
        "observedGeneration": pod["metadata"].get("generation", 1),
        "conditions": _conditions(pod, containers, phase, bool(ip), now),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "startTime": before.get("startTime") or timestamp(now),
        "qosClass": before.get("qosClass") or qos_class(pod),
        "containerStatuses": [entry(pod, spec, each) for spec, each in zip(specs, containers, strict=True)],
    }
    if beside := before.get("ephemeralContainerStatuses"):
        status["ephemeralContainerStatuses"] = beside
    return status | ({"podIP": ip, "podIPs": [{"ip": ip}]} if ip else {})


def unschedulable(pod: Obj, message: str, now: datetime, *, reason: str = "Unschedulable") -> Obj:
    condition = {"status": "False", "reason": reason, "message": message}
    known = _known(pod)
    others = [each for type_, each in known.items() if type_ not in OWN]
    told = _told("PodScheduled", condition, known, timestamp(now))
    return {"phase": "Pending", "conditions": [*others, told], "qosClass": qos_class(pod)}


def phase_of(pod: Obj, containers: Sequence[Container]) -> str:
    """A pod whose containers have ended is over only if nothing will start them again: while it is deleted, or by its policy."""
    ended = [each.state["terminated"]["exitCode"] for each in containers if "terminated" in each.state]
    if len(ended) == len(containers):
        policy = get(pod, "spec", "restartPolicy", default="Always")
        starts_again = policy == "Always" or (policy == "OnFailure" and any(ended))
        if starts_again and not get(pod, "metadata", "deletionTimestamp"):
            return "Running"
        return "Failed" if any(ended) else "Succeeded"
    never_ran = any("waiting" in each.state and not each.last for each in containers)
    return "Pending" if never_ran else "Running"


def qos_class(pod: Obj) -> str:
    resources = [each.get("resources") or {} for each in get(pod, "spec", "containers", default=())]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    for each in resources:
        limits = each.get("limits") or {}
        requests = {**limits, **(each.get("requests") or {})}
        if not {"cpu", "memory"} <= set(limits) or any(str(requests[key]) != str(limits.get(key)) for key in requests):
            return "Burstable"
    return "Guaranteed"


def _conditions(pod: Obj, containers: Sequence[Container], phase: str, has_network: bool, now: datetime) -> list[Obj]:
    ready, known, at = _containers_ready(pod, containers, phase), _known(pod), timestamp(now)
    return [
        *(each for type_, each in known.items() if type_ not in OWN),
        _told("PodReadyToStartContainers", YES if has_network and phase not in ("Succeeded", "Failed") else NO, known, at),
        _told("Initialized", COMPLETED if phase == "Succeeded" else YES, known, at),
        _told("Ready", _gates(pod) if ready["status"] == "True" else ready, known, at),
        _told("ContainersReady", ready, known, at),
        _told("PodScheduled", YES, known, at),
    ]


def _known(pod: Obj) -> dict[str, Obj]:
    """The conditions that are written, by type."""
    return {each["type"]: each for each in (pod.get("status") or {}).get("conditions") or ()}


def _told(type_: str, verdict: Obj, known: Mapping[str, Obj], at: str) -> Obj:
    """The condition, with its last transition: the one that is `known`, while the status is the same."""
    before = known.get(type_)
    since = before["lastTransitionTime"] if before is not None and before["status"] == verdict["status"] else at
    return {"type": type_, **verdict, "lastTransitionTime": since}


def _containers_ready(pod: Obj, containers: Sequence[Container], phase: str) -> Obj:
    if phase == "Succeeded":
        return {"status": "False", "reason": "PodCompleted"}
    if phase == "Failed":
        return {"status": "False", "reason": "PodFailed"}
    specs = pod["spec"]["containers"]
    unready = [spec["name"] for spec, each in zip(specs, containers, strict=True) if not each.is_ready]
    if not unready:
        return YES
    message = f"containers with unready status: [{' '.join(unready)}]"
    return {"status": "False", "reason": "ContainersNotReady", "message": message}


def _gates(pod: Obj) -> Obj:
    """Ready, once the containers are, hangs on the readiness gates."""
    if not pod["spec"].get("readinessGates"):
        return YES
    met = {each["type"]: each["status"] for each in get(pod, "status", "conditions", default=())}
    missing = []
    for gate in get(pod, "spec", "readinessGates", default=()):
        type_ = gate["conditionType"]
        if type_ not in met:
            missing.append(f'corresponding condition of pod readiness gate "{type_}" does not exist.')
        elif met[type_] != "True":
            missing.append(f'the status of pod readiness gate "{type_}" is not "True", but {met[type_]}')
    if missing:
        return {"status": "False", "reason": "ReadinessGatesNotReady", "message": ", ".join(missing)}
    return YES


def entry(pod: Obj, spec: Obj, container: Container) -> Obj:
    has_run = not ("waiting" in container.state and not container.last)
    return {
        "name": spec["name"],
        "image": spec.get("image", ""),
        "imageID": _image_id(spec.get("image", "")) if has_run else "",
        "ready": container.is_ready,
        "started": container.is_started,
        "restartCount": container.restarts,
        "state": container.state,
        "lastState": container.last,
    } | ({"containerID": container_id(pod, spec["name"], container.restarts)} if has_run else {})


def container_id(pod: Obj, name: str, restarts: int) -> str:
    return _container_id(pod["metadata"]["uid"], name, restarts)


@lru_cache(maxsize=4096)  # each is written again with every status of its pod
def _container_id(uid: str, name: str, restarts: int) -> str:
    return f"containerd://{digest([uid, name, restarts])}"


@lru_cache(maxsize=256)
def _image_id(image: str) -> str:
    return f"sha256:{digest(image)}"
