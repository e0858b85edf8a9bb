"""What the API server refuses in Jobs and CronJobs, in its own words."""

from __future__ import annotations

from ..objects import Obj, get
from . import checks
from . import pod as validation_pod
from .checks import Problems

_COUNTS = ("active", "ready", "succeeded", "failed", "terminating")
CRON_FIELDS = 5
_ENDS = ("Never", "OnFailure")
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")


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
    if spec.get("podFailurePolicy") is not None:
        yield from _failure_policy(f"{field}.podFailurePolicy", spec)


def _failure_policy(field: str, spec: Obj) -> Problems:
    pod = get(spec, "template", "spec", default={})
    if pod.get("restartPolicy") != "Never":
        yield checks.invalid(
            f"{field.rpartition('.')[0]}.template.spec.restartPolicy", pod.get("restartPolicy"),
            'only "Never" is supported when podFailurePolicy is specified',
        )  # fmt: skip
    names = {each.get("name") for key in ("containers", "initContainers") for each in pod.get(key) or ()}
    for place, rule in enumerate(spec["podFailurePolicy"].get("rules") or ()):
        path = f"{field}.rules[{place}]"
        yield from _one_of(f"{path}.action", rule.get("action"), _ACTIONS)
        codes, conditions = rule.get("onExitCodes"), rule.get("onPodConditions")
        if codes is not None and conditions:
            yield checks.invalid(path, "", "specifying both OnExitCodes and OnPodConditions is not supported")
        if codes is None and not conditions:
            yield checks.invalid(path, "", "specifying one of OnExitCodes and OnPodConditions is required")
        if codes is not None:
            yield from _exit_codes(f"{path}.onExitCodes", codes, names)
        for at, pattern in enumerate(conditions or ()):
            if not pattern.get("type"):
                yield checks.required(f"{path}.onPodConditions[{at}].type")


def _exit_codes(field: str, codes: Obj, names: set[str]) -> Problems:
    yield from _one_of(f"{field}.operator", codes.get("operator"), _OPERATORS)
    if (name := codes.get("containerName")) is not None and name not in names:
        text = "must be one of the container or initContainer names in the pod template"
        yield checks.invalid(f"{field}.containerName", name, text)
    values = codes.get("values") or []
    if not values:
        yield checks.invalid(f"{field}.values", values, "at least one value is required")
    for at, value in enumerate(values):
        if value == 0 and codes.get("operator") == "In":
            yield checks.invalid(f"{field}.values[{at}]", value, "must not be 0 for the In operator")
        if value in values[:at]:
            yield checks.duplicate(f"{field}.values[{at}]", value)
    if values != sorted(values):
        yield checks.invalid(f"{field}.values", values, "must be ordered")


def _one_of(field: str, value: str | None, known: tuple[str, ...]) -> Problems:
    if not value:
        yield checks.required(field, f"valid values: [{' '.join(map(checks.shown, known))}]")
    elif value not in known:
        yield checks.unsupported(field, value, known)
