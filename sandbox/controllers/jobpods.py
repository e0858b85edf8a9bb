"""What a Job reads off its pods: when one ended, whether it failed, what the failure policy says, how long to wait. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ...kube.clock import parse_timestamp
from ...kube.objects import Obj, get
from .index import condition_of, is_ready, is_terminal

TRACKING = "batch.kubernetes.io/job-tracking"
FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0


def is_tracked(pod: Obj) -> bool:
    """Whether it is still to be counted."""
    return TRACKING in (pod["metadata"].get("finalizers") or ())


def replaces_failed_only(job: Obj) -> bool:
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def is_failed(pod: Obj, job: Obj) -> bool:
    """A pod that is deleted counts as failed at once, unless only failed ones are replaced, or it goes with its Job."""
    phase = get(pod, "status", "phase")
    if phase == "Failed" or replaces_failed_only(job) or "deletionTimestamp" in job["metadata"]:
        return bool(phase == "Failed")
    return "deletionTimestamp" in pod["metadata"] and phase != "Succeeded"


def ended_at(pod: Obj) -> datetime:
    """When its last container ended, else when it became unready, else when it was deleted, else when it was made."""
    ends = [get(each, "state", "terminated", "finishedAt") for each in get(pod, "status", "containerStatuses", default=())]
    if ends and all(ends):
        return max(map(parse_timestamp, ends))
    ready = condition_of(pod, "Ready")
    if ready and ready["status"] == "False" and ready.get("lastTransitionTime"):
        return parse_timestamp(ready["lastTransitionTime"])
    meta = pod["metadata"]
    if "deletionTimestamp" in meta:
        return parse_timestamp(meta["deletionTimestamp"]) - timedelta(seconds=meta.get("deletionGracePeriodSeconds") or 0)
    return parse_timestamp(meta["creationTimestamp"])


class Ruling(NamedTuple):
    """What a failure policy says of a failed pod: the action of the rule that matched, whether it counts, and why the Job
    fails."""

    action: str = ""
    counts: bool = True
    message: str = ""


def ruling_of(policy: Mapping[str, Any] | None, pod: Obj) -> Ruling:
    for place, rule in enumerate((policy or {}).get("rules") or ()):
        cause = _exit_code(rule["onExitCodes"], pod) if rule.get("onExitCodes") else _condition(rule, pod)
        if cause:
            action = rule.get("action") or ""
            message = f"{cause} matching {action} rule at index {place}" if action == "FailJob" else ""
            return Ruling(action, action != "Ignore", message)
    return Ruling()


def _exit_code(wanted: Mapping[str, Any], pod: Obj) -> str:
    statuses = [*get(pod, "status", "containerStatuses", default=()), *get(pod, "status", "initContainerStatuses", default=())]
    for status in statuses:
        code = get(status, "state", "terminated", "exitCode")
        if not code or wanted.get("containerName") not in (None, status["name"]):
            continue
        if (code in (wanted.get("values") or ())) == (wanted.get("operator") == "In"):
            meta = pod["metadata"]
            return f"Container {status['name']} for pod {meta['namespace']}/{meta['name']} failed with exit code {code}"
    return ""


def _condition(rule: Mapping[str, Any], pod: Obj) -> str:
    for condition in get(pod, "status", "conditions", default=()):
        for pattern in rule.get("onPodConditions") or ():
            if condition["type"] == pattern.get("type") and condition["status"] == pattern.get("status", "True"):
                meta = pod["metadata"]
                return f"Pod {meta['namespace']}/{meta['name']} has condition {condition['type']}"
    return ""


class Backoff(NamedTuple):
    """How many pods have failed since the last success, and when the last of them did."""

    failures: int = 0
    last: datetime | None = None

    def after(self, succeeded: Sequence[Obj], failed: Sequence[Obj]) -> Backoff:
        if not succeeded:
            return Backoff(self.failures + len(failed), max(map(ended_at, failed))) if failed else self
        last_success = max(map(ended_at, succeeded))
        later = [at for at in map(ended_at, failed) if at > last_success]
        return Backoff(len(later), max(later, default=None))

    def left_s(self, now: datetime) -> float:
        """10 s after the last failure, then 20 s, 40 s, at most ten minutes."""
        if not self.failures or self.last is None:
            return 0.0
        pause_s = min(FIRST_PAUSE_S * 2.0 ** min(self.failures - 1, 30), LONGEST_PAUSE_S)
        return max(pause_s - (now - self.last).total_seconds(), 0.0)


def first_to_go(pods: Sequence[Obj]) -> list[Obj]:
    """Those in an earlier stage go first: unassigned, pending, unready; then those ready for the shortest time, and the
    youngest."""

    def order(pod: Obj) -> tuple[Any, ...]:
        ready = condition_of(pod, "Ready") or {}
        since = ready.get("lastTransitionTime", "") if ready.get("status") == "True" else ""
        restarts = max((each.get("restartCount", 0) for each in get(pod, "status", "containerStatuses", default=())), default=0)
        stage = {"Pending": 0, "Unknown": 1}.get(get(pod, "status", "phase", default="Pending"), 2)
        return (
            bool(get(pod, "spec", "nodeName")),
            stage,
            is_ready(pod),
            _back(since),
            -restarts,
            _back(pod["metadata"]["creationTimestamp"]),
        )

    return sorted(pods, key=order)


def _back(timestamp: str) -> float:
    return -parse_timestamp(timestamp).timestamp() if timestamp else 0.0


def is_active(pod: Obj) -> bool:
    return not is_terminal(pod) and "deletionTimestamp" not in pod["metadata"]


def end_of(job: Obj) -> Obj | None:
    """The condition with which a Job has ended."""
    ends = (condition_of(job, "Complete"), condition_of(job, "Failed"))
    return next((each for each in ends if each is not None and each["status"] == "True"), None)
