"""What the API server refuses in the status of a Job: what contradicts itself, and what goes back."""

from __future__ import annotations

from collections.abc import Callable

from ..objects import Obj, get
from . import checks
from .checks import Problems

_COUNTS = ("active", "succeeded", "failed", "ready", "terminating")
_ENDS = ("Complete", "Failed")


def status_problems(status: Obj) -> Problems:
    """Counts that cannot be, whoever writes them."""
    for name in _COUNTS:
        yield from checks.not_negative(f"status.{name}", status.get(name))
    ready, active = status.get("ready") or 0, status.get("active") or 0
    if ready > active:
        yield checks.invalid("status.ready", ready, "cannot set more ready pods than active")


def status_update(obj: Obj, before: Obj) -> Problems:
    """Everything that is wrong with a Job's status as it is written over the one `before`."""
    status, was = obj.get("status") or {}, before.get("status") or {}
    yield from status_problems(status)
    yield from _finished(status)
    yield from _indexes(obj["spec"], status)
    yield from _going_back(obj["spec"], status, was)


def _holds(status: Obj) -> Callable[[str], bool]:
    true = {each.get("type") for each in status.get("conditions") or () if each.get("status") == "True"}
    return lambda name: name in true


def _finished(status: Obj) -> Problems:
    holds = _holds(status)
    is_complete, is_failed = holds("Complete"), holds("Failed")
    if is_complete or is_failed:
        for name in ("active", "terminating"):
            if (count := status.get(name) or 0) > 0:
                yield checks.invalid(f"status.{name}", count, f"{name}>0 is invalid for finished job")
        if not status.get("startTime"):
            yield checks.required("status.startTime", "startTime is required for finished job")
        uncounted = status.get("uncountedTerminatedPods") or {}
        if any(uncounted.values()):
            why = "uncountedTerminatedPods needs to be empty for finished job"
            yield checks.invalid("status.uncountedTerminatedPods", uncounted, why)
    yield from _completed_at(status, is_complete=is_complete)
    for wrong, why in (
        (is_complete and is_failed, "cannot set Complete=True and Failed=true conditions"),
        (is_complete and holds("FailureTarget"), "cannot set Complete=True and FailureTarget=true conditions"),
        (is_failed and not holds("FailureTarget"), "cannot set Failed=True condition without the FailureTarget=true condition"),
        (
            is_complete and not holds("SuccessCriteriaMet"),
            "cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
        ),
        (is_failed and holds("SuccessCriteriaMet"), "cannot set Failed=True and SuccessCriteriaMet=True conditions"),
        (
            holds("FailureTarget") and holds("SuccessCriteriaMet") and not is_complete,
            "cannot set FailureTarget=True and SuccessCriteriaMet=True conditions",
        ),
    ):
        if wrong:
            yield checks.contradictory("status.conditions", why)


def _completed_at(status: Obj, *, is_complete: bool) -> Problems:
    at, field = status.get("completionTime"), "status.completionTime"
    if at and not is_complete:
        yield checks.invalid(field, at, "cannot set completionTime when there is no Complete=True condition")
    if is_complete and not at:
        yield checks.required(field, "completionTime is required for Complete jobs")
    if at and status.get("startTime") and at < status["startTime"]:
        yield checks.invalid(field, at, "completionTime cannot be set before startTime")


def _indexes(spec: Obj, status: Obj) -> Problems:
    completed, failed = status.get("completedIndexes") or "", status.get("failedIndexes")
    if completed and spec.get("completionMode") != "Indexed":
        why = "cannot set non-empty completedIndexes when non-indexed completion mode"
        yield checks.invalid("status.completedIndexes", completed, why)
    if failed is not None and spec.get("backoffLimitPerIndex") is None:
        yield checks.invalid(
            "status.failedIndexes", failed, "cannot set non-null failedIndexes when backoffLimitPerIndex is null"
        )


def _going_back(spec: Obj, status: Obj, was: Obj) -> Problems:
    """What has been counted stays counted, and what is over is over."""
    for name in ("succeeded", "failed"):
        if (was.get(name) or 0) > (now := status.get(name) or 0):
            yield checks.invalid(f"status.{name}", now, f"cannot decrease the {name} counter")
    held, holds = _holds(was), _holds(status)
    for name in (*_ENDS, "FailureTarget", "SuccessCriteriaMet"):
        if held(name) and not holds(name):
            word = "terminal " if name in _ENDS else ""
            yield checks.contradictory("status.conditions", f"cannot disable the {word}{name}=True condition")
    if was.get("startTime") and not spec.get("suspend") and status.get("startTime") != was["startTime"]:
        why = "field is immutable for unsuspended job once set"
        yield checks.invalid("status.startTime", status.get("startTime"), why)
    at = status.get("completionTime")
    if held("Complete") and holds("Complete") and get(was, "completionTime") not in (None, at):
        yield checks.immutable("status.completionTime", at)
