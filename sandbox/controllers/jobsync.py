"""One look at a Job that has not ended: what is there, what follows, and what is told. (sandbox.controllers.job)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import ApiError
from ...kube.clock import parse_timestamp, timestamp
from ...kube.objects import JOB, POD, Obj, get, labels_of
from ...kube.validation.jobstatus import status_problems
from ..api.deletion import delete
from ..api.names import suffix
from ..events import record
from .index import condition_of, is_ready, is_terminating
from .jobindexes import FAILURES, IGNORED, INDEX, failures_of, index_of, matched_rule, parsed, written
from .jobpods import (
    TRACKING,
    Backoff,
    end_of,
    ended_at,
    first_to_go,
    is_active,
    is_failed,
    is_tracked,
    replaces_failed_only,
    ruling_of,
)
from .newpods import pod_of

if TYPE_CHECKING:
    from .job import JobController

RETRY_S = 1.0
LIMIT = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
LATE = ("DeadlineExceeded", "Job was active longer than specified deadline")
MANY = ("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes")
SOME = ("FailedIndexes", "Job has failed indexes")
DONE = ("CompletionsReached", "Reached expected number of succeeded pods")


class JobSync:
    """One look at one Job that has not ended. Pods are as they were when it began."""

    def __init__(self, controller: JobController, job: Obj) -> None:
        self._own, self._job, self._now = controller, job, controller.now()
        self._spec, self._meta = job["spec"], job["metadata"]
        self._status: Obj = dict(job.get("status") or {})
        self._conditions = [dict(each) for each in self._status.get("conditions") or ()]
        self._pods = list(controller.index.pods_of(self._meta["uid"]).pods.values())
        self._is_indexed = self._spec.get("completionMode") == "Indexed"
        self._completions: int | None = self._spec.get("completions")
        self._parallelism = int(self._spec.get("parallelism", 1))
        self._is_per_index = self._spec.get("backoffLimitPerIndex") is not None
        self._waits: list[float] = []

    def run(self) -> None:
        self._take_stock()
        end = self._decided()
        if end is None:
            end = self._worked()
        self._track(end)
        if self._waits:
            self._own.queue.after(min(self._waits), self._own.name, self._meta["namespace"], self._meta["name"])

    # what is there

    def _take_stock(self) -> None:
        self._live = [pod for pod in self._pods if is_active(pod)]
        self._active, self._ready = len(self._live), sum(map(is_ready, self._live))
        self._terminating = sum(map(is_terminating, self._pods))
        counted = [pod for pod in self._pods if is_tracked(pod) and self._is_valid(pod)]
        self._new_succeeded = [pod for pod in counted if get(pod, "status", "phase") == "Succeeded"]
        self._new_failed = [pod for pod in counted if is_failed(pod, self._job)]
        policy = self._spec.get("podFailurePolicy")
        self._succeeded: int = self._status.get("succeeded", 0) + len(self._new_succeeded)
        self._failed = self._status.get("failed", 0) + sum(ruling_of(policy, pod).counts for pod in self._new_failed)
        if not self._status.get("startTime") and not self._is_suspended:
            self._status["startTime"] = timestamp(self._now)
        self._backoff = self._own.backoffs.get(self._meta["uid"], Backoff()).after(self._new_succeeded, self._new_failed)
        self._done: set[int] = set()
        self._lost: set[int] | None = None
        if self._is_indexed:
            self._take_stock_of_indexes()

    def _take_stock_of_indexes(self) -> None:
        completions = self._completions or 0
        self._done = parsed(self._status.get("completedIndexes", ""), completions)
        self._done |= {index for pod in self._new_succeeded if (index := index_of(pod)) is not None}
        self._succeeded = len(self._done)
        if self._is_per_index:
            tracked = [pod for pod in self._pods if is_tracked(pod) and self._is_valid(pod)]
            self._lost = parsed(self._status.get("failedIndexes") or "", completions)
            self._lost |= {index for pod in tracked if self._is_last_of_index(pod) and (index := index_of(pod)) is not None}

    def _is_valid(self, pod: Obj) -> bool:
        index = index_of(pod)
        return not self._is_indexed or (index is not None and index < (self._completions or 0))

    def _is_last_of_index(self, pod: Obj) -> bool:
        """Whether with it its index has failed for good."""
        if not is_failed(pod, self._job):
            return False
        ruling = ruling_of(self._spec.get("podFailurePolicy"), pod)
        return ruling.action == "FailIndex" or (ruling.counts and failures_of(pod) >= self._spec["backoffLimitPerIndex"])

    @property
    def _is_suspended(self) -> bool:
        return bool(self._spec.get("suspend"))

    @property
    def _delayed(self) -> dict[int, Obj]:
        """The last failed pod of each index that is to be tried again: it tells its successor how often it has failed."""
        found: dict[int, Obj] = {}
        taken = {index_of(pod) for pod in self._live}
        for pod in self._new_failed:
            index = index_of(pod)
            if index is None or index in self._done or index in (self._lost or ()) or index in taken:
                continue
            known = found.get(index)
            if known is None or (_all_failures(known) <= _all_failures(pod) and ended_at(pod) >= ended_at(known)):
                found[index] = pod
        return found

    # what follows

    def _decided(self) -> Obj | None:
        """The condition by which it ends: decided before, or now. Its pods that run are deleted then."""
        end = self._criterion()
        if end is None:
            return None
        for pod in self._live:
            self._delete(pod)
        self._active, self._ready = 0, 0
        self._terminating += len(self._live)
        return end

    def _criterion(self) -> Obj | None:
        for type_ in ("SuccessCriteriaMet", "FailureTarget"):
            known = condition_of({"status": {"conditions": self._conditions}}, type_)
            if known is not None and known["status"] == "True":
                return known
        policy = self._spec.get("podFailurePolicy")
        for pod in self._pods if policy else ():
            if is_failed(pod, self._job) and (message := ruling_of(policy, pod).message):
                return self._condition("FailureTarget", "PodFailurePolicy", message)
        if self._failed > self._spec.get("backoffLimit", 6) or self._restarts_too_often():
            return self._condition("FailureTarget", *LIMIT)
        return self._out_of_time() or self._by_indexes()

    def _out_of_time(self) -> Obj | None:
        limit_s = self._spec.get("activeDeadlineSeconds")
        if limit_s is None or self._is_suspended or not self._status.get("startTime"):
            return None
        left_s = limit_s - (self._now - parse_timestamp(self._status["startTime"])).total_seconds()
        if left_s <= 0:
            return self._condition("FailureTarget", *LATE)
        self._waits.append(left_s)
        return None

    def _by_indexes(self) -> Obj | None:
        if not self._is_indexed:
            return None
        if self._lost is not None:
            most = self._spec.get("maxFailedIndexes")
            if most is not None and len(self._lost) > most:
                return self._condition("FailureTarget", *MANY)
            if self._lost and len(self._lost) + len(self._done) >= (self._completions or 0):
                return self._condition("FailureTarget", *SOME)
        rule = matched_rule(self._spec.get("successPolicy"), self._completions or 0, self._done)
        return None if rule is None else self._condition("SuccessCriteriaMet", "SuccessPolicy", f"Matched rules at index {rule}")

    def _restarts_too_often(self) -> bool:
        if get(self._spec, "template", "spec", "restartPolicy") != "OnFailure":
            return False
        running = [pod for pod in self._pods if get(pod, "status", "phase") in ("Running", "Pending")]
        statuses = [
            each
            for pod in running
            for key in ("initContainerStatuses", "containerStatuses")
            for each in get(pod, "status", key, default=())
        ]
        restarts = sum(each.get("restartCount", 0) for each in statuses)
        return bool(restarts >= max(self._spec.get("backoffLimit", 6), 1))

    def _worked(self) -> Obj | None:
        """Brings the number of pods nearer to what is wanted. Answers the condition where all is done."""
        is_going = "deletionTimestamp" in self._meta
        if not is_going:
            self._manage()
        enough = self._succeeded > 0 if self._completions is None else self._succeeded >= self._completions
        if enough and self._active == 0:
            return self._condition("SuccessCriteriaMet", *DONE)
        if not is_going:
            self._note_suspension()
        return None

    def _manage(self) -> None:
        wanted = 0 if self._is_suspended else self._wanted()
        doomed = self._surplus(max(self._active - wanted, 0))
        if doomed or self._is_suspended:
            for pod in doomed:
                self._own.untrack(pod)
                self._delete(pod)
            self._active -= len(doomed)
            self._terminating += len(doomed)
            self._ready -= sum(map(is_ready, doomed))
            return
        lacking = wanted - self._active - (self._terminating if replaces_failed_only(self._job) else 0)
        if lacking <= 0:
            return
        left_s = 0.0 if self._is_per_index else self._backoff.left_s(self._now)
        indexes: list[int | None] = [None] * lacking
        if self._is_indexed and not left_s:
            pending = self._pending(lacking)
            indexes, left_s = self._may_begin(pending) if self._is_per_index else (list[int | None](pending), 0.0)
        if left_s:
            self._waits.append(left_s)
            self._active = 0  # what it writes while it waits, whatever runs on
            return
        for index in indexes:
            if not self._create(index):
                self._waits.append(self._own.retries.refused(self._meta["namespace"], self._meta["name"]))
                return
            self._active += 1
        self._own.retries.over(self._meta["namespace"], self._meta["name"])

    def _wanted(self) -> int:
        if self._completions is None:
            return self._active if self._succeeded else self._parallelism
        return max(min(int(self._completions) - self._succeeded, self._parallelism), 0)

    def _surplus(self, count: int) -> list[Obj]:
        """Of each index all but one, those of no index, and as many more as are too much."""
        if self._is_suspended:
            return list(self._live)
        doomed: list[Obj] = []
        left = list(self._live)
        if self._is_indexed:
            by_index: dict[int, list[Obj]] = {}
            for pod in self._live:
                index = index_of(pod)
                if index is not None and self._is_valid(pod):
                    by_index.setdefault(index, []).append(pod)
                else:
                    doomed.append(pod)
            left = []
            for pods in by_index.values():
                *twins, last = first_to_go(pods)
                doomed += twins
                left.append(last)
        return doomed + first_to_go(left)[: max(count - len(doomed), 0)]

    def _pending(self, count: int) -> list[int]:
        taken = self._done | (self._lost or set()) | {index_of(pod) for pod in self._live}
        if replaces_failed_only(self._job):
            taken |= {index_of(pod) for pod in self._pods if is_terminating(pod)}
        return [index for index in range(self._completions or 0) if index not in taken][:count]

    def _may_begin(self, indexes: list[int]) -> tuple[list[int | None], float]:
        """(those that need not wait, else the shortest wait of all)."""
        waits = {}
        for index in indexes:
            last = self._delayed.get(index)
            backoff = Backoff(_all_failures(last) + 1, ended_at(last)) if last else Backoff()
            waits[index] = backoff.left_s(self._now)
        now: list[int | None] = [index for index, left_s in waits.items() if not left_s]
        return now, 0.0 if now else min(waits.values(), default=0.0)

    def _create(self, index: int | None) -> bool:
        """Whether it was let in."""
        job = self._meta["name"]
        prefix = f"{job}-" if index is None else f"{job}-{index}-"
        pod = pod_of(self._spec["template"], JOB, self._job, prefix + suffix(self._own.random), self._now)
        meta = pod["metadata"]
        meta |= {"generateName": prefix, "finalizers": [*(meta.get("finalizers") or ()), TRACKING]}
        if index is not None:
            last = self._delayed.get(index) if self._is_per_index else None
            meta["annotations"] = {**(meta.get("annotations") or {}), INDEX: str(index), **self._failures(last)}
            meta["labels"] = {**labels_of(pod), INDEX: str(index)}
            pod["spec"]["hostname"] = f"{job}-{index}"
            source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
            for container in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
                known = container.get("env") or []
                if not any(each["name"] == "JOB_COMPLETION_INDEX" for each in known):
                    container["env"] = [*known, {"name": "JOB_COMPLETION_INDEX", "valueFrom": source}]
        try:
            pod = self._own.door.let_in(pod)
        except ApiError as error:
            self._tell("Warning", "FailedCreate", f"Error creating: {error.message}")
            return False
        self._own.store.create(POD, pod)
        self._tell("Normal", "SuccessfulCreate", f"Created pod: {meta['name']}")
        return True

    def _failures(self, last: Obj | None) -> dict[str, str]:
        if not self._is_per_index:
            return {}
        counts = last is not None and ruling_of(self._spec.get("podFailurePolicy"), last).counts
        failed = (failures_of(last) if last else 0) + counts
        ignored = (failures_of(last, IGNORED) + (not counts)) if last else 0
        return {FAILURES: str(failed)} | ({IGNORED: str(ignored)} if ignored else {})

    def _delete(self, pod: Obj) -> None:
        meta = pod["metadata"]
        if self._own.store.find(POD, meta["namespace"], meta["name"]) is not None:
            delete(self._own.store, POD, meta["namespace"], meta["name"], now=self._now)
            self._tell("Normal", "SuccessfulDelete", f"Deleted pod: {meta['name']}")

    def _note_suspension(self) -> None:
        if self._is_suspended:
            if self._put(self._condition("Suspended", "JobSuspended", "Job suspended")):
                self._status.pop("startTime", None)
                self._tell("Normal", "Suspended", "Job suspended")
            return
        was_suspended = condition_of({"status": {"conditions": self._conditions}}, "Suspended") is not None
        if was_suspended and self._put(self._condition("Suspended", "JobResumed", "Job resumed", status="False")):
            self._status["startTime"] = timestamp(self._now)
            self._tell("Normal", "Resumed", "Job resumed")

    # counting, and what is told

    def _track(self, end: Obj | None) -> None:
        """The status, where the API server takes it; only then is what it counts let go."""
        is_failure = end is not None and end["type"] == "FailureTarget"
        ended = [pod for pod in self._pods if is_tracked(pod) and self._may_go(pod, end)]
        succeeded = failed = 0
        for pod in ended:
            if get(pod, "status", "phase") == "Succeeded":
                succeeded += 1
            elif (is_failed(pod, self._job) or is_failure) and self._is_valid(pod):
                failed += ruling_of(self._spec.get("podFailurePolicy"), pod).counts
        status = self._status | {"active": self._active, "ready": self._ready, "terminating": self._terminating}
        status["failed"] = status.get("failed", 0) + failed
        status["succeeded"] = len(self._done) if self._is_indexed else status.get("succeeded", 0) + succeeded
        if self._is_indexed:
            status["completedIndexes"] = written(self._done)
        if self._lost is not None:
            status["failedIndexes"] = written(self._lost)
        if end is not None:
            self._put(end)
            if not self._terminating:
                last = self._condition("Failed" if is_failure else "Complete", end["reason"], end["message"])
                self._put(last)
                if not is_failure:
                    status["completionTime"] = last["lastTransitionTime"]
        status["conditions"] = self._conditions
        status["uncountedTerminatedPods"] = {}  # here all are counted in the same write
        if any(status_problems(status)):
            self._waits.append(RETRY_S)  # the controller tries again, and again
            return
        always = ("ready", "terminating", "failedIndexes", "uncountedTerminatedPods")
        written_ = {key: value for key, value in status.items() if value or (key in always and value is not None)}
        if written_ != self._job.get("status"):
            self._own.backoffs[self._meta["uid"]] = self._backoff
            live = self._own.store.get(JOB, self._meta["namespace"], self._meta["name"])
            self._own.store.update(JOB, live | {"status": written_})
        for pod in ended:
            self._own.untrack(pod)
        if end_of({"status": written_}) and end is not None:
            how = ("Warning", end["reason"], end["message"]) if is_failure else ("Normal", "Completed", "Job completed")
            self._tell(*how)

    def _may_go(self, pod: Obj, end: Obj | None) -> bool:
        if "deletionTimestamp" in self._meta or end is not None or get(pod, "status", "phase") == "Succeeded":
            return True
        if not is_failed(pod, self._job):
            return False
        index = index_of(pod)
        delayed = self._delayed.get(index) if self._is_per_index and index is not None else None
        return delayed is None or delayed["metadata"]["uid"] != pod["metadata"]["uid"]

    def _condition(self, type_: str, reason: str, message: str, *, status: str = "True") -> Obj:
        at = timestamp(self._now)
        times = {"lastProbeTime": at, "lastTransitionTime": at}
        return {"type": type_, "status": status, **times, "reason": reason, "message": message}

    def _put(self, condition: Obj) -> bool:
        """Whether that says something new."""
        for place, known in enumerate(self._conditions):
            if known["type"] == condition["type"]:
                same = all(known.get(key) == condition[key] for key in ("status", "reason", "message"))
                self._conditions[place] = known if same else condition
                return not same
        self._conditions.append(condition)
        return True

    def _tell(self, type_: str, reason: str, message: str) -> None:
        record(
            self._own.store, JOB, self._job, reason=reason, message=message, now=self._now, component="job-controller",
            type_="Warning" if type_ == "Warning" else "Normal",
        )  # fmt: skip


def _all_failures(pod: Obj) -> int:
    return failures_of(pod) + failures_of(pod, IGNORED)
