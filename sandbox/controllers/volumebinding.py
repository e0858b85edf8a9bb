"""A volume claim gets a volume: one that is there and fits, the smallest of them, else one that is made for it by its class.

A class that waits for a first consumer has nothing bound before a pod is to be placed; the scheduler then notes the node on the
claim (SELECTED). The sandbox plays every class' provisioner but `kubernetes.io/no-provisioner`. What a claim leaves behind is
deleted or kept as the volume says. (Kubernetes 1.36, persistentvolume controller.)
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Literal

from ...kube.clock import timestamp
from ...kube.objects import PERSISTENT_VOLUME_CLAIM, POD, Obj, annotations_of, get
from ..api.claims import (
    NO_PROVISIONER,
    PERSISTENT_VOLUME,
    SELECTED,
    STORAGE_CLASS,
    claims_of,
    default_class,
    fitting,
    is_for,
    waits_for_consumer,
)
from ..api.deletion import delete
from ..events import record
from ..store.store import Change, Store
from .engine import Queue
from .index import Index
from .newpods import Door

_BY_CONTROLLER, _COMPLETED = "pv.kubernetes.io/bound-by-controller", "pv.kubernetes.io/bind-completed"
_PROVISIONED_BY, _PROVISIONER = "pv.kubernetes.io/provisioned-by", "volume.kubernetes.io/storage-provisioner"
_COMPONENT = "persistentvolume-controller"


class VolumeBinding:
    name = "volumebinding"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], admit: Door) -> None:
        """In a rehearsal (`presumes`) claims stay as they are: whatever they want is there."""
        self._store, self._queue, self._now, self._presumes = store, queue, now, admit.presumes

    def note(self, change: Change) -> None:
        if self._presumes:
            return
        meta = change.obj["metadata"]
        if change.kind == PERSISTENT_VOLUME_CLAIM:
            self._queue.add(self.name, meta["namespace"], meta["name"])
            if change.type == "DELETED" and (volume := change.obj["spec"].get("volumeName")):
                self._queue.add(self.name, "", volume)
        elif change.kind == PERSISTENT_VOLUME:
            self._queue.add(self.name, "", meta["name"])
            self._try_pending()
        elif change.kind == STORAGE_CLASS or (change.kind == POD and change.type == "ADDED" and _uses_claims(change.obj)):
            self._try_pending()

    def _try_pending(self) -> None:
        for claim in self._store.list(PERSISTENT_VOLUME_CLAIM):
            if get(claim, "status", "phase") != "Bound":
                self._queue.add(self.name, claim["metadata"]["namespace"], claim["metadata"]["name"])

    def sync(self, namespace: str, name: str) -> None:
        if not namespace:
            self._look_after(name)
            return
        claim = self._store.find(PERSISTENT_VOLUME_CLAIM, namespace, name)
        if claim is None or "deletionTimestamp" in claim["metadata"]:
            return
        if volume_name := claim["spec"].get("volumeName"):
            self._take(claim, self._store.find(PERSISTENT_VOLUME, "", volume_name))
        elif get(claim, "status", "phase") == "Pending":
            self._find(claim)

    # claims

    def _take(self, claim: Obj, volume: Obj | None) -> None:
        """A claim that names its volume: bound already, or by its user's wish."""
        if volume is None:
            if get(claim, "status", "phase") == "Bound":
                self._store.update(PERSISTENT_VOLUME_CLAIM, claim | {"status": claim["status"] | {"phase": "Lost"}})
                self._tell(claim, "ClaimLost", _LOST, "Warning")
            return
        holder = get(volume, "spec", "claimRef", default={})
        if holder and not is_for(holder, claim):
            said = f'volume "{volume["metadata"]["name"]}" already bound to a different claim.'
            self._tell(claim, "FailedBinding", said, "Warning")
        elif get(claim, "status", "phase") != "Bound":
            self._bind(claim, volume)

    def _find(self, claim: Obj) -> None:
        if claim["spec"].get("storageClassName") is None and (default := default_class(self._store)):
            claim = self._store.update(PERSISTENT_VOLUME_CLAIM, claim | {"spec": claim["spec"] | {"storageClassName": default}})
        class_name = claim["spec"].get("storageClassName") or ""
        class_ = self._store.find(STORAGE_CLASS, "", class_name) if class_name else None
        if waits_for_consumer(class_) and SELECTED not in annotations_of(claim):
            self._say_who_is_waited_for(claim)
            return
        if (volume := fitting(claim, self._store.list(PERSISTENT_VOLUME))) is not None:
            self._bind(claim, volume)
        elif not class_name:
            why = "no persistent volumes available for this claim and no storage class is set"
            self._tell(claim, "FailedBinding", why)
        elif class_ is None:
            self._tell(claim, "ProvisioningFailed", f'storageclass.storage.k8s.io "{class_name}" not found', "Warning")
        elif class_.get("provisioner") != NO_PROVISIONER:
            self._provision(claim, class_)

    def _say_who_is_waited_for(self, claim: Obj) -> None:
        meta = claim["metadata"]
        users = [pod["metadata"]["name"] for pod in self._store.list(POD, meta["namespace"]) if meta["name"] in claims_of(pod)]
        if users:
            self._tell(claim, "WaitForPodScheduled", f"waiting for pod {users[0]} to be scheduled")
        else:
            self._tell(claim, "WaitForFirstConsumer", "waiting for first consumer to be created before binding")

    def _provision(self, claim: Obj, class_: Obj) -> None:
        meta, spec, provisioner = claim["metadata"], claim["spec"], class_["provisioner"]
        name = f"pvc-{meta['uid']}"
        volume: Obj = {
            "apiVersion": PERSISTENT_VOLUME.api_version,
            "kind": PERSISTENT_VOLUME.name,
            "metadata": {
                "name": name,
                "annotations": {_PROVISIONED_BY: provisioner},
                "creationTimestamp": timestamp(self._now()),
            },
            "spec": {
                "capacity": {"storage": get(spec, "resources", "requests", "storage", default="0")},
                "accessModes": list(spec.get("accessModes") or ()),
                "persistentVolumeReclaimPolicy": class_.get("reclaimPolicy") or "Delete",
                "storageClassName": class_["metadata"]["name"],
                "volumeMode": spec.get("volumeMode") or "Filesystem",
                "csi": {"driver": provisioner, "volumeHandle": name},
                "claimRef": _reference(claim),
            },
            "status": {"phase": "Bound"},
        }
        if modes := class_.get("mountOptions"):
            volume["spec"]["mountOptions"] = list(modes)
        said = f'External provisioner is provisioning volume for claim "{meta["namespace"]}/{meta["name"]}"'
        self._tell(claim, "Provisioning", said, component=provisioner)
        made = self._store.create(PERSISTENT_VOLUME, volume)
        self._tell(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {name}", component=provisioner)
        self._bind(claim, made, {_PROVISIONER: provisioner})

    def _bind(self, claim: Obj, volume: Obj, annotations: dict[str, str] | None = None) -> None:
        spec = volume["spec"] | {"claimRef": _reference(claim)}
        meta = volume["metadata"]
        if not get(volume, "spec", "claimRef"):
            meta = meta | {"annotations": {**annotations_of(volume), _BY_CONTROLLER: "yes"}}
        status = {**(volume.get("status") or {}), "phase": "Bound"}
        self._store.update(PERSISTENT_VOLUME, volume | {"metadata": meta, "spec": spec, "status": status})
        noted = {**annotations_of(claim), **(annotations or {}), _COMPLETED: "yes"}
        if not claim["spec"].get("volumeName"):
            noted[_BY_CONTROLLER] = "yes"
        bound = claim | {
            "metadata": claim["metadata"] | {"annotations": noted},
            "spec": claim["spec"] | {"volumeName": volume["metadata"]["name"]},
            "status": {"phase": "Bound", "accessModes": spec.get("accessModes") or [], "capacity": spec.get("capacity") or {}},
        }
        self._store.update(PERSISTENT_VOLUME_CLAIM, bound)

    # volumes

    def _look_after(self, name: str) -> None:
        """A volume is Available until it is claimed; what its claim leaves is deleted, or Released."""
        volume = self._store.find(PERSISTENT_VOLUME, "", name)
        if volume is None or "deletionTimestamp" in volume["metadata"]:
            return
        phase, holder = get(volume, "status", "phase", default=""), get(volume, "spec", "claimRef")
        if not holder:
            if phase != "Available":
                self._set_phase(volume, "Available")
            return
        claim = self._store.find(PERSISTENT_VOLUME_CLAIM, holder.get("namespace", ""), holder.get("name", ""))
        if claim is not None and holder.get("uid") in (None, "", claim["metadata"]["uid"]):
            if phase != "Bound":
                self._queue.add(self.name, claim["metadata"]["namespace"], claim["metadata"]["name"])
        elif not holder.get("uid"):
            if phase != "Available":
                self._set_phase(volume, "Available")
        elif volume["spec"].get("persistentVolumeReclaimPolicy") == "Delete" and _PROVISIONED_BY in annotations_of(volume):
            delete(self._store, PERSISTENT_VOLUME, "", name, now=self._now())
        elif phase != "Released":
            self._set_phase(volume, "Released")

    def _set_phase(self, volume: Obj, phase: str) -> None:
        self._store.update(PERSISTENT_VOLUME, volume | {"status": {**(volume.get("status") or {}), "phase": phase}})

    def _tell(
        self, claim: Obj, reason: str, message: str, type_: Literal["Normal", "Warning"] = "Normal", component: str = _COMPONENT
    ) -> None:
        now = self._now()
        record(
            self._store, PERSISTENT_VOLUME_CLAIM, claim, reason=reason, message=message, now=now, component=component, type_=type_
        )


_LOST = "Bound claim has lost its PersistentVolume. Any data on the volume is lost!"


def _reference(claim: Obj) -> Obj:
    meta = claim["metadata"]
    head = {"kind": PERSISTENT_VOLUME_CLAIM.name, "apiVersion": "v1", "namespace": meta["namespace"], "name": meta["name"]}
    return head | {"uid": meta["uid"]}


def _uses_claims(pod: Obj) -> bool:
    return next(claims_of(pod), None) is not None
