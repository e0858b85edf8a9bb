"""The Endpoints of a Service, as they were before EndpointSlices, for who still asks for them: the same addresses, in one object.

Ready ones and the others apart, a subset for each set of ports; what terminates is in neither. A Service without a selector has
its Endpoints from somebody else. (Kubernetes 1.36, endpoints_controller.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from ...kube.clock import timestamp
from ...kube.objects import ENDPOINT_SLICE, SERVICE, SERVICE_NAME, Kind, Obj, get, labels_of
from ..store.store import Change, Store
from .endpointslice import CONTROLLER, MANAGED_BY
from .engine import Queue

ENDPOINTS = Kind("v1", "Endpoints", "endpoints")
GATHERED_S = 0.1
"""So long it waits for what else changes: an object of many addresses is written anew for each."""
OWN = {"endpoints.kubernetes.io/managed-by": "endpoint-controller"}


class EndpointsController:
    name = "endpoints"

    def __init__(self, store: Store, queue: Queue, now: Callable[[], datetime]) -> None:
        self._store, self._queue, self._now = store, queue, now
        self._gathering: set[tuple[str, str]] = set()

    def note(self, change: Change) -> None:
        """What is in the slices has been decided already."""
        meta = change.obj["metadata"]
        if change.kind == SERVICE:
            self._queue.add(self.name, meta["namespace"], meta["name"])
        elif change.kind == ENDPOINT_SLICE and (service := labels_of(change.obj).get(SERVICE_NAME)):
            key = (meta["namespace"], service)
            if key not in self._gathering:  # else the wait would begin anew with each change
                self._gathering.add(key)
                self._queue.after(GATHERED_S, self.name, *key)

    def sync(self, namespace: str, name: str) -> None:
        self._gathering.discard((namespace, name))
        service, live = self._store.find(SERVICE, namespace, name), self._store.find(ENDPOINTS, namespace, name)
        if service is None:
            if live is not None:
                self._store.remove(ENDPOINTS, namespace, name)
            return
        if not get(service, "spec", "selector"):
            return
        slices = [
            each
            for each in self._store.list(ENDPOINT_SLICE, namespace)
            if labels_of(each).get(SERVICE_NAME) == name and labels_of(each).get(MANAGED_BY) == CONTROLLER
        ]
        labels, subsets = {**labels_of(service), **OWN}, subsets_of(slices)
        if live is None:
            meta = {"name": name, "namespace": namespace, "creationTimestamp": timestamp(self._now()), "labels": labels}
            body = {"apiVersion": ENDPOINTS.api_version, "kind": ENDPOINTS.name, "metadata": meta}
            self._store.create(ENDPOINTS, body | ({"subsets": subsets} if subsets else {}))
        elif (live.get("subsets") or [], labels_of(live)) != (subsets, labels):
            kept = {key: value for key, value in live.items() if key != "subsets"}
            kept["metadata"] = live["metadata"] | {"labels": labels}
            self._store.update(ENDPOINTS, kept | ({"subsets": subsets} if subsets else {}))


def subsets_of(slices: Iterable[Obj]) -> list[Obj]:
    """Of equal ports one; addresses in order."""
    found: dict[str, Obj] = {}
    for each in slices:
        ports = sorted(each.get("ports") or (), key=lambda port: (str(port.get("name", "")), port["port"]))
        for point in each.get("endpoints") or ():
            said = point["conditions"]
            if said.get("terminating") and not said.get("ready"):
                continue
            subset = found.setdefault(str(ports), {"addresses": [], "notReadyAddresses": [], "ports": [_plain(p) for p in ports]})
            subset["addresses" if said.get("ready") else "notReadyAddresses"].append(_address(point))
    for subset in found.values():
        for part in ("addresses", "notReadyAddresses"):
            subset[part].sort(key=lambda address: str(address["ip"]))
    return [{key: value for key, value in found[ports].items() if value} for ports in sorted(found)]


def _plain(port: Obj) -> Obj:
    return {key: value for key, value in port.items() if value}


def _address(point: Obj) -> Obj:
    out = {"ip": point["addresses"][0]}
    if node := point.get("nodeName"):
        out["nodeName"] = node
    return out | ({"targetRef": point["targetRef"]} if point.get("targetRef") else {})
