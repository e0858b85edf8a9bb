"""A Deployment's status and conditions: pure functions from the Deployment and its ReplicaSets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ...kube.clock import parse_timestamp, timestamp
from ...kube.objects import Obj, get
from .arithmetic import rollout_of

NEVER = 2**31 - 1  # the API's word for "no limit", in seconds and in revisions


def deadline_s(deployment: Obj) -> int | None:
    """progressDeadlineSeconds, or None where progress is not watched."""
    deadline = get(deployment, "spec", "progressDeadlineSeconds")
    return None if deadline is None or deadline == NEVER else int(deadline)


def condition(type_: str, status: str, reason: str, message: str, now: datetime) -> Obj:
    at = timestamp(now)
    return {
        "type": type_,
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
    }


def find(conditions: Sequence[Obj], type_: str) -> Obj | None:
    for each in conditions:
        if each["type"] == type_:
            return each
    return None


def with_condition(conditions: Sequence[Obj], new: Obj) -> list[Obj]:
    """Replaces the condition, unless status and reason are what they were; a transition is a change of status."""
    old = find(conditions, new["type"])
    if old is not None and (old["status"], old["reason"]) == (new["status"], new["reason"]):
        return list(conditions)
    if old is not None and old["status"] == new["status"]:
        new = new | {"lastTransitionTime": old["lastTransitionTime"]}
    return [*without(conditions, new["type"]), new]


def without(conditions: Sequence[Obj], type_: str) -> list[Obj]:
    return [each for each in conditions if each["type"] != type_]


def count(sets: Sequence[Obj], *path: str) -> int:
    return sum(get(each, *path, default=0) for each in sets)


def _sum(statuses: Sequence[Obj], key: str) -> int:
    return sum(each.get(key) or 0 for each in statuses)


def counted_status(deployment: Obj, sets: Sequence[Obj], new: Obj | None, now: datetime) -> Obj:
    """The status without judging progress: counts, Available, and the conditions that were there."""
    statuses, before = [each.get("status") or {} for each in sets], deployment.get("status") or {}
    available = _sum(statuses, "availableReplicas")
    counts = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        "replicas": _sum(statuses, "replicas"),
        "updatedReplicas": get(new, "status", "replicas", default=0),
        "readyReplicas": _sum(statuses, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(count(sets, "spec", "replicas") - available, 0),
        "collisionCount": before.get("collisionCount") or 0,
    }
    if available >= rollout_of(deployment).least_available:
        message = "Deployment has minimum availability."
        judged = condition("Available", "True", "MinimumReplicasAvailable", message, now)
    else:
        message = "Deployment does not have minimum availability."
        judged = condition("Available", "False", "MinimumReplicasUnavailable", message, now)
    conditions = with_condition(before.get("conditions") or [], judged)
    zeros_left_out = {key: value for key, value in counts.items() if value}
    return zeros_left_out | {
        "terminatingReplicas": _sum(statuses, "terminatingReplicas"),
        "conditions": conditions,
    }


def rollout_status(deployment: Obj, sets: Sequence[Obj], new: Obj | None, now: datetime) -> Obj:
    """The status in a rollout: with the Progressing condition as progress, completion or the deadline make it."""
    status = counted_status(deployment, sets, new, now)
    conditions = status["conditions"]
    current = find(get(deployment, "status", "conditions", default=[]), "Progressing")
    if deadline_s(deployment) is None:
        conditions = without(conditions, "Progressing")
    elif not _was_complete(status, current):
        conditions = _judged(deployment, status, current, new, now)
    failure = _failure(sets, new, now)
    conditions = with_condition(conditions, failure) if failure else without(conditions, "ReplicaFailure")
    return status | {"conditions": conditions}


def is_complete(deployment: Obj, status: Obj) -> bool:
    """All pods are new and available, none is left over, and this is about the latest generation."""
    replicas = get(deployment, "spec", "replicas", default=1)
    if any((status.get(key) or 0) != replicas for key in ("updatedReplicas", "replicas", "availableReplicas")):
        return False
    return bool((status.get("observedGeneration") or 0) >= deployment["metadata"].get("generation", 0))


def deadline_in_s(deployment: Obj, status: Obj, now: datetime) -> float | None:
    """When to look whether the rollout is stuck, or None where nothing has to be watched."""
    deadline = deadline_s(deployment)
    current = find(status.get("conditions", []), "Progressing")
    if deadline is None or current is None or is_complete(deployment, status):
        return None
    if current["reason"] == "ProgressDeadlineExceeded":
        return None
    left = parse_timestamp(current["lastUpdateTime"]) + timedelta(seconds=deadline) - now
    # Conditions carry whole seconds: one more makes sure that the deadline has passed by then.
    return max(left.total_seconds(), 0.0) + 1.0


def _was_complete(status: Obj, current: Obj | None) -> bool:
    """Whether this is a look at a finished rollout, where progress is of no interest."""
    all_updated = status.get("replicas", 0) == status.get("updatedReplicas", 0)
    return all_updated and current is not None and current["reason"] == "NewReplicaSetAvailable"


def _judged(deployment: Obj, status: Obj, current: Obj | None, new: Obj | None, now: datetime) -> list[Obj]:
    conditions: list[Obj] = status["conditions"]
    what = f'ReplicaSet "{new["metadata"]["name"]}"' if new else f'Deployment "{deployment["metadata"]["name"]}"'
    if is_complete(deployment, status):
        message = f"{what} has successfully progressed."
        done = condition("Progressing", "True", "NewReplicaSetAvailable", message, now)
        return with_condition(conditions, done)
    if _progressed(get(deployment, "status", default={}), status):
        moving = condition("Progressing", "True", "ReplicaSetUpdated", f"{what} is progressing.", now)
        if current is not None and current["status"] == "True":
            moving["lastTransitionTime"] = current["lastTransitionTime"]
        # Each progress counts, the same reason or not: the deadline starts anew.
        return [*without(conditions, "Progressing"), moving]
    if _timed_out(deployment, current, now):
        late = condition("Progressing", "False", "ProgressDeadlineExceeded", f"{what} has timed out progressing.", now)
        return with_condition(conditions, late)
    return conditions


def _progressed(before: Obj, after: Obj) -> bool:
    def old_pods(status: Obj) -> int:
        return int(status.get("replicas", 0)) - int(status.get("updatedReplicas", 0))

    grew = any(after.get(key, 0) > before.get(key, 0) for key in ("updatedReplicas", "readyReplicas", "availableReplicas"))
    return grew or old_pods(after) < old_pods(before)


def _timed_out(deployment: Obj, current: Obj | None, now: datetime) -> bool:
    deadline = deadline_s(deployment)
    if current is None or deadline is None or current["reason"] == "NewReplicaSetAvailable":
        return False
    if current["reason"] == "ProgressDeadlineExceeded":
        return True
    return parse_timestamp(current["lastUpdateTime"]) + timedelta(seconds=deadline) < now


def _failure(sets: Sequence[Obj], new: Obj | None, now: datetime) -> Obj | None:
    for each in [*([new] if new else []), *sets]:
        found = find((each.get("status") or {}).get("conditions") or (), "ReplicaFailure")
        if found is not None:
            return condition("ReplicaFailure", found["status"], found["reason"], found["message"], now)
    return None
