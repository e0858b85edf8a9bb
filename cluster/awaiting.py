"""Waiting for what is no Deployment: a StatefulSet or a DaemonSet, the application's own or another of the release, or a Job
(health.workloads); a route, until it is taken up (health.routes)."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Container

from ..errors import ClusterError, Forbidden
from ..health.deployment import Progress
from ..health.pods import Problem, is_ready, problem_of
from ..health.routes import ROUTES
from ..health.workloads import WORKLOADS, progress
from ..kube.objects import EVENT, JOB, POD, REPLICATION_CONTROLLER, Kind, Obj, Ref, get, is_a, kind_of, labels_of, ref_of
from ..kube.workload import SET_HASH, is_workload, replaces_in_order
from ..plan.steps import Wait
from .port import Cluster
from .renew import newest_of
from .waiting import StepFailed, last_log

Moved = Callable[[str, int, int], None]
LOOK_EVERY_S = 5.0
"""At the pods, where the workload itself says nothing."""
PODS_TOLD = 3
CREATION = ("SuccessfulCreate", "FailedCreate")
"""What controllers tell of the pods that they make."""
COMPLETED = "Completed"

_FOLLOWED = {**WORKLOADS, **ROUTES}


def is_other(ref: Ref) -> bool:
    """Whether a wait is for one of these."""
    return (ref.api_version.rpartition("/")[0], ref.kind) in _FOLLOWED


async def wait_for_other(cluster: Cluster, step: Wait, moved: Moved) -> Obj | None:
    """Returns when it has come to its end, with it as it is then; None where it has been put away. Raises StepFailed when it says
    that it never will, when one of its pods does, when it is gone, or when nothing has moved for the step's `deadline_s`."""
    kind = kind_of(step.ref.api_version, step.ref.kind)
    assert kind is not None
    clock = asyncio.get_running_loop().time
    seen, moved_at, looked_at = "", clock(), -math.inf
    async with contextlib.aclosing(cluster.watch(kind, step.ref.namespace, name=step.ref.name)) as events:
        following = asyncio.ensure_future(anext(events))
        live: Obj | None = None
        try:
            while True:
                await asyncio.wait({following}, timeout=LOOK_EVERY_S)
                if live is None and not following.done() and await _has_gone(cluster, kind, step.ref):
                    return None
                if following.done():
                    event = following.result()
                    if event.type == "DELETED" and _progress(kind, event.obj, step).is_done:
                        return None  # a Job that its ttlSecondsAfterFinished has put away already
                    if event.type == "DELETED":
                        raise StepFailed(f"{step.ref} is gone: somebody deleted it while this run was under way")
                    live, following = event.obj, asyncio.ensure_future(anext(events))
                state = _progress(kind, live, step)
                if state.message != seen:
                    seen, moved_at = state.message, clock()
                    moved(state.message, state.ready, state.wanted)
                if state.is_done:
                    return live
                why = state.failure or ("nothing has moved" if clock() - moved_at >= step.deadline_s else "")
                problems: list[Problem] = []
                if live is not None and (why or clock() - looked_at >= LOOK_EVERY_S):
                    problems, looked_at = await problems_of(cluster, live), clock()
                if why or (step.until != "drained" and any(each.is_final for each in problems)):
                    hindrances = [await _held_by(cluster, live), await refused_of(cluster, live)] if live is not None else []
                    raise await _failed(cluster, step.ref, state, ", ".join(filter(None, (why, *hindrances))), problems)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _has_gone(cluster: Cluster, kind: Kind, ref: Ref) -> bool:
    """Whether a Job had come to its end, and been put away, before this wait began, as its events tell: a watch says nothing of
    what is not there. Raises StepFailed where it has failed, and of what somebody has deleted."""
    if (kind.group, kind.name) not in WORKLOADS or await cluster.get(ref) is not None:
        return False
    try:
        last = (await _last_word(cluster, ref) if ref.is_a(JOB) else None) or {}
    except Forbidden:
        return True  # nobody can tell of one that most likely has ended
    if last.get("type") == "Warning" and last.get("reason") not in CREATION:
        raise StepFailed(f"{ref}: the Job failed: {last.get('message') or last.get('reason')}")
    if last.get("reason") != COMPLETED:
        raise StepFailed(f"{ref} is gone: somebody deleted it while this run was under way")
    return True


def _progress(kind: Kind, live: Obj | None, step: Wait) -> Progress:
    if live is None:
        return Progress(False, 0, 0, "not there yet")
    if is_workload(live):
        return progress(live, step.until, step.pods, is_autoscaled=step.is_autoscaled)
    return _FOLLOWED[(kind.group, kind.name)](live)


async def problems_of(cluster: Cluster, live: Obj) -> list[Problem]:
    """Of the first few of its pods that are not ready, and not of a template that is given up."""
    labels = _chosen_by(live)
    found: list[Problem] = []
    with contextlib.suppress(ClusterError):
        pods = await cluster.list(POD, live["metadata"]["namespace"], labels=labels) if labels else ()
        troubled = [pod for pod in pods if not is_ready(pod) and not _has_ended(pod)]
        if troubled and is_workload(live) and (newest := await _newest(cluster, live)):
            troubled = [pod for pod in troubled if labels_of(pod).get(SET_HASH) == newest]
        for pod in troubled[:PODS_TOLD]:
            name = pod["metadata"]["name"]
            events = await cluster.list(EVENT, live["metadata"]["namespace"], fields={"involvedObject.name": name})
            if problem := problem_of(pod, events):
                found.append(problem)
    return found


async def _newest(cluster: Cluster, live: Obj) -> str:
    try:
        return await newest_of(cluster, live)
    except Forbidden:
        return ""  # nobody can tell the new ones from the others


def _chosen_by(live: Obj) -> dict[str, str]:
    """The labels of its pods. A ReplicationController has them without a word before."""
    selector = get(live, "spec", "selector", default={})
    chosen: dict[str, str] = selector if is_a(live, REPLICATION_CONTROLLER) else selector.get("matchLabels") or {}
    return chosen


async def _held_by(cluster: Cluster, live: Obj) -> str:
    """An ordered StatefulSet replaces nothing while a pod is not ready, not even that one."""
    newest = get(live, "status", "updateRevision")
    if not newest or not replaces_in_order(live):
        return ""
    labels = get(live, "spec", "selector", "matchLabels", default={})
    with contextlib.suppress(ClusterError):
        for pod in await cluster.list(POD, live["metadata"]["namespace"], labels=labels):
            if not is_ready(pod) and labels_of(pod).get(SET_HASH) not in (None, newest):
                name = pod["metadata"]["name"]
                return f"{name} of another version is in its way, and is only replaced once somebody has deleted it"
    return ""


async def refused_of(cluster: Cluster, live: Obj) -> str:
    """These workloads tell only by events that their pods are not let in: the newest word on a pod to be made counts."""
    with contextlib.suppress(ClusterError):
        newest = await _last_word(cluster, ref_of(live), CREATION)
        if newest is not None and newest["reason"] == "FailedCreate":
            return str(newest.get("message") or "its pods are refused")
    return ""


async def _last_word(cluster: Cluster, ref: Ref, among: Container[str] | None = None) -> Obj | None:
    """The newest event that is told of an object, of these reasons alone or of any, its end before whatever was told in the same
    second. Events outlive what they are of."""
    events = await cluster.list(EVENT, ref.namespace, fields={"involvedObject.name": ref.name})
    own = (each for each in events if get(each, "involvedObject", "kind") == ref.kind)

    def when(event: Obj) -> tuple[str, bool]:
        return str(event.get("lastTimestamp") or event.get("eventTime") or ""), event.get("reason") not in CREATION

    return max((each for each in own if among is None or each.get("reason") in among), key=when, default=None)


async def hindrance_of(cluster: Cluster, live: Obj) -> str:
    """What keeps its pods from running, in a few words: the first one, else why none is let in; empty where nothing is known."""
    problems = await problems_of(cluster, live)
    return f"{problems[0].pod}: {problems[0].reason}" if problems else await refused_of(cluster, live)


def _has_ended(pod: Obj) -> bool:
    return get(pod, "status", "phase") in ("Succeeded", "Failed")


async def _failed(cluster: Cluster, ref: Ref, state: Progress, why: str, problems: list[Problem]) -> StepFailed:
    reason = why or next(each.reason for each in problems if each.is_final)
    said = [(each.pod, await last_log(cluster, ref.namespace, each)) for each in problems if each.container]
    return StepFailed(f"{ref}: {state.message}; {reason}", problems, [each for each in said if each[1]])
