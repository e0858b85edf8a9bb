"""Why a release failed: the pods in their own words, what was done about it, and what to try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .gates_text import gates_lines
from .paint import Paint
from .words import duration, stop, way_back

if TYPE_CHECKING:
    from ...cluster.events import Failure
    from ...health.pods import Problem
    from ...ship.run import Result

_HINTS = (
    ("exceeded quota", "`kubectl describe resourcequota` shows what is left; ask for more, or release with fewer pods"),
    ("image", "check that the image exists and that the cluster may pull it (imagePullSecrets)"),
    ("out of memory", "raise resources.limits.memory, or find what needs more of it"),
    ("crash", "read the log above; the container ends by itself right after its start"),
    ("container cannot be created", "check the ConfigMaps and Secrets that the container refers to"),
    ("scheduled", "free or add capacity, or lower resources.requests"),
    (
        "has taken up the route",
        "`deploy check --live` says why nobody serves it: a Gateway that is not there, a class without controller",
    ),
    ("not ready", "check what its readiness probe asks for; if it is only slow, raise progressDeadlineSeconds"),
)


def failure_lines(result: Result, *, never_left: bool, paint: Paint) -> Iterator[str]:
    """`never_left`: no request has reached the new version."""
    failure = result.failure
    if failure is None:
        return
    after = f" after {duration(failure.after_s)}" if failure.after_s >= 1 else ""
    yield f"{paint('✗', 'bad')} {_with(failure.summary, after)}"
    yield from _pod_lines(failure, paint)
    if result.verdict:
        from .probe_text import verdict_lines

        yield from ([] if result.verdict.reason == failure.summary else [f"  in all {result.verdict.summary}"])
        yield from verdict_lines(result.verdict, paint)
    yield from gates_lines(result.gates, paint, summary=failure.summary)
    yield f"  {_done_about(result, never_left)}"
    if hint := _hint(result, failure):
        yield f"  {paint('try:', 'faint')} {hint}"


def _pod_lines(failure: Failure, paint: Paint) -> Iterator[str]:
    """Pods that say the same are told of once."""
    logs = dict(failure.logs)
    groups: dict[tuple[str, str, str], list[Problem]] = {}
    for pod in failure.pods:
        groups.setdefault((pod.reason, pod.detail, logs.get(pod.pod, "")), []).append(pod)
    for (reason, detail, log), pods in groups.items():
        others = f" and {len(pods) - 1} more" if len(pods) > 1 else ""
        yield f"  {pods[0].pod}{others}   {paint(reason, 'bad')}"
        yield from (f"      {line}" for line in detail.splitlines())
        lines = log.splitlines()
        label = "   (last line of its log)" if len(lines) == 1 else "   (end of its log)"
        for index, line in enumerate(lines):
            yield f"      {line}" + (paint(label, "faint") if index == len(lines) - 1 else "")


def _done_about(result: Result, never_left: bool) -> str:
    plan = result.plan
    if result.way_back_failure:
        return f"the way back failed, too: {result.way_back_failure.summary}"
    if result.way_back is None:
        if result.phase != "Failed":
            return f"done all the same: {ended(result)[0]}"
        if not plan.from_version or plan.from_version == plan.to_version:
            return "nothing was live before it: it is left as it is"
        return "it is left as it is, as asked for: `deploy promote` tries again, `deploy rollback` takes it back"
    done = way_back(result.way_back.steps, result.way_back.to_version)
    to = result.way_back.to_version
    # recreate stops what serves: there was nowhere to stay
    where = f"traffic never left {to}" if never_left and plan.strategy != "recreate" else f"rolled back: all requests go to {to}"
    return f"{where} ({done})" if done else where


def _hint(result: Result, failure: Failure) -> str:
    if result.way_back_failure and any(revision.is_adopted for revision in result.plan.new_revisions):
        return "what was live before is not ready either: `deploy apply ramped` replaces it without waiting for it"
    if result.way_back_failure:
        return "see `deploy status`, then `deploy rollback` once its cause is gone"
    said = " ".join(pod.reason for pod in failure.pods) or failure.summary
    return next((hint for word, hint in _HINTS if word in said), "")


def ended(result: Result) -> list[str]:
    """How a run ended that got where it was to go, and where to go from there."""
    plan = result.plan
    if plan.is_empty:
        return list(plan.notes) or ["nothing needs doing"]
    if plan.action == "rollback":
        return [f"rolled back to {plan.to_version} · took {duration(result.seconds)}"]
    back = " · back: deploy rollback" if plan.undo else ""
    if result.phase == "Paused":
        return [f"{stop(plan, result.stands)} as revision {plan.revision} · on: deploy promote{back}"]
    return [f"promoted as revision {plan.revision}{back}"]


def _with(summary: str, after: str) -> str:
    """The time goes behind the count, before the reason: `shop: 0 of 4 pods ready after 41 s; …`."""
    head, sign, tail = summary.partition("; ")
    return f"{head}{after}{sign}{tail}"
