"""Waiting for a Deployment, by watch; and saying why it does not come."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator, Callable, Sequence

from ..errors import ClusterError
from ..health.deployment import Progress, Refusal, deadline_passed, failure_of, paused_by, progress, refusal
from ..health.pods import Problem, is_ready, problem_of
from ..kube.objects import DEPLOYMENT, EVENT, POD, REPLICA_SET, Obj, annotations_of, get, labels_of
from ..plan.observed import FIELD_MANAGER
from ..plan.steps import Wait
from .pods import HASH_LABEL, Pods
from .port import Cluster, Event, Tail
from .standing import Standing

Moved = Callable[[str, int, int], None]
_Item = tuple[str, Event]
_Queue = asyncio.Queue[_Item | BaseException]
PODS_TOLD = 3
LOG_LINES = 5
SILENCE_S = 1.0
TOLD_AFTER_S = 3.0
REFUSED_FOR_S = 5.0
REVISION = "deployment.kubernetes.io/revision"


class StepFailed(Exception):
    """A step that came to nothing. An outcome, told in `summary`, `pods` and their `logs`; caught by the executor."""

    def __init__(self, summary: str, pods: Sequence[Problem] = (), logs: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(summary)
        self.summary = summary
        self.pods = tuple(pods)
        self.logs = tuple(logs)


async def wait_for(
    cluster: Cluster, step: Wait, moved: Moved, before: Obj | None = None, standing: Standing | None = None
) -> Obj | None:
    """Returns when what the step waits for holds, with the Deployment as it is then. `standing` are the plan's watches: they tell
    of it, and are told of its pods.

    `before` is the Deployment as it was when this run last wrote it (else as it is first seen): its conditions of then tell of
    what was, and fail nothing.

    Raises StepFailed when a pod of the new version says that it never will be ready, when the API server goes on refusing to make
    one, or when no count has changed for the step's `deadline_s`. What is in the way, and may pass, is told meanwhile.
    """
    view, standing = _View(step, before), standing or Standing(cluster)
    async with _both(cluster, step, standing) as (first, queue):
        item: _Item | None = first
        while True:
            if item:
                view.take(*item)
            state = view.progress
            if view.is_done:
                if state.wanted:
                    moved(state.message, state.ready, state.wanted)
                if step.until != "drained":
                    standing.heard_of_pods(view.pods.all)
                return view.deployment
            if view.has_moved():
                moved(state.message, state.ready, state.wanted)
            if state.failure and view.is_news:
                raise await _failed(cluster, view, state.failure)
            if step.until != "drained" and view.pods.final_problem:
                await view.learn_newest(cluster)
                if final := view.pods.final_problem:
                    raise await _failed(cluster, view, final.reason)
            item = await _next(cluster, view, queue, moved)


async def _next(cluster: Cluster, view: _View, queue: _Queue, moved: Moved) -> _Item | None:
    """The next event; None where nothing happens and nothing had to any more. Raises StepFailed where none comes in time."""
    while True:
        try:
            item = _after_pods(view, queue, await _within(queue, view.left_s))
        except TimeoutError:
            if view.is_done:
                return None
            if view.is_over:
                raise await _failed(cluster, view) from None
            await view.confirm_refusal(cluster)
            moved(view.hindrance_told(), view.progress.ready, view.progress.wanted)
            continue
        if isinstance(item, BaseException):
            raise item
        if item[1].type == "DELETED" and item[0] == DEPLOYMENT.name and view.step.until != "drained":
            raise StepFailed(f"{view.step.ref} is gone: somebody deleted it while this run was under way")
        return item


def _after_pods(view: _View, queue: _Queue, item: _Item | BaseException) -> _Item | BaseException:
    """The last of the pods' events that are there already, else what comes after them: the others are taken note of, and what
    they come to is judged once. A rollout of many pods tells of ten at a time."""
    while not isinstance(item, BaseException) and item[0] == POD.name and not queue.empty():
        view.pods.take(item[1])
        item = queue.get_nowait()
    return item


async def _within(queue: _Queue, seconds: float) -> _Item | BaseException:
    """The next of the queue. Raises TimeoutError. What is there already needs no timer, and mostly something is."""
    if not queue.empty():
        return queue.get_nowait()
    async with asyncio.timeout(seconds):
        return await queue.get()


class _View:
    """What the watches have told so far."""

    def __init__(self, step: Wait, before: Obj | None = None) -> None:
        self.step = step
        self._before = before
        self.deployment: Obj | None = None
        self.progress = self._progress()
        self._refusal: Refusal | None = None
        self.pods = Pods()
        self._seen: tuple[object, ...] = ()
        self._has_begun_well = False
        self._began_at = self._moved_at = asyncio.get_running_loop().time()
        self._hindrance = ""
        self._hindered_at = 0.0
        self._told = ""
        self._refused_at = math.inf
        self._refused_since = math.inf
        self._done_at = math.inf

    @property
    def is_done(self) -> bool:
        return asyncio.get_running_loop().time() >= self._done_at + self.step.ready_for_s

    @property
    def left_s(self) -> float:
        """Until something has to be done though nothing happens: to end, to give up, or to tell what is in the way."""
        tell_at = self._hindered_at + TOLD_AFTER_S if self._hindrance not in ("", self._told) else math.inf
        done_at = self._done_at + self.step.ready_for_s
        return max(min(done_at, self._over_at, tell_at) - asyncio.get_running_loop().time(), 0.0)

    @property
    def is_over(self) -> bool:
        return asyncio.get_running_loop().time() >= self._over_at

    @property
    def _over_at(self) -> float:
        """The deadline since something last moved; a refusal is given less time. Where room was made for as long as it lasted,
        the controller asks again in at most as long: it doubles its pauses, and hears nothing of pods of another version."""
        awaited_s = self._refused_at - self._refused_since if self._refused_at < math.inf else 0.0
        refused_for_good_at = max(self._refused_at, self._moved_at) + REFUSED_FOR_S + awaited_s
        return min(self._moved_at + self.step.deadline_s + self.step.ready_for_s, refused_for_good_at)

    @property
    def is_news(self) -> bool:
        """Whether what the Deployment says is about this wait. The controller's clock runs on over changes of the Deployment:
        what it says of a deadline counts once the wait has itself lasted so long."""
        if self.deployment is None or not deadline_passed(self.deployment):
            return self._has_begun_well
        deadline_s = float(get(self.deployment, "spec", "progressDeadlineSeconds", default=600))
        return asyncio.get_running_loop().time() - self._began_at >= deadline_s - 1

    def _progress(self) -> Progress:
        return progress(self.deployment, self.step.until, self.step.pods, is_autoscaled=self.step.is_autoscaled)

    def take(self, kind: str, event: Event) -> None:
        if kind == DEPLOYMENT.name:
            self.deployment = None if event.type == "DELETED" else event.obj
            self._before = self.deployment if self._before is None else self._before
            self.progress, self._refusal = self._progress(), refusal(self.deployment, self._before)
            self._done_at = min(self._done_at, asyncio.get_running_loop().time()) if self.progress.is_done else math.inf
            self._has_begun_well = self._has_begun_well or not self.progress.failure
            self.pods.belong_to(self.deployment)
        else:
            self.pods.take(event)
        if self.step.until != "drained":
            self._look_for_hindrances()

    def _look_for_hindrances(self) -> None:
        now, refused = asyncio.get_running_loop().time(), self._refusal
        is_refused = refused is not None and refused.is_final
        self._refused_since = min(self._refused_since, now) if is_refused else math.inf
        self._refused_at = min(self._refused_at, now) if is_refused and not self._goes_on else math.inf
        problem, by = self.pods.hindrance, paused_by(self.deployment)
        is_stopped = by and by != FIELD_MANAGER and self.step.until == "rolled-out"
        pod_says = ": ".join(filter(None, (problem.reason, problem.detail))) if problem else ""
        hindrance = f"paused by {by}" if is_stopped else refused.message if refused else pod_says
        if hindrance != self._hindrance:
            self._hindrance, self._hindered_at = hindrance, now

    @property
    def _goes_on(self) -> bool:
        """Whether some pod leaves, or comes, and so makes room: under a tight quota a rollout goes on by itself, if slowly."""
        status = get(self.deployment, "status", default={})
        if status.get("availableReplicas", 0) < status.get("readyReplicas", 0):
            return True
        return self.pods.goes_on

    def hindrance_told(self) -> str:
        """What is in the way, once it has been for long enough to be worth telling; it is told once."""
        self._told = self._hindrance
        return f"{self.progress.message}; {self._hindrance}"

    def has_moved(self) -> bool:
        """Whether a count has changed since the last call; the deadline then starts anew."""
        state = self.progress
        status = get(self.deployment, "status", default={})
        counts = tuple(status.get(key, 0) for key in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"))
        now = (state.ready, state.wanted, *counts)
        if now == self._seen:
            return False
        self._seen, self._moved_at = now, asyncio.get_running_loop().time()
        return True

    async def confirm_refusal(self, cluster: Cluster) -> None:
        """Where the Deployment says what it said before: a newer ReplicaSet that says so itself is news. (The controller keeps a
        condition, its time included, as long as the reason is the same.)"""
        told = failure_of(self._before)
        if self._refusal is None or self._refusal.is_final or told is None:
            return
        with contextlib.suppress(ClusterError):
            newest = failure_of(await self._newest(cluster))
            if newest and newest["lastTransitionTime"] > told["lastTransitionTime"]:
                self._before = {}
                self._refusal = refusal(self.deployment)
                self._look_for_hindrances()

    async def learn_newest(self, cluster: Cluster) -> None:
        """Asks which ReplicaSet is the newest. Only where a pod is in trouble: an old one, or one that something was injected
        into, cannot be told from a new one by its labels and images."""
        newest = await self._newest(cluster)
        if newest is not None:
            self.pods.are_new_with(labels_of(newest).get(HASH_LABEL, ""))

    async def _newest(self, cluster: Cluster) -> Obj | None:
        deployment = self.deployment
        if deployment is None:
            return None
        revision = annotations_of(deployment).get(REVISION)
        for replica_set in await cluster.list(REPLICA_SET, self.step.ref.namespace):
            owners = replica_set["metadata"].get("ownerReferences") or ()
            is_mine = any(owner["uid"] == deployment["metadata"]["uid"] for owner in owners)
            if is_mine and annotations_of(replica_set).get(REVISION) == revision:
                return replica_set
        return None


@contextlib.asynccontextmanager
async def _both(cluster: Cluster, step: Wait, standing: Standing) -> AsyncIterator[tuple[_Item, _Queue]]:
    """The Deployment as it is, and its and the pods' events after that in one queue."""
    queue: _Queue = asyncio.Queue()

    async def follow(kind: str, source: AsyncIterator[Event]) -> None:
        try:
            async for event in source:
                queue.put_nowait((kind, event))
        except ClusterError as error:
            queue.put_nowait(error)

    tasks = [asyncio.create_task(follow(DEPLOYMENT.name, standing.watch(step.ref)))]
    try:
        live = await _first(cluster, step, queue, standing)
        labels = get(live.obj, "spec", "selector", "matchLabels")
        if step.until != "drained":
            tasks.append(asyncio.create_task(follow(POD.name, cluster.watch(POD, step.ref.namespace, labels=labels))))
        yield (DEPLOYMENT.name, live), queue
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _first(cluster: Cluster, step: Wait, queue: _Queue, standing: Standing) -> Event:
    """The Deployment as it is. A watch says nothing of what is not there: after a moment of silence it is asked for."""
    try:
        async with asyncio.timeout(SILENCE_S):
            item = await queue.get()
    except TimeoutError:
        live = await cluster.get(step.ref)
        if live is not None:
            standing.forget(step.ref)  # somebody may have taken the label from it by which it would be told of
            return Event("ADDED", live)
        if step.until == "drained":
            return Event("DELETED", {"metadata": {"name": step.ref.name}})
        raise StepFailed(f"{step.ref} is gone: somebody deleted it while this run was under way") from None
    if isinstance(item, BaseException):
        raise item
    return item[1]


async def _failed(cluster: Cluster, view: _View, why: str = "") -> StepFailed:
    """The failure with what the pods, their events and their logs say; gathered now, because the way back removes the pods."""
    with contextlib.suppress(ClusterError):
        await view.learn_newest(cluster)
    troubled = [pod for pod in view.pods.new if not is_ready(pod)][:PODS_TOLD]
    problems: list[Problem] = []
    logs: list[tuple[str, str]] = []
    for pod in troubled:
        name, namespace = pod["metadata"]["name"], view.step.ref.namespace
        with contextlib.suppress(ClusterError):
            events: Sequence[Obj] = await cluster.list(EVENT, namespace, fields={"involvedObject.name": name})
            problem = problem_of(pod, events) or Problem(name, "starting, and not ready yet")
            problems.append(problem)
            if problem.container:
                text = await last_log(cluster, namespace, problem)
                logs += [(name, text)] if text else []
    state = view.progress
    refused = refusal(view.deployment)
    reasons = [f"{view.step.ref.name}: {state.ready} of {state.wanted} pods ready", why, refused.message if refused else ""]
    return StepFailed("; ".join(filter(None, reasons)), problems, logs)


async def last_log(cluster: Cluster, namespace: str, problem: Problem) -> str:
    """What the container said last; of its previous life, where this one has said nothing yet."""
    for previous in (False, True):
        with contextlib.suppress(ClusterError):
            text = await cluster.logs(namespace, problem.pod, problem.container, Tail(LOG_LINES, previous))
            if text.strip():
                return text.rstrip()
    return ""
