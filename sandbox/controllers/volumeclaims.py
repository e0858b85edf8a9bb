"""The volume claims of a StatefulSet's pods: each pod has claims of its own, which stay when it goes, unless the set's retention
policy says otherwise. Then they are owned by the set (whenDeleted: Delete), or, as soon as the set is to be smaller, by the pod
that will go (whenScaled: Delete), and go with their owner. (Kubernetes 1.36, stateful_set_utils)"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import PERSISTENT_VOLUME_CLAIM, POD, STATEFUL_SET, Kind, Obj, get, labels_of
from ..api.claims import admit
from ..store.store import Store
from .claiming import adopt, release
from .index import controller_of


def provide(store: Store, set_: Obj, pod: Obj, now: datetime) -> None:
    """Makes the claims that are missing, and the new pod's volumes of them. The pod is changed in place."""
    namespace = set_["metadata"]["namespace"]
    for template, name in _claims(set_, pod["metadata"]["name"]):
        volume = template["metadata"]["name"]
        volumes = [each for each in pod["spec"].get("volumes") or () if each["name"] != volume]
        pod["spec"]["volumes"] = [*volumes, {"name": volume, "persistentVolumeClaim": {"claimName": name}}]
        if store.find(PERSISTENT_VOLUME_CLAIM, namespace, name) is None:
            labels = get(set_, "spec", "selector", "matchLabels", default={})
            meta = {**template["metadata"], "name": name, "namespace": namespace}
            meta |= {"labels": {**labels_of(template), **labels}, "creationTimestamp": timestamp(now)}
            claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta}
            claim |= {"spec": copy.deepcopy(template["spec"])}
            admit(store, claim)
            store.create(PERSISTENT_VOLUME_CLAIM, claim)


def hand_over(store: Store, set_: Obj, pod: Obj, *, is_surplus: bool) -> None:
    """To whom the retention policy wants them to belong. A claim that somebody else controls, as the pod that had the name
    before, is left to that one."""
    owners: tuple[tuple[Kind, Obj], ...] = ((STATEFUL_SET, set_), (POD, pod))
    own = {owner["metadata"]["uid"] for _, owner in owners}
    wanted = _wanted(set_, pod, is_surplus=is_surplus)
    for _, name in _claims(set_, pod["metadata"]["name"]):
        claim = store.find(PERSISTENT_VOLUME_CLAIM, set_["metadata"]["namespace"], name)
        if claim is None or (controller_of(claim) or {}).get("uid") not in {None, *own}:
            continue
        for kind, owner in owners:
            uid = owner["metadata"]["uid"]
            has = any(each["uid"] == uid for each in get(claim, "metadata", "ownerReferences", default=()))
            if has and uid != wanted:
                claim = release(store, PERSISTENT_VOLUME_CLAIM, claim, owner)
            elif uid == wanted and not has:
                claim = adopt(store, PERSISTENT_VOLUME_CLAIM, claim, kind, owner)


def _wanted(set_: Obj, pod: Obj, *, is_surplus: bool) -> str | None:
    """The uid of the owner with which the claims are to go."""
    policy = set_["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    if is_surplus and policy.get("whenScaled") == "Delete":
        return str(pod["metadata"]["uid"])
    return str(set_["metadata"]["uid"]) if policy.get("whenDeleted") == "Delete" else None


def _claims(set_: Obj, pod_name: str) -> Iterator[tuple[Obj, str]]:
    """(template, name of the claim made of it for a pod)"""
    for template in set_["spec"].get("volumeClaimTemplates") or ():
        yield template, f"{template['metadata']['name']}-{pod_name}"
