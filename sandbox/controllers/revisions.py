"""The ReplicaSets of a Deployment as its revisions: which is new, how old, how large, and what is noted on them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import DEPLOYMENT, REPLICA_SET, Obj, annotations_of, controller_ref, get, labels_of
from ..api.names import template_hash
from .arithmetic import Size, new_size, rollout_of

HASH = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MOST = "deployment.kubernetes.io/max-replicas"
OWN_ANNOTATIONS = (REVISION, HISTORY, DESIRED, MOST, "kubectl.kubernetes.io/last-applied-configuration")


def same_template(one: Obj, other: Obj) -> bool:
    """Whether two pod templates are equal but for the hash that this controller adds."""
    return plain_template(one) == plain_template(other)


def plain_template(template: Obj) -> Obj:
    meta = {key: value for key, value in (template.get("metadata") or {}).items() if value is not None}
    labels = {key: value for key, value in (meta.get("labels") or {}).items() if key != HASH}
    return template | {"metadata": meta | {"labels": labels}}


def new_among(deployment: Obj, sets: Sequence[Obj]) -> Obj | None:
    """The ReplicaSet of the Deployment's template: of several the oldest."""
    template = deployment["spec"]["template"]
    return next((each for each in sets if same_template(each["spec"]["template"], template)), None)


def revision_of(obj: Obj) -> int:
    text = annotations_of(obj).get(REVISION, "0")
    return int(text) if text.isdecimal() else 0


def wanted(replicaset: Obj) -> int:
    return int(get(replicaset, "spec", "replicas", default=0))


def active(sets: Sequence[Obj]) -> list[Obj]:
    return [each for each in sets if wanted(each)]


def by_age(sets: Sequence[Obj]) -> list[Obj]:
    """Oldest first; those of the same second in the order in which they were stored."""
    return sorted(sets, key=lambda each: str(each["metadata"].get("creationTimestamp", "")))


def size_of(replicaset: Obj) -> Size:
    scaled_for = annotations_of(replicaset).get(MOST, "0")
    available = get(replicaset, "status", "availableReplicas", default=0)
    return Size(wanted(replicaset), available, int(scaled_for) if scaled_for.isdecimal() else 0)


def replicaset_of(deployment: Obj, old: Sequence[Obj], revision: int, now: datetime) -> Obj:
    """The ReplicaSet of the Deployment's template, with as many pods as there may be beside its old ones."""
    rollout, meta, template = rollout_of(deployment), deployment["metadata"], deployment["spec"]["template"]
    hashed = template_hash(plain_template(template), get(deployment, "status", "collisionCount", default=0))
    labels = labels_of(template) | {HASH: hashed}
    selector = deployment["spec"]["selector"]
    selected = selector | {"matchLabels": (selector.get("matchLabels") or {}) | {HASH: hashed}}
    made: Obj = {
        "apiVersion": REPLICA_SET.api_version,
        "kind": REPLICA_SET.name,
        "metadata": {
            "name": f"{meta['name']}-{hashed}",
            "namespace": meta["namespace"],
            "labels": labels,
            "annotations": {DESIRED: str(rollout.replicas), MOST: str(rollout.most)},
            "generation": 1,
            "creationTimestamp": timestamp(now),
            "ownerReferences": [controller_ref(DEPLOYMENT, deployment)],
        },
        "spec": {
            "replicas": new_size(rollout, 0, sum(map(wanted, old))),
            "selector": selected,
            "template": template | {"metadata": (template.get("metadata") or {}) | {"labels": labels}},
        },
        "status": {"replicas": 0},
    }
    made["spec"] = with_min_ready(made["spec"], deployment)
    return with_revision(deployment, made, revision)


def with_revision(deployment: Obj, replicaset: Obj, revision: int) -> Obj:
    """The ReplicaSet as it should be noted: the Deployment's annotations, and a revision above all others'."""
    before = annotations_of(replicaset)
    copied = {key: value for key, value in annotations_of(deployment).items() if key not in OWN_ANNOTATIONS}
    annotations = before | copied
    if revision_of(replicaset) < revision:
        annotations[REVISION] = str(revision)
        if REVISION in before:
            history = [*before.get(HISTORY, "").split(","), before[REVISION]]
            annotations[HISTORY] = ",".join(each for each in history if each)
    return replicaset | {"metadata": replicaset["metadata"] | {"annotations": annotations}}


def with_min_ready(spec: Obj, deployment: Obj) -> Obj:
    seconds = get(deployment, "spec", "minReadySeconds", default=0)
    plain = {key: value for key, value in spec.items() if key != "minReadySeconds"}
    return plain | {"minReadySeconds": seconds} if seconds else plain
