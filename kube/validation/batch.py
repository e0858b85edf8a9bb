"""What the API server refuses in Jobs and CronJobs, in its own words."""

from __future__ import annotations

from ..objects import Obj, get
from . import checks
from . import pod as validation_pod
from .checks import Problems

_COUNTS = ("active", "ready", "succeeded", "failed", "terminating")
CRON_FIELDS = 5
_ENDS = ("Never", "OnFailure")


def status_problems(status: Obj) -> Problems:
    """A status that contradicts itself, whoever writes it."""
    for name in _COUNTS:
        yield from checks.not_negative(f"status.{name}", status.get(name))
    ready, active = status.get("ready") or 0, status.get("active") or 0
    if ready > active:
        yield checks.invalid("status.ready", ready, "cannot set more ready pods than active")


def job(obj: Obj) -> Problems:
    yield from _job_spec("spec", obj["spec"])


def cron_job(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from _schedule("spec.schedule", spec.get("schedule", ""))
    if spec.get("concurrencyPolicy") not in ("Allow", "Forbid", "Replace"):
        yield checks.unsupported("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    for name in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        yield from checks.not_negative(f"spec.{name}", spec.get(name))
    yield from _job_spec("spec.jobTemplate.spec", spec["jobTemplate"]["spec"])
    if len(obj["metadata"].get("name", "")) > 52:
        yield checks.invalid("metadata.name", obj["metadata"]["name"], "must be no more than 52 characters")


def _schedule(field: str, schedule: str) -> Problems:
    """Only how many fields there are: what is in them the controller says."""
    fields = schedule.split()
    if not fields:
        yield checks.required(field)
    elif not fields[0].startswith("@") and len(fields) != CRON_FIELDS:
        found = f"expected exactly {CRON_FIELDS} fields, found {len(fields)}: [{' '.join(fields)}]"
        yield checks.invalid(field, schedule, found)


def job_update(obj: Obj, before: Obj) -> Problems:
    """The pods that a Job has made are of its template: that does not change under them."""
    for name in ("selector", "completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        if obj["spec"].get(name) != before["spec"].get(name):
            yield checks.immutable(f"spec.{name}", obj["spec"].get(name))
    if obj["spec"]["template"] != before["spec"]["template"]:
        yield checks.immutable("spec.template", obj["spec"]["template"])
    completions, was = obj["spec"].get("completions"), before["spec"].get("completions")
    is_scaled = obj["spec"].get("completionMode") == "Indexed" and completions == obj["spec"].get("parallelism")
    if completions != was and not is_scaled:
        yield checks.immutable("spec.completions", completions)


def _job_spec(field: str, spec: Obj) -> Problems:
    for name in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        yield from checks.not_negative(f"{field}.{name}", spec.get(name))
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield checks.required(f"{field}.completions", "when completion mode is Indexed")
    yield from validation_pod.template(f"{field}.template", spec["template"])
    policy = get(spec, "template", "spec", "restartPolicy")
    if policy not in _ENDS:
        yield checks.unsupported(f"{field}.template.spec.restartPolicy", policy, ("OnFailure", "Never"))
