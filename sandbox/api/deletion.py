"""How the API server deletes: grace periods, finalizers, propagation and preconditions, on the store.

Deletion is the one write that controllers do as often as users, and half of it happens later: a pod waits for its
kubelet, an object with finalizers for whoever empties them. So the rules stand here, beside the store, and the API and
the controllers share them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from ...errors import Conflict
from ...kube.clock import timestamp
from ...kube.objects import DEFINITION, NAMESPACE, POD, Kind, Obj, get
from ..store.store import Store

Propagation = Literal["", "Background", "Foreground", "Orphan"]

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"
POD_GRACE_S = 30
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
"""The finalizer of a CustomResourceDefinition that is being deleted."""


def delete(
    store: Store,
    kind: Kind,
    namespace: str,
    name: str,
    *,
    now: datetime,
    propagation: Propagation = "Background",
    grace_s: int | None = None,
    uid: str = "",
    resource_version: str = "",
) -> Obj:
    """Deletes as the API server does, and answers the object as it is then: its last state where it is gone at once.

    A scheduled pod only gets its `deletionTimestamp` (now + grace) and goes when the kubelet deletes it with grace 0; an
    object with finalizers goes when the last of them is taken off (see `finished`). Deleting twice is no error and only
    ever shortens the grace. An empty `propagation` leaves the choice to the finalizers that are there already. Raises
    NotFound, and Conflict where `uid` or `resource_version` are given and not the live ones.
    """
    live = store.get(kind, namespace, name)
    _check(kind, live, uid, resource_version)
    marked = _marked(kind, live, now, propagation, grace_s)
    if kind.is_a(NAMESPACE) and get(live, "spec", "finalizers"):
        # The namespace controller empties it first, and takes the finalizer of the spec off then.
        return store.update(kind, marked | {"status": {**(live.get("status") or {}), "phase": "Terminating"}})
    if kind.is_a(DEFINITION) and "deletionTimestamp" not in live["metadata"]:
        marked = _held_for_cleanup(marked, now)
    if finished(marked):
        return store.remove(kind, namespace, name)
    return store.update(kind, marked)


def finished(obj: Obj) -> bool:
    """Whether a deleted object has nothing left to wait for. To be asked after every write that touches finalizers."""
    meta = obj["metadata"]
    return "deletionTimestamp" in meta and not meta.get("finalizers") and not meta.get("deletionGracePeriodSeconds")


def _marked(kind: Kind, live: Obj, now: datetime, propagation: str, grace_s: int | None) -> Obj:
    """The object with its deletion written into the metadata; unchanged where it says so already."""
    meta = dict(live["metadata"])
    if finalizers := _finalizers(meta.get("finalizers") or [], propagation):
        meta["finalizers"] = finalizers
    else:
        meta.pop("finalizers", None)
    grace = _grace(kind, live, grace_s)
    if "deletionTimestamp" not in meta:
        meta["deletionTimestamp"] = timestamp(now + timedelta(seconds=grace))
        meta["deletionGracePeriodSeconds"] = grace
        # The kubelet watches generations: a pod's deletion is a change of what is wanted of it.
        if "generation" in meta:
            meta["generation"] += 1
    elif grace < (meta.get("deletionGracePeriodSeconds") or 0) and (grace_s is not None or not kind.is_a(POD)):
        began = datetime.fromisoformat(meta["deletionTimestamp"]) - timedelta(
            seconds=meta["deletionGracePeriodSeconds"],
        )
        meta["deletionTimestamp"] = timestamp(began + timedelta(seconds=grace))
        meta["deletionGracePeriodSeconds"] = grace
    return live | {"metadata": meta}


def _held_for_cleanup(definition: Obj, now: datetime) -> Obj:
    """A definition stays until its resources are gone, and says so."""
    meta, status = definition["metadata"], definition.get("status") or {}
    why = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    told = {
        "type": "Terminating", "status": "True", "reason": "InstanceDeletionPending", "message": why,
        "lastTransitionTime": timestamp(now),
    }  # fmt: skip
    finalizers = list(dict.fromkeys([*(meta.get("finalizers") or ()), CLEANUP]))
    conditions = [*(status.get("conditions") or ()), told]
    return definition | {"metadata": meta | {"finalizers": finalizers}, "status": status | {"conditions": conditions}}


def _grace(kind: Kind, live: Obj, grace_s: int | None) -> int:
    """Only pods end gracefully, and only those that a kubelet has taken on and that still run."""
    if not kind.is_a(POD) or not (spec := live["spec"]).get("nodeName"):
        return 0
    if get(live, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    kept_s = spec.get("terminationGracePeriodSeconds")
    wanted: int = grace_s if grace_s is not None else POD_GRACE_S if kept_s is None else kept_s
    # A negative period in a spec means "as short as possible", which the API server reads as one second.
    return wanted if wanted >= 0 else 1


def _finalizers(present: list[str], propagation: str) -> list[str]:
    kept = [finalizer for finalizer in present if finalizer not in (FOREGROUND, ORPHAN)]
    match propagation:
        case "Foreground":
            return [*kept, FOREGROUND]
        case "Orphan":
            return [*kept, ORPHAN]
        case "Background":
            return kept
        case _:
            return present


def _check(kind: Kind, live: Obj, uid: str, resource_version: str) -> None:
    """The messages name the kind, not the resource: so does the real server's."""
    meta = live["metadata"]
    what = f"{kind.name}.{kind.group}" if kind.group else kind.name
    if uid and uid != meta["uid"]:
        why = (
            f"the UID in the precondition ({uid}) does not match the UID in record ({meta['uid']}). "
            "The object might have been deleted and then recreated"
        )
    elif resource_version and resource_version != meta["resourceVersion"]:
        why = (
            f"the ResourceVersion in the precondition ({resource_version}) does not match the ResourceVersion in "
            f"record ({meta['resourceVersion']}). The object might have been modified"
        )
    else:
        return
    details = {"name": meta["name"], "kind": kind.name} | ({"group": kind.group} if kind.group else {})
    raise Conflict(409, "Conflict", f'Operation cannot be fulfilled on {what} "{meta["name"]}": {why}', details)
