"""The CronJob controller: a Job at each scheduled minute, named after it, so that none is made twice.

What was missed is made up for at the next look, under the missed minute's name, unless it is too late for it; a changed schedule
waits for its next minute. Where Jobs must not overlap, the next one is not made, or takes the place of the one that runs. Of
Jobs that have ended some are kept, the newest. (Kubernetes 1.36, cronjob_controllerv2.)
"""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from ...kube.clock import parse_timestamp, timestamp
from ...kube.defaults import fill
from ...kube.objects import CRON_JOB, JOB, Obj, annotations_of, controller_ref, get
from ...kube.validation.cron import misread
from ..api.deletion import delete
from ..api.jobs import choose_own_pods, label_as_pods
from ..events import record
from ..store.store import Change, Store
from .engine import Queue
from .index import Index, controller_of
from .jobpods import end_of
from .schedule import Unreadable, following, last_due

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
LAG_S = 0.1
"""After the scheduled moment, so that clocks that differ a little agree that it has come."""


class CronJobController:
    """Its pods come from the Jobs that it makes."""

    name = "cronjob"

    def __init__(
        self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Callable[[Obj], Obj] | None = None
    ) -> None:
        self._store, self._index, self._queue, self._now = store, index, queue, now
        self._random = Random(store.version)

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == CRON_JOB:
            if change.before is not None and _schedule_of(change.before) != _schedule_of(change.obj):
                self._wait_for_next(change.obj)
            else:
                self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == JOB:
            owner = controller_of(change.obj)
            if owner is not None and owner["kind"] == CRON_JOB.name:
                self._queue.add(self.name, meta["namespace"], owner["name"])

    def sync(self, namespace: str, name: str) -> None:
        cron = self._store.find(CRON_JOB, namespace, name)
        if cron is None:
            self._queue.forget(self.name, namespace, name)
            return
        status = copy.deepcopy(cron.get("status") or {})
        owned = [job for kind, job in self._index.dependents_of(cron["metadata"]["uid"]) if kind == JOB]
        jobs = [job for job in owned if (controller_of(job) or {}).get("uid") == cron["metadata"]["uid"]]
        self._clean_up(cron, status, jobs)
        self._take_note(cron, status, jobs)
        if "deletionTimestamp" not in cron["metadata"] and not cron["spec"].get("suspend"):
            try:
                self._start_due(cron, status)
            except Unreadable as error:
                self._tell(cron, *_trouble(cron["spec"]["schedule"], error), is_warning=True)
        written = {key: value for key, value in status.items() if value}
        if written != (cron.get("status") or {}):
            self._store.update(CRON_JOB, self._store.get(CRON_JOB, namespace, name) | {"status": written})

    # what was started

    def _clean_up(self, cron: Obj, status: Obj, jobs: list[Obj]) -> None:
        for condition, limit in (("Complete", "successfulJobsHistoryLimit"), ("Failed", "failedJobsHistoryLimit")):
            most = cron["spec"].get(limit)
            ended = [job for job in jobs if (end_of(job) or {}).get("type") == condition]
            ended.sort(key=lambda job: (get(job, "status", "startTime", default=""), job["metadata"]["name"]))
            for job in ended[: max(len(ended) - most, 0)] if most is not None else ():
                self._delete(cron, status, job)

    def _delete(self, cron: Obj, status: Obj, job: Obj) -> None:
        meta = job["metadata"]
        if self._store.find(JOB, meta["namespace"], meta["name"]) is not None:
            delete(self._store, JOB, meta["namespace"], meta["name"], now=self._now())
            self._tell(cron, "SuccessfulDelete", f"Deleted job {meta['name']}")
        _drop(status, meta["uid"])

    def _take_note(self, cron: Obj, status: Obj, jobs: list[Obj]) -> None:
        for job in jobs:
            meta, end = job["metadata"], end_of(job)
            is_known = any(each["uid"] == meta["uid"] for each in status.get("active") or ())
            if end is None:
                if not is_known:
                    message = f"Saw a job that the controller did not create or forgot: {meta['name']}"
                    self._tell(cron, "UnexpectedJob", message, is_warning=True)
                continue
            if is_known:
                _drop(status, meta["uid"])
                self._tell(cron, "SawCompletedJob", f"Saw completed job: {meta['name']}, condition: {end['type']}")
            at = get(job, "status", "completionTime", default="")
            if end["type"] == "Complete" and at > status.get("lastSuccessfulTime", ""):
                status["lastSuccessfulTime"] = at
        there = {job["metadata"]["uid"] for job in jobs}
        for each in [each for each in status.get("active") or () if each["uid"] not in there]:
            _drop(status, each["uid"])
            self._tell(cron, "MissingJob", f"Active job went missing: {each['name']}")

    # what is to be started

    def _start_due(self, cron: Obj, status: Obj) -> None:
        now, spec = self._now(), cron["spec"]
        since = parse_timestamp(status.get("lastScheduleTime") or cron["metadata"]["creationTimestamp"])
        limit_s = spec.get("startingDeadlineSeconds")
        if limit_s is not None:
            since = max(since, now - timedelta(seconds=limit_s))
        due, missed = last_due(*_schedule_of(cron), since, now)
        self._wait_for_next(cron)
        if due is None:
            return
        if missed > 100:
            message = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
            self._tell(cron, "TooManyMissedTimes", message, is_warning=True)
        if limit_s is not None and due + timedelta(seconds=limit_s) < now:
            message = f"Missed scheduled time to start a job: {due:%a, %d %b %Y %H:%M:%S +0000}"
            self._tell(cron, "MissSchedule", message, is_warning=True)
            return
        if timestamp(due) == status.get("lastScheduleTime"):
            return
        policy, active = spec.get("concurrencyPolicy", "Allow"), status.get("active") or []
        if policy == "Forbid" and active:
            message = "Not starting job because prior execution is running and concurrency policy is Forbid"
            self._tell(cron, "JobAlreadyActive", message)
            return
        for each in list(active) if policy == "Replace" else ():
            if (running := self._store.find(JOB, each["namespace"], each["name"])) is not None:
                self._delete(cron, status, running)
        self._start(cron, status, due)

    def _start(self, cron: Obj, status: Obj, due: datetime) -> None:
        meta = cron["metadata"]
        name = f"{meta['name']}-{int(due.timestamp()) // 60}"
        job = self._store.find(JOB, meta["namespace"], name)
        if job is None:
            job = self._store.create(JOB, self._made(cron, name, due))
            self._tell(cron, "SuccessfulCreate", f"Created job {name}")
        elif (controller_of(job) or {}).get("uid") != meta["uid"]:
            return
        ref = {"kind": JOB.name, "namespace": meta["namespace"], "name": name, "uid": job["metadata"]["uid"]}
        ref |= {"apiVersion": JOB.api_version, "resourceVersion": job["metadata"]["resourceVersion"]}
        known = [each for each in status.get("active") or () if each["uid"] != ref["uid"]]
        status["active"] = [*known, ref]
        status["lastScheduleTime"] = timestamp(due)

    def _made(self, cron: Obj, name: str, due: datetime) -> Obj:
        template = copy.deepcopy(cron["spec"]["jobTemplate"])
        zone = ZoneInfo(cron["spec"].get("timeZone") or "Etc/UTC")
        at = due.astimezone(zone).isoformat(timespec="seconds").replace("+00:00", "Z")
        meta = template.get("metadata") or {}
        job: Obj = {
            "apiVersion": JOB.api_version,
            "kind": JOB.name,
            "metadata": {
                "name": name,
                "namespace": cron["metadata"]["namespace"],
                "generation": 1,
                "creationTimestamp": timestamp(self._now()),
                "annotations": {**annotations_of(template), SCHEDULED: at},
                "ownerReferences": [controller_ref(CRON_JOB, cron)],
            }
            | ({"labels": meta["labels"]} if meta.get("labels") else {}),
            "spec": template["spec"],
        }
        fill(job)
        job["metadata"]["uid"] = str(uuid.UUID(int=self._random.getrandbits(128), version=4))
        choose_own_pods(job)
        label_as_pods(job)
        return job

    def _wait_for_next(self, cron: Obj) -> None:
        try:
            left_s = (following(*_schedule_of(cron), self._now().astimezone(UTC)) - self._now()).total_seconds()
        except Unreadable:
            return
        meta = cron["metadata"]
        self._queue.after(left_s + LAG_S, self.name, meta["namespace"], meta["name"])

    def _tell(self, cron: Obj, reason: str, message: str, *, is_warning: bool = False) -> None:
        record(
            self._store, CRON_JOB, cron, reason=reason, message=message, now=self._now(), component="cronjob-controller",
            type_="Warning" if is_warning else "Normal",
        )  # fmt: skip


def _trouble(schedule: str, error: Unreadable) -> tuple[str, str]:
    """Reason and message. One that is well written, and never due, is due twice at once to the real controller."""
    if misread(schedule):
        return "UnparseableSchedule", f"unparseable schedule: {json.dumps(schedule)} : {error}"
    return "InvalidSchedule", f"invalid schedule: {schedule} : time difference between two schedules is less than 1 second"


def _schedule_of(cron: Obj) -> tuple[str, str | None]:
    return cron["spec"]["schedule"], cron["spec"].get("timeZone")


def _drop(status: Obj, uid: str) -> None:
    status["active"] = [each for each in status.get("active") or () if each["uid"] != uid]
