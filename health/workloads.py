"""How far a workload has come; one that is no Deployment as `kubectl rollout status` and `kubectl wait` would say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..kube.objects import DAEMON_SET, JOB, REPLICATION_CONTROLLER, STATEFUL_SET, get
from ..kube.workload import workload_of
from ..plan.steps import Until
from . import deployment
from .deployment import Progress


def progress(live: Mapping[str, Any] | None, until: Until, pods: int, *, is_autoscaled: bool = False) -> Progress:
    """Whether the wait of a step (plan.steps.Wait) for the application's own workload is over. What is absent is drained, and
    nothing else."""
    if live is None or not workload_of(live).is_set:
        return deployment.progress(live, until, pods, is_autoscaled=is_autoscaled)
    known = workload_of(live)
    counts, wanted = known.counts(live), known.wanted(live, otherwise=0)
    if until == "rolled-out":
        return WORKLOADS[(known.kind.group, known.kind.name)](live)
    if counts.is_behind:
        return Progress(False, 0, pods, "waiting for the controller to see the change")
    if until == "drained":
        return Progress(counts.all == 0, 0, 0, f"{counts.all} pods left")
    is_done = counts.updated >= min(pods, wanted) and counts.all == wanted and min(counts.ready, counts.available) >= wanted
    message = f"{counts.ready} of {wanted} pods ready, {counts.updated} of the new version"
    return Progress(is_done, min(counts.updated, counts.ready), wanted, message)


def stateful_set(obj: Mapping[str, Any]) -> Progress:
    """Below the partition pods keep their version; with OnDelete nothing is replaced by itself, so nothing is waited for. That
    the newest revision is the current one says nothing: so it is at once where a template comes back half-way, and `kubectl
    rollout status` would be content with pods that are yet to be replaced."""
    status, wanted = obj.get("status") or {}, int(get(obj, "spec", "replicas", default=1))
    ready = status.get("readyReplicas", 0)
    if _is_behind(obj):
        return Progress(False, 0, wanted, "waiting for the controller to see the change")
    if get(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return Progress(True, ready, wanted, "its pods are replaced when they are deleted (OnDelete)")
    partition = int(get(obj, "spec", "updateStrategy", "rollingUpdate", "partition", default=0))
    renewed = max(wanted - partition, 0)
    is_renewed = status.get("updatedReplicas", 0) >= renewed
    is_done = ready >= wanted and status.get("replicas", 0) == wanted and is_renewed
    if partition == 0:
        is_done = is_done and status.get("currentRevision") == status.get("updateRevision")
    message = f"{ready} of {wanted} pods ready, {status.get('updatedReplicas', 0)} of the new version"
    return Progress(is_done, ready, wanted, message)


def daemon_set(obj: Mapping[str, Any]) -> Progress:
    status = obj.get("status") or {}
    wanted, available = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    if _is_behind(obj):
        return Progress(False, 0, wanted, "waiting for the controller to see the change")
    if get(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return Progress(True, available, wanted, "its pods are replaced when they are deleted (OnDelete)")
    updated = status.get("updatedNumberScheduled", 0)
    message = f"{updated} of {wanted} nodes updated, {available} with a pod that is available"
    return Progress(updated >= wanted and available >= wanted, min(updated, available), wanted, message)


def replication_controller(obj: Mapping[str, Any]) -> Progress:
    """A new template is for new pods only, so those that there are count whatever they were made of."""
    status, wanted = obj.get("status") or {}, int(get(obj, "spec", "replicas", default=1))
    if _is_behind(obj):
        return Progress(False, 0, wanted, "waiting for the controller to see the change")
    ready, there = status.get("readyReplicas", 0), status.get("replicas", 0)
    return Progress(ready >= wanted and there == wanted, ready, wanted, f"{ready} of {wanted} pods ready")


def job(obj: Mapping[str, Any]) -> Progress:
    """One that is suspended waits for whoever resumes it, and nobody for it."""
    status = obj.get("status") or {}
    held = {each["type"]: each for each in status.get("conditions") or () if each["status"] == "True"}
    wanted, done = int(get(obj, "spec", "completions", default=1)), status.get("succeeded", 0)
    message = f"{done} of {wanted} completions"
    if failed := held.get("Failed") or held.get("FailureTarget"):
        return Progress(False, done, wanted, message, failure=f"the Job failed: {failed.get('message') or failed.get('reason')}")
    if get(obj, "spec", "suspend"):
        return Progress(True, done, wanted, "suspended")
    return Progress("Complete" in held, done, wanted, message)


WORKLOADS: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], Progress]] = {
    (STATEFUL_SET.group, STATEFUL_SET.name): stateful_set,
    (DAEMON_SET.group, DAEMON_SET.name): daemon_set,
    (REPLICATION_CONTROLLER.group, REPLICATION_CONTROLLER.name): replication_controller,
    (JOB.group, JOB.name): job,
}
"""By group and kind: those beside Deployments whose way is followed."""


def _is_behind(obj: Mapping[str, Any]) -> bool:
    return bool(get(obj, "status", "observedGeneration", default=0) < get(obj, "metadata", "generation", default=1))
