"""A new Job chooses its pods by its own uid, unless its user does that: by the labels that it puts on them."""

from __future__ import annotations

from ...kube.objects import Obj, get, labels_of

CONTROLLER = "batch.kubernetes.io/controller-uid"


def choose_own_pods(job: Obj) -> None:
    """In place. The Job has its uid already."""
    spec, meta = job["spec"], job["metadata"]
    if spec.get("manualSelector") or get(spec, "selector", "matchLabels"):
        return
    own = {CONTROLLER: meta["uid"], "batch.kubernetes.io/job-name": meta["name"]}
    own |= {"controller-uid": meta["uid"], "job-name": meta["name"]}
    template = spec["template"] = {**spec["template"], "metadata": dict(spec["template"].get("metadata") or {})}
    template["metadata"]["labels"] = {**labels_of(template), **own}
    meta["labels"] = {**labels_of(job), **own}
    spec["selector"] = {"matchLabels": {CONTROLLER: meta["uid"]}}
