"""A new Job chooses its pods by its own uid, unless its user does that: by the labels that it puts on them."""

from __future__ import annotations

from ...kube.objects import Obj, get, labels_of
from ...kube.validation.batch import CONTROLLER_UID, JOB_NAME


def choose_own_pods(job: Obj) -> None:
    """In place. The Job has its uid already. What its user has said of these labels stays, and validation looks at it."""
    spec, meta = job["spec"], job["metadata"]
    if spec.get("manualSelector"):
        return
    own = {CONTROLLER_UID: meta["uid"], JOB_NAME: meta["name"], "controller-uid": meta["uid"], "job-name": meta["name"]}
    template = spec["template"] = {**spec["template"], "metadata": dict(spec["template"].get("metadata") or {})}
    template["metadata"]["labels"] = {**own, **labels_of(template)}
    chosen = {CONTROLLER_UID: meta["uid"], **(get(spec, "selector", "matchLabels") or {})}
    spec["selector"] = {**(spec.get("selector") or {}), "matchLabels": chosen}


def label_as_pods(job: Obj) -> None:
    """In place, once it is let in: a Job without labels of its own shows those of its pods."""
    labels = labels_of(job["spec"]["template"])
    if labels and not labels_of(job):
        job["metadata"]["labels"] = dict(labels)
