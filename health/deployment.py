"""How far a Deployment has come."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from ..kube.objects import get
from ..plan.observed import FIELD_MANAGER
from ..plan.steps import Until

UNANSWERED = ("failed calling webhook", "internal error", "timeout", "deadline exceeded", "connection refused", "try again")


class Progress(NamedTuple):
    """`is_done`: what was waited for holds. `ready` of `wanted` pods. `failure` is not empty when it says it never will."""

    is_done: bool
    ready: int
    wanted: int
    message: str
    failure: str = ""


def progress(deployment: Mapping[str, Any] | None, until: Until, pods: int, *, is_autoscaled: bool = False) -> Progress:
    """Whether the wait of a step (plan.steps.Wait) is over. An absent Deployment is drained, and nothing else."""
    if deployment is None:
        return Progress(until == "drained", 0, pods, "not there yet" if until != "drained" else "gone")
    counts = _Counts.of(deployment)
    if counts.is_behind:
        return Progress(False, 0, pods, "waiting for the controller to see the change")
    match until:
        case "rolled-out":
            asked = int(get(deployment, "spec", "replicas", default=1))
            if asked < pods and not is_autoscaled:
                told = f"somebody scaled it to {asked} while {pods} pods were waited for"
                return Progress(False, counts.ready, pods, told, failure=told)
            return _rolled_out(deployment, counts, asked)
        case "held":
            is_done = counts.updated >= pods and counts.ready == counts.all == _wanted(deployment)
            return Progress(is_done, min(counts.ready, counts.all), counts.all, f"{counts.ready} of {counts.all} pods ready")
        case "drained":
            return Progress(counts.all == 0, 0, 0, f"{counts.all} pods left")


class Refusal(NamedTuple):
    """Why pods cannot even be made, in the API server's words: a quota, a policy, a webhook. `is_final`: repeating the request
    does not help as long as nothing else changes."""

    message: str
    is_final: bool


def refusal(deployment: Mapping[str, Any] | None, before: Mapping[str, Any] | None = None) -> Refusal | None:
    """What the ReplicaSet controller was last answered (condition ReplicaFailure), as far as it is about the newest template.

    What the Deployment said `before` already may be over: it is told, and never final.
    """
    if deployment is None or _Counts.of(deployment).is_behind:
        return None
    condition = failure_of(deployment)
    if condition is None:
        return None
    message = condition.get("message", "")
    # who cannot be asked may answer later; who says no says it again
    is_unanswered = any(word in message.lower() for word in UNANSWERED)
    return Refusal(message, not is_unanswered and condition != failure_of(before))


def failure_of(obj: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """The condition of a Deployment or ReplicaSet by which pods cannot be made."""
    conditions = get(obj, "status", "conditions", default=[])
    return next((each for each in conditions if each["type"] == "ReplicaFailure" and each["status"] == "True"), None)


def paused_by(deployment: Mapping[str, Any] | None) -> str:
    """Who has paused a Deployment; empty where it is not paused."""
    if not get(deployment, "spec", "paused", default=False):
        return ""
    entries = get(deployment, "metadata", "managedFields", default=[])
    owners = [entry["manager"] for entry in entries if get(entry, "fieldsV1", "f:spec", "f:paused") is not None]
    return ", ".join(owners) or "somebody"


def told_pauser(by: str) -> str:
    """Whose pause it is, behind "paused", of a Deployment that rollway applies and does not pause by itself."""
    return "as its manifest has it" if by == FIELD_MANAGER else f"by {by}"


class _Counts(NamedTuple):
    all: int
    updated: int
    ready: int
    available: int
    is_behind: bool

    @staticmethod
    def of(deployment: Mapping[str, Any]) -> _Counts:
        status = deployment.get("status") or {}
        return _Counts(
            all=status.get("replicas", 0),
            updated=status.get("updatedReplicas", 0),
            ready=status.get("readyReplicas", 0),
            available=status.get("availableReplicas", 0),
            is_behind=status.get("observedGeneration", 0) < get(deployment, "metadata", "generation", default=1),
        )


def _rolled_out(deployment: Mapping[str, Any], counts: _Counts, pods: int) -> Progress:
    is_done = counts.updated == counts.all == pods and counts.available >= pods
    failure = "" if is_done or not deadline_passed(deployment) else "the Deployment's progress deadline is over"
    if counts.updated < pods:
        message = f"{counts.updated} of {pods} pods updated"
    elif counts.all > counts.updated:
        old = counts.all - counts.updated
        message = f"{old} pod{'s' if old != 1 else ''} of the old version left"
    else:
        message = f"{counts.available} of {pods} pods available"
    # The status does not count the new version's ready pods by themselves: what cannot be old ones are new ones.
    new_ready = min(max(counts.available - (counts.all - counts.updated), 0), counts.updated)
    return Progress(is_done, new_ready, pods, message, failure)


def _wanted(deployment: Mapping[str, Any]) -> int:
    """Pods that a paused rollout keeps in all: the controller fills up to replicas + maxSurge (an absolute number here)."""
    surge = get(deployment, "spec", "strategy", "rollingUpdate", "maxSurge", default=0)
    return int(get(deployment, "spec", "replicas", default=1)) + (surge if isinstance(surge, int) else 0)


def deadline_passed(deployment: Mapping[str, Any]) -> bool:
    """Whether the controller says that nothing has moved for progressDeadlineSeconds. It says so until something moves again, and
    counts from before a change of the Deployment too."""
    conditions = get(deployment, "status", "conditions", default=[])
    return any(each["type"] == "Progressing" and each.get("reason") == "ProgressDeadlineExceeded" for each in conditions)
