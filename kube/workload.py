"""The kinds of workloads that an application can be: what the API calls the same thing in each of them.

A Deployment, a StatefulSet and a DaemonSet all keep pods of one template, and replace them when it changes. How many there are to
be, how far that has come, and how many may be missing meanwhile stand elsewhere in each: whoever asks that of one asks here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from .intstr import fenceposts, resolve
from .objects import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Kind, Obj, Ref, get, labels_of, template_labels

RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes into the pods' template."""
SET_HASH = "controller-revision-hash"
"""The label by which the pods of a StatefulSet or DaemonSet name their revision."""


class Counts(NamedTuple):
    """A workload's status in one vocabulary: pods that are there, those of the newest template, ready ones, available ones.
    `is_behind`: its controller has not seen the last change yet, so that they speak of something else."""

    all: int
    updated: int
    ready: int
    available: int
    is_behind: bool


class Limits(NamedTuple):
    """Of a rolling update of so many pods: how many more there may be meanwhile, and how many may be missing."""

    surge: int
    unavailable: int


class Workload(NamedTuple):
    """`stanza` is the field of the spec that says how its pods are replaced, and `names` what its status calls the counts.
    `is_scaled`: it has `spec.replicas`; else its nodes say how many pods there are. `changeable` are the fields of the spec that
    the API server lets be changed; None: all but the selector."""

    kind: Kind
    stanza: str
    names: tuple[str, str, str, str]
    limits: Callable[[Mapping[str, Any], int], Limits]
    is_scaled: bool = True
    changeable: frozenset[str] | None = None

    @property
    def is_set(self) -> bool:
        """Whether it has its pods itself, and tells their revisions by ControllerRevisions; a Deployment has ReplicaSets."""
        return self.kind != DEPLOYMENT

    def wanted(self, live: Mapping[str, Any], *, otherwise: int = 1) -> int:
        """The pods that it is to have, as far as it says so."""
        path = ("spec", "replicas") if self.is_scaled else ("status", "desiredNumberScheduled")
        return int(get(live, *path, default=otherwise))

    def counts(self, live: Mapping[str, Any]) -> Counts:
        status = live.get("status") or {}
        there, updated, ready, available = (int(status.get(name, 0)) for name in self.names)
        behind = status.get("observedGeneration", 0) < get(live, "metadata", "generation", default=1)
        return Counts(there + status.get("numberMisscheduled", 0), updated, ready, available, bool(behind))

    def status(self, counts: Counts, generation: int, wanted: int) -> Obj:
        """The status that says so."""
        said = {**dict(zip(self.names, counts[:4], strict=True)), "observedGeneration": generation}
        return said if self.is_scaled else {**said, "desiredNumberScheduled": wanted}

    def fixed(self, obj: Mapping[str, Any]) -> Obj:
        """The part of the spec that stays as it is for the object's whole life."""
        spec = obj.get("spec") or {}
        keep = self.changeable
        return {key: value for key, value in spec.items() if (key == "selector" if keep is None else key not in keep)}


def _of_deployment(obj: Mapping[str, Any], replicas: int) -> Limits:
    if get(obj, "spec", "strategy", "type") == "Recreate":
        return Limits(0, replicas)
    rolling = get(obj, "spec", "strategy", "rollingUpdate", default={})
    return Limits(*fenceposts(rolling.get("maxSurge", "25%"), rolling.get("maxUnavailable", "25%"), replicas))


def _one_at_a_time(obj: Mapping[str, Any], replicas: int) -> Limits:
    """Its maxUnavailable is behind a gate that is off (Kubernetes 1.36): a pod has to leave before the one in its place comes."""
    return Limits(0, 1)


def _of_daemons(obj: Mapping[str, Any], nodes: int) -> Limits:
    """As the controller rounds: percentages up, and one of the two limits at least lets it go on."""
    rolling = get(obj, "spec", "updateStrategy", "rollingUpdate", default={})
    surge = resolve(rolling.get("maxSurge", 0), nodes, round_up=True)
    unavailable = resolve(rolling.get("maxUnavailable", 1), nodes, round_up=True)
    return Limits(surge, unavailable or (0 if surge else 1))


_SCALED = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
WORKLOADS: Mapping[tuple[str, str], Workload] = {
    (each.kind.group, each.kind.name): each
    for each in (
        Workload(DEPLOYMENT, "strategy", _SCALED, _of_deployment),
        Workload(
            STATEFUL_SET, "updateStrategy", _SCALED, _one_at_a_time,
            changeable=frozenset({
                "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
            }),
        ),
        Workload(
            DAEMON_SET, "updateStrategy", ("currentNumberScheduled", "updatedNumberScheduled", "numberReady", "numberAvailable"),
            _of_daemons, is_scaled=False,
        ),
    )
}  # fmt: skip
"""By group and kind."""
_BY_NAME = {each.kind.name: each for each in WORKLOADS.values()}
WORKLOAD_KINDS = tuple(each.kind for each in WORKLOADS.values())


def is_workload(obj: Mapping[str, Any]) -> bool:
    return (obj["apiVersion"].rpartition("/")[0], obj["kind"]) in WORKLOADS


def names_workload(ref: Ref) -> bool:
    return (ref.api_version.rpartition("/")[0], ref.kind) in WORKLOADS


def workload_of(obj: Mapping[str, Any]) -> Workload:
    """What is known of the kind of a workload, though it be written in a version that is gone. Raises KeyError for one that is
    none."""
    return _BY_NAME[obj["kind"]]


def kind_of_workload(obj: Mapping[str, Any]) -> Kind:
    return workload_of(obj).kind


def pods_of(live: Mapping[str, Any] | None) -> int:
    """The pods that a workload is to have; 0 where it is not there."""
    return 0 if live is None else workload_of(live).wanted(live)


def replaces_in_order(obj: Mapping[str, Any]) -> bool:
    """Whether it is a set that replaces nothing while one of its pods is not ready, not even that one."""
    is_set: bool = obj["kind"] == STATEFUL_SET.name
    return is_set and get(obj, "spec", "podManagementPolicy", default="OrderedReady") != "Parallel"


def newest_hash(live: Mapping[str, Any], revisions: Iterable[Obj]) -> str:
    """What the pods of a set's newest template are labelled with (SET_HASH), as far as its controller has seen it; empty where
    nothing tells. A StatefulSet says it in its status; of a DaemonSet it is the one of its ControllerRevisions, which are among
    `revisions`, with the highest number."""
    if newest := get(live, "status", "updateRevision"):
        return str(newest)
    last = max((each for each in revisions if is_owned(each, live)), key=lambda each: int(each.get("revision", 0)), default=None)
    return labels_of(last).get(SET_HASH, "") if last else ""


def is_owned(obj: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    owners = obj["metadata"].get("ownerReferences") or ()
    return any(owner["uid"] == live["metadata"].get("uid") for owner in owners)


def labels_of_all(workloads: Iterable[Obj]) -> dict[str, str]:
    """By which the pods of all of these are listed: what their selectors have in common, which differ where the version is in
    them. Empty where they have nothing in common: only a list of all pods has theirs then."""
    first, *rest = (get(each, "spec", "selector", "matchLabels", default={}) or template_labels(each) for each in workloads)
    return {key: value for key, value in first.items() if all(other.get(key) == value for other in rest)}
