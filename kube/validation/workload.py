"""What the API server refuses in Deployments, ReplicaSets and Pods, in its own words."""

from __future__ import annotations

import re

from ..objects import Obj, get, matches
from . import checks
from . import pod as validation_pod
from .checks import Problems

REPLACEMENT_POLICIES = ("TerminationStarted", "TerminationComplete")
"""When a Deployment makes new pods: once old ones begin to end, or once they have ended (KEP-5882, alpha)."""


def deployment(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.replicas", spec.get("replicas"))
    yield from _selector(spec, "deployment")
    yield from _template(spec)
    yield from _strategy(spec.get("strategy") or {})
    ready = spec.get("minReadySeconds", 0)
    yield from checks.not_negative("spec.minReadySeconds", ready)
    yield from checks.not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    deadline = spec.get("progressDeadlineSeconds")
    yield from checks.not_negative("spec.progressDeadlineSeconds", deadline)
    if deadline is not None and deadline <= ready:
        yield checks.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")
    if (policy := spec.get("podReplacementPolicy")) not in (None, *REPLACEMENT_POLICIES):
        yield checks.unsupported("spec.podReplacementPolicy", policy, REPLACEMENT_POLICIES)


def replica_set(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.replicas", spec.get("replicas"))
    yield from checks.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from _selector(spec, "deployment")
    yield from _template(spec)


def replication_controller(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    selector = spec.get("selector")
    if not selector:
        yield checks.required("spec.selector")
    yield from checks.not_negative("spec.replicas", spec.get("replicas"))
    if spec.get("template") is None:
        yield checks.required("spec.template")
        return
    yield from _template({**spec, "selector": {"matchLabels": selector or {}}}, "ReplicationController")


def stateful_set(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.replicas", spec.get("replicas"))
    yield from checks.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    if spec.get("podManagementPolicy") not in ("OrderedReady", "Parallel"):
        yield checks.invalid("spec.podManagementPolicy", spec.get("podManagementPolicy"), "must be 'OrderedReady' or 'Parallel'")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("OnDelete", "RollingUpdate"):
        internal = {"Type": strategy.get("type", ""), "RollingUpdate": _internal_partition(strategy.get("rollingUpdate"))}
        yield checks.invalid("spec.updateStrategy", internal, "must be 'RollingUpdate' or 'OnDelete'")
    elif strategy["type"] == "OnDelete" and strategy.get("rollingUpdate") is not None:
        internal_ = _internal_partition(strategy["rollingUpdate"])
        yield checks.invalid("spec.updateStrategy.rollingUpdate", internal_, "only allowed for updateStrategy 'RollingUpdate'")
    yield from checks.not_negative("spec.updateStrategy.rollingUpdate.partition", get(strategy, "rollingUpdate", "partition"))
    if service := spec.get("serviceName"):
        yield from checks.by_rule("spec.serviceName", service, checks.label_name)
    for name, value in (spec.get("persistentVolumeClaimRetentionPolicy") or {}).items():
        if value not in ("Retain", "Delete"):
            yield checks.unsupported(f"spec.persistentVolumeClaimRetentionPolicy.{name}", value, ("Retain", "Delete"))
    yield from checks.not_negative("spec.ordinals.start", get(spec, "ordinals", "start"))
    yield from _selector(spec, "statefulset")
    yield from _template(_with_claims(spec), "StatefulSet")


def _internal_partition(rolling: Obj | None) -> Obj | None:
    if rolling is None:
        return None
    return {"Partition": rolling.get("partition", 0), "MaxUnavailable": rolling.get("maxUnavailable")}


def _with_claims(spec: Obj) -> Obj:
    """The spec with the volumes that its claim templates will be: its pods may mount them."""
    claims = [get(each, "metadata", "name", default="") for each in spec.get("volumeClaimTemplates") or ()]
    pod = spec["template"]["spec"]
    known = [each for each in pod.get("volumes") or () if each["name"] not in claims]
    volumes = [*known, *({"name": name, "persistentVolumeClaim": {"claimName": name}} for name in claims)]
    return {**spec, "template": {**spec["template"], "spec": {**pod, "volumes": volumes}}} if claims else spec


_CHANGEABLE = (
    "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit", "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)  # fmt: skip


def stateful_set_update(obj: Obj, before: Obj) -> Problems:
    kept, was = ({key: value for key, value in each["spec"].items() if key not in _CHANGEABLE} for each in (obj, before))
    if kept != was:
        *names, last = (f"'{name}'" for name in _CHANGEABLE)
        why = f"updates to statefulset spec for fields other than {', '.join(names)} and {last} are forbidden"
        yield checks.forbidden("spec", why)


def daemon_set(obj: Obj) -> Problems:
    spec = obj["spec"]
    yield from checks.not_negative("spec.minReadySeconds", spec.get("minReadySeconds"))
    yield from checks.not_negative("spec.revisionHistoryLimit", spec.get("revisionHistoryLimit"))
    if spec.get("selector") is not None:  # without one it matches no template, which is told of the template
        yield from _selector(spec, "daemonset")
    yield from _template(spec, "DaemonSet")
    strategy = spec.get("updateStrategy") or {}
    if strategy.get("type") not in ("OnDelete", "RollingUpdate"):
        internal = {"Type": strategy.get("type", ""), "RollingUpdate": _internal_rolling(strategy.get("rollingUpdate"))}
        yield checks.unsupported("spec.updateStrategy", internal, ("RollingUpdate", "OnDelete"))
    elif strategy["type"] == "RollingUpdate":
        yield from _rolling_daemons(strategy.get("rollingUpdate") or {})


_SET_COUNTS = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")


def set_status(counts: Obj) -> Problems:
    """Of a StatefulSet: no part is more than the whole."""
    for name in (*_SET_COUNTS, "observedGeneration", "collisionCount"):
        yield from checks.not_negative(f"status.{name}", counts.get(name))
    for name in _SET_COUNTS[1:]:
        if (counts.get(name) or 0) > (counts.get("replicas") or 0):
            yield checks.invalid(f"status.{name}", counts[name], "cannot be greater than status.replicas")
    if (available := counts.get("availableReplicas") or 0) > (counts.get("readyReplicas") or 0):
        yield checks.invalid("status.availableReplicas", available, "cannot be greater than status.readyReplicas")


_DAEMONS = (
    "currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady", "observedGeneration",
    "updatedNumberScheduled", "numberAvailable", "numberUnavailable", "collisionCount",
)  # fmt: skip


def daemon_status(counts: Obj) -> Problems:
    for name in _DAEMONS:
        yield from checks.not_negative(f"status.{name}", counts.get(name))


def _rolling_daemons(rolling: Obj) -> Problems:
    """One of the two, and not both."""
    field = "spec.updateStrategy.rollingUpdate"
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    for name, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        yield from checks.count_or_percent(f"{field}.{name}", value)
    for name, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        yield from _whole_at_most(f"{field}.{name}", value)
    if _is_nothing(unavailable) and _is_nothing(surge):
        yield checks.required(f"{field}.maxUnavailable", "cannot be 0 when maxSurge is 0")
    elif not _is_nothing(unavailable) and not _is_nothing(surge):
        yield checks.invalid(f"{field}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")


def _whole_at_most(field: str, value: int | str) -> Problems:
    if isinstance(value, str) and re.fullmatch("[0-9]+%", value) and int(value[:-1]) > 100:
        yield checks.invalid(field, value, "must not be greater than 100%")


def controller_revision(obj: Obj) -> Problems:
    if obj.get("data") is None:
        yield checks.required("data", "data is mandatory")
    yield from checks.not_negative("revision", obj.get("revision"))


def same_data(obj: Obj, before: Obj) -> Problems:
    if obj.get("data") != before.get("data"):
        yield checks.immutable("data", obj.get("data"))


_COUNTS = (
    "observedGeneration", "replicas", "fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "availableReplicas",
    "unavailableReplicas", "terminatingReplicas", "collisionCount",
)  # fmt: skip
_PARTS = ("fullyLabeledReplicas", "updatedReplicas", "readyReplicas", "availableReplicas")


def status(counts: Obj) -> Problems:
    """No part is more than the whole."""
    for name in _COUNTS:
        yield from checks.not_negative(f"status.{name}", counts.get(name))
    for name in _PARTS:
        if counts.get(name, 0) > counts.get("replicas", 0):
            yield checks.invalid(f"status.{name}", counts[name], "cannot be greater than status.replicas")
    if counts.get("availableReplicas", 0) > counts.get("readyReplicas", 0):
        yield checks.invalid("status.availableReplicas", counts["availableReplicas"], "cannot be greater than readyReplicas")


def _selector(spec: Obj, workload: str) -> Problems:
    selector = spec.get("selector")
    if selector is None:
        yield checks.required("spec.selector")
        return
    yield from checks.label_selector("spec.selector", selector)
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        yield checks.invalid("spec.selector", selector, f"empty selector is invalid for {workload}")


def _template(spec: Obj, workload: str = "ReplicaSet") -> Problems:
    template, selector = spec["template"], spec.get("selector")
    if any(checks.label_selector("", selector)):
        yield checks.invalid("spec.selector", selector, "invalid label selector")
        return
    # No selector at all selects nothing, an empty one everything.
    labels = get(template, "metadata", "labels", default={})
    if selector is None or not matches(selector, labels):
        yield checks.invalid("spec.template.metadata.labels", labels or None, "`selector` does not match template `labels`")
    yield from validation_pod.template("spec.template", template)
    policy = template["spec"].get("restartPolicy")
    if policy != "Always":
        yield checks.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))
    if template["spec"].get("activeDeadlineSeconds") is not None:
        why = f"activeDeadlineSeconds in {workload} is not Supported"
        yield checks.forbidden("spec.template.spec.activeDeadlineSeconds", why)


def _strategy(strategy: Obj) -> Problems:
    field, rolling = "spec.strategy", strategy.get("rollingUpdate")
    match strategy.get("type"):
        case "Recreate":
            if rolling is not None:
                why = "may not be specified when strategy `type` is 'Recreate'"
                yield checks.forbidden(f"{field}.rollingUpdate", why)
        case "RollingUpdate":
            yield from _rolling(f"{field}.rollingUpdate", rolling or {})
        case other:
            internal = {"Type": other, "RollingUpdate": _internal_rolling(rolling)}
            yield checks.unsupported(field, internal, ("Recreate", "RollingUpdate"))


def _internal_rolling(rolling: Obj | None) -> Obj | None:
    if rolling is None:
        return None
    return {"MaxUnavailable": rolling.get("maxUnavailable", 0), "MaxSurge": rolling.get("maxSurge", 0)}


def _rolling(field: str, rolling: Obj) -> Problems:
    unavailable, surge = rolling.get("maxUnavailable", 0), rolling.get("maxSurge", 0)
    yield from checks.count_or_percent(f"{field}.maxUnavailable", unavailable)
    yield from checks.count_or_percent(f"{field}.maxSurge", surge)
    if _is_nothing(unavailable) and _is_nothing(surge):
        yield checks.invalid(f"{field}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0")
    yield from _whole_at_most(f"{field}.maxUnavailable", unavailable)


def _is_nothing(value: int | str) -> bool:
    if isinstance(value, int):
        return value == 0
    digits = re.fullmatch("([0-9]+)%?", value)
    return digits is None or int(digits[1]) == 0


def same_selector(obj: Obj, before: Obj) -> Problems:
    if obj["spec"].get("selector") != before["spec"].get("selector"):
        yield checks.immutable("spec.selector", obj["spec"].get("selector"))


def pod(obj: Obj) -> Problems:
    yield from validation_pod.pod_spec("spec", obj["spec"])
