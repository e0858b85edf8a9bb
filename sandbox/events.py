"""core/v1 Events, as controllers and the kubelet write them: one object a story, counted, not one a telling."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from ..kube.clock import timestamp
from ..kube.objects import EVENT, Kind, Obj, digest
from .store.store import Store


def record(
    store: Store,
    kind: Kind,
    about: Obj,
    *,
    reason: str,
    message: str,
    now: datetime,
    component: str,
    type_: Literal["Normal", "Warning"] = "Normal",
    part: str = "",
) -> None:
    """Writes the Event, or counts up the one that says the same of the same object. A store that forgets keeps warnings alone:
    they are what a release looks for. `part`: of which field it is told."""
    if store.forgets and type_ == "Normal":
        return
    meta = about["metadata"]
    namespace = meta.get("namespace") or "default"
    name = f"{meta['name']}.{digest([meta['uid'], reason, message, component])}"
    at = timestamp(now)
    if known := store.find(EVENT, namespace, name):
        store.update(EVENT, known | {"count": known["count"] + 1, "lastTimestamp": at})
        return
    involved = {"kind": kind.name, "name": meta["name"], "uid": meta["uid"]}
    involved |= {"namespace": meta["namespace"]} if meta.get("namespace") else {}
    involved |= {"fieldPath": part} if part else {}
    involved |= {"resourceVersion": meta["resourceVersion"]} if "resourceVersion" in meta else {}
    event: Obj = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at},
        "involvedObject": involved | {"apiVersion": kind.api_version},
        "reason": reason,
        "message": message,
        "type": type_,
        "eventTime": None,
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "source": {"component": component},
        "reportingComponent": component,
        "reportingInstance": "",
    }
    store.create(EVENT, event)
