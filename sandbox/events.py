"""core/v1 Events, as controllers and the kubelet write them: one object a story, counted, not one a telling.

Of many that differ in their message alone the first nine stand for themselves, and what comes then is one that is counted, with
the newest message: "(combined from similar events): …". (Kubernetes 1.36: client-go's event correlator.)
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Literal
from weakref import WeakKeyDictionary

from ..kube.clock import timestamp
from ..kube.objects import EVENT, Kind, Obj, digest
from .store.store import Store

COMBINED = "(combined from similar events): "
_ALONE = 9  # messages that stand for themselves
_FORGOTTEN_AFTER = timedelta(minutes=10)
_MOST = 4096  # stories that are remembered


class _Stories:
    """What has been told lately, by all that two similar Events have in common."""

    def __init__(self) -> None:
        self._told: OrderedDict[str, tuple[datetime, set[str]]] = OrderedDict()

    def is_one_of_many(self, story: str, message: str, now: datetime) -> bool:
        last, messages = self._told.pop(story, (now, set()))
        if now - last > _FORGOTTEN_AFTER:
            messages = set()
        is_combined = message not in messages and len(messages) >= _ALONE
        if not is_combined:
            messages.add(message)
        self._told[story] = now, messages
        while len(self._told) > _MOST:
            self._told.popitem(last=False)
        return is_combined


_stories: WeakKeyDictionary[Store, _Stories] = WeakKeyDictionary()
"""Who tells remembers, as a client does: not the store, and not beyond a restart."""


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
    """Writes the Event, or counts up the one that says the same, or much the same, of the same object. A store that forgets keeps
    warnings alone: they are what a release looks for. `part`: of which field it is told."""
    if store.forgets and type_ == "Normal":
        return
    meta = about["metadata"]
    namespace = meta.get("namespace") or "default"
    story = digest([meta["uid"], reason, type_, component])
    if _stories.setdefault(store, _Stories()).is_one_of_many(story, message, now):
        name, message = f"{meta['name']}.{story}", f"{COMBINED}{message}"
    else:
        name = f"{meta['name']}.{digest([meta['uid'], reason, message, component])}"
    at = timestamp(now)
    if known := store.find(EVENT, namespace, name):
        store.update(EVENT, known | {"count": known["count"] + 1, "lastTimestamp": at, "message": message})
        return
    event: Obj = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace, "creationTimestamp": at},
        "involvedObject": _reference(kind, meta, part),
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


def _reference(kind: Kind, meta: Obj, part: str) -> Obj:
    """An ObjectReference (core/v1), of one field where `part` names one."""
    involved = {"kind": kind.name, "name": meta["name"], "uid": meta["uid"]}
    involved |= {"namespace": meta["namespace"]} if meta.get("namespace") else {}
    involved |= {"fieldPath": part} if part else {}
    involved |= {"resourceVersion": meta["resourceVersion"]} if "resourceVersion" in meta else {}
    return involved | {"apiVersion": kind.api_version}
