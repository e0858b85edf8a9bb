"""A pod as a controller makes it of a template, before it is let in."""

from __future__ import annotations

import copy
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.defaults import fill
from ...kube.objects import POD, Kind, Obj, controller_ref


def pod_of(template: Obj, kind: Kind, owner: Obj, name: str, now: datetime) -> Obj:
    """With the defaults that the API server gives to pods, and not to templates. The template is not touched."""
    meta = template.get("metadata") or {}
    inherited = {key: copy.deepcopy(meta[key]) for key in ("labels", "annotations", "finalizers") if meta.get(key)}
    pod: Obj = {
        "apiVersion": POD.api_version,
        "kind": POD.name,
        "metadata": inherited
        | {
            "name": name,
            "namespace": owner["metadata"]["namespace"],
            "generation": 1,
            "creationTimestamp": timestamp(now),
            "ownerReferences": [controller_ref(kind, owner)],
        },
        "spec": copy.deepcopy(template["spec"]),
        "status": {"phase": "Pending"},
    }
    fill(pod)
    return pod
