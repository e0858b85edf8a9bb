"""Why a pod is not ready, in the pod's own words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..kube.objects import get
from ..kube.workload import SET_HASH, newest_hash, workload_of


class Problem(NamedTuple):
    """What keeps one pod from being ready.

    `reason` is one phrase ("crash loop, exit 1, 3 restarts"), `detail` what the container, the probe or the scheduler said.
    `is_final` means that waiting longer will not help. `container` is whose log may tell more, empty where there is none.
    """

    pod: str
    reason: str
    detail: str = ""
    is_final: bool = False
    container: str = ""


GONE_FOR_GOOD = (
    "not found",
    "manifest unknown",
    "does not exist",
    "repository name must",
    "pull access denied",
    "invalid reference",
)
MAY_PASS = (
    "dial tcp",
    "proxyconnect",
    "timeout",
    "deadline exceeded",
    "toomanyrequests",
    "too many requests",
    "service unavailable",
    "bad gateway",
    "is reserved for",
)
"""The network, the registry or the node is in the way, whatever else a message says (a proxy's "not found" is one)."""

CRASHES_ENOUGH = 2


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Ready, and not on its way out: what an EndpointSlice counts as a ready endpoint."""
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return any(c["type"] == "Ready" and c["status"] == "True" for c in get(pod, "status", "conditions", default=()))


def is_of_template(pod: Mapping[str, Any], workload: Mapping[str, Any]) -> bool:
    """Whether the pod runs what the workload's newest template asks for: its labels and its images; of a StatefulSet, which tells
    the newest revision as far as it has seen it, by that."""
    newest = newest_hash(workload, ()) if "status" in workload else ""
    if newest and not workload_of(workload).counts(workload).is_behind:
        return bool(get(pod, "metadata", "labels", default={}).get(SET_HASH) == newest)
    template = workload["spec"]["template"]
    wanted, labels = get(template, "metadata", "labels", default={}), get(pod, "metadata", "labels", default={})
    images = [container["image"] for container in template["spec"]["containers"]]
    return all(labels.get(key) == value for key, value in wanted.items()) and images == [
        container["image"] for container in pod["spec"]["containers"][: len(images)]
    ]


def problem_of(pod: Mapping[str, Any], events: Iterable[Mapping[str, Any]] = ()) -> Problem | None:
    """What is wrong with a pod, or None where it is ready, terminating, or simply not there yet."""
    if is_ready(pod) or get(pod, "metadata", "deletionTimestamp"):
        return None
    return hindrance_of(pod) or _unmounted(pod, events) or _unready(pod, events)


def hindrance_of(pod: Mapping[str, Any]) -> Problem | None:
    """What keeps a pod's containers from running; that its probe does not answer yet is no hindrance, only the way it starts."""
    name = pod["metadata"]["name"]
    for condition in get(pod, "status", "conditions", default=[]):
        if condition["type"] == "PodScheduled" and condition.get("reason") == "Unschedulable":
            return Problem(name, "cannot be scheduled", condition.get("message", ""))
    return next((problem for status in _statuses(pod) if (problem := _of_container(name, status))), None)


def _statuses(pod: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    kinds = ("initContainerStatuses", "containerStatuses")
    return [status for kind in kinds for status in get(pod, "status", kind, default=[])]


def _of_container(pod: str, status: Mapping[str, Any]) -> Problem | None:
    waiting = get(status, "state", "waiting", default={})
    reason, message, container = waiting.get("reason", ""), waiting.get("message", ""), status["name"]
    if reason in ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"):
        is_final = reason in ("InvalidImageName", "ErrImageNeverPull") or (
            _says(message, GONE_FOR_GOOD) and not _says(message, MAY_PASS)
        )
        return Problem(pod, f"the image cannot be pulled: {status.get('image', '')}".rstrip(": "), message, is_final)
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return Problem(pod, "the container cannot be created", message, is_final=not _says(message, MAY_PASS))
    ended = get(status, "state", "terminated") or get(status, "lastState", "terminated")
    restarts = status.get("restartCount", 0)
    if reason == "CrashLoopBackOff" or (ended and ended.get("exitCode")):
        why = ended or {}
        told = f"exit {why['exitCode']}" if "exitCode" in why else "exit unknown"
        killed = ", out of memory" if why.get("reason") == "OOMKilled" else ""
        times = f", {restarts} restart{'s' if restarts != 1 else ''}" if restarts else ""
        kind = "crash loop" if reason == "CrashLoopBackOff" else "crashed"
        is_final = reason == "CrashLoopBackOff" and restarts >= CRASHES_ENOUGH
        return Problem(pod, f"{kind}, {told}{killed}{times}", why.get("message", ""), is_final, container)
    return None


def _says(message: str, words: Sequence[str]) -> bool:
    return any(word in message.lower() for word in words)


def _unmounted(pod: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Problem | None:
    """Its containers wait for a volume: only an event says so."""
    states = [get(status, "state", default={}) for status in _statuses(pod)]
    if not states or not all(get(state, "waiting", "reason") in ("ContainerCreating", "PodInitializing") for state in states):
        return None
    name = pod["metadata"]["name"]
    said = [e.get("message", "") for e in events if get(e, "involvedObject", "name") == name and e.get("reason") == "FailedMount"]
    return Problem(name, "a volume cannot be mounted", said[-1]) if said else None


def _unready(pod: Mapping[str, Any], events: Iterable[Mapping[str, Any]]) -> Problem | None:
    """Running, and its probe says no."""
    running = [each for each in _statuses(pod) if get(each, "state", "running") is not None and not each.get("ready")]
    if not running:
        return None
    name = pod["metadata"]["name"]
    answers = [e for e in events if get(e, "involvedObject", "name") == name and e.get("reason") == "Unhealthy"]
    said = answers[-1].get("message", "") if answers else ""
    return Problem(name, "running, but not ready", said, container=running[0]["name"])
