"""What a write of an object leaves as it was, and what of it is no change."""

from __future__ import annotations

from ...kube.objects import Obj


def keep_server_fields(obj: Obj, live: Obj) -> None:
    """Sets in place what only the server writes to what it was."""
    meta, was = obj["metadata"], live["metadata"]
    for name in ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"):
        meta.pop(name, None)
        if name in was:
            meta[name] = was[name]


def without_times(obj: Obj) -> Obj:
    """For telling whether a write changes anything: when somebody last owned a field is no change."""
    meta = dict(obj["metadata"])
    meta["managedFields"] = [
        {key: value for key, value in entry.items() if key != "time"} for entry in meta.get("managedFields") or ()
    ]
    return obj | {"metadata": meta}
