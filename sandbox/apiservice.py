"""Service `default/kubernetes`: the API server itself, with its endpoint, as every cluster has it."""

from __future__ import annotations

from datetime import datetime

from ..kube.clock import timestamp
from ..kube.objects import ENDPOINT_SLICE, SERVICE, SERVICE_NAME, Kind, Obj
from .api.addresses import SERVICE_NETWORK
from .controllers.endpoints import ENDPOINTS
from .store.store import Store

NAME, SPACE = "kubernetes", "default"
ADDRESS = str(SERVICE_NETWORK[1])
"""The first of the network, as always."""
_LABELS = {"component": "apiserver", "provider": "kubernetes"}


def ensure(store: Store, host: str, port: int, now: datetime) -> None:
    """Idempotent; another port is noted."""
    listed = {"name": "https", "port": port, "protocol": "TCP"}
    ports = [{"name": "https", "protocol": "TCP", "port": 443, "targetPort": port}]
    addresses = {"clusterIP": ADDRESS, "clusterIPs": [ADDRESS], "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack"}
    spec: Obj = {"type": "ClusterIP", "ports": ports, "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", **addresses}
    _put(store, SERVICE, {"spec": spec, "status": {"loadBalancer": {}}}, _LABELS, now)
    point = {"addresses": [host], "conditions": {"ready": True}}
    slice_ = {"addressType": "IPv4", "endpoints": [point], "ports": [listed]}
    _put(store, ENDPOINT_SLICE, slice_, {SERVICE_NAME: NAME}, now)
    subset = {"addresses": [{"ip": host}], "ports": [listed]}
    _put(store, ENDPOINTS, {"subsets": [subset]}, {"endpointslice.kubernetes.io/skip-mirror": "true"}, now)


def _put(store: Store, kind: Kind, body: Obj, labels: dict[str, str], now: datetime) -> None:
    if live := store.find(kind, SPACE, NAME):
        if any(live.get(key) != value for key, value in body.items()):
            store.update(kind, live | body)
        return
    meta = {"name": NAME, "namespace": SPACE, "labels": labels, "creationTimestamp": timestamp(now)}
    store.create(kind, {"apiVersion": kind.api_version, "kind": kind.name, "metadata": meta, **body})
