"""What the API server refuses in Jobs, in its own words. (CronJobs: `cron`; a Job's policies: `jobpolicies`.)"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from ..objects import Obj, get, labels_of, matches
from . import checks, internal
from . import pod as validation_pod
from .checks import Problem, Problems
from .jobpolicies import failure_policy, success_policy

CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"

_ENDS = ("OnFailure", "Never")
_LONGEST_MANAGER = 63
_WIDEST = 100_000
"""Pods of an Indexed Job at once, and failed indexes of it."""
_MANY, _FEW = 100_000, 10_000
"""From so many completions on an Indexed Job with a limit per index may only be so wide, and fail in so many."""


def job(obj: Obj) -> Problems:
    yield from _own_selector(obj)
    yield from _whole_spec(obj["spec"])
    yield from _hostname(obj)


def job_update(obj: Obj, before: Obj) -> Problems:
    """The pods that a Job has made are of its template: that does not change under them. The spec is looked at once more."""
    spec, was = obj["spec"], before["spec"]
    yield from _whole_spec(spec)
    yield from _completions_update(spec, was)
    for name in (
        "selector",
        "template",
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ):
        mine, theirs = spec.get(name), was.get(name)
        if name == "template" and was.get("suspend") and not get(before, "status", "startTime"):
            theirs = _movable(spec["template"], was["template"])
        if mine != theirs:
            yield checks.immutable(f"spec.{name}", _internal(name, mine))


def job_spec(field: str, spec: Obj) -> Problems:
    """What is wrong with it in itself, in a Job or in the template of a CronJob."""
    counts = ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")
    for name in (*counts, "backoffLimitPerIndex", "maxFailedIndexes"):
        yield from checks.not_negative(f"{field}.{name}", spec.get(name))
    if spec.get("maxFailedIndexes") is not None and spec.get("backoffLimitPerIndex") is None:
        yield checks.required(f"{field}.backoffLimitPerIndex", "when maxFailedIndexes is specified")
    if (manager := spec.get("managedBy")) is not None:
        yield from checks.by_rule(f"{field}.managedBy", manager, checks.domain_path)
        if len(manager) > _LONGEST_MANAGER:
            yield checks.too_long(f"{field}.managedBy", _LONGEST_MANAGER)
    yield from _mode(field, spec)
    if spec.get("podFailurePolicy") is not None:
        yield from failure_policy(f"{field}.podFailurePolicy", spec)
    if spec.get("successPolicy") is not None:
        yield from success_policy(f"{field}.successPolicy", spec)
    if (policy := spec.get("podReplacementPolicy")) is not None:
        # with a podFailurePolicy a pod's end has to be known first
        known = ("Failed", "TerminatingOrFailed") if spec.get("podFailurePolicy") is None else ("Failed",)
        if policy not in known:
            yield checks.unsupported(f"{field}.podReplacementPolicy", policy, known)
    yield from validation_pod.template(f"{field}.template", spec["template"])
    yield from _restarts(f"{field}.template.spec.restartPolicy", get(spec, "template", "spec", "restartPolicy"))


def _restarts(field: str, policy: str | None) -> Problems:
    """What a pod is given that says nothing, no Job can have: it has to be said."""
    if policy in ("Always", None, ""):
        yield checks.required(field, f"valid values: {', '.join(map(checks.shown, _ENDS))}")
    elif policy not in _ENDS:
        yield checks.unsupported(field, policy, _ENDS)


def _mode(field: str, spec: Obj) -> Problems:
    mode = spec.get("completionMode")
    if mode not in ("NonIndexed", "Indexed", None):
        yield checks.unsupported(f"{field}.completionMode", mode, ("NonIndexed", "Indexed"))
    if mode != "Indexed":
        for name in ("backoffLimitPerIndex", "maxFailedIndexes") if mode in ("NonIndexed", None) else ():
            if spec.get(name) is not None:
                yield checks.invalid(f"{field}.{name}", spec[name], "requires indexed completion mode")
        return
    if spec.get("completions") is None:
        yield checks.required(f"{field}.completions", "when completion mode is Indexed")
    if (width := spec.get("parallelism") or 0) > _WIDEST:
        why = f"must be less than or equal to {_WIDEST} when completion mode is Indexed"
        yield checks.invalid(f"{field}.parallelism", width, why)
    if spec.get("completions") is not None:
        yield from _failed_indexes(field, spec, spec["completions"])


def _failed_indexes(field: str, spec: Obj, completions: int) -> Problems:
    most = spec.get("maxFailedIndexes")
    if most is not None and most > completions:
        yield checks.invalid(f"{field}.maxFailedIndexes", most, "must be less than or equal to completions")
    if most is not None and most > _WIDEST:
        yield checks.invalid(f"{field}.maxFailedIndexes", most, f"must be less than or equal to {_WIDEST}")
    if completions <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return
    if most is None:
        yield checks.required(f"{field}.maxFailedIndexes", f"must be specified when completions is above {_MANY}")
    for name in ("parallelism", "maxFailedIndexes"):
        if (value := spec.get(name) or 0) > _FEW:
            why = f"must be less than or equal to {_FEW} when completions are above {_MANY} and used with backoff limit per index"
            yield checks.invalid(f"{field}.{name}", value, why)


def _whole_spec(spec: Obj) -> Problems:
    """A Job's own spec: with the selector, which chooses the pods of its template."""
    yield from job_spec("spec", spec)
    selector, labels = spec.get("selector"), labels_of(spec["template"])
    if selector is None:
        if spec.get("manualSelector"):  # else the server chooses, of a Job that it is given
            yield checks.required("spec.selector")
        return
    yield from checks.label_selector("spec.selector", selector)
    if not matches(selector, labels):
        yield checks.invalid("spec.template.metadata.labels", labels or None, "`selector` does not match template `labels`")


def _own_selector(obj: Obj) -> Problems:
    """What the server chose, nobody changes; who wants to choose says `manualSelector`."""
    spec, meta = obj["spec"], obj["metadata"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return
    expected = {CONTROLLER_UID: meta.get("uid", ""), JOB_NAME: meta["name"]}
    expected |= {"controller-uid": meta.get("uid", ""), "job-name": meta["name"]}
    labels = labels_of(spec["template"])
    for key, value in expected.items():
        field = f"spec.template.metadata.labels[{key}]"
        if key not in labels:
            yield checks.required(field, f"must be '{value}'")
        elif labels[key] != value:
            yield checks.invalid(field, dict(labels), f"must be '{value}'")
    if not matches(spec["selector"], expected):
        yield checks.invalid("spec.selector", spec["selector"], "`selector` not auto-generated")


def _hostname(obj: Obj) -> Iterator[Problem]:
    """The pods of an Indexed Job are called by its name and their index."""
    spec, name = obj["spec"], obj["metadata"].get("name", "")
    if spec.get("completionMode") != "Indexed" or (spec.get("completions") or 0) <= 0:
        return
    last = f"{name}-{spec['completions'] - 1}"
    if checks.label_name(last):
        yield checks.invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {last}")


def _completions_update(spec: Obj, was: Obj) -> Problems:
    """An Indexed Job grows and shrinks as a whole."""
    completions, before = spec.get("completions"), was.get("completions")
    if completions == before:
        return
    if spec.get("completionMode") != "Indexed":
        yield checks.immutable("spec.completions", completions)
    elif not (completions == spec.get("parallelism") and before == was.get("parallelism")):
        yield checks.invalid("spec.completions", completions, "can only be modified in tandem with spec.parallelism")


def _movable(template: Obj, before: Obj) -> Obj:
    """The template of a Job that never ran, with what may still be decided of it taken from the new one: where its pods go, and
    what they are given."""
    out, pod = copy.deepcopy(before), template["spec"]
    for name in ("nodeSelector", "tolerations", "schedulingGates", "affinity"):
        _take(out["spec"], pod, name)
    for part in ("containers", "initContainers"):
        for mine, theirs in zip(out["spec"].get(part) or (), pod.get(part) or (), strict=False):
            _take(mine, theirs, "resources")
    meta = out.setdefault("metadata", {})
    for name in ("labels", "annotations"):
        _take(meta, template.get("metadata") or {}, name)
    return out


def _take(out: Obj, source: Obj, name: str) -> None:
    out.pop(name, None)
    if name in source:
        out[name] = source[name]


def _internal(name: str, value: Obj | None) -> Obj | None:
    """As the server's own types are printed."""
    if name == "template" and value is not None:
        return internal.template(value)
    if name in ("podFailurePolicy", "successPolicy") and value is not None:
        return internal.form(value, "PodFailurePolicy" if name == "podFailurePolicy" else "SuccessPolicy")
    return value
