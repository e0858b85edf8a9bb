"""The EndpointSlice controller: which addresses a Service has, and which of them are ready, serving or terminating.

Only the pods that changed are looked at, and only their slices written: a Service of thousands of pods stays cheap.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from ...kube.clock import timestamp
from ...kube.objects import ENDPOINT_SLICE, POD, SERVICE, SERVICE_NAME, Obj, controller_ref, get, labels_of, selects
from ..api.names import suffix
from ..store.store import Change, Store
from .engine import Queue
from .index import Index, is_ready, is_terminal

MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
CONTROLLER = "endpointslice-controller.k8s.io"
PER_SLICE = 100

Ports = tuple[tuple[str, int, str], ...]  # (name, port, protocol)


def endpoint(pod: Obj, *, publish_not_ready: bool = False) -> Obj | None:
    """The pod as an endpoint, or None while it has no address and after it has ended."""
    address, meta = (pod.get("status") or {}).get("podIP"), pod["metadata"]
    if not address or is_terminal(pod):
        return None
    serving, terminating = is_ready(pod), "deletionTimestamp" in meta
    ready = publish_not_ready or (serving and not terminating)
    target = {"kind": "Pod", "namespace": meta["namespace"], "name": meta["name"], "uid": meta["uid"]}
    return {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "nodeName": pod["spec"].get("nodeName") or "",
        "targetRef": target,
    }


def ports_of(service: Obj, pod: Obj) -> Ports:
    """The Service's ports as numbers on this pod; a named port that the pod does not have is left out."""
    found = []
    for port in get(service, "spec", "ports", default=()):
        protocol = port.get("protocol", "TCP")
        target = port.get("targetPort") or port["port"]
        number = target if isinstance(target, int) else _named(pod, target, protocol)
        if number is not None:
            found.append((port.get("name", ""), number, protocol))
    return tuple(found)


def _named(pod: Obj, name: str, protocol: str) -> int | None:
    for container in get(pod, "spec", "containers", default=()):
        for port in container.get("ports") or ():
            if port.get("name") == name and port.get("protocol", "TCP") == protocol:
                return int(port["containerPort"])
    return None


@dataclass
class _Slice:
    ports: Ports
    endpoints: dict[str, Obj] = field(default_factory=dict)  # by pod name


@dataclass
class _Known:
    """What is in the slices of one Service. `changed` is which pods to look at; None: all."""

    slices: dict[str, _Slice] = field(default_factory=dict)
    where: dict[str, str] = field(default_factory=dict)  # pod name -> slice name
    changed: dict[str, None] | None = None


class EndpointSliceController:
    name = "endpointslice"

    def __init__(self, store: Store, index: Index, queue: Queue, now: Callable[[], datetime], random: Random) -> None:
        self._store, self._index, self._queue, self._now, self._random = store, index, queue, now, random
        self._known: dict[tuple[str, str], _Known] = {}

    def note(self, change: Change) -> None:
        meta = change.obj["metadata"]
        if change.kind == SERVICE:
            self._changed(meta["namespace"], meta["name"], None)
        elif change.kind == POD:
            labels = labels_of(change.obj)
            before = labels_of(change.before) if change.before else labels
            concerned = self._index.services_for(meta["namespace"], labels)
            if before is not labels and before != labels:
                concerned += self._index.services_for(meta["namespace"], before)
            for service in dict.fromkeys([service["metadata"]["name"] for service in concerned]):
                self._changed(meta["namespace"], service, meta["name"])

    def _changed(self, namespace: str, service: str, pod: str | None) -> None:
        known = self._known.get((namespace, service))
        if known is not None and pod is None:
            known.changed = None
        elif known is not None and pod is not None and known.changed is not None:
            known.changed[pod] = None
        self._queue.add(self.name, namespace, service)

    def sync(self, namespace: str, name: str) -> None:
        service = self._store.find(SERVICE, namespace, name)
        if service is None or not get(service, "spec", "selector"):
            self._known.pop((namespace, name), None)
            return
        known = self._known.get((namespace, name)) or self._restored(service)
        self._known[(namespace, name)] = known
        names: Iterable[str]
        if known.changed is None:
            names = dict.fromkeys([*known.where, *(each["metadata"]["name"] for each in self._store.list(POD, namespace))])
        else:
            names = known.changed
        known.changed = {}
        touched = self._place(service, known, names)
        self._write(service, known, touched)

    def _restored(self, service: Obj) -> _Known:
        """What an earlier run left in the store."""
        known, meta = _Known(), service["metadata"]
        for each in self._store.list(ENDPOINT_SLICE, meta["namespace"]):
            labels = labels_of(each)
            if labels.get(SERVICE_NAME) != meta["name"] or labels.get(MANAGED_BY) != CONTROLLER:
                continue
            ports = tuple((port["name"], port["port"], port["protocol"]) for port in each.get("ports") or ())
            found = {point["targetRef"]["name"]: point for point in each.get("endpoints") or ()}
            name = each["metadata"]["name"]
            known.slices[name] = _Slice(ports, found)
            known.where |= dict.fromkeys(found, name)
        return known

    def _place(self, service: Obj, known: _Known, names: Iterable[str]) -> dict[str, None]:
        """Puts each pod into a slice, or takes it out. Answers the slices that changed."""
        touched: dict[str, None] = {}
        selector, namespace = service["spec"]["selector"], service["metadata"]["namespace"]
        publish_not_ready = bool(service["spec"].get("publishNotReadyAddresses"))
        for name in names:
            pod = self._store.find(POD, namespace, name)
            chosen = pod if pod is not None and selects(selector, labels_of(pod)) else None
            point = endpoint(chosen, publish_not_ready=publish_not_ready) if chosen else None
            ports = ports_of(service, chosen) if chosen else ()
            at = known.where.get(name)
            if at is not None and (point is None or known.slices[at].ports != ports):
                del known.slices[at].endpoints[name], known.where[name]
                touched[at] = None
                at = None
            if point is not None:
                at = at or self._room(service, known, ports)
                if known.slices[at].endpoints.get(name) != point:
                    known.slices[at].endpoints[name] = point
                    touched[at] = None
                known.where[name] = at
        return touched

    def _room(self, service: Obj, known: _Known, ports: Ports) -> str:
        for name, each in known.slices.items():
            if not each.endpoints:
                each.ports = ports  # the placeholder of a Service without pods
            if each.ports == ports and len(each.endpoints) < PER_SLICE:
                return name
        name = f"{service['metadata']['name']}-{suffix(self._random)}"
        known.slices[name] = _Slice(ports)
        return name

    def _write(self, service: Obj, known: _Known, touched: dict[str, None]) -> None:
        if not known.slices:
            touched[self._room(service, known, ())] = None
        namespace = service["metadata"]["namespace"]
        for name in touched:
            content = known.slices[name]
            if not content.endpoints and len(known.slices) > 1:
                del known.slices[name]
                if self._store.find(ENDPOINT_SLICE, namespace, name):
                    self._store.remove(ENDPOINT_SLICE, namespace, name)
                continue
            body = {
                "endpoints": list(content.endpoints.values()),
                "ports": [{"name": port, "port": number, "protocol": protocol} for port, number, protocol in content.ports],
            }
            if live := self._store.find(ENDPOINT_SLICE, namespace, name):
                generation = live["metadata"].get("generation", 1) + 1
                self._store.update(ENDPOINT_SLICE, live | body | {"metadata": live["metadata"] | {"generation": generation}})
            else:
                self._store.create(ENDPOINT_SLICE, _empty(service, name, timestamp(self._now())) | body)


def _empty(service: Obj, name: str, created: str) -> Obj:
    meta = service["metadata"]
    return {
        "apiVersion": ENDPOINT_SLICE.api_version,
        "kind": ENDPOINT_SLICE.name,
        "metadata": {
            "name": name,
            "generateName": f"{meta['name']}-",
            "namespace": meta["namespace"],
            "labels": labels_of(service) | {SERVICE_NAME: meta["name"], MANAGED_BY: CONTROLLER},
            "creationTimestamp": created,
            "generation": 1,
            "ownerReferences": [controller_ref(SERVICE, service)],
        },
        "addressType": "IPv4",
    }
