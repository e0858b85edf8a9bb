"""The Job controller: pods until so many have succeeded, each counted exactly once.

A pod carries a finalizer until its end is in the Job's status; what is deleted while it runs counts as failed at that moment,
or, where only failed pods are replaced, when its phase says so. After a failure nothing is made for 10 s, then 20 s, 40 s; in
that time `active` is written as 0, and where a pod is ready the API server refuses that very status: then nothing is counted
until no pod is ready, or the wait is over. A Job that failed or succeeded says so twice: when it is decided, and when no pod
terminates any more. (Kubernetes 1.36, job_controller.)"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from ...kube.clock import parse_timestamp
from ...kube.objects import JOB, POD, Obj
from ..api.deletion import delete, finished
from ..store.store import Change, Store
from .engine import Queue
from .index import Index, controller_of
from .jobpods import TRACKING, Backoff, end_of, is_tracked
from .jobsync import JobSync
from .newpods import Door, Retries

OWN = "kubernetes.io/job-controller"
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
"""After a pod of it was refused."""


class JobController:
    """`admit` is where new pods come in, and are refused."""

    name = "job"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door | None = None) -> None:
        self.store, self.index, self.queue, self.now = store, index, queue, now
        self.door, self.retries = admit or Door(store), Retries(FIRST_RETRY_S, LAST_RETRY_S)
        self.random = Random(store.version)
        self.backoffs: dict[str, Backoff] = {}

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == JOB:
            self.queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == POD:
            for pod in (change.obj, change.before):
                owner = controller_of(pod) if pod else None
                if owner is not None and owner["kind"] == JOB.name:
                    self.queue.add(self.name, meta["namespace"], owner["name"])
                    return

    def sync(self, namespace: str, name: str) -> None:
        job = self.store.find(JOB, namespace, name)
        self._free_orphans(namespace)
        if job is None:
            self.queue.forget(self.name, namespace, name)
            self.retries.over(namespace, name)
            return
        if job["spec"].get("managedBy") not in (None, OWN):
            return
        if end := end_of(job):
            self.backoffs.pop(job["metadata"]["uid"], None)
            self._expire(job, parse_timestamp(end["lastTransitionTime"]))
        else:
            JobSync(self, job).run()

    def _free_orphans(self, namespace: str) -> None:
        """Pods whose Job is gone, or which have lost it, are held by nobody."""
        for pod in list(self.store.list(POD, namespace)):
            owner = controller_of(pod)
            is_lost = owner is None or (owner["kind"] == JOB.name and not self.index.exists(owner["uid"]))
            if is_lost and is_tracked(pod):
                self.untrack(pod)

    def _expire(self, job: Obj, at: datetime) -> None:
        ttl_s = job["spec"].get("ttlSecondsAfterFinished")
        meta = job["metadata"]
        if ttl_s is None or "deletionTimestamp" in meta:
            return
        left_s = (at + timedelta(seconds=ttl_s) - self.now()).total_seconds()
        if left_s > 0:
            self.queue.after(left_s, self.name, meta["namespace"], meta["name"])
        else:
            delete(self.store, JOB, meta["namespace"], meta["name"], now=self.now(), propagation="Foreground")

    def untrack(self, pod: Obj) -> None:
        """Takes the finalizer off, and the pod away where it only waited for that."""
        meta = pod["metadata"]
        live = self.store.find(POD, meta["namespace"], meta["name"])
        if live is None or not is_tracked(live):
            return
        left = [each for each in live["metadata"]["finalizers"] if each != TRACKING]
        kept = {key: value for key, value in live["metadata"].items() if key != "finalizers"}
        freed = live | {"metadata": kept | ({"finalizers": left} if left else {})}
        if finished(freed):
            self.store.remove(POD, meta["namespace"], meta["name"])
        else:
            self.store.update(POD, freed)
