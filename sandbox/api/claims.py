"""PersistentVolumeClaims: how they come in, which volumes fit them, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from ...kube.clock import timestamp
from ...kube.codec import amount
from ...kube.objects import Kind, Obj, annotations_of, get, labels_of, matches
from ..store.store import Store

PROTECTION = "kubernetes.io/pvc-protection"
IS_DEFAULT = "storageclass.kubernetes.io/is-default-class"
SELECTED = "volume.kubernetes.io/selected-node"
NO_PROVISIONER = "kubernetes.io/no-provisioner"
STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", namespaced=False)
PERSISTENT_VOLUME = Kind("v1", "PersistentVolume", "persistentvolumes", namespaced=False)


def admit(store: Store, claim: Obj) -> None:
    """In place: held while a pod uses it, and of the default class where it names none. One that names `""` wants none."""
    claim["status"] = {"phase": "Pending"}
    claim["metadata"]["finalizers"] = [PROTECTION]
    if claim["spec"].get("storageClassName") is None and (name := default_class(store)):
        claim["spec"]["storageClassName"] = name


def default_class(store: Store) -> str:
    """Of several the newest; empty where there is none."""
    defaults = [each for each in store.list(STORAGE_CLASS) if annotations_of(each).get(IS_DEFAULT) == "true"]
    newest = max(defaults, key=lambda each: str(each["metadata"].get("creationTimestamp", "")), default=None)
    return str(newest["metadata"]["name"]) if newest else ""


def waits_for_consumer(class_: Obj | None) -> bool:
    return class_ is not None and class_.get("volumeBindingMode") == "WaitForFirstConsumer"


def ensure_class(store: Store, now: datetime) -> None:
    """At least one StorageClass: `standard`, the default, whose volumes come once a pod needs them."""
    if next(store.list(STORAGE_CLASS), None) is None:
        meta = {"name": "standard", "annotations": {IS_DEFAULT: "true"}, "creationTimestamp": timestamp(now)}
        body = {"provisioner": "sandbox.rollway.dev/volumes", "reclaimPolicy": "Delete"}
        body |= {"volumeBindingMode": "WaitForFirstConsumer"}
        store.create(
            STORAGE_CLASS, {"apiVersion": STORAGE_CLASS.api_version, "kind": STORAGE_CLASS.name, "metadata": meta, **body}
        )


def fitting(claim: Obj, volumes: Iterator[Obj]) -> Obj | None:
    """The volume that is meant for the claim, else of those that are free and fit the smallest. Pure."""
    free = []
    for volume in volumes:
        if "deletionTimestamp" in volume["metadata"] or get(volume, "status", "phase") == "Released":
            continue
        if holder := get(volume, "spec", "claimRef"):
            if is_for(holder, claim):
                return volume
        elif _fits(claim["spec"], volume):
            free.append(volume)
    return min(free, key=_size, default=None)


def _fits(wanted: Obj, volume: Obj) -> bool:
    spec = volume["spec"]
    selector = wanted.get("selector")
    return (
        (wanted.get("storageClassName") or "") == (spec.get("storageClassName") or "")
        and set(wanted.get("accessModes") or ()) <= set(spec.get("accessModes") or ())
        and (wanted.get("volumeMode") or "Filesystem") == (spec.get("volumeMode") or "Filesystem")
        and amount(get(wanted, "resources", "requests", "storage", default="0")) <= _size(volume)
        and (selector is None or matches(selector, labels_of(volume)))
    )


def _size(volume: Obj) -> Decimal:
    return amount(get(volume, "spec", "capacity", "storage", default="0"))


def is_for(holder: Obj, claim: Obj) -> bool:
    meta = claim["metadata"]
    is_named = (holder.get("namespace"), holder.get("name")) == (meta["namespace"], meta["name"])
    return is_named and holder.get("uid") in (None, "", meta["uid"])


def claims_of(pod: Obj) -> Iterator[str]:
    """The names of the claims that a pod's volumes are of."""
    for volume in get(pod, "spec", "volumes", default=()):
        if name := get(volume, "persistentVolumeClaim", "claimName"):
            yield name
        elif volume.get("ephemeral") is not None:
            yield f"{pod['metadata']['name']}-{volume['name']}"
