"""Running a hook's Job exactly once for its revision, however often whoever runs it is killed.

The Job is made suspended, then the history is told which one it is, and only then it is let run: so a Job that ran is always
known, and one that is not known has never run. What has ended is written down before anything else is done, so that nobody has to
find the Job again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from ..errors import Conflict, Invalid
from ..health.pods import hindrance_of
from ..health.workloads import job as progress_of
from ..kube.clock import now, timestamp
from ..kube.objects import Obj, Ref
from ..plan.revision import HookRun
from ..plan.steps import Run
from . import jobs
from .awaiting import PODS_TOLD, problems_of, refused_of
from .port import Cluster
from .waiting import StepFailed

LINES = 10
GONE = "its Job is gone: whether it ran to its end, nobody can tell"

Keep = Callable[[HookRun], Awaitable[None]]
Moved = Callable[[str, int, int], None]


async def run(cluster: Cluster, step: Run, known: HookRun | None, keep: Keep, moved: Moved) -> None:
    """Returns when it has run and `keep` has written so. `known` is what the history says of the hook: of another Job where it is
    to be run again.

    Raises StepFailed, which is written down as well, where it failed.
    """
    begun = known if known and known.job == step.ref.name else await _begun(cluster, step, keep)
    if begun.phase == "Running":
        begun, failed = await _ran(cluster, step, begun, moved)
    else:
        failed = StepFailed(begun.message)  # it was written down, and nobody knows whether that came through
    await keep(begun)
    if begun.phase == "Failed":
        raise StepFailed(f"{_called(step)} failed: {failed.summary}", failed.pods, failed.logs)


async def _ran(cluster: Cluster, step: Run, begun: HookRun, moved: Moved) -> tuple[HookRun, StepFailed]:
    """How it ended, and why where it failed."""
    try:
        await _release(cluster, step.ref, begun)
        await _follow(cluster, step, moved)
    except StepFailed as failed:
        return begun.model_copy(update={"phase": "Failed", "ended": timestamp(now()), "message": failed.summary}), failed
    return begun.model_copy(update={"phase": "Complete", "ended": timestamp(now())}), StepFailed("")


async def _begun(cluster: Cluster, step: Run, keep: Keep) -> HookRun:
    """Makes the Job, which does not run yet, or finds the one that was made before, and writes down which it is."""
    manifest = {**step.manifest, "spec": {**step.manifest["spec"], "suspend": True}}
    try:
        made = await cluster.create(manifest)
    except Conflict:
        there = await jobs.found(cluster, step.ref)
        if there is None:
            raise
        made = there
    except Invalid as invalid:
        raise StepFailed(f"the API server refuses {_called(step)}: {invalid.message}") from invalid
    begun = HookRun(
        moment=step.moment, name=step.hook, mark=step.mark, job=step.ref.name, uid=made["metadata"]["uid"], phase="Running",
        began=timestamp(now()),
    )  # fmt: skip
    await keep(begun)
    return begun


async def _release(cluster: Cluster, ref: Ref, begun: HookRun) -> None:
    """Lets it run, if it does not yet."""
    job = await jobs.found(cluster, ref)
    if job is None or job["metadata"]["uid"] != begun.uid:
        raise StepFailed(GONE)
    if job["spec"].get("suspend") and jobs.end_of(job) is None:
        await cluster.patch(ref, {"spec": {"suspend": False}})


async def _follow(cluster: Cluster, step: Run, moved: Moved) -> None:
    """Raises StepFailed where it fails, or never will begin: then it is stopped, so that it does not run when nobody looks."""
    ref, told, hindrance = step.ref, "", ""

    async def look(job: Obj) -> None:
        nonlocal told, hindrance
        problems = await problems_of(cluster, job)
        hindered = [each for each in problems if not each.container]  # what crashes is for the Job to count
        pods = [f"{each.pod}: {each.reason}" for each in problems[:1]] or [await refused_of(cluster, job)]
        hindrance = pods[0] if hindered or not problems else ""
        message = "; ".join(filter(None, (progress_of(job).message, *pods)))
        if message != told:
            told = message
            moved(message, 0, 0)
        if final := next((each for each in hindered if each.is_final), None):
            raise StepFailed(final.reason, [final])

    try:
        job = await jobs.ended(cluster, ref, step.deadline_s + jobs.GRACE_S, look)
    except StepFailed:
        await _stop(cluster, ref)
        raise
    if job is None:
        await _stop(cluster, ref)
        raise StepFailed("; ".join(filter(None, (f"it has not ended within {step.deadline_s} s", hindrance))))
    end = jobs.end_of(job)
    if end is None:
        raise StepFailed(GONE)
    if end["type"] == "Failed":
        pods = (await jobs.pods_of(cluster, ref))[:PODS_TOLD]
        why = [found for pod in pods if (found := hindrance_of(pod))]
        reason = str(end.get("message") or end.get("reason") or "it failed")
        raise StepFailed("; ".join(filter(None, (reason, hindrance))), why, await jobs.said(cluster, pods, LINES))


async def _stop(cluster: Cluster, ref: Ref) -> None:
    job = await jobs.found(cluster, ref)
    if job is not None and jobs.end_of(job) is None:
        await cluster.patch(ref, {"spec": {"suspend": True}})


def _called(step: Run) -> str:
    return f"{step.moment} {step.hook} (Job {step.ref.name})"
